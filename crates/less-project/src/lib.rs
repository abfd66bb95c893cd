//! What a project folder means: handlers, names, routes, configuration, and every problem in it.
//!
//! Pure: it reads a folder and returns data; it starts nothing and writes nothing.

mod closest;
mod config;
mod cron;
mod discover;
pub mod env;
mod kinds;
mod model;
mod name;
mod problem;
mod publishers;
mod routes;
mod schedules;
mod typed;
mod typescript;

pub use closest::closest;
pub use config::{ApiConfig, Config, CronConfig, RetryPolicy, SubscriberConfig, TopicConfig, list_variable};
pub use cron::{BadSchedule, Schedule};
pub use discover::{check_module, discover, discover_built, discover_sites};
pub use model::{
    Api, Channel, Cron, Env, ExternalTopic, Function, Handler, Language, Project, Route, Segment, Site, Socket,
    Statics, Subscriber, Topic, Verb,
};
pub use name::{BadName, HandlerPath, ProjectName};
pub use problem::Problem;
pub use publishers::external_publishers;
pub use routes::{Found, Routes, parse_query, percent_decode};
pub use schedules::{CronSchedule, schedules};
pub use typed::{ResourceName, RoutePath};
pub use typescript::{tsconfig, typescript_declarations};

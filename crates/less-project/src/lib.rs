//! What a project folder means: handlers, names, routes, configuration, and every problem in it.
//!
//! Pure: it reads a folder and returns data; it starts nothing and writes nothing.

mod closest;
mod config;
mod discover;
pub mod env;
mod kinds;
mod model;
mod name;
mod problem;
mod routes;

pub use closest::closest;
pub use config::{ApiConfig, Config, RetryPolicy, SubscriberConfig, TopicConfig};
pub use discover::{discover, discover_built};
pub use model::{Api, Env, Handler, Language, Project, Route, Segment, Subscriber, Topic, Verb};
pub use name::{BadName, HandlerPath, ProjectName};
pub use problem::Problem;
pub use routes::{Found, Routes, parse_query};

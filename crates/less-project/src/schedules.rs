//! When the crons of a project are due.

use crate::{Env, Problem, Project, Schedule};

/// A cron and its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronSchedule {
    pub name: String,
    /// Schedule and zone in one text: the same as long as they mean the same.
    pub text: String,
    pub schedule: Schedule,
}

/// The schedule of each of `project.crons`, in their order; or a problem for each that has none.
pub fn schedules(project: &Project, env: &Env) -> Result<Vec<CronSchedule>, Vec<Problem>> {
    let _ = (project, env);
    Ok(Vec::new())
}

//! The projects whose topics a project subscribes to.

use crate::{Env, Problem, Project, ProjectName};

/// The publisher of each of `project.external_topics`, in their order; or a problem for each that cannot be one.
pub fn external_publishers(project: &Project, env: &Env) -> Result<Vec<ProjectName>, Vec<Problem>> {
    let mut publishers = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for external in &project.external_topics {
        match ProjectName::parse(&external.publisher(env)) {
            Ok(name) => publishers.push(name),
            Err(bad) => {
                let variable = external.variable();
                let path = format!("less/external_topics/{}", external.placeholder);
                let hint = if env.contains_key(&variable) {
                    format!("set {variable} to the name under which the other project is deployed")
                } else {
                    format!("list {variable} in env_vars of less.config, and set it to the other project's name")
                };
                problems.push(Problem::new(path, format!("{variable}: {}", bad.message), hint));
            }
        }
    }
    problems.dedup();
    if problems.is_empty() { Ok(publishers) } else { Err(problems) }
}

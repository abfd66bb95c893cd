//! The projects whose topics a project subscribes to.

use crate::{Env, ExternalTopic, Problem, Project, ProjectName};

/// The publisher of each of `project.external_topics`, in their order; or a problem for each placeholder that stands
/// for no project.
pub fn external_publishers(project: &Project, env: &Env) -> Result<Vec<ProjectName>, Vec<Problem>> {
    let (mut publishers, mut problems) = (Vec::new(), Vec::new());
    for external in &project.external_topics {
        match ProjectName::parse(&external.publisher(env)) {
            Ok(name) => publishers.push(name),
            Err(_) if env.contains_key(&external.variable()) => {
                // Its value is not shown, lest it be a secret that has the name of a placeholder.
                let hint = "set it to the name of the other project: small letters, digits, - and _, first a letter";
                let message = format!("the value of {} cannot be the name of a project", external.variable());
                problems.push(problem(external, message, hint));
            }
            Err(bad) => {
                let variable = external.variable();
                let hint =
                    format!("list {variable} in env_vars of less.config, and set it to the other project's name");
                problems.push(problem(external, bad.message, &hint));
            }
        }
    }
    problems.dedup();
    if problems.is_empty() { Ok(publishers) } else { Err(problems) }
}

fn problem(external: &ExternalTopic, message: String, hint: &str) -> Problem {
    Problem::new(format!("less/external_topics/{}", external.placeholder), message, hint)
}

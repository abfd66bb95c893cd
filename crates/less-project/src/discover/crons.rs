//! The variables that hold the schedules of crons.

use super::walk::Folder;
use crate::name;
use crate::problem::Findings;
use crate::schedules::{ZONE_VARIABLE, variables};

/// Every cron needs its variable in `less.config` (None where what that lists is not known), and no two may share one.
pub(super) fn check(crons: &Folder, env_vars: Option<&[String]>, found: &mut Findings) {
    let mut earlier: Vec<(&str, [String; 2])> = Vec::new();
    for cron in crons.folders.iter().filter(|cron| name::check(&cron.name).is_ok()) {
        let names = variables(&cron.name);
        let shared = earlier.iter().filter(|(first, _)| !alike(first, &cron.name)).find_map(|(first, theirs)| {
            let shared = names.iter().find(|name| theirs.contains(name))?;
            Some((first, shared))
        });
        if let Some((first, shared)) = shared {
            let message = format!("its schedule is in {shared}, and so is that of `{first}`");
            found.problem(&cron.path, message, "rename one");
        }
        if names.iter().any(|name| name == ZONE_VARIABLE) {
            let message = format!("its schedule would be in {ZONE_VARIABLE}, which is the time zone of all crons");
            found.problem(&cron.path, message, "rename it");
        }
        if env_vars.is_some_and(|env_vars| !env_vars.iter().any(|listed| names.contains(listed))) {
            let [variable, _] = &names;
            let message = format!("less.config does not list the variable of its schedule, {variable}");
            found.problem(&cron.path, message, format!("add it there: env_vars: [{variable}]"));
        }
        earlier.push((&cron.name, names));
    }
}

/// Already reported as names that are taken for one another.
fn alike(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    plain(one) == plain(other)
}

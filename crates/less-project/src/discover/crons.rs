//! The variables that hold the schedules of crons.

use std::collections::BTreeMap;

use super::walk::Folder;
use crate::name;
use crate::problem::Findings;

/// Every cron needs its variable in `less.config`, and no two may share one.
pub(super) fn check(crons: &Folder, env_vars: &[String], found: &mut Findings) {
    let mut taken: BTreeMap<String, &str> = BTreeMap::new();
    for cron in crons.folders.iter().filter(|cron| name::check(&cron.name).is_ok()) {
        let variable = variable(&cron.name);
        let plain = format!("CRON_{}", cron.name.to_uppercase());
        if let Some(first) = taken.get(&variable).filter(|first| !alike(first, &cron.name)) {
            let message = format!("its schedule is in {variable}, and so is that of `{first}`");
            found.problem(&cron.path, message, "rename one");
        }
        if !env_vars.iter().any(|listed| *listed == variable || *listed == plain) {
            let message = format!("less.config does not list the variable of its schedule, {variable}");
            found.problem(&cron.path, message, format!("add {variable} to env_vars in less.config"));
        }
        taken.entry(variable).or_insert(&cron.name);
    }
}

/// Already reported as names that are taken for one another.
fn alike(one: &str, other: &str) -> bool {
    let plain = |name: &str| name.to_lowercase().replace('-', "_");
    plain(one) == plain(other)
}

/// `dailyReport`, `daily-report` → `CRON_DAILY_REPORT`.
fn variable(cron: &str) -> String {
    let mut variable = String::from("CRON_");
    let mut after_small = false;
    for c in cron.chars() {
        if after_small && c.is_ascii_uppercase() {
            variable.push('_');
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        variable.push(if c == '-' { '_' } else { c.to_ascii_uppercase() });
    }
    variable
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_crons_variable_is_its_name_in_capitals() {
        for (cron, variable) in [
            ("daily_report", "CRON_DAILY_REPORT"),
            ("dailyReport", "CRON_DAILY_REPORT"),
            ("daily-report", "CRON_DAILY_REPORT"),
            ("every5Minutes", "CRON_EVERY5_MINUTES"),
            ("Clean", "CRON_CLEAN"),
        ] {
            assert_eq!(super::variable(cron), variable);
        }
    }
}

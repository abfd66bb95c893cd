//! When the crons of a project are due: their schedules are in variables, named after them.

use crate::cron::zone;
use crate::{Cron, Env, Problem, Project, Schedule};

/// The zone of all crons that have none of their own.
pub(crate) const ZONE_VARIABLE: &str = "CRON_TZ";

/// A cron and its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CronSchedule {
    pub name: String,
    /// Schedule and zone: the same text as long as they mean the same.
    pub text: String,
    pub schedule: Schedule,
}

/// The schedule of each of `project.crons`, in their order; or a problem for each that has none, and for a zone that
/// is none.
pub fn schedules(project: &Project, env: &Env) -> Result<Vec<CronSchedule>, Vec<Problem>> {
    let (mut schedules, mut problems) = (Vec::new(), Vec::new());
    let mut common_zone = env.get(ZONE_VARIABLE).filter(|_| !project.crons.is_empty());
    if let Some(Err(hint)) = common_zone.map(|name| zone::find(name)) {
        problems.push(Problem::new("less/crons", format!("{ZONE_VARIABLE} is not a time zone"), hint));
        common_zone = None;
    }
    for cron in &project.crons {
        match schedule(cron, env, common_zone.map(String::as_str)) {
            Ok(schedule) => {
                schedules.push(CronSchedule { name: cron.name.clone(), text: schedule.to_string(), schedule });
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(schedules) } else { Err(problems) }
}

fn schedule(cron: &Cron, env: &Env, common_zone: Option<&str>) -> Result<Schedule, Problem> {
    let path = format!("less/crons/{}", cron.name);
    let names = variables(&cron.name);
    let Some((name, text)) = names.iter().find_map(|name| Some((name, env.get(name)?))) else {
        let hint = format!("set {} in the environment or in .env, for example to rate(5 minutes)", names[0]);
        return Err(Problem::new(path, format!("{}, its schedule, has no value", names[0]), hint));
    };
    let zone = cron.timezone.as_deref().or(common_zone);
    Schedule::parse(text, zone).map_err(|bad| Problem::new(path, format!("{name}: {bad}"), bad.hint))
}

/// Where the schedule of a cron may be, what is looked at first in front: `dailyReport` → `CRON_DAILY_REPORT`,
/// `CRON_DAILYREPORT`.
pub(crate) fn variables(cron: &str) -> [String; 2] {
    let mut variable = String::from("CRON_");
    let mut after_small = false;
    for c in cron.chars() {
        if after_small && c.is_ascii_uppercase() {
            variable.push('_');
        }
        after_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        variable.push(if c == '-' { '_' } else { c.to_ascii_uppercase() });
    }
    [variable, format!("CRON_{}", cron.to_uppercase().replace('-', "_"))]
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_crons_variable_is_its_name_in_capitals() {
        for (cron, variables) in [
            ("daily_report", ["CRON_DAILY_REPORT", "CRON_DAILY_REPORT"]),
            ("dailyReport", ["CRON_DAILY_REPORT", "CRON_DAILYREPORT"]),
            ("daily-report", ["CRON_DAILY_REPORT", "CRON_DAILY_REPORT"]),
            ("every5Minutes", ["CRON_EVERY5_MINUTES", "CRON_EVERY5MINUTES"]),
            ("Clean", ["CRON_CLEAN", "CRON_CLEAN"]),
        ] {
            assert_eq!(super::variables(cron), variables);
        }
    }
}

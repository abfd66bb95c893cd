//! Time zones, by the names that everybody uses. Their rules are compiled in, so that a machine without a
//! database of zones knows the same times as any other.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::closest::closest;

pub(crate) const EXAMPLES: &str = "write its name, as in UTC, Europe/Lisbon or America/New_York";

/// The zone of this name, in any case; else a hint.
pub(crate) fn find(name: &str) -> Result<TimeZone, String> {
    let zones = TimeZoneDatabase::bundled();
    zones.get(name).map_err(|_| {
        let known: Vec<String> = zones.available().map(|zone| zone.as_str().to_owned()).collect();
        // `Lisbon` is meant as `Europe/Lisbon`.
        let wanted = name.replace(' ', "_").to_lowercase();
        let city = |zone: &&String| zone.to_lowercase().rsplit('/').next() == Some(wanted.as_str());
        let meant = known.iter().find(city).map(String::as_str);
        let meant = meant.or_else(|| closest(&wanted, known.iter().map(String::as_str)));
        meant.map_or_else(|| EXAMPLES.into(), |zone| format!("did you mean `{zone}`?"))
    })
}

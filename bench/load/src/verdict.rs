//! Whether a measurement measured the system, or the load generator itself.

/// How the generator fared during a measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Effort {
    /// Share of the wall time for which its thread had a core.
    pub busy: f64,
    /// Share of the wall time for which its thread waited in its loop for something to happen.
    pub waited: f64,
    /// Cores of the machine that nobody used.
    pub idle_cores: f64,
    /// 99 of 100 requests of a fixed rate were sent no later than so many milliseconds after a free connection allowed.
    pub lag_ms: f64,
}

/// Busier than this, the generator may hold the system back.
const BUSY: f64 = 0.85;
/// Idle cores that a system which was not held back would have used.
const IDLE: f64 = 0.15;
/// A fixed rate is not one when requests leave later than this.
const LAG_MS: f64 = 5.0;

/// Why the measurement says nothing about the system, or `None` when it does.
pub fn void(effort: &Effort) -> Option<String> {
    if effort.busy > BUSY && effort.idle_cores > IDLE {
        return Some(format!(
            "the load generator was busy {:.0} % of the time while {:.2} cores were idle",
            effort.busy * 100.0,
            effort.idle_cores
        ));
    }
    (effort.lag_ms > LAG_MS).then(|| {
        format!("requests of a fixed rate left up to {:.1} ms late (99 of 100; {LAG_MS} ms are allowed)", effort.lag_ms)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_generator_voids_the_run_only_while_others_had_idle_cores() {
        let table = [
            (0.30, 0.9, 0.0, false),
            (0.86, 0.0, 0.0, false),
            (0.86, 0.10, 0.0, false),
            (0.86, 0.50, 0.0, true),
            (0.85, 0.50, 0.0, false),
            (0.10, 0.0, 4.9, false),
            (0.10, 0.0, 5.1, true),
        ];
        for (busy, idle_cores, lag_ms, expected) in table {
            let effort = Effort { busy, idle_cores, lag_ms, waited: 0.0 };
            assert_eq!(void(&effort).is_some(), expected, "{effort:?}");
        }
    }
}

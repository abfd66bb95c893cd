//! The command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures Less against the field, or some part of it alone.
#[derive(Debug, Parser)]
#[command(name = "less-bench", args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to measure [default: everything that is not marked "alone"]; `less-bench list` tells them
    pub scenarios: Vec<String>,
    /// Few rounds, short, for a first look
    #[arg(long)]
    pub quick: bool,
    /// Rounds of all systems in turn [default: 5, quick: 1]
    #[arg(long)]
    pub rounds: Option<u32>,
    /// Seconds of each measurement [default: 5, quick: 3]
    #[arg(long)]
    pub seconds: Option<f64>,
    /// Seconds of warming up before each measurement [default: 2, quick: 1.5]
    #[arg(long)]
    pub warm_up: Option<f64>,
    /// Measure these systems only
    #[arg(long, value_delimiter = ',')]
    pub systems: Vec<String>,
    /// Workflows on their way at once
    #[arg(long, default_value_t = 256)]
    pub in_flight: usize,
    /// Send so many orders each second, whether or not the system keeps up, instead of keeping workflows on their way
    #[arg(long)]
    pub rate: Option<f64>,
    /// Seconds without a completion before what is missing counts as lost
    #[arg(long, default_value_t = 15.0)]
    pub patience: f64,
    /// Where systems keep their state, on a disk [default: target/bench]
    #[arg(long)]
    pub state: Option<PathBuf>,
    /// Where to write the results [default: bench/results/<date>.json when all was measured]
    #[arg(long)]
    pub out: Option<PathBuf>,
    /// Put what is measured in the place of the same scenarios in the file of an earlier run, and make its report anew
    #[arg(long, value_name = "RESULTS", conflicts_with_all = ["systems", "rate", "out"])]
    pub into: Option<PathBuf>,
    /// The repository
    #[arg(long, default_value = ".")]
    pub root: PathBuf,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell what can be measured
    List,
    /// Make the chart and the figures of `docs/performance.md` anew from the file that a run wrote
    Report {
        /// Such as bench/results/2026-01-31.json
        results: PathBuf,
    },
    /// Keep a process until stdin ends
    #[command(hide = true)]
    Guard {
        /// What to run
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<String>,
    },
}

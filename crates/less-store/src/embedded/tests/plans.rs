use rusqlite::Connection;

use super::NOW;
use crate::embedded::home::Home;
use crate::embedded::rows::STATEMENTS;

/// How `SQLite` would run it, a line for each step.
fn plan(conn: &Connection, sql: &str) -> Vec<String> {
    let mut explain = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let nothing = vec![None::<i64>; explain.parameter_count()];
    let steps = explain.query_map(rusqlite::params_from_iter(nothing), |row| row.get::<_, String>(3)).unwrap();
    steps.map(Result::unwrap).collect()
}

#[test]
fn no_statement_of_the_writer_walks_or_sorts_what_waits() {
    let home = tempfile::tempdir().unwrap();
    let home = Home::open(home.path(), NOW).unwrap();
    for (name, sql) in STATEMENTS {
        for step in plan(&home.conn, sql) {
            // `oldest_dead` looks at the first few by their number, which are bounded.
            let walks = step.starts_with("SCAN") && *name != "oldest_dead";
            assert!(!walks && !step.contains("TEMP B-TREE") && !step.contains("AUTOMATIC"), "{name}: {step}");
        }
    }
}

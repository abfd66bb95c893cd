//! Rows that no version of the store has written, in a file that is sound: another program, or a bug of ours.
//!
//! Input: changes: a byte for a table, one for a column, one for a row, one for what is put there (or that the row goes),
//! and the value.

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::exercise::exercise;
use super::template::{DATABASE, Template};
use crate::input::Input;
use crate::scratch;

/// More than anybody changes by mistake.
const MOST: usize = 16;

/// With their keys, by which a row is named, and other columns.
const TABLES: [(&str, &str, &str); 13] = [
    ("project", "name", "id version created_at updated_at"),
    ("topic", "id", "project name deployed"),
    ("subscriber", "id", "topic owner name retention deployed"),
    ("recent", "seq", "pending topic id trace cause published_at payload"),
    ("message", "seq", "left topic id trace cause published_at payload delayed_until ordering_key"),
    ("body", "seq", "payload"),
    ("delivery", "subscriber, due_at, seq", "attempts alone subscriber due_at seq"),
    ("attempt_error", "seq, subscriber, attempt", "at error attempt seq"),
    (
        "dead_letter",
        "number",
        "project seq subscriber reason buried_at id trace cause published_at payload delayed_until ordering_key",
    ),
    ("ordered", "subscriber, key, seq", "subscriber key seq"),
    ("idempotency", "topic, key", "id until topic key"),
    ("origin", "seq, subscriber, hash, nth", "hash nth id seq"),
    ("cron", "project, name", "schedule since mark"),
];
/// `value`, and what counts its versions, which has no key.
const OTHERS: [(&str, &str, &str); 2] =
    [("value", "version", "project key expires_at json version"), ("sqlite_sequence", "rowid", "name seq")];

pub(crate) fn run(data: &[u8]) {
    let home = scratch::folder();
    Template::get().write(home.path());
    let conn = Connection::open(home.path().join(DATABASE)).expect("the template");
    let mut input = Input(data);
    for _ in 0..MOST {
        if input.is_empty() {
            break;
        }
        change(&conn, &mut input);
    }
    drop(conn);
    exercise(home.path());
}

/// What the database itself refuses (two rows with one key, a null where none may be) stays as it was.
fn change(conn: &Connection, input: &mut Input<'_>) {
    let tables: Vec<_> = TABLES.iter().chain(&OTHERS).collect();
    let (table, keys, others) = tables[usize::from(input.byte()) % tables.len()];
    let columns: Vec<&str> = keys.split(", ").chain(others.split(' ')).collect();
    let column = columns[usize::from(input.byte()) % columns.len()];
    let row = input.byte();
    let of_row = format!("({keys}) = (SELECT {keys} FROM {table} LIMIT 1 OFFSET ?1 % (SELECT count(*) FROM {table}))");
    let kind = input.byte();
    if kind % 16 == 15 {
        conn.execute(&format!("DELETE FROM {table} WHERE {of_row}"), [row]).ok();
        return;
    }
    let value = value(kind, input);
    conn.execute(&format!("UPDATE {table} SET {column} = ?2 WHERE {of_row}"), params![row, value]).ok();
}

fn value(kind: u8, input: &mut Input<'_>) -> Value {
    match kind % 16 {
        0 => Value::Null,
        1 => Value::Integer(i64::MAX),
        2 => Value::Integer(i64::MIN),
        3 => Value::Integer(-1),
        4 => Value::Integer(0),
        5 => Value::Integer(i64::from(u32::MAX)),
        6 => Value::Integer(i64::from(input.byte())),
        7 => Value::Integer(input.long().cast_signed()),
        8 => Value::Real(f64::from_bits(input.long())),
        9 => Value::Text(String::from_utf8_lossy(input.part()).into_owned()),
        10 => Value::Text(String::new()),
        11 => Value::Blob(Vec::new()),
        12 => Value::Blob(vec![input.byte(); 16]),
        13 => Value::Integer(1_800_000_000_000 + i64::from(input.short())),
        _ => Value::Blob(input.part().to_vec()),
    }
}

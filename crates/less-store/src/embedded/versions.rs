//! What a version changes when it goes live, and what a project leaves when it is taken away: the small
//! tables that the catalog is a copy of, and how far the crons have come.

use rusqlite::{Transaction, params};

use super::failure::Sql;
use crate::clock::millis;
use crate::{Cron, CronState, Deployment, SubscriberId, Subscription};

/// Writes a version's record, subscriptions and crons. Returns the ids in the order of those with a
/// subscriber, and the state of the crons in their order.
pub(super) fn deploy(
    tx: &Transaction<'_>,
    live: &Deployment,
    wanted: &[Subscription],
    crons: &[Cron],
) -> Sql<(Vec<SubscriberId>, Vec<CronState>)> {
    tx.execute(
        "INSERT INTO project(name, id, version, created_at, updated_at) VALUES(?1, ?2, ?3, ?4, ?5)
         ON CONFLICT(name) DO UPDATE SET id = ?2, version = ?3, created_at = ?4, updated_at = ?5",
        params![live.project, live.id.as_bytes(), live.version, live.created_at, live.updated_at],
    )?;
    withdraw(tx, &live.project)?;
    let mut ids = Vec::new();
    for subscription in wanted {
        let topic = topic(tx, subscription, subscription.publisher == live.project)?;
        if let Some(name) = &subscription.subscriber {
            ids.push(tx.query_row(
                "INSERT INTO subscriber(topic, owner, name, retention, deployed) VALUES(?, ?, ?, ?, 1)
                 ON CONFLICT(topic, owner, name) DO UPDATE SET deployed = 1, retention = excluded.retention
                 RETURNING id",
                params![topic, live.project, name, millis(subscription.retention)],
                |row| row.get(0).map(SubscriberId),
            )?);
        }
    }
    Ok((ids, deploy_crons(tx, live, crons)?))
}

/// A topic of another project may be there before that deploys it.
fn topic(tx: &Transaction<'_>, of: &Subscription, own: bool) -> Sql<i64> {
    tx.query_row(
        "INSERT INTO topic(project, name, deployed) VALUES(?1, ?2, ?3)
         ON CONFLICT(project, name) DO UPDATE SET deployed = max(deployed, ?3) RETURNING id",
        params![of.publisher, of.topic, own],
        |row| row.get(0),
    )
}

fn deploy_crons(tx: &Transaction<'_>, live: &Deployment, crons: &[Cron]) -> Sql<Vec<CronState>> {
    let mut gone = tx.prepare("SELECT name FROM cron WHERE project = ?")?;
    let known: Vec<String> = gone.query_map([&live.project], |row| row.get(0))?.collect::<Sql<_>>()?;
    for name in known.iter().filter(|name| crons.iter().all(|cron| cron.name != **name)) {
        tx.execute("DELETE FROM cron WHERE project = ? AND name = ?", (&live.project, name))?;
    }
    crons.iter().map(|cron| deploy_cron(tx, live, cron)).collect()
}

fn deploy_cron(tx: &Transaction<'_>, live: &Deployment, cron: &Cron) -> Sql<CronState> {
    tx.query_row(
        "INSERT INTO cron(project, name, schedule, since, mark) VALUES(?1, ?2, ?3, ?4, ?4)
         ON CONFLICT(project, name) DO UPDATE SET schedule = ?3, mark = iif(schedule = ?3, mark, max(mark, ?4)),
            since = iif(schedule = ?3, since, ?4)
         RETURNING since, mark",
        params![live.project, cron.name, cron.schedule, live.updated_at],
        |row| Ok(CronState { since: row.get(0)?, mark: row.get(1)? }),
    )
}

/// Takes a project's record, subscriptions and crons away; what waits goes on waiting.
pub(super) fn remove(tx: &Transaction<'_>, project: &str) -> Sql<()> {
    tx.execute("DELETE FROM project WHERE name = ?", [project])?;
    tx.execute("DELETE FROM cron WHERE project = ?", [project])?;
    withdraw(tx, project)
}

/// What others subscribe to among its topics is theirs.
fn withdraw(tx: &Transaction<'_>, project: &str) -> Sql<()> {
    tx.execute("UPDATE subscriber SET deployed = 0 WHERE owner = ?", [project])?;
    tx.execute("UPDATE topic SET deployed = 0 WHERE project = ?", [project])?;
    Ok(())
}

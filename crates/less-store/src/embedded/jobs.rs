//! The writer's rarer jobs: small ones are done at once, each in a transaction of its own; long ones
//! queue as `chores`.

use std::sync::Arc;

use super::catalog::Catalog;
use super::chores::Chore;
use super::failure::{Fatal, Reach, Sql, reach, tell};
use super::inbox::Answer;
use super::versions;
use super::writer::Writer;
use crate::{Cron, CronState, Deployment, SubscriberId, Subscription, Tick, Ticked};

#[derive(Debug)]
pub(super) enum Job {
    Deploy {
        deployment: Deployment,
        subscriptions: Vec<Subscription>,
        crons: Vec<Cron>,
        answer: Answer<(Vec<SubscriberId>, Vec<CronState>)>,
    },
    Tick {
        tick: Tick,
        answer: Answer<Ticked>,
    },
    Remove {
        project: String,
        answer: Answer<()>,
    },
    Purge {
        project: String,
        answer: Answer<()>,
    },
    Hurry {
        project: String,
        answer: Answer<()>,
    },
    /// Answered once everything settled before is committed.
    Flush(Answer<()>),
}

impl Writer<'_> {
    pub(super) fn job(&mut self, job: Job) -> Result<(), Fatal> {
        self.shared.inbox.give_room(1);
        match job {
            Job::Deploy { deployment, subscriptions, crons, answer } => {
                let done = self.deploy(&deployment, &subscriptions, &crons);
                reply(answer, "the version was not recorded", done)
            }
            Job::Tick { tick, answer } => {
                let done = self.tick(tick);
                reply(answer, "the cron's message was not stored", done)
            }
            Job::Remove { project, answer } => {
                let done = self.withdraw(&project);
                reply(answer, "the project was not removed", done)
            }
            Job::Purge { project, answer } => match self.purge(project, answer) {
                Ok(purge) => {
                    self.chores.push_back(Chore::Purge(purge));
                    Ok(())
                }
                Err((answer, error)) => reply(answer, "nothing was purged", Err(error)),
            },
            Job::Hurry { project, answer } => {
                let (subscribers, now) = (self.catalog.subscribers_of(&project), self.now());
                self.chores.push_back(Chore::Hurry { subscribers, now, seen: 0, answer });
                Ok(())
            }
            Job::Flush(answer) => {
                // With the disk full nothing was committed, and what is on disk is all there is to tell.
                answer.send(Ok(())).ok();
                Ok(())
            }
        }
    }

    fn deploy(
        &mut self,
        deployment: &Deployment,
        subscriptions: &[Subscription],
        crons: &[Cron],
    ) -> Sql<(Vec<SubscriberId>, Vec<CronState>)> {
        let tx = self.conn.unchecked_transaction()?;
        let deployed = versions::deploy(&tx, deployment, subscriptions, crons)?;
        tx.commit()?;
        self.reload()?;
        Ok(deployed)
    }

    fn withdraw(&mut self, project: &str) -> Sql<()> {
        let tx = self.conn.unchecked_transaction()?;
        versions::remove(&tx, project)?;
        tx.commit()?;
        self.reload()
    }

    fn reload(&mut self) -> Sql<()> {
        self.committed();
        self.catalog = Catalog::load(self.conn, &self.shared.lanes, false)?;
        self.park_the_gone();
        Ok(())
    }
}

/// Tells how a job went; what the store cannot survive goes on to the writer.
pub(super) fn reply<T>(answer: Answer<T>, what: &str, done: Sql<T>) -> Result<(), Fatal> {
    let error = match done {
        Ok(value) => {
            answer.send(Ok(value)).ok(); // nobody waits for it any more
            return Ok(());
        }
        Err(error) => Arc::new(error),
    };
    answer.send(Err(tell(what, &error))).ok();
    if reach(&error) == Reach::Store { Err(error) } else { Ok(()) }
}

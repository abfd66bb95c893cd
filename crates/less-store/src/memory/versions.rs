//! What is deployed, and how far the crons have come.

use super::state::State;
use super::subscriber::Subscriber;
use crate::clock::millis;
use crate::{Cron, CronState, Deployed, Deployment, Result, SubscriberId, Subscription, Tick, Ticked, Timestamp};

impl State {
    pub(super) fn deploy(
        &mut self,
        deployment: Deployment,
        subscriptions: &[Subscription],
        crons: Vec<Cron>,
    ) -> Deployed {
        let (project, at) = (deployment.project.clone(), deployment.updated_at);
        self.withdraw(&project);
        self.deployments.insert(project.clone(), deployment);
        let mut deployed = Deployed::default();
        for subscription in subscriptions {
            if subscription.publisher == project {
                self.topics.insert((project.clone(), subscription.topic.clone()));
            }
            if let Some(name) = &subscription.subscriber {
                let place = self.place_of(&project, subscription, name);
                self.subscribers[place].deployed = true;
                self.subscribers[place].retention = millis(subscription.retention);
                deployed.subscribers.push(SubscriberId(place as u32 + 1));
            }
        }
        deployed.crons = self.deploy_crons(&project, crons, at);
        let gone = self.subscribers.iter().filter(|s| s.owner == project && !s.deployed && s.unsettled() > 0);
        deployed.parked = gone.map(Subscriber::backlog).collect();
        deployed.parked.sort();
        deployed
    }

    /// Where a subscriber is, new or known.
    fn place_of(&mut self, owner: &str, of: &Subscription, name: &str) -> usize {
        let known = |s: &Subscriber| {
            (&s.owner[..], &s.publisher, &s.topic, &s.name[..]) == (owner, &of.publisher, &of.topic, name)
        };
        self.subscribers.iter().position(known).unwrap_or_else(|| {
            let (owner, publisher, topic) = (owner.to_owned(), of.publisher.clone(), of.topic.clone());
            self.subscribers.push(Subscriber { owner, publisher, topic, name: name.to_owned(), ..Default::default() });
            self.subscribers.len() - 1
        })
    }

    fn deploy_crons(&mut self, project: &str, crons: Vec<Cron>, at: Timestamp) -> Vec<CronState> {
        self.crons.retain(|(of, name), _| of != project || crons.iter().any(|cron| cron.name == *name));
        let deploy = |Cron { name, schedule }| {
            let fresh = (schedule.clone(), CronState { since: at, mark: at });
            let (known, state) = self.crons.entry((project.to_owned(), name)).or_insert(fresh);
            if *known != schedule {
                *known = schedule;
                *state = CronState { since: at, mark: state.mark.max(at) };
            }
            *state
        };
        crons.into_iter().map(deploy).collect()
    }

    pub(super) fn tick(&mut self, tick: Tick, now: Timestamp) -> Result<Ticked> {
        let Tick { project, cron, at, message } = tick;
        if !self.topics.contains(&(project.clone(), cron.clone())) {
            return Ok(Ticked::Unknown);
        }
        let running = |s: &Subscriber| s.deployed && s.publisher == project && s.topic == cron && s.unsettled() > 0;
        let runs = self.subscribers.iter().any(running);
        let Some((_, state)) = self.crons.get_mut(&(project, cron)) else { return Ok(Ticked::Unknown) };
        if state.mark >= at {
            return Ok(Ticked::Already);
        }
        state.mark = at;
        if runs {
            return Ok(Ticked::StillRuns);
        }
        self.publish(message, now).map(|_| Ticked::Published)
    }

    pub(super) fn withdraw(&mut self, project: &str) {
        self.deployments.remove(project);
        self.topics.retain(|(of, _)| of != project);
        for subscriber in self.subscribers.iter_mut().filter(|subscriber| subscriber.owner == project) {
            subscriber.deployed = false;
        }
    }
}

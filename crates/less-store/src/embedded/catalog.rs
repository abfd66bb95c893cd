//! Which topics and subscribers there are, as the writer sees them: a copy of three small tables,
//! loaded anew after each change of them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;
use rusqlite::Connection;

use super::failure::Sql;
use super::lane::Lane;
use super::weight::Weight;
use crate::{SubscriberId, Timestamp};

/// More subscribers of one topic than this are served from disk.
const IN_MEMORY: usize = 64;

/// The lanes of all subscribers there ever were in this file.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_id: RwLock<HashMap<SubscriberId, Arc<Lane>>>,
    pub(super) weight: Weight,
}

#[derive(Debug)]
pub(super) struct Topic {
    pub(super) id: i64,
    pub(super) project: Arc<str>,
    pub(super) name: Arc<str>,
    pub(super) deployed: bool,
    pub(super) audience: Arc<Audience>,
}

/// The deployed subscribers of a topic: each gets its own delivery.
#[derive(Debug, Default)]
pub(super) struct Audience {
    pub(super) members: Vec<Member>,
    /// Their ids, as a row of `recent` keeps them.
    pub(super) pending: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) id: SubscriberId,
    /// Milliseconds.
    pub(super) retention: Timestamp,
    pub(super) lane: Arc<Lane>,
}

#[derive(Debug, Default)]
pub(super) struct Catalog {
    projects: HashMap<Arc<str>, HashMap<Arc<str>, Arc<Topic>>>,
    topics: HashMap<i64, Arc<Topic>>,
    subscribers: HashMap<SubscriberId, Subscriber>,
}

#[derive(Debug, Clone)]
pub(super) struct Subscriber {
    pub(super) member: Member,
    /// The project that deploys it.
    pub(super) owner: Arc<str>,
    deployed: bool,
}

impl Lanes {
    pub(super) fn get(&self, id: SubscriberId) -> Option<Arc<Lane>> {
        self.by_id.read().get(&id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Lane>> {
        self.by_id.read().values().cloned().collect()
    }

    fn get_or_make(&self, id: SubscriberId, overflow: bool) -> Arc<Lane> {
        let new = || Arc::new(Lane::new(overflow, self.weight.clone()));
        Arc::clone(self.by_id.write().entry(id).or_insert_with(new))
    }
}

impl Audience {
    fn of(members: Vec<Member>) -> Self {
        let pending = members.iter().flat_map(|member| member.id.0.to_le_bytes()).collect();
        Self { members, pending }
    }

    /// Whether these bits are all members there are.
    pub(super) fn fits_in(&self, bits: u64) -> bool {
        bits.count_ones() as usize == self.members.len()
    }

    pub(super) fn bit(&self, id: SubscriberId) -> Option<u64> {
        self.members.iter().take(IN_MEMORY).position(|member| member.id == id).map(|at| 1 << at)
    }

    /// The members whose bits are set.
    pub(super) fn among(&self, bits: u64) -> impl Iterator<Item = &Member> {
        self.members.iter().take(IN_MEMORY).enumerate().filter(move |(at, _)| bits & (1 << at) != 0).map(|(_, m)| m)
    }

    /// Reserves room in memory for each but those; the bits of those who have it.
    pub(super) fn reserve(&self, bytes: usize, but: &[SubscriberId]) -> u64 {
        let mut reserved = 0;
        for (at, member) in self.members.iter().enumerate().filter(|(_, member)| !but.contains(&member.id)) {
            if at >= IN_MEMORY {
                member.lane.wait_until(Timestamp::MIN);
            } else if member.lane.reserve(bytes) {
                reserved |= 1 << at;
            }
        }
        reserved
    }

    /// What a row of `recent` keeps while only these are unsettled.
    pub(super) fn pending_of(&self, bits: u64) -> Vec<u8> {
        self.among(bits).flat_map(|member| member.id.0.to_le_bytes()).collect()
    }
}

/// Reads what `pending` keeps.
pub(super) fn pending_ids(pending: &[u8]) -> impl Iterator<Item = SubscriberId> {
    pending.chunks_exact(4).map(|id| SubscriberId(u32::from_le_bytes([id[0], id[1], id[2], id[3]])))
}

impl Catalog {
    /// `overflow`: whether lanes that are new here may have deliveries on disk.
    pub(super) fn load(conn: &Connection, lanes: &Lanes, overflow: bool) -> Sql<Self> {
        let mut catalog = Self::default();
        let mut members = members_by_topic(conn, lanes, overflow)?;
        let mut query = conn.prepare("SELECT id, project, name, deployed FROM topic")?;
        let mut rows = query.query([])?;
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            catalog.add(id, &row.get::<_, String>(1)?, &row.get::<_, String>(2)?, row.get(3)?, members.remove(&id));
        }
        Ok(catalog)
    }

    fn add(&mut self, id: i64, project: &str, name: &str, deployed: bool, members: Option<Vec<Subscriber>>) {
        let members = members.unwrap_or_default();
        let live = members.iter().filter(|of| of.deployed).map(|of| of.member.clone()).collect();
        let project =
            self.projects.get_key_value(project).map_or_else(|| project.into(), |(known, _)| Arc::clone(known));
        let audience = Arc::new(Audience::of(live));
        let topic = Arc::new(Topic { id, project: Arc::clone(&project), name: name.into(), deployed, audience });
        self.projects.entry(project).or_default().insert(Arc::clone(&topic.name), Arc::clone(&topic));
        self.subscribers.extend(members.into_iter().map(|of| (of.member.id, of)));
        self.topics.insert(id, topic);
    }

    /// The topic, if it is deployed.
    pub(super) fn deployed(&self, project: &str, topic: &str) -> Option<&Arc<Topic>> {
        self.projects.get(project)?.get(topic).filter(|topic| topic.deployed)
    }

    pub(super) fn topic(&self, id: i64) -> Option<&Arc<Topic>> {
        self.topics.get(&id)
    }

    pub(super) fn subscriber(&self, id: SubscriberId) -> Option<&Subscriber> {
        self.subscribers.get(&id)
    }

    /// Of all projects, deployed or not.
    pub(super) fn subscribers(&self) -> Vec<SubscriberId> {
        self.subscribers.keys().copied().collect()
    }

    /// Those that the project owns, deployed or not.
    pub(super) fn subscribers_of(&self, project: &str) -> Vec<SubscriberId> {
        let of = self.subscribers.iter().filter(|(_, of)| *of.owner == *project);
        of.map(|(id, _)| *id).collect()
    }

    /// The project's topics, deployed or not.
    pub(super) fn topics_of(&self, project: &str) -> Vec<i64> {
        self.projects.get(project).map_or_else(Vec::new, |topics| topics.values().map(|topic| topic.id).collect())
    }
}

fn members_by_topic(conn: &Connection, lanes: &Lanes, overflow: bool) -> Sql<HashMap<i64, Vec<Subscriber>>> {
    let mut members: HashMap<i64, Vec<_>> = HashMap::new();
    let mut query = conn.prepare("SELECT topic, id, retention, deployed, owner FROM subscriber ORDER BY id")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let id = SubscriberId(row.get(1)?);
        let lane = lanes.get_or_make(id, overflow);
        let deployed = row.get(3)?;
        lane.set_deployed(deployed);
        let member = Member { id, retention: row.get(2)?, lane };
        let owner = row.get::<_, String>(4)?.into();
        members.entry(row.get(0)?).or_default().push(Subscriber { member, owner, deployed });
    }
    Ok(members)
}

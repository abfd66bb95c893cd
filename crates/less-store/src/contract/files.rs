//! The promises of [`Files`], as far as one process can see them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use super::pending;
use crate::files::{Entry, FilePath, Files, Keep, Opened, UPLOADED, Upload};
use crate::{Deployment, Error, Hands, Message, SubscriberId, Subscription, Topics, Verdict};

/// Panics with the promise that is not kept. `topics` and `files` are views over one back end, `hands` turn its clock.
/// At its end the back end is closed.
pub async fn check_files(topics: &dyn Topics, files: &dyn Files, hands: &Hands) {
    let project = || Project::new(topics, files, hands);
    what_is_kept_comes_back_as_it_was(&project()).await;
    an_upload_is_seen_when_it_is_kept(&project()).await;
    a_reader_goes_on_with_what_it_opened(&project()).await;
    of_uploads_to_one_path_the_last_stays(&project()).await;
    files_are_listed_in_order(&project()).await;
    files_belong_to_one_project(&project(), &project()).await;
    uploads_are_told(&project()).await;
    a_sweep_takes_nothing_that_is_wanted(&project()).await;
    a_purged_project_has_no_files(&project(), &project()).await;
    a_closed_store_says_so(&project()).await;
}

/// Each promise has one of its own.
struct Project<'t> {
    topics: &'t dyn Topics,
    files: &'t dyn Files,
    hands: &'t Hands,
    name: String,
}

fn path(text: &str) -> FilePath {
    FilePath::parse(text).expect("a path")
}

impl<'t> Project<'t> {
    fn new(topics: &'t dyn Topics, files: &'t dyn Files, hands: &'t Hands) -> Self {
        Self { topics, files, hands, name: format!("p{}", Uuid::now_v7().simple()) }
    }

    async fn begin(&self, pieces: &[&[u8]]) -> Box<dyn Upload> {
        let mut upload = self.files.begin(&self.name).await.expect("an upload begins");
        for piece in pieces {
            upload.write(vec![Bytes::copy_from_slice(piece)]).await.expect("bytes are taken");
        }
        upload
    }

    async fn put(&self, at: &str, bytes: &[u8]) -> Entry {
        self.begin(&[bytes]).await.keep(keep(at)).await.expect("an upload is kept")
    }

    async fn open(&self, at: &str) -> Option<Opened> {
        self.files.open(&self.name, &path(at)).await.expect("a file is opened")
    }

    async fn bytes(&self, at: &str) -> Option<Vec<u8>> {
        match self.open(at).await {
            Some(opened) => Some(whole(&opened).await),
            None => None,
        }
    }

    async fn list(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<String> {
        let listed = self.files.list(&self.name, prefix, after, limit).await.expect("files are listed");
        listed.iter().map(|entry| entry.path.to_string()).collect()
    }

    async fn delete(&self, at: &str) -> bool {
        self.files.delete(&self.name, &path(at)).await.expect("a file is deleted")
    }

    /// With the topic that tells of uploads.
    async fn deploy(&self) -> SubscriberId {
        let (project, version) = (self.name.clone(), "v1".to_owned());
        let deployment = Deployment { project, id: Uuid::from_u128(1), version, created_at: 5, updated_at: 6 };
        let subscription = Subscription {
            publisher: self.name.clone(),
            topic: UPLOADED.to_owned(),
            subscriber: Some("topics/files_uploaded/a".to_owned()),
            retention: Duration::from_secs(4 * 24 * 60 * 60),
        };
        self.topics.deploy(deployment, vec![subscription], Vec::new()).await.expect("a version is deployed").subscribers
            [0]
    }

    /// The next message of an upload, settled.
    async fn told(&self, subscriber: SubscriberId) -> Arc<Message> {
        let delivery = self.topics.claim(subscriber, 1).await.expect("an event is claimed").remove(0);
        let message = Arc::clone(&delivery.message);
        self.topics.settle(delivery, Verdict::Done);
        message
    }
}

fn keep(at: &str) -> Keep {
    Keep { path: path(at), content_type: "text/plain".to_owned(), trace: Uuid::from_u128(7) }
}

async fn whole(opened: &Opened) -> Vec<u8> {
    let length = usize::try_from(opened.entry.size).expect("a small file");
    opened.object.read(0, length).await.expect("bytes are read").to_vec()
}

async fn what_is_kept_comes_back_as_it_was(project: &Project<'_>) {
    assert!(project.open("none").await.is_none());
    let long = vec![7; 3 << 20];
    for bytes in [&b""[..], b"short", b"\0\xFF\r\n", &long] {
        let kept = project.put("a/b c.txt", bytes).await;
        assert_eq!((kept.size, &kept.content_type[..]), (bytes.len() as u64, "text/plain"));
        assert_eq!(kept.uploaded_at, project.hands.now());
        let opened = project.open("a/b c.txt").await.expect("it is there");
        assert_eq!(opened.entry, kept);
        assert!(whole(&opened).await == bytes, "{} bytes came back as others", bytes.len());
    }
    let opened = project.open("a/b c.txt").await.expect("it is there");
    assert_eq!(opened.object.read(1 << 20, 3).await.expect("a part is read")[..], [7; 3]);
    assert!(opened.object.read(long.len() as u64 - 1, 2).await.is_err(), "there is nothing behind the end");
    assert!(project.delete("a/b c.txt").await && !project.delete("a/b c.txt").await);
    assert!(project.open("a/b c.txt").await.is_none());
}

async fn an_upload_is_seen_when_it_is_kept(project: &Project<'_>) {
    project.put("a", b"old").await;
    let (first, second) = (project.begin(&[b"ne", b"w"]).await, project.begin(&[b"never"]).await);
    assert_eq!(project.list("", None, 9).await, ["a"]);
    assert_eq!(project.bytes("a").await.as_deref(), Some(&b"old"[..]));
    drop(second);
    first.keep(keep("a")).await.expect("it is kept");
    assert_eq!(project.bytes("a").await.as_deref(), Some(&b"new"[..]));
}

async fn a_reader_goes_on_with_what_it_opened(project: &Project<'_>) {
    project.put("a", b"old").await;
    let old = project.open("a").await.expect("it is there");
    project.put("a", b"another").await;
    let another = project.open("a").await.expect("it is there");
    assert_ne!(old.entry.etag(), another.entry.etag());
    assert!(project.delete("a").await);
    assert_eq!((whole(&old).await, whole(&another).await), (b"old".to_vec(), b"another".to_vec()));
}

async fn of_uploads_to_one_path_the_last_stays(project: &Project<'_>) {
    let mut uploads = Vec::new();
    for number in 0..8_u8 {
        uploads.push(project.begin(&[&[number; 1000], &[number; 1000]]).await.keep(keep("a")));
    }
    let kept = super::all(uploads).await;
    let kept: Vec<_> = kept.into_iter().map(|kept| kept.expect("it is kept").object).collect();
    let opened = project.open("a").await.expect("it is there");
    assert!(kept.contains(&opened.entry.object));
    let bytes = whole(&opened).await;
    assert!(bytes.len() == 2000 && bytes.iter().all(|byte| *byte == bytes[0]), "two uploads are mixed");
    assert_eq!(project.list("", None, 9).await, ["a"]);
}

async fn files_are_listed_in_order(project: &Project<'_>) {
    for at in ["b", "a/2", "a/1", "a", "a%", "A", "\u{e9}"] {
        project.put(at, at.as_bytes()).await;
    }
    assert_eq!(project.list("", None, 99).await, ["A", "a", "a%", "a/1", "a/2", "b", "\u{e9}"]);
    assert_eq!(project.list("a/", None, 99).await, ["a/1", "a/2"]);
    assert_eq!(project.list("a", Some("a%"), 99).await, ["a/1", "a/2"]);
    assert_eq!(project.list("a", None, 2).await, ["a", "a%"]);
    assert_eq!(project.list("c", None, 99).await, Vec::<String>::new());
}

async fn files_belong_to_one_project(one: &Project<'_>, other: &Project<'_>) {
    one.put("a", b"one").await;
    assert!(other.open("a").await.is_none() && !other.delete("a").await);
    other.put("a", b"other").await;
    assert_eq!(one.bytes("a").await.as_deref(), Some(&b"one"[..]));
    assert!(one.delete("a").await);
    assert_eq!(other.bytes("a").await.as_deref(), Some(&b"other"[..]));
}

async fn uploads_are_told(project: &Project<'_>) {
    project.put("before", b"1").await;
    let subscriber = project.deploy().await;
    drop(project.begin(&[b"never"]).await);
    for bytes in [&b"12"[..], b"345"] {
        let kept = project.put("a \"b\"", bytes).await;
        let told = project.told(subscriber).await;
        let payload: serde_json::Value = serde_json::from_slice(&told.payload).expect("JSON");
        let expected = serde_json::json!({
            "path": "a \"b\"", "size": bytes.len(), "content_type": "text/plain", "etag": kept.etag(),
            "uploaded_at": project.hands.now(),
        });
        assert_eq!(payload, expected);
        assert_eq!((&*told.topic, told.ordering_key.as_deref()), (UPLOADED, Some("a \"b\"")));
        assert_eq!((told.trace, told.cause), (Uuid::from_u128(7), None));
    }
    assert!(project.delete("before").await);
    let more = pending(project.topics.claim(subscriber, 1), project.topics.waiting(&project.name)).await;
    assert!(more.is_ok(), "it told what was no upload: {more:?}");
}

async fn a_sweep_takes_nothing_that_is_wanted(project: &Project<'_>) {
    project.put("a", b"old").await;
    let under_way = project.begin(&[b"ne"]).await;
    project.files.sweep().await.expect("it is swept");
    assert_eq!(project.bytes("a").await.as_deref(), Some(&b"old"[..]));
    under_way.keep(keep("a")).await.expect("it is kept");
    project.files.sweep().await.expect("it is swept");
    assert_eq!(project.bytes("a").await.as_deref(), Some(&b"ne"[..]));
}

async fn a_purged_project_has_no_files(project: &Project<'_>, other: &Project<'_>) {
    for number in 0..20 {
        project.put(&format!("{number}"), b"1").await;
    }
    other.put("a", b"1").await;
    let (late, others) = (project.begin(&[b"late"]).await, other.begin(&[b"2"]).await);
    project.topics.remove(&project.name, false).await.expect("it is removed");
    assert_eq!(project.list("", None, 99).await.len(), 20);
    project.topics.remove(&project.name, true).await.expect("it is purged");
    assert_eq!(project.list("", None, 99).await, Vec::<String>::new());
    assert!(project.open("1").await.is_none());
    assert!(matches!(late.keep(keep("late")).await, Err(Error::Failed(_))));
    assert!(project.open("late").await.is_none());
    others.keep(keep("a")).await.expect("it is kept");
    assert_eq!(other.bytes("a").await.as_deref(), Some(&b"2"[..]));
    assert_eq!(project.put("new", b"1").await.size, 1);
}

async fn a_closed_store_says_so(project: &Project<'_>) {
    project.put("a", b"1").await;
    let late = project.begin(&[b"late"]).await;
    project.topics.close().await;
    assert!(matches!(late.keep(keep("a")).await, Err(Error::Closed)));
    assert!(matches!(project.files.open(&project.name, &path("a")).await, Err(Error::Closed)));
    assert!(matches!(project.files.list(&project.name, "", None, 9).await, Err(Error::Closed)));
    assert!(matches!(project.files.delete(&project.name, &path("a")).await, Err(Error::Closed)));
}

//! Files from outside: their contract, and what is left of uploads after a crash.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use less_store::{Embedded, FilePath, Files, Hands, Keep, Topics, contract, memory::Memory};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::crash::{FIRST, HOME, child, kill_after, say};
use crate::given::clock;

const NOW: i64 = 1_800_000_000_000;

#[tokio::test]
async fn the_embedded_store_keeps_the_contract_of_files() {
    let (home, hands) = (tempfile::tempdir().unwrap(), Hands::at(NOW));
    for _ in 0..2 {
        let store = Embedded::open(home.path(), hands.clock()).unwrap();
        contract::check_files(&store, &store, &hands).await;
    }
}

#[tokio::test]
async fn the_memory_store_keeps_the_contract_of_files() {
    let hands = Hands::at(NOW);
    let store = Memory::new(hands.clock());
    contract::check_files(&store, &store, &hands).await;
}

fn keep(path: &str) -> Keep {
    Keep { path: FilePath::parse(path).unwrap(), content_type: "text/plain".into(), trace: Uuid::nil() }
}

async fn put(store: &dyn Files, project: &str, path: &str, pieces: &[Bytes]) -> Uuid {
    let mut upload = store.begin(project).await.unwrap();
    for piece in pieces {
        upload.write(vec![piece.clone()]).await.unwrap();
    }
    upload.keep(keep(path)).await.unwrap().object
}

/// The objects on disk.
fn objects(home: &Path, project: &str) -> HashSet<Uuid> {
    let Ok(entries) = std::fs::read_dir(home.join("files").join(project)) else { return HashSet::new() };
    entries.map(|entry| Uuid::try_parse(entry.unwrap().file_name().to_str().unwrap()).unwrap()).collect()
}

/// Returns once exactly these objects are on disk.
async fn eventually_only(home: &Path, project: &str, expected: &[Uuid]) {
    let expected: HashSet<Uuid> = expected.iter().copied().collect();
    for _ in 0..1000 {
        if objects(home, project) == expected {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{:?} are on disk, not {expected:?}", objects(home, project));
}

#[tokio::test]
async fn what_nobody_sees_takes_no_space() {
    let home = tempfile::tempdir().unwrap();
    let store = Embedded::open(home.path(), clock()).unwrap();
    let piece = [Bytes::from_static(b"bytes")];
    put(&store, "shop", "a", &piece).await;
    let second = put(&store, "shop", "a", &piece).await;
    eventually_only(home.path(), "shop", &[second]).await;
    let mut dropped = store.begin("shop").await.unwrap();
    dropped.write(piece.to_vec()).await.unwrap();
    assert_eq!(objects(home.path(), "shop").len(), 2);
    drop(dropped);
    eventually_only(home.path(), "shop", &[second]).await;
    assert!(store.delete("shop", &FilePath::parse("a").unwrap()).await.unwrap());
    eventually_only(home.path(), "shop", &[]).await;
    for number in 0..10 {
        put(&store, "shop", &format!("{number}"), &piece).await;
    }
    store.remove("shop", true).await.unwrap();
    assert_eq!(objects(home.path(), "shop"), HashSet::new());
    assert!(store.begin("../shop").await.is_err(), "a project's name is no path");
}

#[tokio::test]
async fn a_sweep_removes_what_a_crash_left_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let store = Embedded::open(home.path(), clock()).unwrap();
    let kept = put(&store, "shop", "a", &[Bytes::from_static(b"bytes")]).await;
    let folder = home.path().join("files/shop");
    for _ in 0..1200 {
        std::fs::write(folder.join(Uuid::now_v7().simple().to_string()), "half").unwrap();
    }
    let under_way = store.begin("shop").await.unwrap();
    store.sweep().await.unwrap();
    assert_eq!(objects(home.path(), "shop").len(), 2);
    let other = under_way.keep(keep("b")).await.unwrap().object;
    eventually_only(home.path(), "shop", &[kept, other]).await;
}

/// Every file's bytes are its number, so often.
fn pieces(number: u128) -> Vec<Bytes> {
    let piece = Bytes::from(number.to_le_bytes().repeat(1000));
    vec![piece; 1 + (number % 5) as usize]
}

/// Uploads to few paths from several tasks until it is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the child of other tests"]
async fn child_that_uploads() {
    let Ok(home) = std::env::var(HOME) else { return };
    let first: u128 = std::env::var(FIRST).unwrap().parse().unwrap();
    let store = Arc::new(Embedded::open(Path::new(&home), clock()).unwrap());
    let mut tasks = JoinSet::new();
    for task in 1..=8 {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (first + task..).step_by(8) {
                let path = format!("{task}/{}", number / 8 % 3);
                put(&*store, "shop", &path, &pieces(number)).await;
                say(&format!("kept {path} {number}"));
            }
        });
    }
    tasks.join_all().await;
}

fn kept(line: &str) -> Option<(String, u128)> {
    let (path, number) = line.strip_prefix("kept ")?.split_once(' ')?;
    Some((path.to_owned(), number.parse().ok()?))
}

#[tokio::test]
async fn after_kill_9_every_file_is_whole_and_nothing_acknowledged_is_lost() {
    let home = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..6 {
        let child = child("files::child_that_uploads", home.path(), round * 1_000_000, "");
        acknowledged.extend(kill_after(child, 30 * (1 + round as usize % 4), kept));
    }
    let store = Embedded::open(home.path(), clock()).unwrap();
    store.sweep().await.unwrap();
    let entries = store.list("shop", "", None, 100).await.unwrap();
    let named: HashSet<Uuid> = entries.iter().map(|entry| entry.object).collect();
    assert_eq!(objects(home.path(), "shop"), named, "what is on disk is what is listed");
    for entry in &entries {
        let opened = store.open("shop", &entry.path).await.unwrap().unwrap();
        let bytes = opened.object.read(0, usize::try_from(entry.size).unwrap()).await.unwrap();
        let number = u128::from_le_bytes(bytes[..16].try_into().unwrap());
        assert!(bytes == pieces(number).concat(), "{} is not whole", entry.path);
        let last =
            acknowledged.iter().filter(|(path, _)| *path == entry.path.as_str()).map(|(_, number)| *number).max();
        assert!(last <= Some(number), "{}: {last:?} was acknowledged, and {number} is there", entry.path);
    }
    assert!(acknowledged.iter().all(|(path, _)| entries.iter().any(|entry| entry.path.as_str() == path)));
}

//! Notices that a project's folder has changed and come to rest.
//!
//! What counts is what a look at the folder finds (`look`). The kernel's notices (`notices`) only say when to look, so
//! nothing depends on how an editor saves. Where there are none (another machine writes, the limit of watches is
//! reached) looking goes on by itself, more often. Every look costs a share of a processor at most, however large the
//! project is.

mod look;
mod notices;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

pub(crate) use look::Changes;
use look::{FileId, Look, look};
use notices::Notices;

/// A folder that looks the same after so long is at rest: editors and checkouts do not pause for so long between files.
const REST: Duration = Duration::from_millis(40);
/// And one that never rests is taken as it is after this.
const UNREST: Duration = Duration::from_secs(2);
/// Git gets longer, as long as it writes. A lock that stays though nothing is written was left behind, or waits for
/// somebody who words a commit.
const CHECKOUT: Duration = Duration::from_secs(30);
const LOCKED: Duration = Duration::from_secs(1);
/// How often to look where notices come, and where none do.
const BESIDE_NOTICES: Duration = Duration::from_secs(2);
const WITHOUT_NOTICES: Duration = Duration::from_millis(250);
/// The wait after a look is so many times as long as the look: a hundredth of a processor where nobody waits for it.
const IDLE_SHARE: u32 = 100;
/// And after one that notices led to, which found nothing: something in the folder is written that does not count.
const NOISE_SHARE: u32 = 10;

pub(crate) struct Watch {
    root: PathBuf,
    /// What this process itself writes: `less-cli run > log` may stand in the folder, and so may the Less home.
    own: Vec<FileId>,
    /// As it was last told.
    told: Look,
    /// None where the kernel gives none.
    notices: Option<Notices>,
    /// How long the last look took.
    cost: Duration,
}

impl Watch {
    /// Changes count from now on, those in `home` excepted.
    pub(crate) fn new(root: &Path, home: &Path) -> Self {
        let (told, notices) = (Look::default(), Notices::start());
        let own =
            FileId::of_output().into_iter().chain(std::fs::metadata(home).ok().as_ref().map(FileId::of)).collect();
        let mut watch = Self { root: root.to_owned(), own, told, notices, cost: Duration::ZERO };
        let first = watch.look();
        watch.follow(&first);
        // What came between the first look and the notices is in this one.
        watch.told = watch.look();
        watch
    }

    /// Why it looks often instead of being told, if it does.
    pub(crate) fn looks_often(&self) -> Option<&'static str> {
        self.notices.is_none().then_some(
            "the system does not tell of changes here (its limit of inotify watches, often): the folder is looked through four times a second instead",
        )
    }

    /// Resolves when the folder has changed since it was last told, and come to rest. Cancel safe.
    pub(crate) async fn changed(&mut self) -> Changes {
        loop {
            if let Some(changes) = self.settled().await {
                return changes;
            }
            self.wait().await;
        }
    }

    /// Whether it still is as it was told: what was read of it since then is of one piece.
    pub(crate) fn is_as_told(&mut self) -> bool {
        self.look().files == self.told.files
    }

    async fn settled(&mut self) -> Option<Changes> {
        let began = Instant::now();
        let mut seen = self.look();
        if self.notices.as_ref().is_some_and(|notices| notices.has_lost) {
            self.follow(&seen);
            // What was noticed in between was read and forgotten there.
            seen = self.look();
        }
        let mut written = began;
        loop {
            let is_old = seen.files == self.told.files;
            if is_old {
                return None;
            }
            self.follow(&seen);
            sleep(REST).await;
            let again = self.look();
            if again.files != seen.files {
                written = Instant::now();
            }
            let at_rest = again.files == seen.files && (!again.is_busy || written.elapsed() > LOCKED);
            if at_rest || began.elapsed() > if again.is_busy { CHECKOUT } else { UNREST } {
                let changes = Changes::between(&self.told, &again, at_rest, began);
                self.told = again;
                return (!changes.is_empty()).then_some(changes);
            }
            seen = again;
        }
    }

    async fn wait(&mut self) {
        sleep(self.cost * NOISE_SHARE).await;
        let often = if self.notices.is_some() { BESIDE_NOTICES } else { WITHOUT_NOTICES };
        let pause = often.max(self.cost * IDLE_SHARE);
        let Some(notices) = &mut self.notices else { return sleep(pause).await };
        // Late or not, it looks.
        timeout(pause, notices.next()).await.ok();
    }

    fn look(&mut self) -> Look {
        let began = Instant::now();
        let seen = look(&self.root, &self.own);
        self.cost = began.elapsed();
        seen
    }

    fn follow(&mut self, seen: &Look) {
        let followed = self.notices.as_mut().is_none_or(|notices| notices.follow(&self.root, seen.folders()).is_ok());
        if !followed {
            self.notices = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn project() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("less/apis/shop")).unwrap();
        fs::write(root.path().join("less/apis/shop/get.js"), "1").unwrap();
        root
    }

    async fn changed(watch: &mut Watch) -> String {
        timeout(Duration::from_secs(10), watch.changed()).await.expect("the change is told").to_string()
    }

    #[tokio::test]
    async fn a_change_is_told_once_with_or_without_notices() {
        for with in [true, false] {
            let root = project();
            let mut watch = Watch::new(root.path(), Path::new("/nowhere"));
            if !with {
                watch.notices = None;
            }
            fs::write(root.path().join("less/apis/shop/get.js"), "12").unwrap();
            assert_eq!(changed(&mut watch).await, "less/apis/shop/get.js");
            assert!(watch.is_as_told());
            assert!(timeout(Duration::from_millis(300), watch.changed()).await.is_err(), "told twice");
        }
    }

    #[tokio::test]
    async fn new_folders_are_noticed_with_what_is_written_in_them_later() {
        let root = project();
        let mut watch = Watch::new(root.path(), Path::new("/nowhere"));
        fs::create_dir_all(root.path().join("less/topics/a/b")).unwrap();
        assert_eq!(changed(&mut watch).await, "less/topics");
        fs::write(root.path().join("less/topics/a/b/index.js"), "1").unwrap();
        assert_eq!(changed(&mut watch).await, "less/topics/a/b/index.js");
        fs::remove_dir_all(root.path().join("less/topics")).unwrap();
        assert_eq!(changed(&mut watch).await, "less/topics");
    }

    #[tokio::test]
    async fn a_folder_that_is_written_all_the_time_is_told_of_all_the_same() {
        let root = project();
        let mut watch = Watch::new(root.path(), Path::new("/nowhere"));
        let file = root.path().join("data");
        let writing = async {
            for n in 0_u64.. {
                fs::write(&file, n.to_string()).unwrap();
                sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = writing => (),
            changes = timeout(Duration::from_secs(20), watch.changed()) => assert!(!changes.unwrap().at_rest),
        }
    }

    #[tokio::test]
    async fn a_checkout_is_awaited() {
        let root = project();
        fs::create_dir(root.path().join(".git")).unwrap();
        let mut watch = Watch::new(root.path(), Path::new("/nowhere"));
        let lock = root.path().join(".git/index.lock");
        fs::write(&lock, "").unwrap();
        fs::write(root.path().join("less/apis/shop/get.js"), "other").unwrap();
        let early = timeout(Duration::from_millis(300), watch.changed()).await;
        assert!(early.is_err(), "git has not finished");
        fs::write(root.path().join("less/apis/shop/post.js"), "other").unwrap();
        fs::remove_file(lock).unwrap();
        assert_eq!(changed(&mut watch).await, "less/apis/shop/get.js and 1 more");
    }
}

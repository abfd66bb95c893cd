//! Runs cases, several at a time, and remembers what each said.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use less_tests::harness::processes;
use parking_lot::Mutex;
use rustix::process::Signal;

use crate::case::{Case, Language};
use crate::scene::Scene;

/// Far more than any case needs; then all processes of the suite are ended, and the case fails by that.
const PATIENCE: Duration = Duration::from_secs(300);
/// What tells the threads of cases from those which they start.
const THREAD: &str = "case";

/// A case in one language.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    pub(crate) project: &'static str,
    pub(crate) waits: bool,
    pub(crate) case: Case,
    pub(crate) language: Language,
}

pub(crate) struct Outcome {
    pub(crate) job: Job,
    /// What went wrong.
    pub(crate) failure: Option<String>,
    pub(crate) took: Duration,
}

thread_local! {
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs `jobs` in their order, `at_once` at a time; `tell` hears of each as it ends. `root`: below it all homes are.
pub(crate) fn run(jobs: &[Job], at_once: usize, root: &Path, tell: impl Fn(&Outcome)) -> Vec<Outcome> {
    panic::set_hook(Box::new(|info| {
        if thread::current().name() == Some(THREAD) {
            SAID.set(info.to_string());
        } else {
            eprintln!("{info}");
        }
    }));
    let (waiting, working): (Vec<Job>, Vec<Job>) = jobs.iter().partition(|job| job.waits);
    let next = AtomicUsize::new(0);
    let scenes = Scenes::new(jobs);
    let (sender, outcomes) = mpsc::channel();
    thread::scope(|scope| {
        let (next, scenes, working) = (&next, &scenes, &working);
        for job in waiting {
            let sender = sender.clone();
            spawn(scope, move || perform(&job, scenes, &sender));
        }
        for _ in 0..at_once {
            let sender = sender.clone();
            spawn(scope, move || {
                while let Some(job) = working.get(next.fetch_add(1, Ordering::Relaxed)) {
                    perform(job, scenes, &sender);
                }
            });
        }
        drop(sender);
        collect(&outcomes, root, tell)
    })
}

fn spawn<'scope>(scope: &'scope Scope<'scope, '_>, work: impl FnOnce() + Send + 'scope) {
    thread::Builder::new().name(THREAD.to_owned()).spawn_scoped(scope, work).unwrap();
}

fn perform(job: &Job, scenes: &Scenes, sender: &mpsc::Sender<Event>) {
    let begun = Instant::now();
    sender.send(Event::Begun(*job)).unwrap();
    let failure = attempt(job, scenes);
    sender.send(Event::Ended(Outcome { job: *job, failure, took: begun.elapsed() })).unwrap();
}

enum Event {
    Begun(Job),
    Ended(Outcome),
}

fn collect(events: &mpsc::Receiver<Event>, root: &Path, tell: impl Fn(&Outcome)) -> Vec<Outcome> {
    let mut done = Vec::new();
    let mut begun: BTreeMap<(&str, Language), Instant> = BTreeMap::new();
    loop {
        match events.recv_timeout(Duration::from_secs(5)) {
            Ok(Event::Begun(job)) => {
                begun.insert((job.case.name, job.language), Instant::now());
            }
            Ok(Event::Ended(outcome)) => {
                begun.remove(&(outcome.job.case.name, outcome.job.language));
                tell(&outcome);
                done.push(outcome);
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return done,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if let Some((job, _)) = begun.iter().find(|(_, since)| since.elapsed() > PATIENCE) {
                    eprintln!("{job:?} takes more than {PATIENCE:?}: all processes of the suite are ended");
                    processes::of(root).iter().for_each(|process| processes::signal(process.pid, Signal::KILL));
                }
            }
        }
    }
}

fn attempt(job: &Job, scenes: &Scenes) -> Option<String> {
    let (project, language) = (job.project, job.language);
    let scene = scenes.enter(project, language);
    let ended = panic::catch_unwind(AssertUnwindSafe(|| (job.case.run)(&scene)));
    drop(scene);
    scenes.leave(project, language);
    ended.err().map(|_| SAID.take())
}

/// The scenes that are in use; each ends with the last case that plays there.
struct Scenes {
    all: Mutex<BTreeMap<(&'static str, Language), Used>>,
}

#[derive(Default)]
struct Used {
    cases_left: usize,
    scene: Option<Arc<Scene>>,
}

impl Scenes {
    fn new(jobs: &[Job]) -> Self {
        let mut all: BTreeMap<_, Used> = BTreeMap::new();
        jobs.iter().for_each(|job| all.entry((job.project, job.language)).or_default().cases_left += 1);
        Self { all: Mutex::new(all) }
    }

    fn enter(&self, project: &'static str, language: Language) -> Arc<Scene> {
        let make = || Arc::new(Scene::new(project, language));
        self.all.lock().get_mut(&(project, language)).unwrap().scene.get_or_insert_with(make).clone()
    }

    fn leave(&self, project: &'static str, language: Language) {
        let ended = {
            let mut all = self.all.lock();
            let used = all.get_mut(&(project, language)).unwrap();
            used.cases_left -= 1;
            if used.cases_left == 0 { used.scene.take() } else { None }
        };
        // Ends its server, outside the lock.
        drop(ended);
    }
}

//! The bytes of files on disk: an object each, `<home>/files/<project>/<id>` (32 hexadecimal digits), written once and
//! never changed. It holds the bytes as they came and nothing else. A row of `file` makes it a file; without one it is
//! an upload under way (*fresh*), or left over: of a file that is gone, of an upload that was cut off.
//!
//! What is left over is removed at once by a thread of its own (a long file takes its time, and no commit is to wait for
//! it), what a crash leaves by a sweep.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::{self, File, OpenOptions, ReadDir};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::if_there;
use crate::Result;
use crate::embedded::failure::{failed, refused};
use crate::embedded::home;

/// Objects that wait for their removal; more are left to the next sweep.
const REMOVALS: usize = 4096;

pub(in crate::embedded) struct Objects {
    folder: PathBuf,
    /// No row names them yet, and they are not left over. Of which project each is.
    fresh: Mutex<HashMap<Uuid, Arc<str>>>,
    /// Projects whose folders are on the disk for certain.
    ready: Mutex<HashSet<Arc<str>>>,
    removals: mpsc::Sender<(Arc<str>, Uuid)>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// An object that was begun, open for writing.
pub(super) struct Created {
    pub(super) file: File,
    /// The object's folder, which must reach the disk as well.
    pub(super) folder: PathBuf,
    pub(super) fresh: Fresh,
}

impl Objects {
    /// Those in `folder`, which need not be there. The thread that removes them ends with the last who uses them.
    pub(in crate::embedded) fn open(folder: PathBuf) -> Result<Arc<Self>> {
        let (removals, mut removed) = mpsc::channel::<(Arc<str>, Uuid)>(REMOVALS);
        let objects = Arc::new(Self { folder, fresh: Mutex::default(), ready: Mutex::default(), removals });
        let weak = Arc::downgrade(&objects);
        let work = move || {
            while let Some((project, object)) = removed.blocking_recv() {
                let Some(objects) = weak.upgrade() else { return };
                objects.remove(&project, object);
            }
        };
        let thread = std::thread::Builder::new().name("less-store-remover".to_owned()).spawn(work);
        thread.map_err(|error| failed("cannot start the store's remover", error))?;
        Ok(objects)
    }

    /// Makes an object that nobody sees.
    pub(super) fn create(self: &Arc<Self>, project: &Arc<str>) -> io::Result<Created> {
        let folder = self.folder_of(project).map_err(io::Error::other)?;
        if !self.ready.lock().contains(project) {
            home::create(&folder)?;
            self.ready.lock().insert(Arc::clone(project));
        }
        let id = Uuid::now_v7();
        // Before the file is there: a sweep must not take it for one that is left over.
        self.fresh.lock().insert(id, Arc::clone(project));
        let fresh =
            Fresh { id, project: Arc::clone(project), objects: Arc::clone(self), decided: AtomicBool::new(false) };
        let file = OpenOptions::new().write(true).create_new(true).open(folder.join(name(id)))?;
        Ok(Created { file, folder, fresh })
    }

    pub(super) fn path(&self, project: &str, object: Uuid) -> Result<PathBuf> {
        Ok(self.folder_of(project)?.join(name(object)))
    }

    fn folder_of(&self, project: &str) -> Result<PathBuf> {
        if !is_project(project) {
            return Err(refused(format!("{project:?} is no name of a project: its files have no place")));
        }
        Ok(self.folder.join(project))
    }

    /// Removes an object that no row names, in the background.
    pub(in crate::embedded) fn discard(&self, project: &Arc<str>, object: Uuid) {
        if self.removals.try_send((Arc::clone(project), object)).is_err() {
            self.fresh.lock().remove(&object); // from now on a sweep may find it
        }
    }

    fn remove(&self, project: &str, object: Uuid) {
        let removed = self.path(project, object).map(|path| if_there(fs::remove_file(path)));
        if let Ok(Err(error)) = removed {
            tracing::warn!(project, %object, %error, "what is left over of a file was not removed; the next start tries again");
        }
        self.fresh.lock().remove(&object);
    }

    /// What is under way of a project is left over from now on.
    pub(in crate::embedded) fn disown(&self, project: &str) {
        self.fresh.lock().retain(|_, of| **of != *project);
    }

    /// The projects that have objects, or had some.
    pub(super) fn projects(&self) -> io::Result<Vec<String>> {
        let Some(entries) = if_there(fs::read_dir(&self.folder))? else { return Ok(Vec::new()) };
        let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let names = folders.filter_map(|folder| folder.file_name().into_string().ok());
        Ok(names.filter(|name| is_project(name)).collect())
    }

    /// All objects of a project.
    pub(super) fn all(&self, project: &str) -> io::Result<Option<Names>> {
        let folder = self.folder_of(project).map_err(io::Error::other)?;
        Ok(if_there(fs::read_dir(folder))?.map(Names))
    }

    pub(super) fn without_fresh(&self, mut objects: Vec<Uuid>) -> Vec<Uuid> {
        let fresh = self.fresh.lock();
        objects.retain(|object| !fresh.contains_key(object));
        objects
    }

    pub(super) fn remove_all(&self, project: &str, objects: &[Uuid]) -> io::Result<()> {
        let folder = self.folder_of(project).map_err(io::Error::other)?;
        objects.iter().try_for_each(|object| if_there(fs::remove_file(folder.join(name(*object)))).map(drop))
    }
}

/// Whether it can be the name of a project, and so of a folder.
fn is_project(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn name(object: Uuid) -> String {
    object.simple().to_string()
}

/// The objects in a folder; what has another name is none.
pub(super) struct Names(ReadDir);

impl Iterator for Names {
    type Item = Uuid;

    fn next(&mut self) -> Option<Uuid> {
        self.0.by_ref().flatten().find_map(|entry| Uuid::try_parse(entry.file_name().to_str()?).ok())
    }
}

/// An object that no row names yet; when it is dropped, it goes, unless a commit decides about it.
#[derive(Debug)]
pub(in crate::embedded) struct Fresh {
    pub(super) id: Uuid,
    project: Arc<str>,
    objects: Arc<Objects>,
    /// A commit with its row was begun: whether there is one, that alone knows.
    decided: AtomicBool,
}

impl Fresh {
    /// From here on a commit decides. If nobody learns how it ends, the next start's sweep sees it.
    pub(super) fn submit(&self) {
        self.decided.store(true, Ordering::Relaxed);
    }

    /// Whether its project still wants it.
    pub(super) fn is_wanted(&self) -> bool {
        self.objects.fresh.lock().contains_key(&self.id)
    }

    /// Its row is committed.
    pub(super) fn is_kept(&self) {
        self.objects.fresh.lock().remove(&self.id);
    }

    /// Its row is not, for certain.
    pub(super) fn is_refused(&self) {
        self.decided.store(false, Ordering::Relaxed);
    }

    pub(super) fn project(&self) -> &Arc<str> {
        &self.project
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.decided.load(Ordering::Relaxed) {
            self.objects.discard(&self.project, self.id);
        }
    }
}

//! The sites of one version on disk: which they are, and what is in them.
//!
//! ```text
//! <version>/sites.json                    { "format": 1, "id": "<id>", "of": "deploy" | "sites", "deployed_at": <ms> }
//! <version>/sites/<id>/index.json         { "format": 1, "sites": { "<site>": { "<path>": ["<hash>", <bytes>] } } }
//! <version>/sites/<id>/compressed/        see `compressed`
//! <version>/sites/<id>/project/           the snapshot of a `deploy --static`
//! ```
//! `sites.json` says which sites go with the version, and is replaced in one step: `"deploy"` are those of its own snapshot
//! (written before the version counts), `"sites"` those of a later `deploy --static`. A file in a newer format is a newer
//! server's: then the sites are not served. The index is written whole before `sites.json` names it; without one that can be
//! read it is made again. A hash is the first half of a SHA-256, in base 16.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::compressed::{Coding, Compressed};
use super::kinds::is_worth_compressing;
use super::lookup::{Leads, SitePath};
use super::{Form, Found, Located};
use crate::home::{Version, write_private};
use crate::limits;

const FORMAT: u32 = 1;
/// What is read at once.
const PIECE: usize = 128 << 10;

/// What `sites.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    format: u32,
    id: Uuid,
    of: Of,
    pub(crate) deployed_at: i64,
}

/// Whose snapshot the files are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    Deploy,
    Sites,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Index {
    format: u32,
    sites: BTreeMap<String, BTreeMap<String, Entry>>,
}

/// A file's hash and length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry(String, u64);

/// The sites of a version, ready to be served: which files there are is in memory, so no request leads to any other.
#[derive(Debug)]
pub(crate) struct SiteVersion {
    pub(crate) record: Record,
    /// `less/statics`
    root: PathBuf,
    index: Index,
    compressed: Compressed,
    /// Files of each site that were asked for.
    known: RwLock<HashMap<String, HashMap<String, Arc<Located>>>>,
}

impl Record {
    pub(crate) fn new(of: Of, deployed_at: i64) -> Self {
        Self { format: FORMAT, id: Uuid::now_v7(), of, deployed_at }
    }

    /// None for a version without sites.
    pub(crate) fn read(version: &Version) -> anyhow::Result<Option<Self>> {
        let path = version.sites_record();
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("cannot read {}", path.display()))?,
        };
        let record: Self = serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display()))?;
        if record.format > FORMAT {
            bail!("{} is of a newer version of Less", path.display());
        }
        Ok(Some(record))
    }

    /// Makes these sites the version's.
    pub(crate) fn write(&self, version: &Version) -> anyhow::Result<()> {
        write_private(&version.sites_record(), &serde_json::to_vec(self)?)?;
        // It is written, so it counts; a disk that cannot say so may lose it with its power.
        if let Err(error) = File::open(version.folder()).and_then(|folder| folder.sync_all()) {
            tracing::warn!(%error, "the sites of a version are live, and perhaps not yet on the disk");
        }
        Ok(())
    }

    /// What is these sites' own, and goes when they do.
    pub(crate) fn folder(&self, version: &Version) -> PathBuf {
        version.sites().join(self.id.simple().to_string())
    }

    /// The folder that contains `less/`.
    pub(crate) fn project(&self, version: &Version) -> PathBuf {
        match self.of {
            Of::Deploy => version.project(),
            Of::Sites => self.folder(version).join("project"),
        }
    }
}

impl SiteVersion {
    /// Looks at every file of `sites` and writes the index. Blocking; nothing is synced.
    pub(crate) fn make(version: &Version, record: Record, sites: &[String]) -> anyhow::Result<Self> {
        let root = record.project(version).join("less/statics");
        let mut index = Index { format: FORMAT, sites: BTreeMap::new() };
        for site in sites {
            let mut files = BTreeMap::new();
            let folder = root.join(site);
            look(&folder, "", &mut files).with_context(|| format!("cannot read {}", folder.display()))?;
            index.sites.insert(site.clone(), files);
        }
        let folder = record.folder(version);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        write_private(&folder.join("index.json"), &serde_json::to_vec(&index)?)?;
        Ok(Self::new(root, index, &folder, record))
    }

    fn new(root: PathBuf, index: Index, folder: &Path, record: Record) -> Self {
        let compressed = Compressed::new(folder.join("compressed"));
        Self { record, root, index, compressed, known: RwLock::default() }
    }

    /// The sites of a version that was made earlier; none when it has none. Blocking.
    pub(crate) fn open(version: &Version) -> anyhow::Result<Option<Self>> {
        let Some(record) = Record::read(version)? else { return Ok(None) };
        let folder = record.folder(version);
        let root = record.project(version).join("less/statics");
        let read = fs::read(folder.join("index.json")).ok();
        let index =
            read.and_then(|text| serde_json::from_slice(&text).ok()).filter(|index: &Index| index.format == FORMAT);
        match index {
            Some(index) => Ok(Some(Self::new(root, index, &folder, record))),
            None => Self::make(version, record, &folders(&root)?).map(Some),
        }
    }

    pub(crate) fn sites(&self) -> impl Iterator<Item = &String> {
        self.index.sites.keys()
    }

    pub(super) fn find(&self, site: &str, path: &SitePath) -> Found {
        let Some(files) = self.index.sites.get(site) else { return Found::Nothing };
        match path.lead(|name| files.contains_key(name)) {
            Leads::To(name) => self.located(site, files, name).map_or(Found::Nothing, Found::File),
            Leads::NotFound(name) => self.located(site, files, name).map_or(Found::Nothing, Found::NotFoundPage),
            Leads::Folder(path) => Found::Folder(path),
            Leads::Nowhere => Found::Nothing,
        }
    }

    fn located(&self, site: &str, files: &BTreeMap<String, Entry>, name: String) -> Option<Arc<Located>> {
        let known = self.known.read().get(site).and_then(|known| known.get(&name)).cloned();
        if known.is_some() {
            return known;
        }
        let located = Arc::new(self.locate(site, files, name)?);
        let mut known = self.known.write();
        let of_site = known.entry(site.to_owned()).or_default();
        if of_site.len() < limits::SITE_KNOWN {
            of_site.insert(located.name.clone(), located.clone());
        }
        Some(located)
    }

    fn locate(&self, site: &str, files: &BTreeMap<String, Entry>, name: String) -> Option<Located> {
        let Entry(hash, bytes) = files.get(&name)?;
        let has = |coding: &Coding| files.contains_key(&sibling(&name, *coding)) || is_worth_compressing(&name, *bytes);
        let codings = Coding::ALL.into_iter().filter(has).collect();
        let form =
            Form { file: self.root.join(site).join(&name), bytes: *bytes, tag: format!("\"{hash}\""), coding: None };
        Some(Located::new(name, form, codings, time(self.record.deployed_at), true))
    }

    /// The file in this coding: as its author compressed it, else as we do. None where that is of no use.
    pub(super) async fn compressed(&self, site: &str, located: &Located, coding: Coding) -> Option<Arc<Form>> {
        let compress = || async { self.compress(site, located, coding).await.map(Arc::new) };
        located.compressed[coding as usize].get_or_init(compress).await.clone()
    }

    async fn compress(&self, site: &str, located: &Located, coding: Coding) -> Option<Form> {
        let files = self.index.sites.get(site)?;
        let given = sibling(&located.name, coding);
        if let Some(Entry(hash, bytes)) = files.get(&given) {
            let file = self.root.join(site).join(given);
            // Of another tag than the file with that name: one path, two forms.
            let tag = format!("\"{hash}-{}\"", coding.name());
            return Some(Form { file, bytes: *bytes, tag, coding: Some(coding) });
        }
        let Entry(hash, _) = files.get(&located.name)?;
        let (file, bytes) = self.compressed.take(&located.form.file, hash, coding).await?;
        Some(Form { file, bytes, tag: format!("\"{hash}-{}\"", coding.name()), coding: Some(coding) })
    }
}

/// Where a build tool puts the compressed form of a file.
fn sibling(name: &str, coding: Coding) -> String {
    format!("{name}.{}", coding.extension())
}

fn time(milliseconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
}

fn folders(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root).with_context(|| format!("cannot read {}", root.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}

/// A version has no links: its snapshot had none.
fn look(folder: &Path, below: &str, files: &mut BTreeMap<String, Entry>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let name = if below.is_empty() { name } else { format!("{below}/{name}") };
        let kind = entry.file_type()?;
        if kind.is_dir() {
            look(&entry.path(), &name, files)?;
        } else if kind.is_file() {
            files.insert(name, hash(&entry.path())?);
        }
    }
    Ok(())
}

fn hash(path: &Path) -> io::Result<Entry> {
    let mut file = File::open(path)?;
    let (mut hasher, mut bytes) = (Sha256::new(), 0);
    let mut piece = vec![0; PIECE];
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            break;
        }
        hasher.update(&piece[..read]);
        bytes += read as u64;
    }
    let half: String = hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    Ok(Entry(half, bytes))
}

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;

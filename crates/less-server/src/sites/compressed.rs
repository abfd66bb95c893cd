//! Files of a version in compressed form, made when somebody first asks for one.
//!
//! `<version>/sites/<id>/compressed/<hash of the file>.br` (or `.gz`): named by content, written beside and renamed, so a
//! name that exists is whole. What becomes no smaller is not kept.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OnceCell, Semaphore};

use crate::limits;

/// How a file may be compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// What makes files smaller comes first.
    pub(crate) const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// As headers name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Of a file that is compressed so: `app.js.br`.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }
}

/// Good, and fast enough for somebody who waits.
const BROTLI_QUALITY: i32 = 5;
const BUFFER: usize = 64 << 10;

/// So many files are compressed at once, by all projects; others wait.
static TURNS: Semaphore = Semaphore::const_new(limits::COMPRESSING);

#[derive(Debug)]
pub(super) struct Compressed {
    folder: PathBuf,
    /// By file name; none for what would not be smaller. Who asks while it is made waits for it.
    made: Mutex<HashMap<String, Arc<OnceCell<Option<u64>>>>>,
}

impl Compressed {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, made: Mutex::default() }
    }

    /// The compressed form of `file`, whose content is named by `hash`, and its length.
    pub(super) async fn take(&self, file: &Path, hash: &str, coding: Coding) -> Option<(PathBuf, u64)> {
        let name = format!("{hash}.{}", coding.extension());
        let path = self.folder.join(&name);
        let made = self.made.lock().entry(name).or_default().clone();
        let bytes = made.get_or_init(|| make(file.to_owned(), path.clone(), coding)).await;
        bytes.map(|bytes| (path, bytes))
    }
}

async fn make(file: PathBuf, path: PathBuf, coding: Coding) -> Option<u64> {
    let turn = TURNS.acquire().await;
    let shown = file.clone();
    let work = move || {
        // Until it is done: whoever asked may leave before.
        let _turn = turn;
        compress(&file, &path, coding)
    };
    let made = tokio::task::spawn_blocking(work).await;
    made.map_err(io::Error::other).flatten().unwrap_or_else(|error| {
        // It is sent as it is.
        tracing::warn!(file = %shown.display(), %error, "a file of a site could not be compressed");
        None
    })
}

/// Blocking. A few files of 64 KiB are in memory at a time, whatever their size.
fn compress(file: &Path, path: &Path, coding: Coding) -> io::Result<Option<u64>> {
    if let Ok(metadata) = fs::metadata(path) {
        return Ok(Some(metadata.len()));
    }
    let mut source = File::open(file)?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    // Not the folders above it, which may have been removed meanwhile.
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    match coding {
        Coding::Brotli => {
            let quality = brotli::enc::BrotliEncoderParams { quality: BROTLI_QUALITY, ..Default::default() };
            let mut reader = io::BufReader::with_capacity(BUFFER, &mut source);
            brotli::BrotliCompress(&mut reader, &mut fresh, &quality)?;
        }
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(&mut fresh, flate2::Compression::default());
            io::copy(&mut source, &mut encoder)?;
            encoder.finish()?;
        }
    }
    let bytes = fresh.as_file().metadata()?.len();
    if bytes >= source.metadata()?.len() {
        return Ok(None);
    }
    fresh.persist(path).map_err(|error| error.error)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn unpacked(path: &Path, coding: Coding) -> Vec<u8> {
        let (mut bytes, packed) = (Vec::new(), fs::read(path).unwrap());
        match coding {
            Coding::Brotli => brotli::BrotliDecompress(&mut &packed[..], &mut bytes).unwrap(),
            Coding::Gzip => drop(flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap()),
        }
        bytes
    }

    #[tokio::test]
    async fn a_file_is_compressed_once_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app.js");
        fs::write(&file, "let x = 1;\n".repeat(20_000)).unwrap();
        for coding in Coding::ALL {
            let compressed = Compressed::new(folder.path().join("compressed"));
            let (one, other) = tokio::join!(compressed.take(&file, "a1", coding), compressed.take(&file, "a1", coding));
            assert_eq!(one, other);
            let (path, bytes) = one.unwrap();
            assert_eq!(bytes, fs::metadata(&path).unwrap().len());
            assert!(bytes < 10_000, "{bytes}");
            assert_eq!(unpacked(&path, coding), fs::read(&file).unwrap());
        }
        assert_eq!(fs::read_dir(folder.path().join("compressed")).unwrap().count(), 2);
        fs::remove_file(&file).unwrap();
        let again = Compressed::new(folder.path().join("compressed"));
        assert!(again.take(&file, "a1", Coding::Brotli).await.is_some(), "what an earlier server made is used");
    }

    #[tokio::test]
    async fn clients_that_leave_do_not_make_it_compress_more_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("endless.js");
        // Reading it lasts until somebody writes.
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RWXU);
        rustix::fs::mknodat(rustix::fs::CWD, &file, kind, mode, 0).unwrap();
        let compressed = Compressed::new(folder.path().join("compressed"));
        let asked = compressed.take(&file, "d4", Coding::Gzip);
        assert!(tokio::time::timeout(std::time::Duration::ZERO, asked).await.is_err(), "it is under way");
        let left = TURNS.available_permits();
        File::options().write(true).open(&file).unwrap();
        assert!(left < limits::COMPRESSING, "nobody waits for it, and it goes on");
    }

    #[tokio::test]
    async fn what_becomes_no_smaller_or_cannot_be_read_is_sent_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("noise");
        let noise: Vec<u8> =
            (0..200_u64).flat_map(|n| uuid::Uuid::new_v4().into_bytes().map(|b| b ^ n as u8)).collect();
        fs::write(&file, noise).unwrap();
        let compressed = Compressed::new(folder.path().join("compressed"));
        assert_eq!(compressed.take(&file, "b2", Coding::Gzip).await, None);
        assert_eq!(compressed.take(&folder.path().join("gone"), "c3", Coding::Brotli).await, None);
        assert_eq!(fs::read_dir(folder.path().join("compressed")).unwrap().count(), 0, "nothing half is left");
    }
}

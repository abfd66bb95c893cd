//! Files as handlers ask for them: URLs at which their bytes come and go, and what there is.

use bytes::Bytes;
use less_protocol::{Call, CallError, FilesOptions};
use less_store::{Entry, FilePath, Files, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Services;
use super::kvs::{failed, refused};
use super::publish::later;
use crate::clock;
use crate::limits;
use crate::projects::Addresses;
use crate::signing::{Access, Denied, SigningKey};

/// Files that one `list` returns at most.
const LISTED: u32 = 1_000;

/// What stands in the path of a URL for something else than itself.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Makes the URLs of a project's files, and knows them again.
pub(crate) struct FileUrls {
    key: SigningKey,
    addresses: watch::Receiver<Addresses>,
}

impl FileUrls {
    pub(crate) fn new(key: SigningKey, addresses: watch::Receiver<Addresses>) -> Self {
        Self { key, addresses }
    }

    /// Whether a request with this query may do that.
    pub(crate) fn check(&self, access: Access, path: &FilePath, query: &str) -> Result<(), Denied> {
        if access == Access::Read && path.is_public() {
            return Ok(());
        }
        self.key.check(access, path, query, clock::now_ms())
    }

    async fn url(&self, project: &str, access: Access, path: &FilePath, expires: i64) -> Option<String> {
        let base = self.base(project).await?;
        let place = utf8_percent_encode(path.as_str(), ESCAPED);
        Some(match access {
            // Everybody may read it, so nothing of its URL need change.
            Access::Read if path.is_public() => format!("{base}/{place}"),
            _ => format!("{base}/{place}?{}", self.key.query(access, path, expires)),
        })
    }

    /// Under `run` the first handlers may be earlier than their port.
    async fn base(&self, project: &str) -> Option<String> {
        let mut addresses = self.addresses.clone();
        let known = addresses.wait_for(|addresses| addresses.knows_files()).await.ok()?;
        known.files(project)
    }
}

impl Services {
    pub(super) async fn files(&self, call: Call) -> Result<Bytes, CallError> {
        let options: FilesOptions =
            serde_json::from_slice(&call.options).map_err(|error| refused("bad_option", error.to_string()))?;
        let answer = match call.target.as_str() {
            "create_upload_url" => self.file_url(Access::Write, &options).await?,
            "get_url" => self.file_url(Access::Read, &options).await?,
            "list" => self.list_files(options).await?,
            "delete" => {
                let deleted = self.stored_files().delete(&self.project, &path(&options)?).await;
                json!(deleted.map_err(|error| failed(&error))?)
            }
            other => return Err(refused("bad_option", format!("files has no operation {other}"))),
        };
        Ok(answer.to_string().into())
    }

    pub(crate) fn stored_files(&self) -> &dyn Files {
        &*self.store.files
    }

    async fn file_url(&self, access: Access, options: &FilesOptions) -> Result<Value, CallError> {
        let path = path(options)?;
        let expires = expires(options.expires_in, clock::now_ms())?;
        let url = self.file_urls.url(&self.project, access, &path, expires).await;
        let unserved =
            || refused("not_served", "no URL was made: files have no port, or the server is stopping".to_owned());
        Ok(json!(url.ok_or_else(unserved)?))
    }

    async fn list_files(&self, options: FilesOptions) -> Result<Value, CallError> {
        let FilesOptions { path: prefix, after, limit, .. } = options;
        let limit = limit.map_or(LISTED, |limit| limit.min(LISTED));
        let listed = self.stored_files().list(&self.project, &prefix, after.as_deref(), limit as usize).await;
        Ok(listed.map_err(|error| failed(&error))?.iter().map(Entry::to_json).collect())
    }
}

fn path(options: &FilesOptions) -> Result<FilePath, CallError> {
    FilePath::parse(&options.path).map_err(|bad| refused("bad_path", bad.to_string()))
}

/// In whole seconds since 1970, never earlier than asked for.
fn expires(given: Option<f64>, now: Timestamp) -> Result<i64, CallError> {
    let (longest, usual) = (limits::URL_TIME.as_secs_f64(), limits::URL_TIME_UNLESS_GIVEN.as_secs_f64());
    let seconds = given.unwrap_or(usual);
    if !(seconds > 0.0 && seconds <= longest) {
        let message = format!("expires_in is a number of seconds, more than 0 and at most {longest}");
        return Err(refused("bad_option", message));
    }
    Ok(later(now, seconds).saturating_add(999) / 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projects::FilesPort;

    #[test]
    fn a_url_lives_as_long_as_asked_within_a_week() {
        assert_eq!(expires(None, 5_000), Ok(3_605));
        assert_eq!(expires(Some(0.25), 5_000), Ok(6));
        assert_eq!(expires(Some(604_800.0), 0), Ok(604_800));
        for wrong in [0.0, -1.0, 604_801.0, f64::NAN, f64::INFINITY] {
            assert_eq!(expires(Some(wrong), 0).unwrap_err().code, "bad_option", "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_url_names_the_path_and_nothing_else() {
        let key = SigningKey::new("shop", b"secret").unwrap();
        let (addresses, known) = watch::channel(Addresses::default());
        let urls = FileUrls::new(key, known);
        let path = FilePath::parse("public/a b?c=d#e%2e/\u{e9}~.png").unwrap();
        let place = "/public/a%20b%3Fc%3Dd%23e%252e/%C3%A9~.png";
        addresses.send_replace(Addresses::Gateway { port: 4747 });
        let read = urls.url("shop", Access::Read, &path, 7).await.unwrap();
        assert_eq!(read, format!("http://localhost:4747/shop/files{place}"));
        let write = urls.url("shop", Access::Write, &path, 7).await.unwrap();
        let (before, query) = write.split_once('?').unwrap();
        assert_eq!(before, read);
        assert_eq!(urls.check(Access::Write, &path, query), Err(Denied::Expired));
        assert_eq!(urls.check(Access::Read, &path, ""), Ok(()));
        addresses.send_replace(Addresses::Elsewhere { files: FilesPort::None });
        assert_eq!(urls.url("shop", Access::Read, &path, 7).await, None);
        addresses.send_replace(Addresses::Elsewhere { files: FilesPort::Open(1) });
        let alone = urls.url("shop", Access::Read, &path, 7).await.unwrap();
        assert_eq!(alone, format!("http://localhost:1/files{place}"));
    }
}

//! A package registry of a test's own, as companies have one: it has a few packages and sends npm elsewhere for all
//! others. For pip, a folder of wheels.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;

use serde_json::{Map, Value, json};

use super::packages::{NPM, PYTHON};
use less_tests::harness::Home;

/// Has the packages of [`NPM`] and [`PYTHON`].
pub(super) struct Registry {
    address: String,
    wheels: PathBuf,
    npm_cache: PathBuf,
}

impl Registry {
    pub(super) fn open(home: &Home) -> Self {
        let folder = home.root().join("registry");
        let (tarballs, wheels) = (folder.join("npm"), folder.join("wheels"));
        for made in [&tarballs, &wheels] {
            fs::create_dir_all(made).unwrap();
        }
        NPM.iter().for_each(|(name, version, source)| write_tarball(&tarballs, name, version, source));
        PYTHON.iter().for_each(|(name, files)| write_wheel(&wheels, name, files));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shelf = Arc::new(Shelf { address: address.clone(), tarballs, elsewhere: elsewhere() });
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shelf = Arc::clone(&shelf);
                thread::spawn(move || shelf.answer(&stream));
            }
        });
        Self { address, wheels, npm_cache: folder.join("npm-cache") }
    }

    /// Starts the server with what its installers go by.
    pub(super) fn start_server(&self, home: &Home) {
        let mut command = home.command(home.root(), &["server", "start", "--port", "0", "--control-port", "0"]);
        command.env("NPM_CONFIG_REGISTRY", &self.address).env("NPM_CONFIG_CACHE", &self.npm_cache);
        for installer in ["PIP", "UV"] {
            command.env(format!("{installer}_NO_INDEX"), "1").env(format!("{installer}_FIND_LINKS"), &self.wheels);
        }
        assert!(command.output().unwrap().status.success());
    }
}

/// The registry that npm would use.
fn elsewhere() -> String {
    let output = Command::new("npm").args(["config", "get", "registry"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().trim_end_matches('/').to_owned()
}

struct Shelf {
    address: String,
    tarballs: PathBuf,
    elsewhere: String,
}

impl Shelf {
    /// One request a connection. A client that is gone has no use for an answer.
    fn answer(&self, mut stream: &TcpStream) {
        let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
        let Some(request) = lines.next() else { return };
        lines.take_while(|line| !line.is_empty()).for_each(drop);
        let path = request.split(' ').nth(1).unwrap_or_default();
        let (status, headers, body) = self.find(path);
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n", body.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).ok();
    }

    fn find(&self, path: &str) -> (&'static str, String, Vec<u8>) {
        if let Some(file) = path.strip_prefix("/-/stubs/") {
            return ("200 OK", String::new(), fs::read(self.tarballs.join(file)).unwrap());
        }
        let name = path.trim_start_matches('/').replace("%2f", "/").replace("%2F", "/");
        if !NPM.iter().any(|(known, ..)| *known == name) {
            return ("307 Temporary Redirect", format!("location: {}{path}\r\n", self.elsewhere), Vec::new());
        }
        let headers = "content-type: application/json\r\n".to_owned();
        ("200 OK", headers, self.document(&name).to_string().into_bytes())
    }

    /// What npm wants to know of a package.
    fn document(&self, package: &str) -> Value {
        let mut versions = Map::new();
        for (name, version, _) in NPM.iter().filter(|(name, ..)| *name == package) {
            let tarball = format!("{}/-/stubs/{}", self.address, file_of(name, version));
            let about = json!({ "name": name, "version": version, "dist": { "tarball": tarball } });
            versions.insert((*version).to_owned(), about);
        }
        let latest = versions.keys().next_back().cloned();
        json!({ "name": package, "dist-tags": { "latest": latest }, "versions": versions })
    }
}

fn file_of(package: &str, version: &str) -> String {
    format!("{}-{version}.tgz", package.replace(['@', '/'], "_"))
}

fn write_tarball(shelf: &Path, name: &str, version: &str, source: &str) {
    let file = file_of(name, version);
    let package = shelf.join(format!("of-{file}")).join("package");
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("package.json"), json!({ "name": name, "version": version }).to_string()).unwrap();
    fs::write(package.join("index.js"), source).unwrap();
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(shelf.join(file)).arg("-C").arg(package.parent().unwrap()).arg("package");
    assert!(tar.status().unwrap().success());
}

/// A wheel is a zip with a few files that describe it; Python can make one.
fn write_wheel(shelf: &Path, name: &str, files: &[(&str, &str)]) {
    let folder = shelf.join(format!("of-{name}"));
    let about = format!("{name}-99.0.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: 99.0\n");
    let wheel = "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let described = [("METADATA", metadata.as_str()), ("WHEEL", wheel), ("RECORD", "")];
    let described = described.map(|(file, text)| (format!("{about}/{file}"), text));
    let modules = files.iter().map(|(file, text)| (format!("{name}/{file}"), *text));
    for (file, text) in modules.chain(described) {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut zip = Command::new("python3");
    zip.args(["-m", "zipfile", "-c"]).arg(shelf.join(format!("{name}-99.0-py3-none-any.whl")));
    zip.current_dir(&folder).args([name, about.as_str()]);
    assert!(zip.status().unwrap().success());
}

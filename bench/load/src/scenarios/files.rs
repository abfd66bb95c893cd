//! A big file up and down over one connection: ours beside `node:http` with streams, which syncs it as well.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::bench::{Bench, HANDLERS, failed, with_usages};
use crate::ours::Ours;
use crate::processes::Usages;
use crate::results::Measurement;
use crate::statistics::from_u64;
use crate::system::Setting;

const SYSTEMS: &[&str] = &["less", "files-node"];
const MIB: u64 = 1 << 20;
const SIZE: u64 = 1 << 30;
const QUICK: u64 = 128 * MIB;
const PATIENCE: Duration = Duration::from_secs(300);
/// Gives the URLs of a file.
const URLS: &str = "
const { files } = require('@chuva.io/less');
exports.process = async () => ({ body: { put: await files.create_upload_url('big'), get: await files.get_url('big') } });
";

/// Where a file goes, and where it is.
struct Places {
    host: String,
    put: String,
    get: String,
}

/// Seconds of both.
struct Times {
    up: f64,
    down: f64,
}

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let size = if bench.options.quick { QUICK } else { SIZE };
    let settings = bench.settings("files", SYSTEMS);
    for round in 1..=bench.options.rounds {
        for setting in &settings {
            let measured = if setting.name == "less" { ours(bench, size) } else { peer(bench, setting, size) };
            let kept = measured.map(|(times, usages)| measurement(setting, round, size, &times, &usages));
            bench.keep(kept.unwrap_or_else(|error| failed("files", setting, round, &error)));
        }
    }
    Ok(())
}

fn ours(bench: &mut Bench, size: u64) -> Result<(Times, Usages)> {
    let files = [("less/apis/food/files/get.js".to_owned(), URLS.to_owned())];
    let mut ours = Ours::create(bench, &files, HANDLERS)?;
    ours.serve(&[])?;
    ours.deploy()?;
    let host = ours.host();
    let answer = request(&host, "GET", &ours.path("/files"), 0)?;
    let urls: Value = serde_json::from_slice(&answer)?;
    let target = |verb: &str| -> Result<String> {
        let url = urls[verb].as_str().context("a handler gives URLs")?;
        let path = url.splitn(4, '/').nth(3).context("a URL has a path")?;
        Ok(format!("/{path}"))
    };
    let places = Places { put: target("put")?, get: target("get")?, host };
    let measured = ours.watched(|_| there_and_back(&places, size))?;
    ours.stop()?;
    Ok(measured)
}

fn peer(bench: &mut Bench, setting: &Setting, size: u64) -> Result<(Times, Usages)> {
    let mut running = bench.start(setting)?;
    let places = Places {
        host: running.system.host.clone(),
        put: running.system.path("/big"),
        get: running.system.path("/big"),
    };
    let measured = running.watched(|_| there_and_back(&places, size))?;
    running.system.stop()?;
    Ok(measured)
}

fn there_and_back(places: &Places, size: u64) -> Result<Times> {
    let begun = Instant::now();
    request(&places.host, "PUT", &places.put, size)?;
    let up = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let came = download(&places.host, &places.get)?;
    ensure!(came == size, "{came} of {size} bytes came back");
    Ok(Times { up, down: begun.elapsed().as_secs_f64() })
}

fn measurement(setting: &Setting, round: u32, size: u64, times: &Times, usages: &Usages) -> Measurement {
    let mib = from_u64(size / MIB);
    let mut measurement = Measurement {
        scenario: "files".to_owned(),
        system: setting.name.clone(),
        setting: setting.durability.clone(),
        round,
        ..Measurement::default()
    };
    measurement
        .figures
        .extend([("up_mib_per_s".to_owned(), mib / times.up), ("down_mib_per_s".to_owned(), mib / times.down)]);
    with_usages(&mut measurement.figures, usages);
    measurement
}

/// Sends so many bytes; the body of the answer, which is a short one.
fn request(host: &str, verb: &str, target: &str, size: u64) -> Result<Vec<u8>> {
    let mut stream = connect(host)?;
    stream
        .write_all(format!("{verb} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {size}\r\n\r\n").as_bytes())?;
    let piece = vec![7; usize::try_from(MIB)?];
    for _ in 0..size / MIB {
        stream.write_all(&piece)?;
    }
    let (mut answer, length) = head(stream)?;
    let mut body = vec![0; usize::try_from(length)?];
    answer.read_exact(&mut body)?;
    Ok(body)
}

/// How many bytes came.
fn download(host: &str, target: &str) -> Result<u64> {
    let mut stream = connect(host)?;
    stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes())?;
    let (mut answer, length) = head(stream)?;
    let (mut piece, mut came) = (vec![0; usize::try_from(MIB)?], 0);
    while came < length {
        match answer.read(&mut piece)? {
            0 => bail!("the connection ended after {came} bytes"),
            read => came += read as u64,
        }
    }
    Ok(came)
}

fn connect(host: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Reads a head, which must be one of success; how long the body is that follows.
fn head(stream: TcpStream) -> Result<(BufReader<TcpStream>, u64)> {
    let mut stream = BufReader::with_capacity(usize::try_from(MIB)?, stream);
    let (mut status, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if status.is_empty() {
            line.clone_into(&mut status);
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    ensure!(status.contains(" 200 "), "it answers {status:?}");
    Ok((stream, length))
}

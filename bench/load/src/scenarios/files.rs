//! A big file up and down over one connection: ours beside `node:http` with streams, which syncs it as well.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::ours::cpu_of;
use crate::bench::{Bench, HANDLERS, failed, fared, with_usages};
use crate::gauge::{Gauge, busiest};
use crate::ours::Ours;
use crate::outcome::Wrong;
use crate::processes::Usages;
use crate::results::Measurement;
use crate::statistics::from_u64;
use crate::system::Setting;
use crate::verdict::Effort;

const SYSTEMS: &[&str] = &["less", "files-node"];
const MIB: u64 = 1 << 20;
const SIZE: u64 = 1 << 30;
const QUICK: u64 = 128 * MIB;
/// Before anything is measured.
const WARM_UP: u64 = 64 * MIB;
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

/// Seconds of both, and how the load generator fared.
struct Times {
    up: f64,
    down: f64,
    effort: Effort,
}

/// What files hold: noise with a period that no buffer has, so that a piece in another's place is not what was sent.
struct Content(Vec<u8>);

/// A prime above a MiB.
const PERIOD: u64 = 1_048_583;

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
    let answer = request(&host, "GET", &ours.path("/files"), 0, &Content::new()?)?;
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

impl Content {
    fn new() -> Result<Self> {
        let mut state = 88_172_645_463_325_252_u64;
        let noise = std::iter::from_fn(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes().first().copied()
        });
        let mut bytes: Vec<u8> = noise.take(usize::try_from(PERIOD)?).collect();
        bytes.extend_from_within(..);
        Ok(Self(bytes))
    }

    /// So many bytes, no more than a MiB, from there on.
    fn at(&self, from: u64, length: usize) -> Result<&[u8]> {
        let start = usize::try_from(from % PERIOD)?;
        self.0.get(start..start + length).context("no piece is longer than a MiB")
    }
}

fn there_and_back(places: &Places, size: u64) -> Result<Times> {
    let content = Content::new()?;
    let there_and_back = |size| -> Result<Times> {
        let (begun, gauge) = (Instant::now(), Gauge::begin());
        request(&places.host, "PUT", &places.put, size, &content)?;
        let (up, there) = (begun.elapsed().as_secs_f64(), gauge.read());
        let (begun, gauge) = (Instant::now(), Gauge::begin());
        let came = download(&places.host, &places.get, &content)?;
        let (down, back) = (begun.elapsed().as_secs_f64(), gauge.read());
        if came != size {
            return Err(Wrong(format!("{came} of {size} bytes came back")).into());
        }
        Ok(Times { up, down, effort: busiest([there, back]) })
    };
    there_and_back(WARM_UP)?;
    there_and_back(size)
}

fn measurement(setting: &Setting, round: u32, size: u64, times: &Times, usages: &Usages) -> Measurement {
    let mib = from_u64(size / MIB);
    let mut measurement = fared("files", setting, round, &times.effort);
    measurement
        .figures
        .extend([("up_mib_per_s".to_owned(), mib / times.up), ("down_mib_per_s".to_owned(), mib / times.down)]);
    let gib = 2.0 * from_u64((size + WARM_UP) / MIB) / 1024.0;
    measurement.figures.insert("cpu_s_per_gib".to_owned(), cpu_of(usages) / gib);
    with_usages(&mut measurement.figures, usages);
    measurement
}

/// Sends so many bytes; the body of the answer, which is a short one.
fn request(host: &str, verb: &str, target: &str, size: u64, content: &Content) -> Result<Vec<u8>> {
    let mut stream = connect(host)?;
    stream
        .write_all(format!("{verb} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {size}\r\n\r\n").as_bytes())?;
    for piece in 0..size / MIB {
        stream.write_all(content.at(piece * MIB, usize::try_from(MIB)?)?)?;
    }
    let (mut answer, length) = head(stream)?;
    let mut body = vec![0; usize::try_from(length)?];
    answer.read_exact(&mut body)?;
    Ok(body)
}

/// How many bytes came, each of which is right.
fn download(host: &str, target: &str, content: &Content) -> Result<u64> {
    let mut stream = connect(host)?;
    stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n").as_bytes())?;
    let (mut answer, length) = head(stream)?;
    let (mut piece, mut came) = (vec![0; usize::try_from(MIB)?], 0);
    while came < length {
        match answer.read(&mut piece)? {
            0 => bail!("the connection ended after {came} bytes"),
            read if piece[..read] == *content.at(came, read)? => came += read as u64,
            read => return Err(Wrong(format!("bytes {came} to {} are not those sent", came + read as u64)).into()),
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

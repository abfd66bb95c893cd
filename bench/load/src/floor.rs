//! The least that an order could take on this machine: its 4 syncs and its 9 hand-overs to a process, and nothing else.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::clock;

const SYNCS: usize = 4;
const HAND_OVERS: usize = 9;
/// What a store appends for a publish: a page.
const PAGE: usize = 4096;
/// What a delivery is: its header and a small payload.
const FRAME: usize = 256;

/// Nanoseconds of each of `orders` imagined orders: appends synced in `state`, frames answered by a Node.js process.
pub fn probe(root: &Path, state: &Path, socket: &Path, orders: usize) -> Result<Vec<u64>> {
    fs::create_dir_all(state)?;
    let listener = UnixListener::bind(socket)?;
    let mut echo = Command::new("node")
        .arg(root.join("bench/load/echo.mjs"))
        .arg(socket)
        .stdin(Stdio::null())
        .spawn()
        .context("cannot start node")?;
    let (mut stream, _) = listener.accept()?;
    let mut file = File::create(state.join("appended"))?;
    let mut frame = [0_u8; FRAME];
    frame[..4].copy_from_slice(&u32::try_from(FRAME - 4)?.to_le_bytes());
    let page = [1_u8; PAGE];
    let mut times = Vec::with_capacity(orders);
    for _ in 0..orders {
        let begun = clock::now();
        for step in 0..HAND_OVERS {
            stream.write_all(&frame)?;
            stream.read_exact(&mut frame)?;
            if step < SYNCS {
                file.write_all(&page)?;
                file.sync_data()?;
            }
        }
        times.push(clock::now() - begun);
    }
    // Its end of the socket is the end of the process.
    drop(stream);
    echo.wait()?;
    Ok(times)
}

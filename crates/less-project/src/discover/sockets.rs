//! A socket: a folder whose folders are its channels, save two that stand for a connection's beginning and end.

use super::leaves::Leaf;
use super::walk::Folder;
use crate::problem::Findings;
use crate::{Channel, Handler, Socket, config, kinds};

const CONNECT: &str = "connect";
const DISCONNECT: &str = "disconnect";

pub(super) fn read(folder: &Folder, leaves: &[Leaf], found: &mut Findings) -> Socket {
    let of_socket = || leaves.iter().filter(|leaf| leaf.names[0] == folder.name);
    let named = |name: &str| -> Option<Handler> {
        of_socket().find(|leaf| leaf.names[1] == name).map(|leaf| leaf.handler.clone())
    };
    if of_socket().next().is_none() {
        let (path, files) = (&folder.path, kinds::index_files());
        let hint = format!("create a folder {path}/<channel>/ with {files}, unless its clients only listen");
        found.warn(path, "this socket has no handlers: what its clients send goes nowhere", hint);
    }
    let is_channel = |leaf: &&Leaf| ![CONNECT, DISCONNECT].contains(&leaf.names[1].as_str());
    let channels = of_socket().filter(is_channel).map(|leaf| channel(folder, leaf, found)).collect();
    let (connect, disconnect) = (named(CONNECT), named(DISCONNECT));
    Socket { name: folder.name.clone(), connect, disconnect, channels, timeout: config::TIMEOUT }
}

fn channel(folder: &Folder, leaf: &Leaf, found: &mut Findings) -> Channel {
    let name = leaf.names[1].clone();
    if let Some(meant) = [CONNECT, DISCONNECT].into_iter().find(|meant| name.eq_ignore_ascii_case(meant)) {
        let message = format!("is a channel: the handler of its name is called `{meant}`, in small letters");
        found.warn(folder.join(&name), message, format!("rename it to {meant}, unless clients send on it"));
    }
    Channel { name, handler: leaf.handler.clone() }
}

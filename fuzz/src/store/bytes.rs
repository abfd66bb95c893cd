//! Damage to the files.
//!
//! Input: a byte of how (bit 0: the database is the next part and its log the rest, else both are the template's, and
//! damaged; bit 1: the log's checksums are mended; bit 2: there is no log), then damages: a byte (bit 0: in the log;
//! bits 1–2: bytes overwritten, cut off, a page set to one byte, a page copied over another), a place, a part.

use super::exercise::exercise;
use super::template::{Template, mend, write};
use crate::input::Input;
use crate::scratch;

const PAGE: usize = 4096;

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let how = input.byte();
    let (mut database, mut wal) = if how & 1 == 1 {
        (input.part().to_vec(), input.0.to_vec())
    } else {
        let template = Template::get();
        let (mut database, mut wal) = (template.database.clone(), template.wal.clone());
        while !input.is_empty() {
            let kind = input.byte();
            damage(if kind & 1 == 0 { &mut database } else { &mut wal }, kind >> 1 & 3, &mut input);
        }
        (database, wal)
    };
    if how & 2 != 0 {
        mend(&mut wal);
    }
    if how & 4 != 0 {
        wal.clear();
    }
    // A page size that makes it larger than what anybody reads: cut as a disk would have it.
    database.truncate(1 << 20);
    let home = scratch::folder();
    write(home.path(), &database, &wal);
    exercise(home.path());
}

fn damage(file: &mut Vec<u8>, kind: u8, input: &mut Input<'_>) {
    let length = file.len();
    if length == 0 {
        return;
    }
    let place = input.long() as u32 as usize % length;
    let page = |at: usize| at / PAGE * PAGE..(at / PAGE * PAGE + PAGE).min(length);
    match kind {
        0 => {
            let bytes = input.part();
            let end = (place + bytes.len()).min(length);
            file[place..end].copy_from_slice(&bytes[..end - place]);
        }
        1 => file.truncate(place),
        2 => file[page(place)].fill(input.byte()),
        _ => {
            let from = page(usize::from(input.short()) * PAGE % length);
            let copied = file[from].to_vec();
            let into = page(place);
            let most = copied.len().min(into.len());
            file[into.start..into.start + most].copy_from_slice(&copied[..most]);
        }
    }
}

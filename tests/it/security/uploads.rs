//! Uploads that no command line packs, from somebody who has the token: what they hold stays in its folder, and within
//! the limits.

use std::fs;

use serde_json::{Value, json};

use less_tests::harness::Home;

use super::command;

const BLOCK: usize = 512;

/// An entry of a tar, with whatever is wrong with it. `size`: as its header says it.
fn entry_of_size(name: &[u8], kind: u8, content: &[u8], size: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; BLOCK];
    header[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    header[100..108].copy_from_slice(b"0000777\0");
    header[124..124 + size.len()].copy_from_slice(size);
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].fill(b' ');
    header[156] = kind;
    header[157..168].copy_from_slice(b"/etc/passwd");
    header[257..265].copy_from_slice(b"ustar  \0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let padding = vec![0; content.len().next_multiple_of(BLOCK) - content.len()];
    [&header, content, &padding].concat()
}

fn entry(name: &str, kind: u8, content: &[u8]) -> Vec<u8> {
    entry_of_size(name.as_bytes(), kind, content, format!("{:011o}\0", content.len()).as_bytes())
}

fn file(name: &str, content: &str) -> Vec<u8> {
    entry(name, b'0', content.as_bytes())
}

fn folder(name: &str) -> Vec<u8> {
    entry(name, b'5', b"")
}

/// A name that has no room in a header, and the entry it belongs to.
fn long(name: &str, then: &[u8]) -> Vec<u8> {
    [&entry("././@LongLink", b'L', format!("{name}\0").as_bytes()), then].concat()
}

/// A project that works.
fn shop() -> Vec<Vec<u8>> {
    let handler = "exports.process = async () => ({ body: 'here' });";
    let folders = ["less", "less/apis", "less/apis/shop"].map(folder);
    folders.into_iter().chain([file("less/apis/shop/get.js", handler)]).collect()
}

fn uploaded(home: &Home, meta: &[u8], tar: &[u8]) -> (u16, Value) {
    let length = u32::try_from(meta.len()).unwrap().to_le_bytes();
    let body = [&length, meta, tar].concat();
    let answer = command(home, "POST", "projects/shop/deploy").body(body).send();
    let last = answer.text().lines().last().map(|line| serde_json::from_str(line).unwrap()).unwrap_or_default();
    (answer.status, last)
}

/// What was wrong with it.
#[track_caller]
fn refused(home: &Home, tar: &[u8]) -> String {
    let (status, last) = uploaded(home, br#"{"env":{}}"#, tar);
    assert_eq!((status, &last["event"]), (200, &json!("failed")), "{last}");
    last["problems"][0]["message"].as_str().unwrap_or_else(|| panic!("{last}")).to_owned()
}

/// Files and folders that are not there at the start, and what the last deploy left.
fn left(home: &Home) -> Vec<String> {
    let versions = home.less_home().join("server/versions/shop");
    let entries = fs::read_dir(versions).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn an_uploaded_project_stays_in_its_folder_and_within_the_limits() {
    let home = Home::new();
    home.start_server();
    let with = |more: &[Vec<u8>]| [shop().concat(), more.concat(), vec![0; 2 * BLOCK]].concat();
    let deep = "a/".repeat(1_500) + "x";
    let outside = home.root().join("outside");
    let absolute = outside.to_str().unwrap();
    for (what, more, told) in [
        ("a name with ..", vec![file("../../../outside", "x")], "leads out"),
        (".. further down", vec![file("less/../../x", "x")], "leads out"),
        ("an absolute name", vec![file(absolute, "x")], "leads out"),
        ("an absolute folder", vec![folder("/tmp/less-it-outside")], "leads out"),
        (".. in a long name", vec![long(&format!("{}../../../x", "a/../".repeat(30)), &file("x", "x"))], "leads out"),
        ("a link to a file", vec![entry("less/link", b'2', b"")], "neither file nor folder"),
        ("a second name of a file", vec![entry("less/link", b'1', b"")], "neither file nor folder"),
        ("a device", vec![entry("less/device", b'3', b"")], "neither file nor folder"),
        ("a block device", vec![entry("less/device", b'4', b"")], "neither file nor folder"),
        ("a pipe", vec![entry("less/pipe", b'6', b"")], "neither file nor folder"),
        ("a file with holes", vec![entry("less/holes", b'S', b"")], "neither file nor folder"),
        ("an extended header", vec![entry("x", b'x', b"26 path=../../../outside\n"), file("a", "x")], "neither"),
        ("a header for all", vec![entry("g", b'g', b"26 path=../../../outside\n"), file("a", "x")], "neither"),
        ("a long link", vec![entry("././@LongLink", b'K', b"/etc/passwd\0"), entry("l", b'2', b"")], "neither"),
        ("a file twice", vec![file("a", "1"), file("a", "2")], "two entries"),
        ("a file where a folder is", vec![file("less", "1")], "two entries"),
        ("a folder where a file is", vec![file("a", "1"), folder("a")], "two entries"),
        ("a file below a file", vec![file("a", "1"), file("a/b", "1")], "no folder for a/b"),
        ("many folders in one name", vec![long(&deep, &folder("x"))], "no folder for a/a/"),
        ("a name beyond a path's", vec![long(&"a/".repeat(3_000), &file("x", "1"))], "too long"),
        ("a name beyond a file's", vec![long(&"a".repeat(300), &file("x", "1"))], "no file can have"),
        (
            "a byte that no name has",
            vec![long(&format!("a\0{}", "b".repeat(120)), &file("x", "1"))],
            "no file can have",
        ),
        ("two long names", vec![long("a", &long("b", &file("x", "1")))], "neither"),
        ("8 GiB that do not come", vec![entry_of_size(b"a", b'0', b"x", b"77777777777\0")], "larger than 256 MiB"),
        ("2^63 bytes", vec![entry_of_size(b"a", b'0', b"x", b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff")], "larger"),
        ("a size that is none", vec![entry_of_size(b"a", b'0', b"x", b"88888888888\0")], "damaged"),
    ] {
        let problem = refused(&home, &with(&more));
        assert!(problem.contains(told), "{what}: {problem}");
        assert!(!problem.contains("versions"), "{what}: a path of the server in {problem}");
        assert_eq!(left(&home), [""; 0], "{what}");
    }
    // What unpacks to more than it is (a gzip bomb) is not unpacked at all.
    assert!(refused(&home, b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xed\xc1\x01\x0d").contains("damaged"));
    assert!(refused(&home, &with(&[])[..BLOCK * 4]).contains("damaged") || left(&home).is_empty());
    assert!(!outside.exists() && !home.less_home().join("outside").exists());

    let (status, last) = uploaded(&home, br#"{"env":{}}"#, &with(&[]));
    assert_eq!((status, &last["event"]), (200, &json!("done")), "{last}");
    assert_eq!(left(&home).len(), 1);
    assert_eq!(fs::read_dir(home.less_home().join("server/versions")).unwrap().count(), 1);
}

#[test]
fn an_upload_whose_head_is_wrong_is_refused() {
    let home = Home::new();
    home.start_server();
    let tar = [shop().concat(), vec![0; 2 * BLOCK]].concat();
    for meta in [&b"{}"[..], b"[1]", b"{", b"", br#"{"env":{"A":1}}"#, &[b' '; (1 << 20) + 1], &[0xff; 3]] {
        let (status, last) = uploaded(&home, meta, &tar);
        assert_eq!((status, &last["code"]), (400, &json!("bad_upload")), "{last}");
    }
    for variable in ["NODE_OPTIONS", "LD_PRELOAD", "LESS_FD", "A=B", ""] {
        let meta = json!({ "env": { variable: "1" } }).to_string();
        let (_, last) = uploaded(&home, meta.as_bytes(), &tar);
        let problem = last["problems"][0]["message"].as_str().unwrap_or_else(|| panic!("{last}"));
        assert!(problem.contains(variable) && problem.contains("not listed"), "{last}");
    }
    assert_eq!(left(&home), [""; 0]);
    home.run(&["server", "status"]).succeeded();
}

//! What stands in a home is its owner's alone, however careless the shell is that it was made from.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use less_tests::harness::{Foreground, Home, http};

const UMASK: &str = "exports.process = async () => ({ body: process.umask().toString(8) });";
const PYTHON_UMASK: &str = "
import os

def process(request, response):
    mask = os.umask(0)
    os.umask(mask)
    response['body'] = oct(mask)
    return response
";
const SHARED: &str = "require('fs').writeFileSync('FILE', ''); exports.process = async () => {};";

/// Everything that others could read, change or enter.
fn open_to_others(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            // One that is being made or replaced just now is gone.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_symlink() {
                continue;
            }
            if metadata.permissions().mode() & 0o077 != 0 {
                found.push(path.clone());
            }
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// `less-cli <args>` from a shell that lets everybody do everything.
fn careless(home: &Home, folder: &Path, args: &[&str]) -> Command {
    let binary = home.command(folder, args);
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(binary.get_program()).args(args).current_dir(folder);
    home.adopt(&mut command);
    command
}

#[test]
fn whatever_the_umask_a_home_is_its_owners_alone_and_a_handlers_files_are_as_its_umask_says() {
    let home = Home::new();
    let file = home.root().join("tmp/of-a-handler");
    let files = [
        ("less/apis/shop/get.js", UMASK),
        ("less/apis/shop/py/get.py", PYTHON_UMASK),
        ("less/apis/shop/ts/get.ts", "export const process = async () => ({ body: 'ts' });"),
        ("less/topics/sold/one/index.js", &SHARED.replace("FILE", file.to_str().unwrap())),
        ("less/shared/models/index.js", "exports.a = 1;"),
        ("vendor/one/package.json", r#"{ "name": "one", "version": "1.0.0", "main": "index.js" }"#),
        ("vendor/one/index.js", "exports.one = 1;"),
        ("package.json", r#"{ "name": "shop", "dependencies": { "one": "file:vendor/one" } }"#),
    ];
    let project = home.project("shop", &files);
    // The home was made by somebody else, and is open.
    fs::create_dir_all(home.less_home().join("server")).unwrap();
    for folder in [home.less_home(), home.less_home().join("server")] {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    }
    let done = |args: &[&str]| assert!(careless(&home, &project.folder, args).output().unwrap().status.success());
    done(&["server", "start", "--port", "0", "--control-port", "0"]);
    done(&["build", "shop"]);
    done(&["deploy", "shop"]);
    let run = careless(&home, &project.folder, &["run", "shop", "--port", &http::free_port()]);
    let mut run = Foreground::start(run, home.root().join("run").to_str().unwrap());
    for api in [project.url("shop"), run.url("shop")] {
        assert_eq!(http::get(&api).expect(200).text(), "0");
        assert_eq!(http::get(&format!("{api}/py")).expect(200).text(), "0o0");
        assert_eq!(http::get(&format!("{api}/ts")).expect(200).text(), "ts");
    }
    assert_eq!(open_to_others(&home.less_home()), Vec::<PathBuf>::new());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.less_home().join("server")), 0o700);
    assert_eq!(mode(&file), 0o666, "a handler's file is as the deployer's umask wants it");
    assert_eq!(mode(&project.folder.join("less-env.d.ts")), 0o666, "an author's, too");
    // What does not lie in the home at all cannot be opened: no socket, no board has a name.
    let named: Vec<_> = fs::read_to_string("/proc/net/unix").unwrap().lines().map(str::to_owned).collect();
    let root = home.root().to_str().unwrap();
    assert!(!named.iter().any(|line| line.contains(root)), "{named:?}");
}

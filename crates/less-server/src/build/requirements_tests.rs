//! With the Python of this machine, and uv where it is.

use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::super::Error;
use super::super::dependencies::ABANDONED;
use super::super::python;
use super::*;

fn project(requirements: &str) -> TempDir {
    let root = TempDir::new().unwrap();
    fs::write(root.path().join(FILE), requirements).unwrap();
    root
}

/// The Python, and whether something was installed.
async fn installed(root: &Path, cache: &Path) -> (Result<Option<PathBuf>>, bool) {
    let asked = AtomicBool::new(false);
    let python = python::check(&Env::new()).await.unwrap();
    let result = install(root, cache, &python, &Env::new(), || asked.store(true, Ordering::Relaxed)).await;
    (result, asked.into_inner())
}

fn problem(result: Result<Option<PathBuf>>) -> Problem {
    let Err(Error::Problems(problems)) = result else { panic!("{result:?}") };
    problems[0].clone()
}

fn says(python: &Path, code: &str) -> String {
    let output = std::process::Command::new(python).args(["-c", code]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().into()
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn packages_are_installed_once_for_projects_that_require_the_same() {
    let cache = TempDir::new().unwrap();
    let (one, other) = (project("-r sub/more.txt # these\n"), project("-r sub/more.txt # these\n"));
    for root in [&one, &other] {
        fs::create_dir(root.path().join("sub")).unwrap();
        fs::write(root.path().join("sub/more.txt"), "six==1.16.0").unwrap();
        // Neither takes the place of Python's own while it installs.
        fs::write(root.path().join("pip.py"), "raise SystemExit(1)").unwrap();
        fs::write(root.path().join("venv.py"), "raise SystemExit(1)").unwrap();
    }
    let (first, asked) = installed(one.path(), cache.path()).await;
    let python = first.unwrap().unwrap();
    assert!(asked && python.starts_with(cache.path().canonicalize().unwrap()), "{}", python.display());
    assert_eq!(says(&python, "import six; print(six.__version__)"), "1.16.0");
    let (second, asked) = installed(other.path(), cache.path()).await;
    assert_eq!((second.unwrap().unwrap(), asked), (python, false));
    assert_eq!(names(cache.path()).len(), 2);

    fs::write(other.path().join("sub/more.txt"), "six==1.17.0").unwrap();
    let (third, asked) = installed(other.path(), cache.path()).await;
    assert!(asked);
    assert_eq!(says(&third.unwrap().unwrap(), "import six; print(six.__version__)"), "1.17.0");
}

#[tokio::test]
async fn two_builds_of_the_same_at_once_get_the_same_environment() {
    let cache = TempDir::new().unwrap();
    let root = project("six==1.17.0");
    let (a, b) = tokio::join!(installed(root.path(), cache.path()), installed(root.path(), cache.path()));
    assert_eq!(a.0.unwrap(), b.0.unwrap());
    assert_eq!(names(cache.path()).len(), 2);
}

#[tokio::test]
async fn an_install_that_fails_is_told_in_the_installers_words_and_leaves_nothing() {
    let cache = TempDir::new().unwrap();
    let root = project("six==999.0\n");
    let problem = problem(installed(root.path(), cache.path()).await.0);
    assert!(problem.path == FILE && problem.message.contains("pip install -r requirements.txt` failed"), "{problem}");
    assert!(problem.message.contains("six==999.0") && problem.hint.contains("pip install"), "{problem}");
    assert_eq!(names(cache.path()), Vec::<String>::new());
}

#[tokio::test]
async fn an_install_that_was_cut_short_is_not_taken_for_a_whole_one() {
    let cache = TempDir::new().unwrap();
    let root = project("six==1.17.0");
    let python = python::check(&Env::new()).await.unwrap();
    let begun = tokio::sync::Notify::new();
    let env = Env::new();
    tokio::select! {
        biased;
        result = install(root.path(), cache.path(), &python, &env, || begun.notify_one()) => panic!("{result:?}"),
        () = begun.notified() => {}
    }
    assert!(fs::read_dir(cache.path()).unwrap().all(|entry| !entry.unwrap().file_type().unwrap().is_symlink()));

    // As a crash leaves it, at each of its moments: half there, and with a key that leads nowhere.
    let key =
        cache.path().join(Wanted::read(root.path(), &env).unwrap().unwrap().key(Installer::choose(&env), &python));
    let left = cache.path().join("venv-left");
    fs::create_dir_all(left.join("bin")).unwrap();
    symlink(&python.executable, left.join("bin/python")).unwrap();
    symlink("venv-left", &key).unwrap();
    let (result, asked) = installed(root.path(), cache.path()).await;
    assert!(asked && !result.unwrap().unwrap().starts_with(&left));
    assert!(whole(&key).is_some());
}

#[tokio::test]
async fn an_environment_whose_python_is_gone_is_made_again() {
    let cache = TempDir::new().unwrap();
    let root = project("six==1.17.0");
    let first = installed(root.path(), cache.path()).await.0.unwrap().unwrap();
    fs::remove_file(&first).unwrap();
    symlink("/gone/python3", &first).unwrap();
    let (second, asked) = installed(root.path(), cache.path()).await;
    assert!(asked && second.unwrap().unwrap() != first);
    assert!(!installed(root.path(), cache.path()).await.1);
}

#[test]
fn what_a_crash_left_is_removed_and_what_is_whole_or_under_construction_is_not() {
    let cache = TempDir::new().unwrap();
    let under_construction = Fresh::make(cache.path()).unwrap();
    for name in ["venv-left", "venv-whole"] {
        let path = cache.path().join(name);
        fs::create_dir(&path).unwrap();
        if name == "venv-whole" {
            mark(&path).unwrap();
        }
        let now = fs::metadata(&path).unwrap().modified().unwrap();
        File::open(&path).unwrap().set_modified(now - ABANDONED * 2).unwrap();
    }
    let fresh = Fresh::make(cache.path()).unwrap();
    let mut left = names(cache.path());
    left.sort();
    assert_eq!(left.len(), 3, "{left:?}");
    assert!(left[2] == "venv-whole" && under_construction.0.exists() && fresh.0.exists());
}

/// Packs itself, and needs nothing for it.
const BACKEND: &str = r#"
import zipfile
def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(folder + '/local-1.0-py3-none-any.whl', 'w') as wheel:
        wheel.writestr('local.py', 'value = 7')
        wheel.writestr('local-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: local\nVersion: 1.0\n')
        wheel.writestr('local-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: a\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
        wheel.writestr('local-1.0.dist-info/RECORD', '')
    return 'local-1.0-py3-none-any.whl'
"#;

#[tokio::test]
async fn a_package_in_the_project_itself_is_installed_beside_it_and_not_cached() {
    let cache = TempDir::new().unwrap();
    let root = project("./lib\n");
    fs::create_dir(root.path().join("lib")).unwrap();
    let settings = "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n";
    fs::write(root.path().join("lib/pyproject.toml"), settings).unwrap();
    fs::write(root.path().join("lib/backend.py"), BACKEND).unwrap();
    let (python, asked) = installed(root.path(), cache.path()).await;
    let python = python.unwrap().unwrap();
    assert!(asked && python.starts_with(root.path()) && names(cache.path()).is_empty());
    assert_eq!(says(&python, "import local; print(local.value)"), "7");
}

#[tokio::test]
async fn a_python_without_venv_is_told_and_how_to_get_it() {
    let python = PythonInfo { version: "3.11.7".into(), executable: "python3".into(), makes_environments: false };
    let result = Installer::Pip.fill(Path::new("venv"), Path::new("/"), &python, &Env::new()).await;
    let problem = problem(result.map(|()| None));
    assert!(problem.message.contains("ensurepip") && problem.hint.contains("apt install python3-venv"), "{problem}");
}

#[tokio::test]
async fn nothing_is_made_for_a_project_without_requirements() {
    let (root, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (result, asked) = installed(root.path(), cache.path()).await;
    assert!(result.unwrap().is_none() && !asked && names(cache.path()).is_empty());
}

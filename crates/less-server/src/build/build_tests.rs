//! A project of all three languages, from its files to what its workers are started with.

use std::fs;
use std::process::Command;

use less_project::HandlerPath;
use tempfile::TempDir;

use super::*;

const BOTH: [Runtime; 2] = [Runtime::Node, Runtime::Python];

fn folder(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (name, content) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

/// What is prepared need not be what handlers are in.
fn project() -> Project {
    let root = folder(&[("less/apis/a/get.js", "")]);
    less_project::discover(root.path(), "shop").unwrap()
}

async fn prepared(root: &TempDir, home: &TempDir, runtimes: &[Runtime], env: &Env) -> Result<Built> {
    let sdks = sdk::extract(home.path()).unwrap();
    let mut project = project();
    project.shared = vec!["models".into()];
    let runtimes = runtimes.iter().copied().collect();
    prepare(root.path(), &home.path().join("cache"), &sdks, &project, &runtimes, env, || ()).await
}

#[tokio::test]
async fn a_project_of_several_languages_is_prepared_and_found_again_after_a_restart() {
    let home = TempDir::new().unwrap();
    let root = folder(&[
        ("less/apis/a/get.ts", "import { of } from 'models'; export const process = (): string => of"),
        ("less/shared/models/index.ts", "export const of: string = 'models'"),
        ("requirements.txt", "# nothing yet"),
    ]);
    let built = prepared(&root, &home, &BOTH, &Env::new()).await.unwrap();
    let python = python::check(&Env::new()).await.unwrap();
    assert_eq!(built.facts, Facts { typescript: true, python: Some(python.executable) });
    let script = "import('./less/apis/a/get.js').then(it => console.log(it.process()))";
    let output = Command::new("node").args(["-e", script]).current_dir(root.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "models\n");
    assert_eq!(renew(root.path(), &built.sdks).unwrap(), built);
    let newer = Sdks { node: home.path().join("newer"), ..built.sdks.clone() };
    assert_eq!(renew(root.path(), &newer).unwrap(), Built { sdks: newer.clone(), ..built });
    assert_eq!(fs::read_link(root.path().join("less/node_modules/@chuva.io/less")).unwrap(), newer.node);
}

#[tokio::test]
async fn only_what_is_needed_is_looked_for_and_all_that_is_missing_is_told_at_once() {
    let home = TempDir::new().unwrap();
    let nothing = Env::from([("PATH".into(), "/nowhere".into())]);
    let (root, other) =
        (folder(&[("less/shared/models/index.js", "")]), folder(&[("less/shared/models/index.ts", ": no")]));
    let result = prepared(&root, &home, &BOTH, &nothing).await;
    let Err(Error::Problems(problems)) = result else { panic!("{result:?}") };
    assert_eq!(problems.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["node", "python3"]);
    prepared(&root, &home, &[], &nothing).await.unwrap();
    // Nobody loads it.
    let built = prepared(&other, &home, &[Runtime::Python], &Env::new()).await.unwrap();
    assert!(!built.facts.typescript && built.facts.python.is_some());
}

#[test]
fn a_worker_loads_what_was_made_of_the_file() {
    let loaded = |file: &str, language| {
        load_file(&Handler { path: HandlerPath::from_user("apis/a/get").unwrap(), file: file.into(), language })
    };
    let source = "less/apis/a/get.ts".to_owned();
    assert_eq!(loaded(&source, Language::TypeScript), ("less/apis/a/get.js".into(), Some(source)));
    assert_eq!(loaded("less/apis/a/get.mjs", Language::JavaScript), ("less/apis/a/get.mjs".into(), None));
    assert_eq!(loaded("less/apis/a/get.py", Language::Python), ("less/apis/a/get.py".into(), None));
}

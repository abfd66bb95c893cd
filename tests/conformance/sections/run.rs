//! Section 14: `run`. Each case has a home of its own.

use less_tests::harness::{Foreground, Request, eventually, eventually_some, http, processes};
use rustix::process::Signal;

use crate::case::{Case, case};
use crate::scene::{Scene, Stage};

pub(crate) const CASES: &[Case] = &[
    case!(run_takes_the_project_that_it_stands_in_or_the_last_build_of_the_name, ["14.30", "14.31"],
        "crates/less-cli/src/commands/run/source.rs":
            "if here.join(\"less\").is_dir() {"
            => "if here.join(\"less\").is_dir() && here.ends_with(\"less\") {"),
    case!(run_reloads_what_changed_and_goes_on_with_the_last_good_version, ["14.33"],
        "crates/less-cli/src/watch/mod.rs":
            "let is_old = seen.files == self.told.files;"
            => "let is_old = seen.files.len() == self.told.files.len();"),
    case!(ctrl_c_drains, ["14.34"],
        "crates/less-cli/src/commands/run/app.rs":
            "() = server.stop() => ExitCode::SUCCESS,"
            => "() = std::future::ready(drop(server)) => ExitCode::SUCCESS,"),
];

fn run(stage: &Stage, folder: &std::path::Path) -> Foreground {
    stage.home.start("run", folder, &["run", "bistro", "--port", &http::free_port()])
}

fn run_takes_the_project_that_it_stands_in_or_the_last_build_of_the_name(scene: &Scene) {
    let stage = scene.small_stage("bistro");
    let ends = |run: Foreground| {
        run.signal(Signal::INT);
        assert!(run.ended().success());
    };
    let mut standing = run(&stage, &stage.project().folder);
    assert_eq!(http::get(&standing.url("bistro")).expect(200).text(), "fine");
    let said = standing.stdout();
    for line in [
        "[less-local] App \"bistro\" is running ✅".to_owned(),
        "[less-local] Resources:".to_owned(),
        "[less-local]   List of APIs:".to_owned(),
        format!("[less-local]     - bistro: {}", standing.url("bistro")),
    ] {
        assert!(said.lines().any(|each| each == line), "{line:?} is not in\n{said}");
    }
    ends(standing);

    let elsewhere = stage.home.root().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    let refused = stage.home.run_in(&elsewhere, &["run", "bistro"]).failed_with(1).stderr;
    assert!(refused.contains("no build of \"bistro\""), "{refused}");
    stage.build();
    stage.handler("less/apis/bistro/get", &scene.language.answering("'changed later'"));
    let mut built = run(&stage, &elsewhere);
    assert_eq!(http::get(&built.url("bistro")).expect(200).text(), "fine");
    ends(built);
}

fn run_reloads_what_changed_and_goes_on_with_the_last_good_version(scene: &Scene) {
    let stage = scene.small_stage("bistro");
    let mut run = run(&stage, &stage.project().folder);
    let url = run.url("bistro");
    let route = "less/apis/bistro/get";
    stage.handler(route, &scene.language.answering("'changed'"));
    eventually("the change is served", || http::get(&url).expect(200).text() == "changed");
    stage.handler(route, "this is (no language");
    eventually("that is told", || run.stderr().contains("the running version goes on"));
    assert_eq!(http::get(&url).expect(200).text(), "changed");
    stage.handler(route, &scene.language.answering("'mended'"));
    eventually("it is mended", || http::get(&url).expect(200).text() == "mended");
    stage.handler("less/apis/bistro/more/get", &scene.language.answering("'new'"));
    eventually("the new folder is served", || http::get(&format!("{url}/more")).text() == "new");
}

fn ctrl_c_drains(scene: &Scene) {
    let stage = scene.small_stage("bistro");
    let slow = scene.language.pick(
        "exports.process = async () => { await new Promise((done) => setTimeout(done, 1500)); return { body: 'finished' }; };\n",
        "export const process = async () => { await new Promise((done) => setTimeout(done, 1500)); return { body: 'finished' }; };\n",
        "import time\n\n\ndef process(request, response):\n    time.sleep(1.5)\n    return {'body': 'finished'}\n",
    );
    stage.handler("less/apis/bistro/slow/get", slow);
    let mut run = run(&stage, &stage.project().folder);
    let url = format!("{}/slow", run.url("bistro"));
    let mut connection = eventually_some("a connection", || http::Connection::try_open(&url).ok());
    connection
        .try_write(
            format!("GET /slow HTTP/1.1\r\nhost: {}\r\n\r\n", &url["http://".len()..url.rfind('/').unwrap()])
                .as_bytes(),
        )
        .unwrap();
    // The handler has it: another request, sent later, is answered.
    Request::new("GET", &run.url("bistro")).send().expect(200);
    run.signal(Signal::INT);
    assert_eq!(connection.read_answer(false).unwrap().expect(200).text(), "finished");
    let pid = run.pid();
    assert!(run.ended().success() && !processes::lives(pid));
    stage.home.assert_no_process_left();
}

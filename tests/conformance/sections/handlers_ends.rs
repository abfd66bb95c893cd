//! Section 2: when an invocation ends, and what it logs.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use less_tests::harness::{LogLine, eventually, eventually_some, http};

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(what_a_handler_prints_is_its_log, ["2.26"],
        "crates/less-server/src/services/lines.rs":
            "if error { Stream::Error } else { Stream::Out }"
            => "if error { Stream::Out } else { Stream::Error }"),
    case!(lines_belong_to_their_invocation_also_when_several_run_at_once, ["2.27"],
        "crates/less-server/src/workers/wire.rs":
            "services.log(path, invocation, error, time, text);"
            => "services.log(path, uuid::Uuid::nil(), error, time, text);"),
    case!(a_forgotten_await_loses_nothing, ["2.28"],
        "sdk/node/invocations.cjs":
            "invocation.failure = failure;\n    if (invocation.calls === 0)"
            => "invocation.failure = failure;\n    invocation.calls = 0;\n    if (invocation.calls === 0)"),
    case!(a_call_that_failed_unawaited_fails_the_invocation, ["2.29"],
        "sdk/node/invocations.cjs":
            "else invocation.failure = { error };"
            => ""),
    case!(a_later_call_is_told_that_its_invocation_ended, ["2.30"],
        "sdk/node/calls.cjs":
            "was called after its invocation ended;"
            => "was called too late;"),
    case!(lines_are_stored_at_once_and_in_order, ["2.31", "2.32"],
        "crates/less-server/src/logs/queue.rs":
            "state.batch.lines.push(line);"
            => "state.batch.lines.insert(0, line);"),
    case!(an_invocation_that_prints_too_much_is_told_what_was_left_out, ["16.04"],
        "crates/less-server/src/limits.rs":
            "LOG_LINES: u64 = 10_000"
            => "LOG_LINES: u64 = 100_000"),
    case!(a_long_line_is_cut, ["16.05"],
        "crates/less-server/src/limits.rs":
            "LOG_LINE_BYTES: usize = 64 << 10"
            => "LOG_LINE_BYTES: usize = 640 << 10"),
];

fn lines(scene: &Scene, path: &str) -> Vec<LogLine> {
    scene.project().log_lines().into_iter().filter(|line| line.path == path).collect()
}

fn call(scene: &Scene, path: &str) {
    http::get(&format!("{}/{path}", scene.url("handlers"))).expect(200);
}

fn what_a_handler_prints_is_its_log(scene: &Scene) {
    call(scene, "prints");
    let path = "apis/handlers/prints/get";
    let printed = scene.language.pick("{ deep: [ 1 ] }", "{ deep: [ 1 ] }", "{'deep': [1]}");
    scene.project().logged(path, "in two parts");
    let lines = lines(scene, path);
    let streams: Vec<_> = lines.iter().map(|line| line.stream.as_str()).collect();
    assert_eq!(streams, ["out", "error", "error"]);
    assert_eq!(lines[0].text, format!("to standard output {printed}"));
    assert!(lines[1].text.contains("to standard error"), "{}", lines[1].text);
}

fn lines_belong_to_their_invocation_also_when_several_run_at_once(scene: &Scene) {
    let names = ["a", "b", "c", "d"];
    thread::scope(|threads| {
        for name in names {
            threads.spawn(move || call(scene, &format!("steps/{name}")));
        }
    });
    let path = "apis/handlers/steps/{name}/get";
    eventually("all lines are stored", || lines(scene, path).len() >= 20);
    let mut invocations: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in lines(scene, path) {
        invocations.entry(line.invocation).or_default().push(line.text);
    }
    let seen: BTreeSet<_> = invocations.into_values().collect();
    let expected = names.map(|name| (0..5).map(|step| format!("{name} {step}")).collect::<Vec<_>>());
    assert_eq!(seen, expected.into());
}

fn a_forgotten_await_loses_nothing(scene: &Scene) {
    http::post(&format!("{}/forgetful", scene.url("handlers")), "").expect(200);
    // Answered means that all of it is published: what is published from now on comes after it.
    eventually("all twenty arrive", || {
        let seen: BTreeSet<_> = scene.home.notes("forgotten").iter().filter_map(|note| note.as_u64()).collect();
        seen == (0..20).collect()
    });
}

fn a_call_that_failed_unawaited_fails_the_invocation(scene: &Scene) {
    http::post(&format!("{}/careless", scene.url("handlers")), "").expect_error(502);
    scene.project().logged("apis/handlers/careless/post", "262,144 bytes");
}

fn a_later_call_is_told_that_its_invocation_ended(scene: &Scene) {
    http::post(&format!("{}/late", scene.url("handlers")), "").expect(200);
    let late = eventually_some("the outcome of the late call", || scene.home.notes("late").pop());
    assert!(late.as_str().unwrap().contains("invocation ended"), "{late}");
}

fn lines_are_stored_at_once_and_in_order(scene: &Scene) {
    call(scene, "chatter?lines=200");
    let ended = Instant::now();
    let path = "apis/handlers/chatter/get";
    let of_this = || lines(scene, path).into_iter().filter(|line| line.text.starts_with("line ")).collect::<Vec<_>>();
    eventually("all lines are stored", || of_this().len() >= 200);
    // 200 ms, and what a busy machine adds.
    assert!(ended.elapsed() < Duration::from_secs(2), "stored only after {:?}", ended.elapsed());
    let mut invocations: BTreeMap<_, Vec<_>> = BTreeMap::new();
    of_this().into_iter().for_each(|line| invocations.entry(line.invocation).or_default().push(line.text));
    let of_200: Vec<_> = (0..200).map(|n| format!("line {n}")).collect();
    assert!(invocations.into_values().any(|lines| lines == of_200), "no invocation has its 200 lines in order");
}

fn an_invocation_that_prints_too_much_is_told_what_was_left_out(scene: &Scene) {
    let stage = scene.stage();
    let url = stage.project().deploy().url("handlers").to_owned();
    http::get(&format!("{url}/chatter?lines=12345")).expect(200);
    stage.project().logged("apis/handlers/chatter/get", "2,345 lines of this log were left out");
    let texts: Vec<_> = stage.project().log_lines().into_iter().map(|line| line.text).collect();
    assert_eq!((texts.len(), texts[9_999].as_str()), (10_001, "line 9999"));
}

fn a_long_line_is_cut(scene: &Scene) {
    let stage = scene.stage();
    let url = stage.project().deploy().url("handlers").to_owned();
    http::get(&format!("{url}/chatter?lines=0&long=200000")).expect(200);
    stage.project().logged("apis/handlers/chatter/get", "left out");
    let longest = stage.project().log_lines().into_iter().map(|line| line.text.len()).max();
    assert_eq!(longest, Some(64 << 10));
}

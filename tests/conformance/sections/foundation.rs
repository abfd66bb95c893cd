//! Section 1: what a project's folder means.

use std::collections::BTreeSet;

use less_tests::harness::{Request, http};
use serde_json::json;

use crate::case::{Case, case};
use crate::scene::Scene;

pub(crate) const CASES: &[Case] = &[
    case!(a_folder_without_less_or_with_an_empty_one_is_told_what_to_create, ["1.01", "1.34"],
        "crates/less-project/src/discover/mod.rs":
            "there is nothing in less/ that could run"
            => "it is empty"),
    case!(every_kind_of_resource_is_known_by_its_path, ["1.02", "1.11", "1.13", "1.14", "1.35"],
        "crates/less-project/src/kinds.rs":
            "folder: \"functions\""
            => "folder: \"cloud_functions\""),
    case!(anything_else_in_less_is_a_problem_but_hidden_files_and_readmes, ["1.03", "1.04"],
        "crates/less-project/src/discover/mod.rs":
            "less.files.iter().filter(|file| !file.starts_with(\"README\"))"
            => "less.files.iter()"),
    case!(what_lies_beside_and_below_a_handler_is_deployed_with_it, ["1.05", "1.06", "1.15"],
        "crates/less-server/src/build/snapshot.rs":
            "\"node_modules\" | \"__pycache__\" => true,"
            => "\"node_modules\" | \"__pycache__\" | \"lib\" => true,"),
    case!(a_near_miss_is_a_problem, ["1.07"],
        "crates/less-project/src/kinds.rs":
            "Some(1) => true,"
            => "Some(1) => false,"),
    case!(a_handler_one_level_too_high_is_a_warning_with_a_hint, ["1.08"],
        "crates/less-project/src/discover/leaves.rs":
            "is not run: a {} has a folder of its own"
            => "what is this {}?"),
    case!(every_verb_and_every_ending_is_a_route, ["1.09"],
        "crates/less-project/src/model.rs":
            "Self::Patch => \"patch\","
            => "Self::Patch => \"patches\","),
    case!(every_ending_of_index_is_a_subscriber, ["1.10"],
        "crates/less-project/src/kinds.rs":
            "extensions: &[\"js\", \"mjs\", \"cjs\"]"
            => "extensions: &[\"js\", \"mjs\"]"),
    case!(a_topic_with_a_hyphen_has_two_spellings, ["1.28"],
        "sdk/node/index.cjs":
            "name.replaceAll('-', '_')"
            => "name.replaceAll('-', '$')"),
];

fn a_folder_without_less_or_with_an_empty_one_is_told_what_to_create(scene: &Scene) {
    let stage = scene.empty_stage("empty");
    stage.build_fails(&["less/", "hint: create less/"]);
    stage.project().write("less/", "");
    stage.build_fails(&["there is nothing in less/", "hint: create less/"]);
    stage.handler("less/apis/empty/get", &scene.language.answering("'fine'"));
    stage.build();
}

fn every_kind_of_resource_is_known_by_its_path(scene: &Scene) {
    let language = scene.language;
    let stage = scene.small_stage("kinds");
    for path in ["topics/heard/one", "functions/sum", "external_topics/kinds_other/heard/one"] {
        stage.handler(&format!("less/{path}"), language.doing_nothing());
    }
    stage.handler("less/crons/nightly", language.taking_nothing());
    stage.project().write(&language.file("less/shared/models"), "");
    stage.project().write("less.config", "env_vars: [CRON_NIGHTLY]\n");
    stage.project().write(".env", "CRON_NIGHTLY=0 3 * * *\n");
    stage.project().deploy();
    for path in [
        "apis/kinds/get",
        "topics/heard/one",
        "functions/sum",
        "external_topics/kinds_other/heard/one",
        "crons/nightly",
    ] {
        stage.project().run(&["log", "--project", "kinds", "--path", path]).succeeded();
    }
    stage.project().run(&["log", "--project", "kinds", "--path", "functions/nobody"]).failed_with(1);
}

fn anything_else_in_less_is_a_problem_but_hidden_files_and_readmes(scene: &Scene) {
    let stage = scene.small_stage("others");
    for path in ["less/README.md", "less/README", "less/.gitkeep", "less/.hidden/file"] {
        stage.project().write(path, "");
    }
    stage.build();
    stage.project().write("less/widgets/one/file.txt", "");
    stage.project().write("less/notes.txt", "");
    stage.build_fails(&["less/widgets:", "less/notes.txt:"]);
}

fn what_lies_beside_and_below_a_handler_is_deployed_with_it(scene: &Scene) {
    let told = http::get(&scene.url("foundation")).expect(200).json();
    assert_eq!(told, json!(["hello", "from beside", "from below"]));
}

fn a_near_miss_is_a_problem(scene: &Scene) {
    let stage = scene.small_stage("misses");
    let ending = scene.language.short();
    let misses = [
        format!("less/apis/office/things/posts.{ending}"),
        format!("less/topics/orders/near/{}", scene.language.pick("Index.js", "Index.ts", "process.py")),
        format!("less/topics/orders/nearer/process.{ending}"),
    ];
    for miss in &misses {
        stage.project().write(miss, scene.language.doing_nothing());
    }
    let said = stage.build_fails(&misses.each_ref().map(String::as_str));
    assert!(said.matches("hint: rename it to").count() >= misses.len(), "{said}");
}

fn a_handler_one_level_too_high_is_a_warning_with_a_hint(scene: &Scene) {
    let stage = scene.small_stage("high");
    let file = scene.language.file("less/topics/paid");
    stage.project().write(&file, scene.language.doing_nothing());
    let said = stage.build();
    let warned = said.find(&format!("{file}: is not run")).unwrap_or_else(|| panic!("no warning of {file}:\n{said}"));
    assert!(said[warned..].contains("hint: move it to less/topics/paid/<subscriber>/"), "{said}");
}

fn every_verb_and_every_ending_is_a_route(scene: &Scene) {
    for verb in ["get", "post", "put", "patch", "delete"] {
        let answer = Request::new(&verb.to_uppercase(), &scene.url("verbs")).send().expect(200);
        assert_eq!(answer.text(), verb);
    }
}

fn every_ending_of_index_is_a_subscriber(scene: &Scene) {
    scene.publish("order_placed", &json!(7));
    let heard: BTreeSet<_> = scene.notes("heard", 3).iter().map(ToString::to_string).collect();
    assert_eq!(heard, [r#"["one",7]"#, r#"["two",7]"#, r#"["three",7]"#].map(str::to_owned).into());
}

fn a_topic_with_a_hyphen_has_two_spellings(scene: &Scene) {
    http::post(&format!("{}/hyphen", scene.url("foundation")), "").expect(200);
    let heard: BTreeSet<_> = scene.notes("hyphen", 2).iter().map(ToString::to_string).collect();
    assert_eq!(heard, [r#""hyphen""#, r#""underscore""#].map(str::to_owned).into());
}

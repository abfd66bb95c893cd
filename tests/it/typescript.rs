//! TypeScript handlers (contract, section 2): run with no set-up; errors name `.ts` lines; editors know the project.

use std::process::Command;

use less_tests::harness::{Home, Project, http, repository};

const ROUTE: &str = "import { topics, type Request, type Response } from '@chuva.io/less';
import { shout } from 'texts';
import { Level, label } from './levels';
import type { Unused } from './levels';

interface Answer {
  text: string;
}

export const process = async (request: Request, response: Response): Promise<Response> => {
  const answer: Answer = { text: shout(label(Level.High)) };
  await topics.heard.publish(answer satisfies Unused);
  response.body = answer;
  return response;
};
";
const LEVELS: &str = "export enum Level { Low = 1, High }
export type Unused = { text: string };
export function label(level: Level): string;
export function label(level: number): string {
  return `level ${level as number}`;
}
";
const THROWS: &str = "interface Heard {
  text: string;
  more?: { length: number };
}

// A comment, and types that vanish, so that lines differ from what runs.
type Nothing = { [key in keyof Heard]?: never };

export async function process(message: Heard): Promise<void> {
  const nothing = {} as Nothing & Heard;
  fail(message, nothing);
}

function fail(message: Heard, other: Heard): never {
  throw new Error(`no ${message.text} ${other.text}`);
}
";

fn shop(home: &Home) -> Project<'_> {
    home.project(
        "typed",
        &[
            ("less/apis/shop/post.ts", ROUTE),
            ("less/apis/shop/levels.ts", LEVELS),
            ("less/shared/texts/index.ts", "export const shout = (text: string): string => text.toUpperCase();\n"),
            ("less/topics/heard/throws/index.ts", THROWS),
            ("less/topics/heard/plain/index.js", "exports.process = async () => {};\n"),
        ],
    )
}

#[test]
fn typescript_runs_as_it_is_and_a_stack_names_its_lines() {
    let home = Home::new();
    let project = shop(&home);
    let url = project.deploy().url("shop").to_owned();
    assert_eq!(http::post(&url, "").expect(200).json(), serde_json::json!({ "text": "LEVEL 2" }));
    let line = project.logged("topics/heard/throws", "at fail");
    assert!(line.contains("less/topics/heard/throws/index.ts:15"), "{line}");
    project.logged("topics/heard/throws", "index.ts:11");
    home.kill_server();
    home.start_server();
    http::post(&project.url("shop"), "").expect(200);
}

#[test]
fn a_mistake_in_typescript_is_told_with_its_line_all_of_them_at_once() {
    let home = Home::new();
    let project = shop(&home);
    project.write("less/apis/shop/levels.ts", "export enum Level { Low = 1,, }\n");
    project.write("less/shared/texts/index.ts", "export const shout = (text: string) =>\n  text.;\n");
    let said = project.run(&["deploy", "typed"]).failed_with(1).stderr;
    assert!(said.contains("less/apis/shop/levels.ts:1") && said.contains("less/shared/texts/index.ts:2"), "{said}");
    let project = shop(&home);
    project.write("less/apis/shop/levels.ts", &LEVELS.replace("export enum", "JSON.parse('{');\nexport enum"));
    let said = project.run(&["deploy", "typed"]).failed_with(1).stderr;
    assert!(said.contains("less/apis/shop/levels.ts:1") && said.contains("property name"), "{said}");
}

/// `tsc` of npm, installed beside the project.
fn checked(home: &Home, project: &Project) -> (bool, String) {
    let npm = home.root().join("npm");
    if !npm.exists() {
        std::fs::create_dir(&npm).unwrap();
        std::fs::write(npm.join("package.json"), "{}").unwrap();
        let install = ["install", "--no-audit", "--no-fund", "--silent", "typescript@5"];
        assert!(Command::new("npm").args(install).current_dir(&npm).status().unwrap().success());
    }
    let tsc = npm.join("node_modules/.bin/tsc");
    let output = Command::new(tsc).args(["--noEmit", "-p", "."]).current_dir(&project.folder).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn the_compiler_knows_the_projects_own_topics_and_functions() {
    let home = Home::new();
    let project = shop(&home);
    project.write("less/functions/add-up/index.ts", "export const process = async (n: number[]) => n.length;\n");
    project.run(&["build", "typed"]).succeeded();
    assert!(project.folder.join("less-env.d.ts").exists());
    let (right, said) = checked(&home, &project);
    assert!(right, "{said}");
    project.write("less/apis/shop/post.ts", &ROUTE.replace("topics.heard", "topics.haerd"));
    let (right, said) = checked(&home, &project);
    assert!(!right && said.contains("Did you mean 'heard'?"), "{said}");
    let calls = "import { functions, kvs } from '@chuva.io/less';
export const process = async () => {
  const sum: number = await functions.add_up([1]);
  await kvs.set('sum', sum, { ttl: 5 });
  return (await kvs.get<number>('sum')) ?? (await functions['add-up']([]));
};
";
    project.write("less/apis/shop/post.ts", calls);
    let (right, said) = checked(&home, &project);
    assert!(right, "{said}");
    project.write("less/apis/shop/post.ts", &calls.replace("add_up", "addup"));
    assert!(!checked(&home, &project).0);
}

#[test]
fn the_typescript_examples_satisfy_the_compiler() {
    let home = Home::new();
    for example in ["food-delivery-typescript", "food-delivery-mixed"] {
        let project = Project::copy_of(&home, example, &repository(&format!("examples/{example}")));
        project.run(&["build", example]).succeeded();
        let (right, said) = checked(&home, &project);
        assert!(right, "{example}: {said}");
    }
}

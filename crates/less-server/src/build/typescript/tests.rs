//! What comes out is run by the Node.js of this machine.

use std::process::{Command, Output};

use tempfile::TempDir;

use super::*;

fn project(files: &[(&str, &str)]) -> TempDir {
    let root = TempDir::new().unwrap();
    // As `version` leaves it: the syntax of a file decides what it is.
    for (name, content) in [("less/package.json", "{}")].iter().chain(files) {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    root
}

fn node(root: &Path, script: &str) -> Output {
    let flags = ["--disable-warning=ExperimentalWarning", "--disable-warning=MODULE_TYPELESS_PACKAGE_JSON"];
    let script = ["--enable-source-maps", "--input-type=module", "-e", script];
    Command::new("node").args(flags).args(script).current_dir(root.join("less")).output().unwrap()
}

fn problems(root: &TempDir) -> Vec<Problem> {
    match transpile(root.path(), Path::new("none")) {
        Err(Error::Problems(problems)) => problems,
        other => panic!("{other:?}"),
    }
}

const HANDLERS: &[(&str, &str, &str)] = &[
    ("types", "type A = { n: number }; export const process = (a: A = { n: 1 }): string => `${a!.n as number}`", "1"),
    ("enum", "enum E { A = 1, B } const enum C { X = 'x' } export const process = () => E[E.B] + C.X", "Bx"),
    ("namespace", "namespace N { export const a = 1 } export const process = () => N.a", "1"),
    ("parameters", "class P { constructor(private a: number) {} get() { return this.a } }
        export const process = () => new P(2).get()", "2"),
    ("generics", "const same = <T,>(it: T) => it; export const process = () => same<string>('g') satisfies string", "g"),
    ("abstract", "abstract class A { abstract a(): number; declare b: string; c?: string }
        class B extends A { a() { return 1 } } export const process = () => JSON.stringify(Object.keys(new B()))", r#"["c"]"#),
    ("overloads", "function f(a: string): string; function f(a: any) { return a + 1 } export const process = () => f('f')", "f1"),
    ("import_equals", "import fs = require('node:fs'); import T = fs.Stats; export = { process: () => typeof fs.statSync }", "function"),
    ("import_equals_module", "import fs = require('node:fs'); export const process = () => typeof fs.statSync", "function"),
    ("exports", "exports.process = (a?: string) => typeof module", "object"),
    ("exports_and_types", "import type { A } from './types/get'; exports.process = (a: A) => typeof require", "function"),
    ("strict", "'use strict'; exports.process = function () { return typeof this }; exports.process = exports.process.bind()", "undefined"),
    ("commonjs_names", "export const process = () => [typeof require('node:fs'), __filename.split('/').pop(), __dirname.split('/').pop()].join()", "object,get.js,commonjs_names"),
    ("own_names", "export const process = () => ((require: string, __dirname = 1) => require + __dirname)('own')", "own1"),
    ("await", "export const value: number = await Promise.resolve(3); export const process = () => value", "3"),
    ("hashbang", "#!/usr/bin/env node\nexport const process = () => __filename.length > 0", "true"),
    ("unused_import", "import { Gone } from './not-there'; export const process = (a?: Gone) => 'vanished'", "vanished"),
    ("type_import", "import { type Gone } from './not-there'; export type { A } from './not-there-either'; export const process = () => 'vanished'", "vanished"),
    ("json", "import data from '../data.json'; export const process = () => data.a", "7"),
    ("relative", "import { h } from './helper'; import { h as t } from './helper.ts'; import { i } from './inner'; import * as p from './plain';
        export { h } from './helper'; export * from './inner/';
        export const process = async () => [h, t, i, p.p, (await import('./helper')).h].join()", "h,h,i,p,h"),
    ("required", "const { h } = require('../relative/helper.ts'), { i } = require('../relative/inner');
        exports.process = async () => [h, i, require.resolve('../relative/helper.ts').endsWith('helper.js'), (await import('../relative/inner')).i].join()", "h,i,true,i"),
    ("shared", "import models, { user } from 'models'; import { user as same } from 'models/user'; export const process = () => [user, same, models].join()", "u,u,d"),
    ("decorators", "const seen: string[] = []; const on = (name: string) => (...all: any[]) => { seen.push(name + all.length) };
        @on('class') class A { @on('field') f = 1; @on('method') m(@on('parameter') p: string) {} @on('get') get g() { return 1 } constructor(@on('new') n?: any) {} }
        const twice = (_: any, key: string, given: PropertyDescriptor) => ({ ...given, value: () => 2 * given.value() });
        class B { @twice m() { return 4 } }
        export const process = () => { new A(); return [...seen, new B().m()].join() }", "field3,parameter3,method3,get3,new3,class1,8"),
    ("decorators_commonjs", "'use strict'; const named = (it: any) => class extends it { n = 'named' } as any; @named class A {} exports.process = () => (new A() as any).n", "named"),
];

#[test]
fn handlers_run_as_they_were_meant() {
    let mut files: Vec<(String, &str)> =
        HANDLERS.iter().map(|(name, source, _)| (format!("less/apis/{name}/get.ts"), *source)).collect();
    for (name, content) in [
        ("less/apis/data.json", r#"{ "a": 7 }"#),
        ("less/apis/relative/helper.ts", "export const h: string = 'h'"),
        ("less/apis/relative/helper.d.ts", "this is not read"),
        ("less/apis/relative/inner/index.ts", "export const i = 'i' as const"),
        ("less/apis/relative/plain.js", "exports.p = 'p'"),
        ("less/shared/models/index.ts", "export { user } from './user'; export default 'd'"),
        ("less/shared/models/user.ts", "export const user: string = 'u'"),
        ("less/statics/site/app.ts", "this is not read"),
        ("less/shared/models/node_modules/x/index.ts", "nor is this"),
    ] {
        files.push((name.into(), content));
    }
    let files: Vec<(&str, &str)> = files.iter().map(|(name, content)| (name.as_str(), *content)).collect();
    let root = project(&files);
    assert!(transpile(root.path(), Path::new("none")).unwrap());
    fs::create_dir(root.path().join("less/node_modules")).unwrap();
    std::os::unix::fs::symlink("../shared/models", root.path().join("less/node_modules/models")).unwrap();
    let script =
        "import fs from 'node:fs'; for (const name of fs.readdirSync('apis').filter(name => !name.includes('.'))) {
        try {
            const module = await import(`${process.cwd()}/apis/${name}/get.js`);
            console.log(`${name}: ${await (module.process ?? module.default.process)()}`);
        } catch (error) { console.log(`${name}: ${error.stack}`) }
    }";
    let output = node(root.path(), script);
    let mut expected: Vec<String> = HANDLERS.iter().map(|(name, _, returned)| format!("{name}: {returned}")).collect();
    expected.sort();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!root.path().join("less/statics/site/app.js").exists());
    assert!(root.path().join("less/apis/types/get.ts").exists());
}

#[test]
fn a_stack_trace_names_the_line_of_the_typescript() {
    let thrower = "type Gone = {\n  a: string;\n};\nenum E {\n  A,\n}\nexport const fail = (it: Gone) => {\n  throw new Error(it.a + E.A);\n};\n";
    let handler = "interface Gone {\n  b: string\n}\n\nimport { fail } from '../helper';\nexport const process = () => __dirname && fail({ a: 'no' });\n";
    let root = project(&[("less/apis/helper.ts", thrower), ("less/apis/a/get.ts", handler)]);
    transpile(root.path(), Path::new("none")).unwrap();
    let output = node(root.path(), "(await import(`${process.cwd()}/apis/a/get.js`)).process()");
    let said = String::from_utf8(output.stderr).unwrap();
    for place in ["apis/helper.ts:8:9", "apis/a/get.ts:6:"] {
        assert!(said.contains(&format!("{}/less/{place}", root.path().canonicalize().unwrap().display())), "{said}");
    }
}

#[test]
fn all_problems_of_all_files_are_told_with_their_lines_and_nothing_is_written() {
    let root = project(&[
        ("less/apis/a/get.ts", "export const process = () => {\n  const a: = 1;\n}"),
        ("less/apis/b/get.ts", "const a = 1;\nconst a = 2;\nlet b; let b;"),
        ("less/apis/c/get.ts", "import fs from 'fs';\nexport = { process: () => fs }"),
        ("less/apis/d/get.ts", "export const process = 1"),
        ("less/shared/e/helper.ts", "export {}"),
        ("less/shared/e/helper.js", ""),
    ]);
    fs::write(root.path().join("less/apis/latin.ts"), b"// caf\xe9").unwrap();
    let found = problems(&root);
    let told: Vec<(&str, &str)> =
        found.iter().map(|one| (one.path.as_str(), one.message.lines().next().unwrap())).collect();
    assert_eq!(
        told,
        [
            ("less/apis/latin.ts", "is not UTF-8 text"),
            ("less/shared/e/helper.ts", "less/shared/e/helper.js beside it is the same module"),
            ("less/apis/a/get.ts:2", "Unexpected token"),
            ("less/apis/b/get.ts:1", "Identifier `a` has already been declared"),
            ("less/apis/b/get.ts:3", "Identifier `b` has already been declared"),
            (
                "less/apis/c/get.ts:2",
                "`export =` makes a CommonJS module, but this file imports or exports as an ES module does, too"
            ),
        ]
    );
    assert!(found[2].message.ends_with("\n  2 |   const a: = 1;\n    |            ^"), "{}", found[2]);
    assert!(found.iter().all(|one| !one.hint.is_empty()));
    assert!(!root.path().join("less/apis/d/get.js").exists());
}

#[test]
fn a_file_that_nests_without_end_does_not_end_the_server() {
    let deep = |open: &str, close: &str, count: usize| {
        format!("export const a = {}1{}", open.repeat(count), close.repeat(count))
    };
    for (source, is_fine) in [
        (deep("(", ")", NESTING), true),
        (deep("`${", "}`", NESTING), true),
        (deep("{a:[", "]}", NESTING / 2), true),
        (deep("(", ")", NESTING + 1), false),
        (deep("[", "]", 500_000), false),
        (deep("!", "", 500_000), true),
        (deep("a=>", "", 200_000), true),
        (deep("a=", "", 200_000), true),
        (format!("type T = {}1{}", "A<".repeat(200_000), ">".repeat(200_000)), true),
        (format!("type T = {}", "A<".repeat(200_000)), false),
        (deep("1+", "", 250_000), true),
        (deep("", "", FILE_BYTES / 2) + &"/".repeat(FILE_BYTES), false),
    ] {
        let root = project(&[("less/shared/a/data.ts", &source)]);
        let found =
            if is_fine { transpile(root.path(), Path::new("none")).map(|_| Vec::new()) } else { Ok(problems(&root)) };
        assert_eq!(found.unwrap().len(), usize::from(!is_fine), "{}", &source[..40]);
    }
}

#[test]
fn a_project_without_typescript_is_left_as_it_is() {
    let root = project(&[("less/apis/a/get.js", ""), ("less/apis/a/types.d.ts", "declare const a: string")]);
    assert!(!transpile(root.path(), Path::new("none")).unwrap());
    assert_eq!(fs::read_dir(root.path().join("less/apis/a")).unwrap().count(), 2);
}

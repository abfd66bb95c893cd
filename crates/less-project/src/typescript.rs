//! What an editor and `tsc` need to know of a project.

use std::fmt::Write;

use crate::{Project, Socket, Topic};

/// The SDK's own declarations, in which every topic, every socket and every function exists.
const SDK: &str = include_str!("../../../sdk/node/index.d.ts");

const HEADER: &str = "// Written by less-cli: what '@chuva.io/less' is in this project. Changes are overwritten.

declare module '@chuva.io/less' {
";

/// The text of `less-env.d.ts`: what `@chuva.io/less` is in this project, its topics, sockets and functions by name.
pub fn typescript_declarations(project: &Project) -> String {
    let topics = project.topics.iter().map(|topic| (topic.name.as_str(), described(topic), "Topic"));
    let functions = project.functions.iter().map(|function| {
        let description = function.handler.path.to_string();
        (function.name.as_str(), description, "CloudFunction")
    });
    let sockets = project.sockets.iter().map(|socket| (socket.name.as_str(), channels(socket), "Socket"));
    let any = SDK.split_once("export const topics").map_or(SDK, |(_, types)| types);
    let own = format!("export const topics{any}")
        .replace("  [name: string]: Topic;\n", &properties(topics))
        .replace("  [name: string]: CloudFunction;\n", &properties(functions))
        .replace("  [name: string]: Socket;\n", &properties(sockets))
        .replace("declare const", "const"); // a module that is declared is declared whole
    let mut text = String::from(HEADER);
    for line in own.lines() {
        let indent = if line.is_empty() { "" } else { "  " };
        writeln!(text, "{indent}{line}").unwrap_or_default();
    }
    text + "}\n"
}

/// The text of a `tsconfig.json` that finds the shared modules and checks what runs: every file is a module of its
/// own, and nothing is emitted.
pub fn tsconfig(project: &Project) -> String {
    let paths: Vec<String> = project
        .shared
        .iter()
        .map(|name| {
            format!("      \"{name}\": [\"./less/shared/{name}\"],\n      \"{name}/*\": [\"./less/shared/{name}/*\"]")
        })
        .collect();
    let paths = if paths.is_empty() { "{}".into() } else { format!("{{\n{}\n    }}", paths.join(",\n")) };
    format!(
        r#"{{
  "compilerOptions": {{
    "target": "ES2022",
    "lib": ["ES2023", "DOM"],
    "module": "ESNext",
    "moduleResolution": "bundler",
    "moduleDetection": "force",
    "isolatedModules": true,
    "resolveJsonModule": true,
    "experimentalDecorators": true,
    "allowImportingTsExtensions": true,
    "strict": true,
    "noEmit": true,
    "skipLibCheck": true,
    "allowJs": true,
    "paths": {paths}
  }},
  "include": ["less", "less-env.d.ts"]
}}
"#
    )
}

fn described(topic: &Topic) -> String {
    let names: Vec<&str> = topic.subscribers.iter().map(|subscriber| subscriber.name.as_str()).collect();
    if names.is_empty() { "Without subscribers.".into() } else { format!("Subscribers: {}.", names.join(", ")) }
}

fn channels(socket: &Socket) -> String {
    let names: Vec<&str> = socket.channels.iter().map(|channel| channel.name.as_str()).collect();
    if names.is_empty() { "Without channels.".into() } else { format!("Channels: {}.", names.join(", ")) }
}

/// A line each; a name with - also with _, as handlers may write it.
fn properties<'a>(named: impl Iterator<Item = (&'a str, String, &'a str)>) -> String {
    let mut text = String::new();
    for (name, description, kind) in named {
        let alias = name.replace('-', "_");
        let names = [name, alias.as_str()];
        for name in &names[..if alias == name { 1 } else { 2 }] {
            writeln!(text, "  /** {description} */\n  \"{name}\": {kind};").unwrap_or_default();
        }
    }
    text
}

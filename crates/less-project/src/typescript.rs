//! What an editor and `tsc` need to know of a project.

use crate::Project;

/// The text of `less-env.d.ts`: what `@chuva.io/less` is in this project.
pub fn typescript_declarations(project: &Project) -> String {
    let _ = project;
    String::new()
}

/// The text of a `tsconfig.json` that knows the shared modules.
pub fn tsconfig(project: &Project) -> String {
    let _ = project;
    String::new()
}

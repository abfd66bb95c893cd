//! Everything whose handler is an index file in a folder at a known depth: subscribers, sockets, crons, functions.

use super::names;
use super::walk::Folder;
use crate::Handler;
use crate::kinds::{self, KindRow};
use crate::name::HandlerPath;
use crate::problem::Findings;

/// A handler and the folders that name it: `["order_placed", "payment"]`.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) names: Vec<String>,
    pub(super) handler: Handler,
}

pub(super) fn read(row: &'static KindRow, folder: &Folder, found: &mut Findings) -> Vec<Leaf> {
    let mut leaves = Leaves { row, names: Vec::new(), leaves: Vec::new(), found };
    leaves.level(folder, row.levels);
    leaves.leaves
}

struct Leaves<'a> {
    row: &'static KindRow,
    names: Vec<String>,
    leaves: Vec<Leaf>,
    found: &'a mut Findings,
}

impl Leaves<'_> {
    /// `levels`: what the folders in here stand for, and those in them.
    fn level(&mut self, folder: &Folder, levels: &[&str]) {
        let Some((_, below)) = levels.split_first() else { return self.leaf(folder) };
        self.look_for_strays(folder, levels);
        names::check_level(folder.folders.iter(), self.found);
        for inner in &folder.folders {
            self.names.push(inner.name.clone());
            self.level(inner, below);
            self.names.pop();
        }
    }

    fn leaf(&mut self, folder: &Folder) {
        let handlers: Vec<_> = folder.files.iter().filter_map(|file| Some((file, kinds::index_file(file)?))).collect();
        let Some(((file, language), others)) = handlers.split_first() else { return self.look_for_slips(folder) };
        for (other, language) in others {
            let message = format!("`{file}` beside it is the handler already");
            self.found.problem(folder.join(other), message, "keep one");
            super::refuse_language(&folder.join(other), language, self.found);
        }
        let file = folder.join(file);
        super::refuse_language(&file, language, self.found);
        let path = HandlerPath::checked(folder.path.strip_prefix("less/").unwrap_or(&folder.path).to_owned());
        let handler = Handler { path, file, language: language.language };
        self.leaves.push(Leaf { names: self.names.clone(), handler });
    }

    /// A file that is a handler, but not where one is looked for.
    fn look_for_strays(&mut self, folder: &Folder, levels: &[&str]) {
        for file in &folder.files {
            let is_top = levels.len() == self.row.levels.len();
            let hint = match (kinds::index_of(file), kinds::source_file(file)) {
                (Some(index), _) => {
                    let below: Vec<String> = levels.iter().map(|level| format!("<{level}>")).collect();
                    format!("move it to {}/{}/{index}", folder.path, below.join("/"))
                }
                (None, Some((stem, language))) if is_top => {
                    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
                    let below: String = levels[1..].iter().map(|level| format!("<{level}>/")).collect();
                    format!("move it to {}/{stem}/{below}{}.{extension}", folder.path, language.index)
                }
                (None, _) => continue,
            };
            let message = format!("is not run: a {} has a folder of its own", levels[levels.len() - 1]);
            self.found.warn(folder.join(file), message, hint);
        }
    }

    /// Why a folder that should have a handler has none.
    fn look_for_slips(&mut self, folder: &Folder) {
        let what = self.row.levels[self.row.levels.len() - 1];
        let mut slips = folder.files.iter().filter_map(|file| Some((file, kinds::meant_as_index(file)?))).peekable();
        if slips.peek().is_none() {
            let hint = deeper(folder).map_or_else(
                || format!("create {} in it, or move it into the folder of a handler", kinds::index_files()),
                |file| format!("{file} is too deep: move it up into {}", folder.path),
            );
            self.found.warn(&folder.path, format!("there is no handler in it, so it is no {what}"), hint);
        }
        for (file, meant) in slips {
            let message = format!("is not the handler of this {what}");
            self.found.problem(folder.join(file), message, format!("rename it to {meant}"));
        }
    }
}

/// A handler somewhere below.
fn deeper(folder: &Folder) -> Option<String> {
    folder.folders.iter().find_map(|inner| {
        let here = inner.files.iter().find(|file| kinds::index_file(file).is_some());
        here.map(|file| inner.join(file)).or_else(|| deeper(inner))
    })
}

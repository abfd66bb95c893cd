//! `less/apis/<api>/<path…>/<verb>.<extension>`: the routes.

use super::names;
use super::walk::Folder;
use crate::kinds::{self, LanguageRow};
use crate::name::{self, HandlerPath};
use crate::problem::Findings;
use crate::{Api, Handler, Route, Segment, Verb};

/// The addresses under which a project's topics and functions are called.
const TAKEN: [&str; 2] = ["functions", "topics"];

/// Every API, with the timeouts still to be filled in.
pub(super) fn read(apis: &Folder, found: &mut Findings) -> Vec<Api> {
    names::check_level(apis.folders.iter(), found);
    for file in apis.files.iter().filter(|file| kinds::source_file(file).is_some()) {
        let extension = file.rsplit_once('.').map_or("js", |(_, extension)| extension);
        let hint = format!("move it to {}/<api>/<path>/<verb>.{extension}", apis.path);
        found.warn(apis.join(file), "is not run: it stands in no API", hint);
    }
    apis.folders.iter().map(|folder| api(folder, found)).collect()
}

fn api(folder: &Folder, found: &mut Findings) -> Api {
    if TAKEN.contains(&folder.name.as_str()) {
        let message = format!("`{}` cannot be the name of an API", folder.name);
        found.problem(
            &folder.path,
            message,
            "rename it; Less serves the project's own topics and functions under that name",
        );
    }
    let mut routes = Routes { found, segments: Vec::new(), routes: Vec::new() };
    routes.read(folder, false);
    let routes = routes.routes;
    if !has_route(folder) {
        let hint = format!("name the files of its routes after their verbs: {}", kinds::files_called("get"));
        found.warn(&folder.path, "this API has no routes", hint);
    }
    Api { name: folder.name.clone(), routes, timeout: crate::config::ROUTE_TIMEOUT, cors_origins: None }
}

/// Whether requests get anywhere through this folder; if not, it only helps the handlers above it, and
/// may be called anything.
fn has_route(folder: &Folder) -> bool {
    folder.files.iter().any(|file| kinds::verb_file(file).is_some()) || folder.folders.iter().any(has_route)
}

struct Routes<'a> {
    found: &'a mut Findings,
    segments: Vec<Segment>,
    routes: Vec<Route>,
}

impl Routes<'_> {
    fn read(&mut self, folder: &Folder, below_handler: bool) {
        let handlers: Vec<_> = folder
            .files
            .iter()
            .filter_map(|file| kinds::verb_file(file).map(|(verb, language)| (file.as_str(), verb, language)))
            .collect();
        self.look_for_slips(folder, below_handler || !handlers.is_empty());
        for (i, (file, verb, language)) in handlers.iter().enumerate() {
            if let Some((first, ..)) = handlers[..i].iter().find(|(_, earlier, _)| earlier == verb) {
                let message = format!("`{first}` beside it answers {verb} already");
                self.found.problem(folder.join(file), message, "keep one; a route has one handler for each verb");
            }
            self.route(folder, file, *verb, language);
        }
        let below = || folder.folders.iter().filter(|folder| has_route(folder));
        names::check_siblings(below(), self.found);
        for inner in &folder.folders {
            if has_route(inner) {
                self.check_segment(inner);
            }
            let segment = name::param(&inner.name)
                .map_or_else(|| Segment::Fixed(inner.name.clone()), |name| Segment::Param(name.to_owned()));
            self.segments.push(segment);
            self.read(inner, below_handler || !handlers.is_empty());
            self.segments.pop();
        }
    }

    fn route(&mut self, folder: &Folder, file: &str, verb: Verb, language: &LanguageRow) {
        let file = folder.join(file);
        super::refuse_language(&file, language, self.found);
        let path = folder.path.strip_prefix("less/").unwrap_or(&folder.path);
        let path = HandlerPath::checked(format!("{path}/{}", verb.file_stem()));
        let handler = Handler { path, file, language: language.language };
        self.routes.push(Route { verb, segments: self.segments.clone(), handler });
    }

    fn check_segment(&mut self, folder: &Folder) {
        if let Err(bad) = name::check_segment(&folder.name) {
            self.found.problem(&folder.path, bad.message, bad.hint);
        }
        let repeated = |name| self.segments.iter().any(|above| matches!(above, Segment::Param(above) if above == name));
        if name::param(&folder.name).is_some_and(repeated) {
            let message = format!("`{}` is in this path twice: only the last value reaches the handler", folder.name);
            self.found.warn(&folder.path, message, "rename one");
        }
    }

    /// Files that were probably meant as handlers. Beside a handler, or in a folder inside its folder, they may
    /// as well be its helpers, and `index` may be one anywhere.
    fn look_for_slips(&mut self, folder: &Folder, may_help: bool) {
        for file in folder.files.iter().filter(|file| kinds::verb_file(file).is_none()) {
            let Some(meant) = kinds::meant_as_verb(file) else { continue };
            let hint = format!("rename it to {meant}, or to the verb it answers; else give it another name");
            let is_index = kinds::index_file(file).is_some();
            match (may_help, is_index) {
                (true, true) => {}
                (true, false) | (false, true) => self.found.warn(folder.join(file), NO_ROUTE, hint),
                (false, false) => self.found.problem(folder.join(file), NO_ROUTE, hint),
            }
        }
    }
}

const NO_ROUTE: &str = "is not a route: the file of a route is named after its verb";

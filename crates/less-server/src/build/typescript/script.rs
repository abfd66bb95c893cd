//! One TypeScript file: its text in, the text of a script out, or everything that is wrong with its syntax.

use std::path::{Path, PathBuf};

use less_project::Problem;
use oxc_allocator::Allocator;
use oxc_ast::ast::{Program, Statement};
use oxc_ast_visit::VisitMut;
use oxc_codegen::{Codegen, CodegenOptions};
use oxc_diagnostics::{OxcDiagnostic, Severity};
use oxc_parser::Parser;
use oxc_semantic::{Scoping, SemanticBuilder};
use oxc_span::{GetSpan, SourceType, Span};
use oxc_transformer::{DecoratorOptions, HelperLoaderMode, HelperLoaderOptions, TransformOptions, Transformer};

use super::excerpt::excerpt;
use super::rewrite::Rewrite;
use super::specifiers::Specifiers;

/// What a file may use that `tsc` makes CommonJS of, though it is written with `import`.
const COMMONJS: [(&str, &str); 3] = [
    (
        "require",
        "import { createRequire as less__require } from \"node:module\"; \
        const require = less__require(import.meta.url); ",
    ),
    ("__filename", "const __filename = import.meta.filename; "),
    ("__dirname", "const __dirname = import.meta.dirname; "),
];
/// What decorated classes call; the compiler does not bring it along.
const DECORATE: &str = "const babelHelpers = { \
    decorate(decorators, target, key, given) { \
        const isClass = arguments.length < 3; \
        let made = isClass ? target : given === null ? Object.getOwnPropertyDescriptor(target, key) : given; \
        for (const decorator of [...decorators].reverse()) { \
            made = (isClass ? decorator(made) : decorator(target, key, made)) || made; \
        } \
        if (!isClass && made) Object.defineProperty(target, key, made); \
        return made; \
    }, \
    decorateParam: (index, decorator) => (target, key) => decorator(target, key, index), \
}; ";

type Result<T> = std::result::Result<T, Vec<Problem>>;

/// The file as problems name it, where it lies, and its text.
pub(super) struct Source<'s> {
    pub(super) name: &'s str,
    pub(super) path: &'s Path,
    pub(super) text: &'s str,
}

pub(super) fn transpile(source: &Source<'_>, specifiers: &Specifiers) -> Result<String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source.text, SourceType::ts().with_unambiguous(true)).parse();
    source.refuse(&parsed.diagnostics)?;
    let mut program = parsed.program;
    let checked = SemanticBuilder::new_compiler().with_enum_eval(true).build(&program);
    source.refuse(&checked.diagnostics)?;
    let scoping = checked.semantic.into_scoping();
    let export_is = program.body.iter().find(|one| matches!(one, Statement::TSExportAssignment(_))).map(GetSpan::span);
    let transformed = Transformer::new(&allocator, source.path, &options()).build_with_scoping(scoping, &mut program);
    source.refuse(&transformed.diagnostics)?;
    let scoping = transformed.scoping;
    forget_types(&mut program, &scoping);
    if let Some(place) = export_is.filter(|_| is_es_module(&program)) {
        let message = "`export =` makes a CommonJS module, but this file imports or exports as an ES module does, too";
        let hint = "write `export default`, or import with `import x = require('x')`";
        return Err(vec![source.problem(place, message, hint)]);
    }
    let folder = source.path.parent().unwrap_or(source.path);
    Rewrite { allocator: &allocator, scoping: &scoping, specifiers, folder }.visit_program(&mut program);
    Ok(print(source.path, &mut program, &scoping))
}

impl Source<'_> {
    fn refuse(&self, found: &[OxcDiagnostic]) -> Result<()> {
        let problems: Vec<_> = found
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .map(|one| {
                let place = one.labels.first().map_or(Span::empty(0), |label| label.span());
                self.problem(
                    place,
                    &one.message,
                    one.help.as_deref().unwrap_or("correct this line or the one before it"),
                )
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn problem(&self, place: Span, message: &str, hint: &str) -> Problem {
        let shown = excerpt(self.text, place.start as usize);
        Problem::new(format!("{}:{}", self.name, shown.line), format!("{message}\n{}", shown.text), hint)
    }
}

/// Legacy decorators, which the libraries that live of decorators want; helpers come with [`DECORATE`].
fn options() -> TransformOptions {
    TransformOptions {
        decorator: DecoratorOptions { legacy: true, ..DecoratorOptions::default() },
        helper_loader: HelperLoaderOptions { mode: HelperLoaderMode::External, ..HelperLoaderOptions::default() },
        ..TransformOptions::default()
    }
}

fn is_es_module(program: &Program<'_>) -> bool {
    program.body.iter().any(Statement::is_module_declaration)
}

/// A file that imports types only and exports with `exports` is CommonJS, but is left with an `export {}`.
fn forget_types(program: &mut Program<'_>, scoping: &Scoping) {
    let is_empty =
        |one: &Statement<'_>| matches!(one, Statement::ExportNamedDeclaration(export) if export.specifiers.is_empty());
    let only_empty = program.body.iter().filter(|one| one.is_module_declaration()).all(is_empty);
    if only_empty && (is_missing("exports", scoping) || is_missing("module", scoping)) {
        program.body.retain(|one| !is_empty(one));
    }
}

fn is_missing(name: &str, scoping: &Scoping) -> bool {
    scoping.root_unresolved_references().keys().any(|unresolved| *unresolved == name)
}

fn print(path: &Path, program: &mut Program<'_>, scoping: &Scoping) -> String {
    // The first line is the head's.
    program.hashbang = None;
    let head = head(program, scoping);
    let source_map_path = path.file_name().map(PathBuf::from);
    let printed = Codegen::new().with_options(CodegenOptions { source_map_path, ..Default::default() }).build(program);
    let mut script = head + &printed.code;
    if let Some(mut map) = printed.map {
        // The file itself is beside it.
        map.set_source_contents(vec![None]);
        script.push_str("//# sourceMappingURL=");
        script.push_str(&map.to_data_url());
        script.push('\n');
    }
    script
}

/// Stands before the first line and not above it, so that lines stay those of the map.
fn head(program: &Program<'_>, scoping: &Scoping) -> String {
    let mut head = String::new();
    if is_missing("babelHelpers", scoping) {
        head.push_str(DECORATE);
    }
    if is_es_module(program) {
        head.extend(COMMONJS.iter().filter(|(name, _)| is_missing(name, scoping)).map(|(_, text)| *text));
    } else if !head.is_empty() && program.directives.iter().any(|directive| directive.is_use_strict()) {
        head.insert_str(0, "\"use strict\"; ");
    }
    head
}

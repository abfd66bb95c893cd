//! Makes what stands after `from` and in `require()` what Node.js finds.

use std::path::Path;

use oxc_allocator::{Allocator, ArenaBox};
use oxc_ast::ast::{
    Argument, CallExpression, ExportAllDeclaration, ExportFromDeclaration, Expression, ImportAttribute,
    ImportAttributeKey, ImportDeclaration, ImportExpression, StringLiteral, WithClause, WithClauseKeyword,
};
use oxc_ast::builder::AstBuilder;
use oxc_ast_visit::{VisitMut, walk_mut};
use oxc_semantic::Scoping;
use oxc_span::SPAN;

use super::specifiers::{Given, Specifiers};

pub(super) struct Rewrite<'a, 's> {
    pub(super) allocator: &'a Allocator,
    pub(super) scoping: &'s Scoping,
    pub(super) specifiers: &'s Specifiers,
    /// Where the file lies.
    pub(super) folder: &'s Path,
}

impl<'a> Rewrite<'a, '_> {
    fn rewrite(&self, given: Given, specifier: &mut StringLiteral<'a>) {
        if let Some(instead) = self.specifiers.instead(given, specifier.value.as_str(), self.folder) {
            specifier.value = self.allocator.alloc_str(&instead).into();
            specifier.raw = None;
        }
    }

    /// `require` or `require.resolve`, and not a function of the file's own.
    fn is_require(&self, callee: &Expression<'a>) -> bool {
        match callee {
            Expression::Identifier(name) => {
                let is_own = |id| self.scoping.get_reference(id).symbol_id().is_some();
                name.name == "require" && !name.reference_id.get().is_some_and(is_own)
            }
            Expression::StaticMemberExpression(member) => {
                member.property.name == "resolve" && self.is_require(&member.object)
            }
            _ => false,
        }
    }

    /// `with { type: "json" }`, which Node.js wants and TypeScript does not.
    fn as_json(&self) -> ArenaBox<'a, WithClause<'a>> {
        let build = AstBuilder::new(self.allocator);
        let key = ImportAttributeKey::new_identifier(SPAN, "type", &build);
        let value = StringLiteral::new(SPAN, "json", None, &build);
        let clause =
            WithClause::new(SPAN, WithClauseKeyword::With, [ImportAttribute::new(SPAN, key, value, &build)], &build);
        ArenaBox::new_in(clause, &build)
    }
}

impl<'a> VisitMut<'a> for Rewrite<'a, '_> {
    fn visit_import_declaration(&mut self, it: &mut ImportDeclaration<'a>) {
        self.rewrite(Given::Import, &mut it.source);
        if it.with_clause.is_none() && it.source.value.ends_with(".json") {
            it.with_clause = Some(self.as_json());
        }
    }

    fn visit_export_from_declaration(&mut self, it: &mut ExportFromDeclaration<'a>) {
        self.rewrite(Given::Import, &mut it.source);
    }

    fn visit_export_all_declaration(&mut self, it: &mut ExportAllDeclaration<'a>) {
        self.rewrite(Given::Import, &mut it.source);
    }

    fn visit_import_expression(&mut self, it: &mut ImportExpression<'a>) {
        if let Expression::StringLiteral(specifier) = &mut it.source {
            self.rewrite(Given::Import, specifier);
        }
        walk_mut::walk_import_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &mut CallExpression<'a>) {
        if self.is_require(&it.callee)
            && let [Argument::StringLiteral(specifier)] = it.arguments.as_mut_slice()
        {
            self.rewrite(Given::Require, specifier);
        }
        walk_mut::walk_call_expression(self, it);
    }
}

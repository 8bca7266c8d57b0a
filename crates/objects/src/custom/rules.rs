//! `x-kubernetes-validations` (apiextensions pkg/apiserver/schema/cel).

mod compile;
mod field_path;
mod run;

use compile::Compiled;
pub(crate) use compile::compile_scope;
pub(crate) use field_path::field_path;

use std::collections::BTreeMap;

use document::NodeRef;

use crate::field::Cause;

use super::schema::Schema;

/// The rules of a schema and of all that is below it, compiled; nodes without any are left out.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    root: Option<Box<SchemaRules>>,
}

/// The rules of one schema node.
#[derive(Debug)]
pub(crate) struct SchemaRules {
    pub(super) rules: Vec<Compiled>,
    /// The schema has rules, and values that expressions cannot see.
    pub(super) unseen: bool,
    pub(super) all_of: Vec<SchemaRules>,
    pub(super) items: Option<Box<SchemaRules>>,
    pub(super) properties: BTreeMap<String, SchemaRules>,
    pub(super) additional: Option<Box<SchemaRules>>,
}

impl Rules {
    /// Compiles the rules of a version's schema, or of one within it.
    pub(crate) fn compile(schema: Option<&Schema>, is_resource: bool) -> Self {
        let schema = schema.filter(|schema| schema.has_rules());
        Self { root: schema.and_then(|schema| compile::scope(schema, schema, is_resource)).map(Box::new) }
    }

    /// What the rules say of an object, within the budget of one request.
    pub(crate) fn run(&self, schema: &Schema, object: NodeRef<'_>, old: Option<NodeRef<'_>>) -> Vec<Cause> {
        self.root.as_deref().map(|scope| run::run(scope, schema, object, old)).unwrap_or_default()
    }
}

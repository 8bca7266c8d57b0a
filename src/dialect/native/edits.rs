//! Paths and operations of policies: where a finding points, and what changes an object.

use std::sync::Arc;

use super::expressions::{Expressions, Wanted};
use super::lower::Lowering;
use super::written;
use crate::document::Document;
use crate::document::edit::PatchOperation;
use crate::document::path::Path;
use crate::policy::Base;
use crate::policy::{Edit, EditValue};

/// What the paths of a rule count from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub(super) on: Base,
    /// From an element of `forEach`.
    pub(super) each: bool,
}

impl Lowering<'_> {
    pub(super) fn edits(
        &mut self,
        pointer: &str,
        written: &[written::Edit],
        start: Start,
        expressions: &Expressions,
    ) -> Option<Vec<Edit>> {
        let edits: Vec<_> = written
            .iter()
            .enumerate()
            .map(|(i, edit)| self.edit(&format!("{pointer}/{i}"), edit, start, expressions))
            .collect();
        edits.into_iter().collect()
    }

    fn edit(
        &mut self,
        pointer: &str,
        written: &written::Edit,
        start: Start,
        expressions: &Expressions,
    ) -> Option<Edit> {
        let written::Edit { set, remove, op, path, from, value } = written;
        let computed = value.as_ref().is_some_and(|value| {
            value
                .as_object()
                .is_some_and(|o| o.len() == 1 && o.get("cel").is_some_and(serde_json::Value::is_string))
        });
        let value_of = |this: &mut Self, value: &serde_json::Value| {
            if computed {
                let node = this.node(&format!("{pointer}/value/cel"));
                return this
                    .keep(expressions.expression(node, start.each, Wanted::Any))
                    .map(EditValue::Computed);
            }
            Some(EditValue::Literal(Arc::new(Document::from_value(value).ok()?)))
        };
        match (set, remove, op) {
            (Some(set), None, None) => {
                let path_to = self.field_path(&format!("{pointer}/set"), set, start);
                let Some(value) = value else {
                    let help = "add `value: …`, or `value: {cel: EXPRESSION}` for one that is computed";
                    self.help(pointer, "`set` without a `value`", help);
                    return None;
                };
                self.unwanted(pointer, &[(path.is_some(), "path"), (from.is_some(), "from")]);
                let value = value_of(self, value);
                Some(Edit::Set { path: path_to?, value: value? })
            }
            (None, Some(remove), None) => {
                self.unwanted(
                    pointer,
                    &[(path.is_some(), "path"), (from.is_some(), "from"), (value.is_some(), "value")],
                );
                Some(Edit::Remove { path: self.field_path(&format!("{pointer}/remove"), remove, start)? })
            }
            (None, None, Some(op)) => {
                for (field, path) in [("path", path), ("from", from)] {
                    if let Some(path) = path {
                        self.begins_well(&format!("{pointer}/{field}"), path, '/', start);
                    }
                }
                let edit = self.raw(pointer, *op, path.as_deref(), from.as_deref(), value.as_ref());
                match (edit, value) {
                    (Some(Edit::Raw(operation)), Some(value)) if computed => {
                        Some(Edit::RawComputed { operation, value: value_of(self, value)? })
                    }
                    (edit, _) => edit,
                }
            }
            _ => {
                self.help(pointer, "no operation, or several", "one of `set`, `remove`, `op`");
                None
            }
        }
    }

    fn unwanted(&mut self, pointer: &str, fields: &[(bool, &str)]) {
        for (written, field) in fields {
            if *written {
                self.issue(&format!("{pointer}/{field}"), format!("`{field}` means nothing here"));
            }
        }
    }

    /// A path of `at`, `set` or `remove`.
    pub(super) fn field_path(&mut self, pointer: &str, path: &str, start: Start) -> Option<Path> {
        match path.parse::<Path>() {
            Ok(parsed) => self.begins_well(pointer, path, '.', start).then_some(parsed),
            Err(error) => {
                let help = "as in spec.containers[0].image, metadata.labels[\"a/b\"]";
                self.help(pointer, error.to_string(), help);
                None
            }
        }
    }

    /// Whether a path begins with a field. Expressions name what they read, and so its author may have begun with
    /// a variable: then a field of that name would be looked for, or made.
    fn begins_well(&mut self, pointer: &str, path: &str, separator: char, start: Start) -> bool {
        let Start { on, each } = start;
        let plain = path.trim_start_matches('/');
        let first = plain.split([separator, '[']).next().unwrap_or_default();
        let rest = plain[first.len()..].trim_start_matches('.');
        let from = if each { "item" } else { on.name() };
        let field =
            |rest: &str| if rest.is_empty() { "leave it out".to_owned() } else { format!("write {rest}") };
        let help = match first {
            // what is visited may have a field `object`, as the metrics of a HorizontalPodAutoscaler have
            "object" if each => return true,
            "podSpec" | "podMetadata" if !each && on != base(first) => {
                format!(
                    "write `on: {first}` in the rule, and {}",
                    match rest {
                        "" => "leave the path out".to_owned(),
                        rest => format!("{rest} here"),
                    }
                )
            }
            _ if first == from => field(rest),
            "object" => format!("leave `on: {}` out, and {}", on.name(), field(rest)),
            "item" => format!("there is no `item` without `forEach`: {}", field(rest)),
            "podSpec" | "podMetadata" | "oldObject" | "namespaceObject" | "allContainers" => {
                format!("write the field below `{from}`")
            }
            "spec" | "metadata" if !each && on != Base::Object => {
                format!("write the field below `{from}`, as in {}", example(on))
            }
            _ => return true,
        };
        self.help(
            pointer,
            format!("paths here are relative to `{from}`, so they do not begin with `{first}`"),
            help,
        );
        false
    }

    fn raw(
        &mut self,
        pointer: &str,
        op: written::RawOp,
        path: Option<&str>,
        from: Option<&str>,
        value: Option<&serde_json::Value>,
    ) -> Option<Edit> {
        use written::RawOp;
        let takes_value = matches!(op, RawOp::Add | RawOp::Replace | RawOp::Test);
        let takes_from = matches!(op, RawOp::Move | RawOp::Copy);
        let mut operation = serde_json::Map::new();
        operation.insert("op".into(), format!("{op:?}").to_lowercase().into());
        let mut good = true;
        for (field, given, wanted) in [
            ("path", path.map(serde_json::Value::from), true),
            ("from", from.map(serde_json::Value::from), takes_from),
            ("value", value.cloned(), takes_value),
        ] {
            match (given, wanted) {
                (Some(given), true) => {
                    operation.insert(field.into(), given);
                }
                (None, true) => {
                    self.issue(pointer, format!("`op` without a `{field}`"));
                    good = false;
                }
                (Some(_), false) => self.unwanted(pointer, &[(true, field)]),
                (None, false) => {}
            }
        }
        if !good {
            return None;
        }
        let document = Document::from_value(&operation).ok()?;
        match PatchOperation::read(document.root()) {
            Ok(operation) => Some(Edit::Raw(operation)),
            Err(error) => {
                let field = document.node(error.node).key().unwrap_or_default();
                let help = "a pointer begins with a slash: /spec/replicas";
                self.help(&format!("{pointer}/{field}"), error.to_string(), help);
                None
            }
        }
    }
}

/// The base of that name.
fn base(name: &str) -> Base {
    if name == "podSpec" { Base::PodSpec } else { Base::PodMetadata }
}

fn example(on: Base) -> &'static str {
    if on == Base::PodSpec { "containers, securityContext.runAsUser" } else { "labels, annotations[\"a/b\"]" }
}

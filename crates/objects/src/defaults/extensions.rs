//! apiextensions/v1/defaults.go.

use crate::tree::{Id, Tree, Value};

pub(super) fn defaults(tree: &mut Tree<'_>, id: Id, kind: &str) {
    match kind {
        "CustomResourceDefinition" => definition(tree, id),
        "CustomResourceDefinitionSpec" => spec(tree, id),
        "ServiceReference" => tree.default_absent(id, "port", Value::Int(443)),
        _ => {}
    }
}

/// `Convert_apiextensions_CustomResourceConversion_To_v1_CustomResourceConversion`: a webhook of which nothing is said
/// is none.
pub(super) fn convert_conversion(tree: &mut Tree<'_>, id: Id) {
    let Some(webhook) = tree.get(id, "webhook") else { return };
    let said = |tree: &Tree<'_>, key| tree.get(webhook, key).is_some();
    if !said(tree, "clientConfig") && !said(tree, "conversionReviewVersions") {
        tree.remove(id, "webhook");
    }
}

fn definition(tree: &mut Tree<'_>, id: Id) {
    let spec = tree.object(id, "spec");
    let stored = tree.items(spec, "versions").into_iter().find(|version| tree.is_true(*version, "storage"));
    let status = tree.object(id, "status");
    if tree.items(status, "storedVersions").is_empty()
        && let Some(version) = stored
    {
        let name = tree.text(version, "name").to_owned();
        let list = tree.set(status, "storedVersions", Value::List);
        tree.push(list, "", Value::text(name), None);
    }
}

fn spec(tree: &mut Tree<'_>, id: Id) {
    let names = tree.object(id, "names");
    let kind = tree.text(names, "kind").to_owned();
    if !kind.is_empty() {
        tree.default(names, "singular", Value::text(kind.to_lowercase()));
        tree.default(names, "listKind", Value::text(format!("{kind}List")));
    }
    if tree.get(id, "conversion").is_none() {
        let conversion = tree.set(id, "conversion", Value::Object);
        tree.set(conversion, "strategy", Value::text("None"));
    }
}

//! Where Kubernetes documents what an object is made of.

use crate::document::NodeRef;
use crate::objects::admit::Served;
use crate::objects::schema::{Definition, KindRow, Type};

/// The section about a definition in the reference of a release.
#[must_use]
pub fn link(of: &Definition, row: &KindRow, minor: u8) -> String {
    let name = of.short_name().to_ascii_lowercase();
    let package = of.name.rsplit_once('.').map_or("", |(package, _)| package);
    let (group, version) = package.rsplit_once('/').unwrap_or((row.group, row.version));
    // packages are named by the first word of their group, sections by all of it: `networking-k8s-io`
    let group = match row.group.split('.').next() {
        Some(first) if first == group => row.group,
        _ => group,
    };
    let group = if group.is_empty() { "core".to_owned() } else { group.replace('.', "-") };
    format!(
        "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.{minor}/#{name}-{version}-{group}"
    )
}

/// What a list or map has many of.
#[must_use]
pub fn element(kind: &Type) -> &Type {
    match kind.pointed() {
        Type::List(of, _) | Type::Map(of, ..) => element(of),
        other => other,
    }
}

/// The section about the innermost part of an object that a node is in; none for custom resources.
pub(super) fn of(served: Served<'_>, node: NodeRef<'_>, object: NodeRef<'_>, minor: u8) -> Option<String> {
    let Served::BuiltIn(row) = served else { return None };
    let mut definition = row.definition()?;
    let pointer = node.pointer_from(object.id());
    for key in pointer.split('/').skip(1) {
        // positions in lists and keys of maps are no fields
        let Some(field) = definition.field(key, minor) else { continue };
        match element(&field.kind).definition() {
            Some(inner) => definition = inner,
            None => break,
        }
    }
    Some(link(definition, row, minor))
}

//! From a patched value to an object again: read into the kind's Go type, with defaults; a custom resource stays as it is.
//!
//! apiserver `plugin/policy/mutating/dispatcher.go` (`dispatchOne`), apimachinery `runtime/{converter,scheme}.go` and
//! `runtime/serializer/json`.

use document::{Document, LimitError, NodeRef};

use super::json::Json;
use super::{Fault, Target};
use crate::admit::{Served, split};
use crate::custom::{self, schema::owned};
use crate::decode::{Decoder, Problem, ProblemKind, in_order};
use crate::defaults;
use crate::schema::{self, KindRow};
use crate::tree::Tree;

/// What merging gave, which is read without JSON (`FromUnstructured`): what fits the schema may still not fit the type.
pub(super) fn restore(merged: &Json<'_>, target: &Target<'_>) -> Result<Document<'static>, Fault> {
    let document = merged.to_document()?;
    let row = match target.served {
        Some(Served::BuiltIn(row)) => row,
        Some(Served::Custom(definition, version)) => return Ok(definition.with_defaults(version, &document)?),
        None => return Ok(document),
    };
    let (tree, problems) = read(&document, row, target);
    if let Some(problem) = problems.first().filter(|problem| problem.kind != ProblemKind::Unknown) {
        let text = from_unstructured(&problem.message, document.node(problem.node));
        return Err(Fault::Policy(format!(
            "unable to convert unstructured object to {}: {text}",
            target.name()
        )));
    }
    finished(tree, row, target)
}

/// The error of reading a value that is no JSON text any more.
fn from_unstructured(message: &str, node: NodeRef<'_>) -> String {
    let Some((head, of)) = message.rsplit_once(" of type ") else {
        return match message.strip_prefix("illegal base64") {
            Some(_) => format!("error decoding from json: {message}"),
            None => message.to_owned(),
        };
    };
    if node.as_f64().is_some() && node.as_i64().is_none() {
        return format!("cannot convert float64 to {of}");
    }
    match head.split_once(" into Go ") {
        Some((found, _)) => format!("{found} into Go value of type {of}"),
        None => message.to_owned(),
    }
}

/// What a JSON patch gave, decoded as the body of a request under strict field validation.
pub(super) fn decode(patched: &Json<'_>, target: &Target<'_>) -> Result<Document<'static>, Fault> {
    if !patched.is_map() {
        let text = r#"couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type"#;
        let of = r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
        return Err(internal(&format!("{text} {of}")));
    }
    let document = patched.to_document()?;
    let root = document.root();
    let row = match target.served {
        Some(Served::BuiltIn(row)) => row,
        Some(Served::Custom(definition, version)) => {
            if root.get_str("kind").is_none_or(str::is_empty) {
                let json = custom::go_json::written(root);
                return Err(internal(&format!("Object 'Kind' is missing in '{json}'")));
            }
            return Ok(definition.with_defaults(version, &document)?);
        }
        None => return Ok(document),
    };
    let said = named(root, row, target)?;
    let (tree, problems) = read(&document, said, target);
    if let Some(first) = problems.first().filter(|problem| problem.kind != ProblemKind::Unknown) {
        return Err(internal(&first.message));
    }
    if !problems.is_empty() {
        let unknown: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        return Err(internal(&format!("strict decoding error: {}", unknown.join(", "))));
    }
    if !std::ptr::eq(said, row) {
        let (from, to) = (go_type(said), row.definition().map_or("", |definition| definition.short_name()));
        let package = internal_package(row.group);
        return Err(internal(&format!(
            "failed to convert object: converting ({from}) to ({package}.{to}): unknown conversion"
        )));
    }
    finished(tree, row, target)
}

/// The kind that the patched object says it is of.
fn named(root: NodeRef<'_>, row: &'static KindRow, target: &Target<'_>) -> Result<&'static KindRow, Fault> {
    let written = |name| root.get_str(name).filter(|text| !text.is_empty());
    let kind = written("kind").unwrap_or(row.kind);
    let (group, version) = written("apiVersion").map_or((row.group, row.version), split);
    if (group, version, kind) == (row.group, row.version, row.kind) {
        return Ok(row);
    }
    schema::kind(group, version, kind, target.minor).ok_or_else(|| {
        let version = written("apiVersion").unwrap_or(row.version);
        internal(&format!(
            "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\""
        ))
    })
}

/// The package of a group's internal types in pkg/apis.
fn internal_package(group: &str) -> &str {
    match group {
        "" | "events.k8s.io" => "core",
        "internal.apiserver.k8s.io" => "apiserverinternal",
        other => other.split('.').next().unwrap_or(other),
    }
}

fn internal(text: &str) -> Fault {
    Fault::Internal(text.to_owned())
}

/// The object without a change, as it is where a `test` failed.
pub(super) fn unchanged(object: NodeRef<'_>, target: &Target<'_>) -> Result<Document<'static>, Fault> {
    match target.served {
        Some(Served::BuiltIn(row)) => convertible(row, target)?,
        Some(Served::Custom(..)) | None => {}
    }
    Ok(Json::Node(object).to_document()?)
}

fn read<'d>(document: &'d Document<'d>, row: &KindRow, target: &Target<'_>) -> (Tree<'d>, Vec<Problem>) {
    let root = document.root();
    let mut decoder = Decoder::new(root, target.minor, false);
    let to = decoder.tree.root();
    if let Some(definition) = row.definition() {
        decoder.object(to, definition, Some(root));
    }
    let (tree, problems) = decoder.finish();
    (tree, in_order(problems, root))
}

fn finished(mut tree: Tree<'_>, row: &KindRow, target: &Target<'_>) -> Result<Document<'static>, Fault> {
    convertible(row, target)?;
    defaults::apply(&mut tree, target.minor);
    Ok(alone(&tree)?)
}

fn alone(tree: &Tree<'_>) -> Result<Document<'static>, LimitError> {
    let document = tree.finish()?;
    owned(document.root()).ok_or(LimitError::Size)
}

/// The dispatcher wants the object in the version of the request, and versions do not convert into one another without
/// the internal one between.
fn convertible(row: &KindRow, target: &Target<'_>) -> Result<(), Fault> {
    let (group, version) = target.sent;
    if (row.group, row.version) == (group, version) {
        return Ok(());
    }
    let from = go_type(row);
    if row.group != group {
        let to = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
        return Err(Fault::Policy(format!(
            "{from} is not suitable for converting to {to:?} in scheme \"pkg/api/legacyscheme/scheme.go:30\""
        )));
    }
    let to = schema::kind(group, version, row.kind, target.minor).map_or(String::new(), go_type);
    Err(Fault::Policy(format!("converting ({from}) to ({to}): unknown conversion")))
}

/// `v1.HorizontalPodAutoscaler`
fn go_type(row: &KindRow) -> String {
    row.definition().map_or_else(String::new, |definition| definition.go.to_owned())
}

/// See [`super::settled`].
pub(super) fn settle(object: NodeRef<'_>, target: &Target<'_>) -> Result<Document<'static>, LimitError> {
    let document = Json::Node(object).to_document()?;
    let Some(Served::BuiltIn(row)) = target.served else { return Ok(document) };
    let (mut tree, _) = read(&document, row, target);
    defaults::convert(&mut tree);
    alone(&tree)
}

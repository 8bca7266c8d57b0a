//! Documents that do not say what they are, or say it wrongly.
//!
//! kubectl refuses a file for one document without `kind` or `apiVersion`, and a server for a kind that it does not have.
//! What is no manifest at all (values, a chart, a workflow) is left alone, so there has to be a sign that one was meant:
//! other manifests in the file, the other of the two keys, `metadata`, a key that is nearly the right one.

use super::notice::{Draft, NoticeCode};
use crate::api;
use crate::document::{Document, NodeId, NodeRef, Span};
use crate::nearest::{distance, nearest};
use crate::resource::workload;

/// What is to be said of the type of a document. `beside`: whether its file has manifests.
pub(super) fn lacking(
    document: &Document<'_>,
    beside: bool,
    manifests: &[(NodeId, Option<u32>)],
) -> Option<Draft> {
    let root = document.root();
    let text = |key| root.get_str(key).filter(|text: &&str| !text.is_empty());
    let (kind, version) = (text("kind"), text("apiVersion"));
    if !manifests.is_empty() || (kind.is_some() && version.is_some()) {
        return None;
    }
    if !root.is_object() {
        let what = root.kind().name();
        let message =
            format!("this document is of type {what}, not an object, and kubectl refuses the file for it");
        return beside.then(|| draft(NoticeCode::NoKind, root.span(), message)).flatten();
    }
    let (missing, code) = match (kind, version) {
        (None, Some(_)) => ("kind", NoticeCode::NoKind),
        (Some(_), None) => ("apiVersion", NoticeCode::NoApiVersion),
        _ if misspelt(root, "apiVersion").is_some() && misspelt(root, "kind").is_none() => {
            ("apiVersion", NoticeCode::NoApiVersion)
        }
        _ => ("kind", NoticeCode::NoKind),
    };
    let nearly = misspelt(root, missing);
    let object = |key: &str| root.get(key).is_some_and(NodeRef::is_object);
    let either = kind.is_some() || version.is_some();
    // programs have files of their own with a kind and metadata
    let own_kind = kind.is_none_or(api::is_built_in);
    let meant = object("metadata") || (either && object("spec"));
    let other = if missing == "kind" { "apiVersion" } else { "kind" };
    let misspelt_meant = nearly.is_some() && (either || meant || misspelt(root, other).is_some());
    if !(beside || misspelt_meant || (either && meant && own_kind)) {
        return None;
    }
    let written = root.get(missing);
    let (span, message) = match (nearly, written) {
        (Some((key, span)), _) => (
            Some(span),
            format!("the object has no {missing}: the key is written {key:?}; did you mean {missing:?}?"),
        ),
        (None, Some(node)) if !node.is_null() => {
            let what = if node.as_str().is_some() { "an empty string" } else { node.kind().name() };
            (node.span(), format!("{missing} must be a string, and is {what}"))
        }
        (None, written) => {
            let place = written.or_else(|| root.children().next()).and_then(NodeRef::key_span);
            (place, format!("the object has no {missing}, and kubectl refuses the file for it"))
        }
    };
    draft(code, span.or_else(|| root.span()), message)
}

/// A key that is nearly the right one, and where it stands.
fn misspelt<'d>(root: NodeRef<'d>, key: &str) -> Option<(&'d str, Span)> {
    if root.get(key).is_some() {
        return None;
    }
    let plain = |text: &str| {
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let wanted = plain(key);
    let near = |other: &str| {
        if !may_be_near(other, &wanted) {
            return false;
        }
        let other = plain(other);
        // `version` and `appVersion` are other words
        let long = wanted.len() > 4
            && (other.starts_with("ap") || other.starts_with("pi"))
            && other != "appversion"
            && other.len().abs_diff(wanted.len()) < 3;
        other == wanted
            || (long && nearest(&other, std::iter::once(wanted.as_str())).is_some())
            || (wanted.len() <= 4 && is_swapped(&other, &wanted))
    };
    let (found, node) = root.members().find(|(other, _)| near(other))?;
    Some((found, node.key_span().or_else(|| node.span())?))
}

/// Whether a key is one to compare with a wanted one, of which there are two: most begin with another letter, or are of
/// another length.
fn may_be_near(other: &str, wanted: &str) -> bool {
    let first = other.bytes().find(u8::is_ascii_alphanumeric);
    let count = other.bytes().filter(u8::is_ascii_alphanumeric).count();
    if wanted.len() > 4 {
        return matches!(first, Some(b'a' | b'A' | b'p' | b'P')) && count.abs_diff(wanted.len()) < 3;
    }
    count == wanted.len() || count == wanted.len() + 1
}

/// Whether two short words differ by one letter that is left out, or by two that changed places.
fn is_swapped(a: &str, b: &str) -> bool {
    let sorted = |text: &str| {
        let mut bytes: Vec<u8> = text.bytes().collect();
        bytes.sort_unstable();
        bytes
    };
    let doubled = a.len() == b.len() + 1
        && (0..a.len()).any(|at| {
            a.is_char_boundary(at)
                && a.is_char_boundary(at + 1)
                && format!("{}{}", &a[..at], &a[at + 1..]) == b
        });
    (a.len() == b.len() && a.as_bytes().first() == b.as_bytes().first() && sorted(a) == sorted(b)) || doubled
}

/// Items that are lists themselves: kubectl takes a list apart once.
pub(super) fn nested(document: &Document<'_>, manifests: &[(NodeId, Option<u32>)]) -> Vec<Draft> {
    let items = manifests.iter().filter(|(_, item)| item.is_some()).map(|(root, _)| document.node(*root));
    items
        .filter(|item| item.get("items").is_some_and(NodeRef::is_array))
        .filter_map(|item| {
            let kind = item.get("kind").filter(|kind| kind.as_str().is_some_and(|kind| kind.ends_with("List")))?;
            let name = kind.as_str().unwrap_or_default();
            let message = format!("a {name} in a List: kubectl takes the outer one apart and sends this one as it is, which no server takes");
            draft(NoticeCode::NestedList, kind.span(), message)
        })
        .collect()
}

/// A kind that no version of its group has, where the group is Kubernetes' own. `defined`: whether a
/// CustomResourceDefinition of the input has it.
pub(super) fn unknown_kind(root: NodeRef<'_>, defined: impl Fn(&str, &str) -> bool) -> Option<Draft> {
    let (version, kind_node) = (root.get_str("apiVersion")?, root.get("kind")?);
    let kind = kind_node.as_str()?;
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let number = version.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if group.is_empty() && !number {
        return None;
    }
    let own = api::is_own_group(group);
    let misspelt = (!own).then(|| misspelt_group(group, kind)).flatten();
    if let Some(meant) = misspelt.filter(|_| !defined(group, kind)) {
        let message = format!("no API group with the kind {kind} is named {group}; did you mean {meant:?}?");
        return draft(NoticeCode::UnknownKind, root.get("apiVersion")?.span(), message);
    }
    let known = api::is_kubernetes(kind)
        || workload::holds_pods(group, kind)
        || kind.strip_suffix("List").is_some_and(|one| one.is_empty() || api::is_built_in(one));
    if !own || known || defined(group, kind) || super::placeholder::is_filled_in(kind) {
        return None;
    }
    let meant = api::built_in()
        .find(|known| known.kind.eq_ignore_ascii_case(kind))
        .map(|known| known.kind)
        .or_else(|| nearest(kind, api::built_in().map(|known| known.kind)));
    let help = meant.map(|meant| format!("; did you mean {meant:?}?")).unwrap_or_default();
    let message = format!("{version} has no kind {kind}{help}");
    draft(NoticeCode::UnknownKind, kind_node.span(), message)
}

/// The group that was meant where a built-in kind is of one with nearly that name. A longer name has to be nearer: custom
/// kinds with a built-in's name are of groups that have names of their own.
fn misspelt_group(group: &str, kind: &str) -> Option<&'static str> {
    const MOST: usize = 2;
    let groups = api::built_in().filter(|known| known.kind == kind).map(|known| known.group);
    nearest(group, groups).filter(|meant| distance(group, meant) <= MOST)
}

fn draft(code: NoticeCode, span: Option<Span>, message: String) -> Option<Draft> {
    Some(Draft { code, node: None, span: span?, message, related: Vec::new() })
}

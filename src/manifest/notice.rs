//! Findings that fall out of reading: what is legal, and hardly meant.
//!
//! The codes are reserved (`yaml/…`, `kubernetes/…`). They are plain data here; severities and texts are final, the rest
//! of a finding is made where findings are made. Only documents that go to a cluster are judged.

use std::collections::{BTreeMap, HashMap};

use super::compose::{Composed, Oddity, Remark};
use super::inventory::DocumentId;
use super::source::FileId;
use crate::document::{Document, NodeId, NodeRef, Span};
use crate::finding::Severity;

/// What was noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeCode {
    /// A key stands twice in one mapping.
    DuplicateKey,
    /// Text that kubectl passes over.
    DroppedDocument,
    /// `yes`, `off`, `n` and the like without quotes.
    BooleanWord,
    /// A number that begins with zero.
    Octal,
    /// A number with a point where a version was meant.
    FloatVersion,
    /// An integer beyond 64 bits.
    BigInteger,
    /// A document without `kind`.
    NoKind,
    /// A document without `apiVersion`.
    NoApiVersion,
    /// A kind that Kubernetes' own group does not have.
    UnknownKind,
    /// A List among the items of a List.
    NestedList,
}

impl NoticeCode {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::DuplicateKey,
        Self::DroppedDocument,
        Self::BooleanWord,
        Self::Octal,
        Self::FloatVersion,
        Self::BigInteger,
        Self::NoKind,
        Self::NoApiVersion,
        Self::UnknownKind,
        Self::NestedList,
    ];

    /// The code in reports.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.about().code
    }

    /// Whether it is an error, not a warning.
    #[must_use]
    pub fn is_error(self) -> bool {
        self.about().severity == Severity::Error
    }
}

/// Something noticed while reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Decides its severity, and by what code it is waived.
    pub code: NoticeCode,
    /// The file that is spoken of.
    pub file: FileId,
    /// Which document of the file, counted from 0.
    pub index: u32,
    /// The document, where there is one.
    pub document: Option<DocumentId>,
    /// The value concerned; for a key the value under it.
    pub node: Option<NodeId>,
    /// What to point at.
    pub span: Span,
    /// What a person reads.
    pub message: String,
    /// Other places, and what they are.
    pub related: Vec<(String, Span)>,
}

/// A notice before it is known where its document will stand.
#[derive(Clone)]
pub(super) struct Draft {
    pub(super) code: NoticeCode,
    pub(super) node: Option<NodeId>,
    pub(super) span: Span,
    pub(super) message: String,
    pub(super) related: Vec<(String, Span)>,
}

/// What is to be said of a document.
pub(super) fn notices(text: &str, document: &Document<'_>, composed: &Composed<'_>) -> Vec<Draft> {
    let mut drafts = duplicates(document, |node| composed.implied.contains(node));
    drafts.extend(composed.remarks.iter().filter_map(|remark| odd(text, document, remark)));
    drafts
}

/// How many of the earlier places of a key are told.
const RELATED: usize = 10;

/// A key that stands more than once in a mapping, one notice for all its places.
pub(super) fn duplicates(document: &Document<'_>, implied: impl Fn(NodeId) -> bool) -> Vec<Draft> {
    let mut places: HashMap<(NodeId, &str), (usize, Vec<Span>)> = HashMap::new();
    let of = |node: NodeRef<'_>| node.parent().map(NodeRef::id);
    for node in document.nodes().filter(|node| node.is_shadowed() && !implied(node.id())) {
        let (Some(parent), Some(key), Some(span)) = (of(node), node.key(), node.key_span()) else { continue };
        let (count, spans) = places.entry((parent, key)).or_default();
        *count += 1;
        if spans.len() < RELATED {
            spans.push(span);
        }
    }
    let mut hidden = BTreeMap::new();
    if !places.is_empty() {
        // What a merge key brought may be overridden, and may override; that is what it is for.
        for node in document.nodes().filter(|node| !node.is_shadowed() && !implied(node.id())) {
            let found = of(node).zip(node.key()).and_then(|at| places.remove(&at));
            hidden.extend(found.map(|found| (node.id(), found)));
        }
    }
    let draft = |(id, (count, spans)): (NodeId, (usize, Vec<Span>))| {
        let last = document.node(id);
        let key = last.key()?;
        let times = if count == 1 { "twice".to_owned() } else { format!("{} times", count + 1) };
        Some(Draft {
            code: NoticeCode::DuplicateKey,
            node: Some(id),
            span: last.key_span()?,
            message: format!("key {key:?} is written {times} in this mapping; the last one wins"),
            related: spans.into_iter().map(|span| ("without effect".to_owned(), span)).collect(),
        })
    };
    hidden.into_iter().filter_map(draft).collect()
}

pub(super) fn dropped(at: usize, end: usize) -> Option<Draft> {
    let span = Span { start: u32::try_from(at).ok()?, end: u32::try_from(end).ok()? };
    Some(Draft {
        code: NoticeCode::DroppedDocument,
        node: None,
        span,
        message: "kubectl silently drops this text: a document ended before it, and no '---' begins another"
            .to_owned(),
        related: Vec::new(),
    })
}

fn odd(text: &str, document: &Document<'_>, remark: &Remark) -> Option<Draft> {
    let node = document.node(remark.node);
    let written = text.get(remark.span.start as usize..remark.span.end as usize)?;
    let code = match remark.oddity {
        Oddity::BooleanWord => NoticeCode::BooleanWord,
        Oddity::LeadingZero => NoticeCode::Octal,
        Oddity::Float => NoticeCode::FloatVersion,
        Oddity::BigInteger => NoticeCode::BigInteger,
    };
    if !string_meant(code, written, node, remark.is_key) {
        return None;
    }
    let read = if remark.is_key {
        node.key().map(|key| format!("the key {key:?}"))?
    } else {
        match code {
            NoticeCode::BooleanWord => format!("the boolean {}", node.to_json()),
            _ => format!("the number {}", go_number(node)),
        }
    };
    Some(Draft {
        code,
        node: Some(remark.node),
        span: remark.span,
        message: format!("{written} without quotes is {read}; quote it where the text is meant"),
        related: Vec::new(),
    })
}

/// A number as kubectl prints it.
fn go_number(node: NodeRef<'_>) -> String {
    match node.as_f64() {
        Some(value) if value.abs() >= 1e21 => format!("{value:e}").replace('e', "e+"),
        Some(value) if node.as_i64().is_none() => format!("{value}"),
        _ => node.to_json(),
    }
}

/// Members of the Kubernetes API whose values are strings, or maps and lists of them.
const STRINGS: [&str; 22] = [
    "annotations",
    "args",
    "binaryData",
    "command",
    "data",
    "externalIPs",
    "finalizers",
    "hostnames",
    "hosts",
    "image",
    "key",
    "labels",
    "matchLabels",
    "name",
    "namespace",
    "nodeSelector",
    "parameters",
    "selector",
    "stringData",
    "value",
    "values",
    "verbs",
];

/// Booleans of the Kubernetes API, beside those whose names say so.
const BOOLEANS: [&str; 35] = [
    "automountServiceAccountToken",
    "blockOwnerDeletion",
    "controller",
    "default",
    "external",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostUsers",
    "immutable",
    "listKind",
    "namespaced",
    "optional",
    "paused",
    "podInfoOnMount",
    "preserveUnknownFields",
    "privileged",
    "publishNotReadyAddresses",
    "readOnly",
    "readOnlyRootFilesystem",
    "ready",
    "requiresRepublish",
    "runAsNonRoot",
    "served",
    "serving",
    "setHostnameAsFQDN",
    "shareProcessNamespace",
    "stdin",
    "stdinOnce",
    "storage",
    "storageCapacity",
    "suspend",
    "terminating",
    "tty",
    "unschedulable",
];

/// Whether whoever wrote this most likely meant the text, not what YAML makes of it.
fn string_meant(code: NoticeCode, written: &str, node: NodeRef<'_>, is_key: bool) -> bool {
    if is_key {
        // A key is text, unless it reads the same anyway.
        return node.key().is_some_and(|key| key != written);
    }
    let key = nearest_key(node).unwrap_or_default();
    let named = |words: &[&str]| {
        let key = key.to_ascii_lowercase();
        words.iter().any(|word| key.starts_with(word) || key.ends_with(word))
    };
    let in_strings = in_string_place(node);
    match code {
        NoticeCode::BooleanWord => {
            let boolean = BOOLEANS.contains(&key)
                || named(&["enable", "enabled", "disable", "disabled", "allow", "allowed", "use"]);
            in_strings || !boolean
        }
        // 0644 is how modes are written; 0888 is no mode.
        NoticeCode::Octal => in_strings || !named(&["mode"]) || written.contains(['8', '9']),
        NoticeCode::FloatVersion => in_strings || named(&["version", "tag", "release", "revision"]),
        _ => true,
    }
}

/// The key that the value stands under, also through lists.
fn nearest_key<'d>(node: NodeRef<'d>) -> Option<&'d str> {
    let mut at = node;
    loop {
        if let Some(key) = at.key() {
            return Some(key);
        }
        at = at.parent()?;
    }
}

/// Whether the Kubernetes API has a string here: `labels.x`, `args[0]`, `env[0].value`, `metadata.name`.
fn in_string_place(node: NodeRef<'_>) -> bool {
    // the value of an environment variable stands beside its name; elsewhere `value` may be a number
    let named = |node: NodeRef<'_>| node.parent().is_some_and(|entry| entry.get("name").is_some());
    let known = |node: NodeRef<'_>| {
        node.key().is_some_and(|key| STRINGS.contains(&key) && (key != "value" || named(node)))
    };
    known(node) || node.parent().is_some_and(known)
}

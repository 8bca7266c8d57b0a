//! What was noticed while reading, as findings under the reserved codes `yaml/…`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::entry::ReportedObject;
use crate::document::{NodeId, NodeRef, Span};
use crate::finding::{Finding, Fingerprint, ObjectId, Place, Related, RuleInfo, Severity};
use crate::manifest::{FileId, Inventory, Manifest, Notice, NoticeCode};

/// A rule for each code.
static RULES: LazyLock<Vec<Arc<RuleInfo>>> =
    LazyLock::new(|| NoticeCode::ALL.iter().map(|code| Arc::new(code.about().rule())).collect());

/// The findings of an inventory. `subjects` are its manifests in their order; what is noticed outside of
/// every manifest (in the envelope of a `List`, behind the end of a document) gets a subject of its own. `severity` is
/// what the run makes of a code in a file; `None`: nothing.
#[must_use]
pub fn findings<'i>(
    inventory: &'i Inventory<'i>,
    subjects: &mut Vec<ReportedObject<'i>>,
    severity: impl Fn(FileId, NoticeCode) -> Option<Severity>,
) -> Vec<(ObjectId, Finding)> {
    let mut findings = Vec::with_capacity(inventory.notices().len());
    let mut envelopes = BTreeMap::new();
    for notice in inventory.notices() {
        let (Some(document), Some(severity)) = (notice.document, severity(notice.file, notice.code)) else {
            continue;
        };
        let root = inventory.document(document).document.root();
        let node = notice.node.map(|node| root.document().node(node));
        let (subject, object) = match manifest_of(inventory.manifests(), notice, node) {
            Some((index, manifest)) => (index, manifest.root),
            None => {
                let subject = *envelopes.entry(document).or_insert_with(|| {
                    let Notice { file, index: document, .. } = *notice;
                    subjects.push(ReportedObject { file, document, item: None, object: root, called: None });
                    subjects.len() - 1
                });
                (subject, NodeId::ROOT)
            }
        };
        let id = ObjectId(u32::try_from(subject).expect("fewer than 4 Gi manifests"));
        findings.push((id, Finding { severity, ..finding(notice, node, object) }));
    }
    findings
}

/// The manifest that the node is in, and its index.
fn manifest_of<'m>(
    manifests: &'m [Manifest],
    notice: &Notice,
    node: Option<NodeRef<'_>>,
) -> Option<(usize, &'m Manifest)> {
    let (document, node) = (notice.document?, node?);
    // roots stand in the order of the text, so only the last one before the node can be around it
    let after = manifests.partition_point(|m| (m.document, m.root) <= (document, node.id()));
    let manifest = manifests.get(after.checked_sub(1)?).filter(|m| m.document == document)?;
    let mut around = std::iter::successors(Some(node), |node| node.parent());
    around.any(|node| node.id() == manifest.root).then_some((after - 1, manifest))
}

fn finding(notice: &Notice, node: Option<NodeRef<'_>>, object: NodeId) -> Finding {
    let Notice { code, file: _, index: _, document: _, node: _, span, message, related } = notice;
    let place = |span: Span| Place {
        path: node.map(|node| node.path_from(object)).unwrap_or_default(),
        pointer: node.map(|node| node.pointer_from(object)).unwrap_or_default(),
        span: Some(span),
        origin: None,
    };
    let at = NoticeCode::ALL.iter().position(|other| other == code).expect("ALL has every code");
    let severity = code.about().severity;
    Finding {
        fingerprint: Fingerprint { place: place(*span).pointer, ..Fingerprint::default() },
        related: related
            .iter()
            .map(|(message, span)| Related { message: message.clone(), document: None, place: place(*span) })
            .collect(),
        ..Finding::at(Arc::clone(&RULES[at]), severity, message.clone(), place(*span))
    }
}

//! The JSON report: a promise to programs. Fields are added, never renamed or removed within a version.
//!
//! It holds no time, and is the same bytes at any thread count.

use std::io::{self, Write};

use serde::{Serialize, Serializer, ser::SerializeSeq};

use super::Report;
use super::entry::{Entry, Identity};
use super::summary::Summary;
use crate::document::Span;
use crate::document::edit::Operation;
use crate::finding::{Action, Certainty, DocumentId, PolicyRef, Severity};
use crate::manifest::{DocumentError, FileRecord, Position};

/// The version of the form.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Wire<'r> {
    version: u32,
    tool: Tool<'r>,
    #[serde(serialize_with = "findings")]
    findings: &'r Report<'r>,
    files: Vec<WireFile<'r>>,
    summary: &'r Summary,
}

#[derive(Serialize)]
struct Tool<'r> {
    name: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes: Option<&'r str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireFinding<'r> {
    code: &'r str,
    policy: Option<&'r PolicyRef>,
    severity: Severity,
    action: Option<Action>,
    /// All that are bound; `action` is the strongest.
    actions: Vec<Action>,
    message: &'r str,
    file: &'r str,
    document: u32,
    item: Option<u32>,
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
    path: &'r str,
    pointer: &'r str,
    object: Option<&'r Identity>,
    related: Vec<WireRelated<'r>>,
    fix: &'r [Operation],
    unknown: bool,
    /// Set by Kubernetes, not written: nothing is evaluated with defaults yet.
    defaulted: bool,
    /// There are no suppressions yet.
    suppressed: Option<()>,
}

#[derive(Serialize)]
struct WireRelated<'r> {
    message: &'r str,
    file: &'r str,
    line: Option<u32>,
    column: Option<u32>,
}

#[derive(Serialize)]
struct WireFile<'r> {
    path: &'r str,
    outcome: &'static str,
    documents: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<WireError>,
}

#[derive(Serialize)]
struct WireError {
    document: u32,
    line: u32,
    column: u32,
    message: String,
}

impl Report<'_> {
    /// Writes the report for programs, with a line break at its end.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let wire = Wire {
            version: VERSION,
            tool: Tool {
                name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                kubernetes: self.kubernetes.as_deref(),
            },
            findings: self,
            files: self.inventory.ledger().iter().map(|record| self.wire_file(record)).collect(),
            summary: &self.summary,
        };
        serde_json::to_writer_pretty(&mut *out, &wire)?;
        writeln!(out)
    }

    fn wire_finding<'r>(&'r self, entry: &'r Entry) -> WireFinding<'r> {
        let Entry { subject: id, finding } = entry;
        let subject = self.subject(*id);
        let (start, end) = self.positions(*id, finding.place.span);
        WireFinding {
            code: finding.code(),
            policy: finding.rule.policy.as_ref(),
            severity: finding.severity,
            action: finding.action,
            actions: finding.action.into_iter().collect(),
            message: &finding.message,
            file: self.path(subject.file),
            document: subject.document,
            item: subject.item,
            line: start.map(|p| p.line),
            column: start.map(|p| p.column),
            end_line: end.map(|p| p.line),
            end_column: end.map(|p| p.column),
            path: &finding.place.path,
            pointer: &finding.place.pointer,
            object: subject.identity.as_ref(),
            related: finding
                .related
                .iter()
                .map(|related| {
                    let document = related.document.unwrap_or(*id);
                    let (start, _) = self.positions(document, related.place.span);
                    WireRelated {
                        message: &related.message,
                        file: self.path(self.subject(document).file),
                        line: start.map(|p| p.line),
                        column: start.map(|p| p.column),
                    }
                })
                .collect(),
            fix: &finding.fix,
            unknown: finding.certainty == Certainty::Unknown,
            defaulted: false,
            suppressed: None,
        }
    }

    fn wire_file<'r>(&'r self, record: &'r FileRecord) -> WireFile<'r> {
        let FileRecord { file, outcome, documents, errors } = record;
        WireFile {
            path: self.sources.file(*file).path(),
            outcome: outcome.name(),
            documents: *documents,
            errors: errors
                .iter()
                .map(|DocumentError { document, position, error }| WireError {
                    document: *document,
                    line: position.line,
                    column: position.column,
                    message: self.error_message(*file, error),
                })
                .collect(),
        }
    }

    fn positions(&self, id: DocumentId, span: Option<Span>) -> (Option<Position>, Option<Position>) {
        let positions = span.map(|span| self.sources.file(self.subject(id).file).positions(span));
        (positions.as_ref().map(|p| p.start), positions.map(|p| p.end))
    }
}

/// One by one: a hundred thousand findings are not built twice.
fn findings<S: Serializer>(report: &&Report<'_>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut seq = serializer.serialize_seq(Some(report.entries.len()))?;
    for entry in &report.entries {
        seq.serialize_element(&report.wire_finding(entry))?;
    }
    seq.end()
}

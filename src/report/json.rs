//! The JSON report: a promise to programs. Fields are added, never renamed or removed within a version.
//!
//! It holds no time, and is the same bytes at any thread count. Each finding and each file stands on a line of its own,
//! so that two reports can be compared by line.

use std::io::{self, Write};

use serde::Serialize;

use super::compared::Compared;
use super::lines::{Batches, List, write_list};
use super::shown::{Shown, ShownRelated};
use super::{Policies, Report, Run};
use crate::baseline::{Known, Origin};
use crate::document::Span;
use crate::document::edit::PatchOperation;
use crate::finding::{
    Action, Actions, Certainty, Finding, ObjectId, PolicyPlace, PolicyRef, Print, Severity,
};
use crate::manifest::{DocumentError, FileOutcome, FileRecord, Position};
use crate::objects::DEFAULTED;
use crate::resource::identity::Identity;
use crate::waiver::Suppressed;

/// The version of the form.
pub(crate) const VERSION: u32 = 1;

/// Which program wrote it.
#[derive(Serialize)]
pub(crate) struct Tool<'r> {
    name: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kubernetes: Option<&'r str>,
}

impl<'r> Tool<'r> {
    /// This program; `kubernetes` is the version that it judged for.
    pub(crate) fn judging_for(kubernetes: Option<&'r str>) -> Self {
        Self { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION"), kubernetes }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireFinding<'r> {
    code: &'r str,
    policy: Option<&'r PolicyRef>,
    severity: Severity,
    action: Option<Action>,
    /// All that are bound; `action` is the strongest.
    actions: Actions,
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
    object: Option<Identity<'r>>,
    related: Vec<WireRelated<'r>>,
    fix: &'r [PatchOperation],
    /// Where the field is documented, of what the API server says.
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<&'r str>,
    unknown: bool,
    /// `known`, `unknown`, or `failed`: the rule could not be evaluated.
    certainty: &'static str,
    /// Where the policy is at fault, of a finding that is `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_file: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_line: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_column: Option<usize>,
    /// The same for the same fault of the same object in another run.
    fingerprint: Print,
    /// Findings at the same node that say less: counted with this one, whose severity is the highest of all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<WireAlso<'r>>,
    /// Set by Kubernetes, not written: nothing is evaluated with defaults yet.
    defaulted: bool,
    /// Why it does not count: such a finding counts as `suppressed` only.
    suppressed: Option<WireSuppressed<'r>>,
    /// `new` or `unchanged`, of a run that is compared with an earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<&'static str>,
}

/// Why a finding does not count.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireSuppressed<'r> {
    /// Which form the waiver has; `baseline`: an earlier run had it, too.
    kind: &'static str,
    reason: Option<&'r str>,
    until: Option<String>,
    file: Option<&'r str>,
    line: Option<u32>,
    honoured_by_webhook: bool,
    /// Whether the webhook denies the object for it all the same.
    webhook_still_denies: bool,
}

/// An earlier run that this one is compared with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WireBaseline<'r> {
    file: Option<&'r str>,
    revision: Option<&'r str>,
    unchanged: usize,
    /// What is no longer found.
    gone: Vec<&'r Known>,
    /// Of objects that are not part of the input, and of rules that did not run.
    not_judged: usize,
}

/// The policies of the run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WirePolicies<'r> {
    generation: u64,
    hash: &'r str,
    ran: usize,
    packs_not_run: &'r [String],
}

/// A finding that is folded into another.
#[derive(Serialize)]
struct WireAlso<'r> {
    code: &'r str,
    policy: Option<&'r PolicyRef>,
    severity: Severity,
    action: Option<Action>,
    message: &'r str,
    fingerprint: Print,
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
    /// Why it was ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'r str>,
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

/// What a finding is to the run.
#[derive(Clone, Copy)]
enum Standing<'r> {
    New,
    /// An earlier run had it, too.
    Unchanged,
    Waived(&'r Suppressed),
}

/// Why a finding that an earlier run had does not count.
fn known(compared: &Compared) -> WireSuppressed<'_> {
    WireSuppressed {
        kind: "baseline",
        reason: None,
        until: None,
        file: match &compared.origin {
            Origin::File(file) => Some(file),
            Origin::Revision(_) => None,
        },
        line: None,
        honoured_by_webhook: false,
        webhook_still_denies: false,
    }
}

impl Report<'_> {
    /// Writes the report for programs, with a line break at its end.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let tool = Tool::judging_for(self.kubernetes.as_deref());
        write!(out, "{{\"version\": {VERSION},\n \"tool\": {},\n ", serde_json::to_string(&tool)?)?;
        write!(out, "\"configuration\": {},\n ", serde_json::to_string(&self.run.configuration)?)?;
        let Run { policies: Policies { generation, hash, ran }, packs_not_run, .. } = &self.run;
        let policies = WirePolicies { generation: *generation, hash, ran: *ran, packs_not_run };
        write!(out, "\"policies\": {},\n ", serde_json::to_string(&policies)?)?;
        if let Some(compared) = &self.compared {
            let (file, revision) = match &compared.origin {
                Origin::File(file) => (Some(file.as_str()), None),
                Origin::Revision(revision) => (None, Some(revision.as_str())),
            };
            let Compared { origin: _, unchanged, gone, not_judged } = compared;
            let (unchanged, not_judged) = (*unchanged, *not_judged);
            let gone = gone.iter().map(|(known, _)| known).collect();
            let baseline = WireBaseline { file, revision, unchanged, gone, not_judged };
            write!(out, "\"baseline\": {},\n ", serde_json::to_string(&baseline)?)?;
        }
        out.write_all(b"\"findings\": ")?;
        let mut list = List::begin(out)?;
        list.add(&self.groups, Batches::DOZENS, |group, lines| {
            let mut all = self.all_shown_in(group).into_iter();
            all.try_for_each(|(shown, by)| {
                let standing = by.map_or(Standing::New, Standing::Waived);
                lines.push(&self.wire_finding(&shown, standing))
            })
        })?;
        // those that an earlier run had stand last, so that they can be cut off
        list.add(&self.groups, Batches::DOZENS, |group, lines| {
            let mut known = self.shown_in(group, true).into_iter();
            known.try_for_each(|shown| lines.push(&self.wire_finding(&shown, Standing::Unchanged)))
        })?;
        list.end()?;
        out.write_all(b",\n \"files\": ")?;
        write_list(out, self.inventory.ledger(), |record| self.wire_file(record))?;
        if !self.notes.is_empty() {
            out.write_all(b",\n \"notes\": ")?;
            write_list(out, &self.notes, |note| note)?;
        }
        writeln!(out, ",\n \"summary\": {}}}", serde_json::to_string(&self.summary)?)
    }

    fn wire_finding<'r>(&'r self, shown: &'r Shown<'_>, standing: Standing<'r>) -> WireFinding<'r> {
        let Shown { subject: id, said, severity, message, place, related, also, .. } = shown;
        let subject = self.subject(*id);
        let (start, end) = self.positions(*id, place.span);
        let policy = said.fault.as_ref().and_then(|fault| fault.at.as_deref());
        let in_policy = policy.map(PolicyPlace::position);
        WireFinding {
            code: said.code(),
            policy: said.rule.policy.as_ref(),
            severity: *severity,
            action: said.actions.strongest(),
            actions: said.actions,
            message,
            file: self.path(subject.file),
            document: subject.document,
            item: subject.item,
            line: start.map(|p| p.line),
            column: start.map(|p| p.column),
            end_line: end.map(|p| p.line),
            end_column: end.map(|p| p.column),
            path: &place.path,
            pointer: &place.pointer,
            object: subject.identity(),
            related: related.iter().map(|related| self.wire_related(*id, related)).collect(),
            fix: &said.fix,
            reference: said.reference.as_deref(),
            unknown: said.certainty == Certainty::Unknown,
            certainty: said.certainty.name(),
            policy_file: policy.map(|place| &*place.file),
            policy_line: in_policy.map(|(line, _)| line),
            policy_column: in_policy.map(|(_, column)| column),
            fingerprint: self.print(shown),
            also: also.iter().map(|also| self.wire_also(also)).collect(),
            defaulted: place.origin.as_deref() == Some(DEFAULTED),
            suppressed: match standing {
                Standing::New => None,
                Standing::Waived(by) => Some(self.wire_suppressed(by)),
                Standing::Unchanged => self.compared.as_ref().map(known),
            },
            baseline_state: self.compared.as_ref().map(|_| match standing {
                Standing::Unchanged => "unchanged",
                Standing::New | Standing::Waived(_) => "new",
            }),
        }
    }

    fn wire_related<'r>(&'r self, id: ObjectId, related: &'r ShownRelated<'_>) -> WireRelated<'r> {
        let document = related.document.unwrap_or(id);
        let (start, _) = self.positions(document, related.span);
        WireRelated {
            message: &related.message,
            file: self.path(self.subject(document).file),
            line: start.map(|p| p.line),
            column: start.map(|p| p.column),
        }
    }

    fn wire_also<'r>(&'r self, also: &'r Shown<'_>) -> WireAlso<'r> {
        WireAlso {
            code: also.said.code(),
            policy: also.said.rule.policy.as_ref(),
            severity: also.severity,
            action: also.said.actions.strongest(),
            message: &also.message,
            fingerprint: self.print(also),
        }
    }

    fn wire_suppressed<'r>(&'r self, by: &'r Suppressed) -> WireSuppressed<'r> {
        let (file, line) = self.place_of_waiver(by).unzip();
        WireSuppressed {
            kind: by.kind.name(),
            reason: by.reason.as_deref(),
            until: by.until.map(|until| until.to_string()),
            file,
            line,
            honoured_by_webhook: by.honoured_by_webhook(),
            webhook_still_denies: by.still_denied,
        }
    }

    /// The same for the same fault of the same object in another run.
    pub(super) fn fingerprint(&self, id: &ObjectId, finding: &Finding) -> Print {
        self.named().fingerprint(*id, finding)
    }

    fn print(&self, Shown { subject, said, fingerprint, .. }: &Shown<'_>) -> Print {
        fingerprint.in_report(&said.rule, self.named().of(*subject))
    }

    fn wire_file<'r>(&'r self, record: &'r FileRecord) -> WireFile<'r> {
        let FileRecord { file, outcome, documents, errors } = record;
        WireFile {
            path: self.sources.file(*file).path(),
            outcome: outcome.name(),
            documents: *documents,
            reason: self.sources.file(*file).ignored_because().filter(|_| *outcome == FileOutcome::Ignored),
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

    fn positions(&self, id: ObjectId, span: Option<Span>) -> (Option<Position>, Option<Position>) {
        let positions = span.map(|span| self.sources.file(self.subject(id).file).positions(span));
        (positions.as_ref().map(|p| p.start), positions.map(|p| p.end))
    }
}

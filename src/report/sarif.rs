//! SARIF 2.1.0, for code scanning: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
//!
//! A finding is a result; one that the input cannot decide has the kind `open`. What could not be evaluated or read says
//! nothing of an object: it is a notification of the run, which is then not `executionSuccessful`. Files are relative to
//! `%SRCROOT%`, the working folder; what lies elsewhere has its whole path.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::catalogue::{AboutRule, Catalogue};
use super::entry::Entry;
use super::excerpt::{WIDE, byte_at, excerpt};
use super::lines::{Batches, List, write_list};
use super::paths::Location;
use super::{Report, summary::Counted};
use crate::baseline::Known;
use crate::document::Span;
use crate::document::edit::PatchOperation;
use crate::finding::{Action, Finding, ObjectId, PolicyRef, Severity};
use crate::manifest::{FileId, Position};
use crate::resource::identity::Identity;
use crate::waiver::Suppressed;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The base of the files of the working folder.
const ROOT: &str = "%SRCROOT%";
/// Of a region, so many lines are shown.
const LINES: u32 = 10;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportingDescriptor<'r> {
    id: &'r str,
    name: String,
    short_description: Text,
    full_description: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<&'r str>,
    help: Help<'r>,
    default_configuration: Configuration,
    properties: RuleProperties<'r>,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Help<'r> {
    text: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    markdown: &'r str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties<'r> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'r str>,
    /// What GitHub sorts by: from 0.0 to 10.0.
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'r PolicyRef>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'r> {
    rule_id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    kind: &'static str,
    level: &'static str,
    message: Text,
    locations: [SarifLocation<'r>; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<SarifLocation<'r>>,
    partial_fingerprints: Fingerprints,
    /// Present where the finding is waived.
    #[serde(skip_serializing_if = "Option::is_none")]
    suppressions: Option<[Suppression<'r>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fixes: Option<[Fix; 1]>,
    properties: Properties<'r>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifLocation<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: Physical,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<Logical<'r>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Logical<'r> {
    name: &'r str,
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize)]
struct Suppression<'r> {
    /// `inSource` or `external`.
    kind: &'static str,
    status: &'static str,
    justification: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<SarifLocation<'r>>,
    properties: SuppressionProperties,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SuppressionProperties {
    form: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    honoured_by_webhook: bool,
    webhook_still_denies: bool,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "plimsoll/v1")]
    plimsoll: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fix {
    description: Text,
    artifact_changes: [Change; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Change {
    artifact_location: Artifact,
    replacements: Vec<Replacement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: Region,
    inserted_content: Text,
}

#[derive(Serialize)]
struct Properties<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    certainty: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Action>,
    /// Where in the object.
    path: &'r str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<&'r str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification<'r> {
    level: &'static str,
    message: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    associated_rule: Option<Reference<'r>>,
    locations: [SarifLocation<'r>; 1],
}

#[derive(Serialize)]
struct Reference<'r> {
    id: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
}

impl Report<'_> {
    /// Writes a SARIF log with one run.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_sarif(&self, out: &mut dyn Write) -> io::Result<()> {
        let all = self.all().map(|(entry, _)| entry);
        let catalogue = self.catalogue.with(all.chain(self.unchanged().map(Cow::Owned)));
        writeln!(out, "{{\"$schema\": \"{SCHEMA}\",\n \"version\": \"2.1.0\",\n \"runs\": [{{")?;
        let version = env!("CARGO_PKG_VERSION");
        write!(out, " \"tool\": {{\"driver\": {{\"name\": \"Plimsoll\", \"version\": \"{version}\", ")?;
        write!(out, "\"semanticVersion\": \"{version}\", \"rules\": ")?;
        write_list(out, catalogue.rules(), rule)?;
        writeln!(out, "}}}},\n \"columnKind\": \"unicodeCodePoints\",")?;
        let root = "the working folder of the run";
        writeln!(
            out,
            " \"originalUriBaseIds\": {{\"{ROOT}\": {{\"description\": {{\"text\": \"{root}\"}}}}}},"
        )?;
        let failed = |entry: &Entry| Counted::of(&entry.finding) == Counted::Failed;
        let failures: Vec<Entry> = match self.summary().failed {
            0 => Vec::new(),
            _ => self.entries().filter(failed).collect(),
        };
        let notifications: Vec<Notification<'_>> =
            failures.iter().map(|entry| self.failure(entry, &catalogue)).chain(self.unread_files()).collect();
        let good = notifications.is_empty();
        write!(
            out,
            " \"invocations\": [{{\"executionSuccessful\": {good}, \"toolExecutionNotifications\": "
        )?;
        write_list(out, &notifications, |notification| notification)?;
        write!(out, "}}],\n \"results\": ")?;
        let (is_new, is_known) = match self.compared {
            Some(_) => (Some("new"), Some("unchanged")),
            None => (None, None),
        };
        let mut list = List::begin(&mut *out)?;
        list.add(&self.groups, Batches::DOZENS, |group, lines| {
            let all = self.all_in(group).into_iter();
            let mut results = all.filter(|(entry, by)| by.is_some() || !failed(entry));
            results.try_for_each(|(entry, by)| {
                lines.push(&SarifResult { baseline_state: is_new, ..self.outcome(&entry, by, &catalogue) })
            })
        })?;
        list.add(&self.groups, Batches::DOZENS, |group, lines| {
            let mut known = self.unchanged_in(group).into_iter();
            known.try_for_each(|entry| {
                lines
                    .push(&SarifResult { baseline_state: is_known, ..self.outcome(&entry, None, &catalogue) })
            })
        })?;
        let gone = self.compared.as_ref().map_or(&[][..], |compared| &compared.gone);
        list.add(gone, Batches::ENTRIES, |(known, id), lines| lines.push(&self.gone(known, *id)))?;
        list.end()?;
        writeln!(out, "}}]}}")
    }

    fn outcome<'r>(
        &'r self,
        entry: &'r Entry,
        by: Option<&'r Suppressed>,
        catalogue: &Catalogue,
    ) -> SarifResult<'r> {
        let Entry { subject: id, finding, also } = entry;
        let counted = Counted::of(finding);
        let mut message = finding.message.clone();
        for also in also {
            message.push_str(&format!("; also {}: {}", also.code(), also.message));
        }
        let mut place = self.place(*id, finding.place.span);
        place.logical_locations.extend(self.subject(*id).identity().map(logical));
        SarifResult {
            rule_id: finding.code(),
            rule_index: catalogue.index(&finding.rule),
            kind: if counted == Counted::Unknown { "open" } else { "fail" },
            level: match counted {
                // the specification has no other level for what is no failure
                Counted::Unknown => "none",
                _ => level(finding.severity),
            },
            message: text(&message),
            locations: [place],
            related_locations: self.related(*id, finding),
            partial_fingerprints: Fingerprints { plimsoll: self.fingerprint(id, finding).to_string() },
            baseline_state: None,
            suppressions: by.map(|by| [self.suppression(by)]),
            fixes: self.fix(*id, finding).map(|fix| [fix]),
            properties: Properties {
                certainty: Some(finding.certainty.name()),
                action: finding.actions.strongest(),
                path: &finding.place.path,
                also: also.iter().map(Finding::code).collect(),
            },
        }
    }

    /// What an earlier run has found at an object, and this one has not.
    fn gone<'r>(&'r self, known: &'r Known, id: ObjectId) -> SarifResult<'r> {
        let Known { object: _, code, path, fingerprint, unknown, count: _ } = known;
        let subject = self.subject(id);
        let mut place = self.place(id, subject.object.span().map(|span| Span { end: span.start, ..span }));
        place.logical_locations.extend(subject.identity().map(logical));
        SarifResult {
            rule_id: code,
            rule_index: None,
            kind: if *unknown { "open" } else { "fail" },
            level: if *unknown { "none" } else { "note" },
            message: text("no longer found"),
            locations: [place],
            related_locations: Vec::new(),
            partial_fingerprints: Fingerprints { plimsoll: fingerprint.clone() },
            baseline_state: Some("absent"),
            suppressions: None,
            fixes: None,
            properties: Properties { certainty: None, action: None, path, also: Vec::new() },
        }
    }

    fn suppression<'r>(&'r self, by: &'r Suppressed) -> Suppression<'r> {
        let reason = by.reason.as_deref().unwrap_or("no reason is given");
        let denied = if by.still_denied { " (the webhook still denies)" } else { "" };
        let location = by.at.map(|(file, span)| {
            let region = Region { snippet: None, ..self.region(file, span) };
            SarifLocation::of(Physical {
                artifact_location: self.artifact(self.path(file)),
                region: Some(region),
            })
        });
        Suppression {
            kind: if by.kind.is_in_source() { "inSource" } else { "external" },
            status: "accepted",
            justification: format!("{reason}{denied}"),
            location,
            properties: SuppressionProperties {
                form: by.kind.name(),
                until: by.until.map(|until| until.to_string()),
                honoured_by_webhook: by.honoured_by_webhook(),
                webhook_still_denies: by.still_denied,
            },
        }
    }

    fn related<'r>(&'r self, id: ObjectId, finding: &'r Finding) -> Vec<SarifLocation<'r>> {
        let places = finding.related.iter().enumerate().map(|(index, related)| SarifLocation {
            id: Some(index + 1),
            message: Some(text(&related.message)),
            ..self.place(related.document.unwrap_or(id), related.place.span)
        });
        places.collect()
    }

    /// A rule that could not be evaluated, and the object that it should have judged.
    fn failure<'r>(&'r self, entry: &'r Entry, catalogue: &Catalogue) -> Notification<'r> {
        let Entry { subject, finding, also: _ } = entry;
        let rule = Reference { id: finding.code(), index: catalogue.index(&finding.rule) };
        Notification {
            level: "error",
            message: text(&finding.message),
            associated_rule: Some(rule),
            locations: [self.place(*subject, finding.place.span)],
        }
    }

    fn unread_files<'r>(&'r self) -> impl Iterator<Item = Notification<'r>> {
        self.unread().map(|(path, at, message)| {
            let region = Region { start_line: at.line, start_column: at.column, ..Region::default() };
            let physical = Physical { artifact_location: self.artifact(path), region: Some(region) };
            Notification {
                level: "error",
                message: text(&message),
                associated_rule: None,
                locations: [SarifLocation::of(physical)],
            }
        })
    }

    fn place<'r>(&'r self, id: ObjectId, span: Option<Span>) -> SarifLocation<'r> {
        let file = self.subject(id).file;
        SarifLocation::of(Physical {
            artifact_location: self.artifact(self.path(file)),
            region: span.map(|span| self.region(file, span)),
        })
    }

    fn artifact(&self, path: &str) -> Artifact {
        let location = Location::of(path, self.run.folder.as_deref());
        let uri_base_id = matches!(location, Location::Inside(_)).then_some(ROOT);
        Artifact { uri: location.uri(), uri_base_id }
    }

    fn region(&self, file: FileId, span: Span) -> Region {
        let source = self.sources.file(file);
        let std::ops::Range { start, end } = source.positions(span);
        // to the end of the last line that is shown, if that is before the end of the region
        let last = start.line.saturating_add(LINES);
        let cut = end.line >= last;
        let shown_end = match cut {
            true => byte_at(source, Position { line: last - 1, column: u32::MAX }),
            false => Some(Span { start: span.end, end: span.end }),
        };
        let lines = shown_end.and_then(|end| excerpt(source, self.masks.file(file), &[span, end], WIDE));
        let snippet = lines.and_then(|lines| {
            let shown = lines.text.get(lines.marks[0].start..lines.marks[1].end)?;
            Some(Text { text: format!("{shown}{}", if cut { "\n…" } else { "" }) })
        });
        Region {
            start_line: start.line,
            start_column: start.column,
            end_line: Some(end.line),
            end_column: Some(end.column),
            snippet: snippet.filter(|snippet| !snippet.text.is_empty()),
        }
    }

    /// The finding's operations as changes of the text: values that are replaced where they stand. `None` where there
    /// are others, for half a fix is none.
    fn fix(&self, id: ObjectId, finding: &Finding) -> Option<Fix> {
        let subject = self.subject(id);
        let replacements = finding.fix.iter().map(|operation| {
            let PatchOperation::Replace { path, value } = operation else { return None };
            let span = subject.object.at(&path.to_string())?.span()?;
            let Region { start_line, start_column, end_line, end_column, .. } =
                self.region(subject.file, span);
            let deleted_region = Region { start_line, start_column, end_line, end_column, snippet: None };
            // JSON on one line is YAML wherever a value may stand
            let inserted_content = Text { text: value.root().to_json() };
            Some(Replacement { deleted_region, inserted_content })
        });
        let replacements: Vec<Replacement> = replacements.collect::<Option<_>>()?;
        if replacements.is_empty() {
            return None;
        }
        let description = finding.rule.remediation.as_deref().unwrap_or("replace the value");
        Some(Fix {
            description: text(description),
            artifact_changes: [Change {
                artifact_location: self.artifact(self.path(subject.file)),
                replacements,
            }],
        })
    }
}

impl<'r> SarifLocation<'r> {
    fn of(physical_location: Physical) -> Self {
        Self { id: None, physical_location, logical_locations: Vec::new(), message: None }
    }
}

impl Default for Region {
    fn default() -> Self {
        Self { start_line: 1, start_column: 1, end_line: None, end_column: None, snippet: None }
    }
}

fn rule(about: &AboutRule) -> ReportingDescriptor<'_> {
    let AboutRule { code, policy, severity, title, description, remediation, references, .. } = about;
    // GitHub refuses rules without these
    let first = |texts: [&String; 4]| Text {
        text: texts.into_iter().find(|text| !text.is_empty()).cloned().unwrap_or_default(),
    };
    let mut tags: Vec<&str> = about.category.as_deref().into_iter().collect();
    if about.security && !tags.contains(&"security") {
        tags.push("security");
    }
    ReportingDescriptor {
        id: code,
        name: pascal(code),
        short_description: first([title, description, remediation, code]),
        full_description: first([description, title, remediation, code]),
        help_uri: references.first().map(String::as_str),
        help: Help { text: first([remediation, description, title, code]).text, markdown: &about.markdown },
        default_configuration: Configuration { level: level(*severity) },
        properties: RuleProperties {
            tags,
            security_severity: about.security.then_some(match severity {
                Severity::Error => "8.0",
                Severity::Warning => "5.0",
                Severity::Info => "2.0",
            }),
            policy: policy.as_ref(),
        },
    }
}

/// `RequiredProbesProbes` of `required-probes/probes`.
fn pascal(code: &str) -> String {
    let words = code.split(|c: char| !c.is_alphanumeric());
    let capital = |word: &str| {
        let mut characters = word.chars();
        characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
    };
    words.map(capital).collect()
}

fn logical(identity: Identity<'_>) -> Logical<'_> {
    let (api_version, kind) = (identity.gvk.api_version(), identity.gvk.kind);
    let name = identity.name.unwrap_or("(without a name)");
    let namespace = identity.namespace.map_or(String::new(), |namespace| format!("{namespace}/"));
    Logical {
        name,
        fully_qualified_name: format!("{api_version}/{kind}/{namespace}{name}"),
        kind: "resource",
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// A text in which nothing is a link or a placeholder of SARIF (3.11.5, 3.11.6), whatever it quotes.
fn text(plain: &str) -> Text {
    let has_link = plain.contains("](");
    let mut text = String::with_capacity(plain.len());
    for c in plain.chars() {
        if has_link && matches!(c, '[' | ']' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    Text { text }
}

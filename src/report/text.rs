//! What people read: each finding with the lines it is about and what to do, then one line of counts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use annotate_snippets::normalize_untrusted_str;
use annotate_snippets::renderer::{AnsiColor, Effects, Style};
use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::Report;
use super::diagnostic::snippet;
use super::entry::{Entry, Subject};
use super::excerpt::{Excerpt, byte_at, excerpt};
use super::summary::Summary;
use crate::document::Span;
use crate::finding::{Certainty, DocumentId, Finding, PolicyPlace, Severity};
use crate::manifest::walk::LINK_OUTSIDE;
use crate::manifest::{DocumentError, FileId, Outcome};

/// Related places this many lines away are shown in one excerpt with the finding's own.
const NEAR: u32 = 6;
/// So many templates are named; of the others, how many there are.
const NAMED: usize = 3;

/// How text is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// With escape codes for terminals.
    pub color: bool,
    /// Without the notes on files and the line of counts.
    pub quiet: bool,
    /// How long the run took.
    pub elapsed: Option<Duration>,
    /// The columns of the terminal; `None` where there is none.
    pub columns: Option<usize>,
}

/// The columns of what is not read on a terminal.
const COLUMNS: usize = 120;
/// As narrow and as wide as lines are made to fit.
const FITTED: std::ops::RangeInclusive<usize> = 60..=200;

impl TextOptions {
    /// How long lines may be, in columns.
    pub(super) fn width(&self) -> usize {
        self.columns.unwrap_or(COLUMNS).clamp(*FITTED.start(), *FITTED.end())
    }
}

impl Report<'_> {
    /// Writes the report for people.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_text(&self, out: &mut dyn Write, options: TextOptions) -> io::Result<()> {
        let TextOptions { color, quiet, .. } = options;
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        // where to read more is said once a rule, not once a finding
        let mut referred = BTreeSet::new();
        for (entry, others) in self.failures() {
            writeln!(out, "{}\n", renderer.render(&[self.failure_group(entry, others)]))?;
        }
        for entry in self.entries().iter().filter(|entry| entry.finding.certainty != Certainty::Failed) {
            let first = referred.insert((entry.finding.code(), &entry.finding.rule.policy));
            writeln!(out, "{}\n", renderer.render(&[self.finding_group(entry, first)]))?;
        }
        for record in self.inventory.ledger() {
            for error in &record.errors {
                writeln!(out, "{}\n", renderer.render(&[self.error_group(record.file, error)]))?;
            }
        }
        if self.is_empty() {
            let title = match self.is_foreign() {
                true => Level::NOTE.primary_title("none of the named files is a Kubernetes manifest"),
                false => Level::ERROR.primary_title("no Kubernetes manifest found"),
            };
            writeln!(out, "{}\n", renderer.render(&[Group::with_title(title)]))?;
        }
        if quiet {
            return Ok(());
        }
        self.write_notes(out, &options)?;
        writeln!(out, "{}", self.closing_line(&options))
    }

    /// What was not looked at.
    pub(super) fn write_notes(&self, out: &mut dyn Write, options: &TextOptions) -> io::Result<()> {
        let renderer = if options.color { Renderer::styled() } else { Renderer::plain() };
        for note in [self.templates(), self.links(), self.packs()].into_iter().flatten() {
            writeln!(out, "{}\n", renderer.render(&[note]))?;
        }
        for note in &self.notes {
            let note = Level::NOTE.primary_title(normalize_untrusted_str(note));
            writeln!(out, "{}\n", renderer.render(&[Group::with_title(note)]))?;
        }
        Ok(())
    }

    /// The counts, and what the run was told.
    pub(super) fn closing_line(&self, options: &TextOptions) -> String {
        let files = self.inventory.ledger().len();
        let mut line = summary_line(self.summary(), files, options.color);
        if let Some(version) = &self.kubernetes {
            let _ = write!(line, "; Kubernetes {version}");
        }
        if let Some(configuration) = &self.run.configuration {
            let _ = write!(line, "; {}", normalize_untrusted_str(configuration));
        }
        if let Some(elapsed) = options.elapsed {
            line.push_str(&time(elapsed));
        }
        line
    }

    /// Rules that could not be evaluated, each with its first object and how many others there are: what is wrong
    /// with a policy is wrong with it once.
    fn failures(&self) -> Vec<(&Entry, usize)> {
        let mut failures: Vec<(&Entry, usize)> = Vec::new();
        let mut known = BTreeMap::new();
        for entry in self.entries().iter().filter(|entry| entry.finding.certainty == Certainty::Failed) {
            let Finding { rule, message, fault, .. } = &entry.finding;
            let at = fault.as_ref().and_then(|fault| fault.at.as_ref()).map(|place| place.span);
            let index = *known.entry((&rule.policy, &rule.code, message, at)).or_insert(failures.len());
            match failures.get_mut(index) {
                Some((_, others)) => *others += 1,
                None => failures.push((entry, 0)),
            }
        }
        failures
    }

    /// A rule that could not be evaluated: the policy's place first, then the manifest's.
    fn failure_group<'r>(&'r self, entry: &'r Entry, others: usize) -> Group<'r> {
        let Entry { subject: id, finding, also: _ } = entry;
        let title =
            Level::ERROR.with_name("failed").primary_title(finding.message.as_str()).id(finding.code());
        let mut group = Group::with_title(title);
        let fault = finding.fault.as_deref();
        if let Some(place) = fault.and_then(|fault| fault.at.as_deref()) {
            let PolicyPlace { file, text, span } = place;
            group = group.element(snippet(file, text, span.start as usize..span.end as usize));
        }
        let subject = self.subject(*id);
        let mut over = match finding.place.span {
            Some(span) => {
                let position = self.sources.file(subject.file).position(span.start as usize);
                format!("while judging {}:{}:{}", self.path(subject.file), position.line, position.column)
            }
            None => format!("while judging {}", self.path(subject.file)),
        };
        if let Some(identity) = &subject.identity {
            let _ = write!(over, ", {identity}");
        }
        match others {
            0 => {}
            1 => over.push_str(", and 1 other object"),
            _ => {
                let _ = write!(over, ", and {others} other objects");
            }
        }
        group = group.element(Level::NOTE.message(normalize_untrusted_str(&over)));
        match fault.and_then(|fault| fault.help) {
            Some(help) => group.element(Level::HELP.message(help)),
            None => group,
        }
    }

    fn finding_group<'r>(&'r self, entry: &'r Entry, with_references: bool) -> Group<'r> {
        let Entry { subject: id, finding, also } = entry;
        let mut group =
            Group::with_title(level(finding).primary_title(finding.message.as_str()).id(finding.code()));
        for element in self.places(*id, finding) {
            group = group.element(element);
        }
        let note = |text: &str| Level::NOTE.message(normalize_untrusted_str(text));
        if let Some(context) = context(self.subject(*id), finding) {
            group = group.element(note(&context));
        }
        for also in also {
            group = group.element(note(&format!("also: {}: {}", also.code(), also.message)));
        }
        if !finding.explanation.is_empty() {
            group = group.element(note(&finding.explanation.join("\n")));
        }
        if let Some(remediation) = &finding.rule.remediation {
            group = group.element(Level::HELP.message(normalize_untrusted_str(remediation)));
        }
        if with_references {
            for reference in &finding.rule.references {
                group = group.element(note(&format!("see {reference}")));
            }
        }
        group
    }

    /// The excerpts: the finding's own place, with related ones near to it, then the others.
    fn places<'r>(&'r self, id: DocumentId, finding: &'r Finding) -> Vec<Element<'r>> {
        let own_file = self.subject(id).file;
        let Some(own) = finding.place.span else {
            return vec![Origin::path(self.path(own_file)).into()];
        };
        let line = |file: FileId, span: Span| self.sources.file(file).position(span.start as usize).line;
        let own_line = line(own_file, own);
        let mut near = vec![(own, None)];
        let mut far = Vec::new();
        for related in &finding.related {
            let file = related.document.map_or(own_file, |document| self.subject(document).file);
            let message = related.message.as_str();
            match related.place.span {
                Some(span) if file == own_file && line(file, span).abs_diff(own_line) <= NEAR => {
                    near.push((span, Some(message)));
                }
                span => far.push((file, span, message)),
            }
        }
        let mut elements = self.snippet(own_file, &near, AnnotationKind::Primary);
        for (file, span, message) in far {
            match span {
                Some(span) => {
                    elements.extend(self.snippet(file, &[(span, Some(message))], AnnotationKind::Context));
                }
                None => {
                    let text = format!("{}: {message}", self.path(file));
                    elements.push(Level::NOTE.message(normalize_untrusted_str(&text)).into());
                }
            }
        }
        elements
    }

    /// Where the first of the spans is, and the lines of all of them.
    fn snippet<'r>(
        &'r self,
        file: FileId,
        spans: &[(Span, Option<&'r str>)],
        first: AnnotationKind,
    ) -> Vec<Element<'r>> {
        let source = self.sources.file(file);
        let Some((span, _)) = spans.first() else { return Vec::new() };
        let position = source.position(span.start as usize);
        let only: Vec<Span> = spans.iter().map(|(span, _)| *span).collect();
        let Some(excerpt) = excerpt(source, self.masks.file(file), &only) else {
            return vec![self.origin(file, position.line, position.column)];
        };
        let Excerpt { line, text, marks, cut } = excerpt;
        let annotations = marks.into_iter().zip(spans).enumerate().map(|(index, (mark, (_, label)))| {
            let kind = if index == 0 { first } else { AnnotationKind::Context };
            kind.span(mark).label(*label)
        });
        let snippet = Snippet::source(text).line_start(line as usize).annotations(annotations);
        if cut {
            // the renderer would count columns from where the line was cut
            vec![self.origin(file, position.line, position.column), snippet.into()]
        } else {
            vec![snippet.path(self.path(file)).into()]
        }
    }

    fn origin(&self, file: FileId, line: u32, column: u32) -> Element<'_> {
        Origin::path(self.path(file)).line(line as usize).char_column(column as usize).into()
    }

    pub(super) fn path(&self, file: FileId) -> &str {
        self.sources.file(file).path()
    }

    /// A document that could not be read. Nothing of a file that speaks of Secrets is shown.
    fn error_group<'r>(&'r self, file: FileId, error: &'r DocumentError) -> Group<'r> {
        let source = self.sources.file(file);
        let DocumentError { document: _, position, error } = error;
        let shown = !source.text().is_empty() && !self.masks.file(file).guarded;
        let span = byte_at(source, *position).filter(|_| shown);
        let elements = match span {
            Some(span) => self.snippet(file, &[(span, None)], AnnotationKind::Primary),
            None if source.text().is_empty() => vec![Origin::path(self.path(file)).into()],
            None => vec![self.origin(file, position.line, position.column)],
        };
        Group::with_title(Level::ERROR.primary_title(self.error_message(file, error))).elements(elements)
    }

    /// Files that only their renderer can read are named, so that nobody thinks them checked.
    fn templates(&self) -> Option<Group<'_>> {
        let templates: Vec<&str> = self
            .inventory
            .ledger()
            .iter()
            .filter(|record| record.outcome == Outcome::Template)
            .map(|record| self.path(record.file))
            .collect();
        let it = if templates.len() == 1 { "it" } else { "them" };
        let names = named(&templates, "template", "templates")?;
        let text = format!("skipped {names} (render {it}, then lint the output)");
        Some(Group::with_title(Level::NOTE.primary_title(text)))
    }

    /// Links that were not followed are named, for what they lead to was not read.
    fn links(&self) -> Option<Group<'_>> {
        let files = self.sources.files().iter().filter(|file| file.ignored_because() == Some(LINK_OUTSIDE));
        let links: Vec<&str> = files.map(crate::manifest::SourceFile::path).collect();
        let text = format!(
            "ignored {} (outside of the repository or folder: not read)",
            named(&links, "link", "links")?
        );
        Some(Group::with_title(Level::NOTE.primary_title(text)))
    }

    /// A run without findings is no proof of what was not asked.
    fn packs(&self) -> Option<Group<'_>> {
        let packs = &self.run.packs_not_run;
        if packs.is_empty() || !self.entries.is_empty() || self.is_empty() {
            return None;
        }
        let text = format!("packs that did not run: {} (`--pack NAME`, or `--pack all`)", packs.join(", "));
        Some(Group::with_title(Level::NOTE.primary_title(text)))
    }
}

/// `2 links: a.yaml, b.yaml`; only so many are named. `None` where there is none.
fn named(paths: &[&str], one: &str, many: &str) -> Option<String> {
    if paths.is_empty() {
        return None;
    }
    let what = if paths.len() == 1 { one } else { many };
    let mut text = format!("{} {what}: {}", paths.len(), paths[..paths.len().min(NAMED)].join(", "));
    if paths.len() > NAMED {
        let _ = write!(text, " and {} more", paths.len() - NAMED);
    }
    Some(normalize_untrusted_str(&text))
}

fn level(finding: &Finding) -> Level<'static> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Info => Level::INFO,
    };
    if finding.certainty == Certainty::Unknown { level.with_name("unknown") } else { level }
}

/// Which object, and where in it; of a policy of one namespace, that too.
fn context(subject: &Subject<'_>, finding: &Finding) -> Option<String> {
    let mut text = match (&subject.identity, finding.place.path.as_str()) {
        (None, "") => String::new(),
        (None, path) => format!("at {path}"),
        (Some(identity), "") => format!("in {identity}"),
        (Some(identity), path) => format!("in {identity}, at {path}"),
    };
    if let Some(origin) = &finding.place.origin {
        let _ = write!(text, "{}made by {origin}", if text.is_empty() { "" } else { ", " });
    }
    if let Some(policy) = finding.rule.policy.as_ref().filter(|policy| policy.namespace.is_some()) {
        let _ = write!(text, "{}by {policy}", if text.is_empty() { "" } else { ", " });
    }
    (!text.is_empty()).then_some(text)
}

/// `2 errors, 0 warnings, …; 13 documents in 12 files: 5 linted, …; 12 ms`
fn summary_line(summary: &Summary, files: usize, color: bool) -> String {
    let count = |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
    let paint = |text: String, n: usize, color_of: AnsiColor| {
        let style = Style::new().fg_color(Some(color_of.into())).effects(Effects::BOLD);
        if color && n > 0 { format!("{style}{text}{style:#}") } else { text }
    };
    let Summary { error, warning, info, suppressed, unknown, failed, files: by_outcome, documents } = summary;
    let mut findings = vec![
        paint(count(*error, "error"), *error, AnsiColor::BrightRed),
        paint(count(*warning, "warning"), *warning, AnsiColor::Yellow),
        paint(format!("{unknown} unknown"), *unknown, AnsiColor::Yellow),
    ];
    // what few runs have is told where there is some
    if *failed > 0 {
        findings.insert(0, paint(format!("{failed} failed"), *failed, AnsiColor::BrightRed));
    }
    findings.extend((*info > 0).then(|| format!("{info} info")));
    findings.extend((*suppressed > 0).then(|| format!("{suppressed} suppressed")));
    let patches = match by_outcome.patch {
        0 => None,
        1 => Some("1 patch".to_owned()),
        more => Some(format!("{more} patches")),
    };
    let outcomes = [
        format!("{} linted", by_outcome.linted),
        format!("{} not Kubernetes", by_outcome.not_kubernetes),
        count(by_outcome.template, "template"),
        format!("{} ignored", by_outcome.ignored),
        paint(format!("{} broken", by_outcome.broken), by_outcome.broken, AnsiColor::BrightRed),
    ];
    format!(
        "{}; {} in {}: {}",
        findings.join(", "),
        count(*documents, "document"),
        count(files, "file"),
        outcomes.into_iter().chain(patches).collect::<Vec<_>>().join(", ")
    )
}

/// How long it took, as the end of the line.
fn time(elapsed: Duration) -> String {
    let millis = elapsed.as_secs_f64() * 1000.0;
    match millis {
        ..10.0 => format!("; {millis:.1} ms"),
        ..1000.0 => format!("; {millis:.0} ms"),
        _ => format!("; {:.1} s", millis / 1000.0),
    }
}

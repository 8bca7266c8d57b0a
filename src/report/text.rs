//! What people read: object by object, the lines of each place once, and below them what was found there.
//!
//! ```text
//! deploy/checkout.yaml · Deployment shop/checkout
//!    27 │         - name: web
//!       │           ^^^^^^^^^ spec.template.spec.containers[0]
//!       ├ error    required-probes/probes  container web has no livenessProbe
//!       │                                  add a livenessProbe that a healthy container answers
//!       └ warning  run-as-root/user        container web may run as root
//! ```
//!
//! What is wrong with policies is said before all else. What to do is said once a rule; what is wrong with files follows, then
//! what was passed over, and the counts last, where the eye is.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::Report;
use super::broken::{broken, width};
use super::entry::{Entry, NamedRule};
use super::excerpt::{Excerpt, WIDE, excerpt};
use super::summary::Counted;
use crate::document::Span;
use crate::finding::{Certainty, Finding, ObjectId, readable};
use crate::manifest::FileId;
use crate::objects::DEFAULTED;
use annotate_snippets::renderer::{AnsiColor, Effects, Style};

/// How text is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TextOptions {
    /// With escape codes for terminals.
    pub color: bool,
    /// Codes lead to pages about them, where the terminal can follow links (OSC 8).
    pub links: bool,
    /// Without the notes on files and the line of counts.
    pub quiet: bool,
    /// Files that are passed over are named.
    pub verbose: bool,
    /// How long the run took.
    pub elapsed: Option<Duration>,
    /// The columns of the terminal; `None` where there is none.
    pub columns: Option<usize>,
}

/// The columns of what is not read on a terminal.
const COLUMNS: usize = 120;
/// As narrow and as wide as lines are made to fit.
const FITTED: std::ops::RangeInclusive<usize> = 60..=200;
/// Numbers of lines are written in so many columns, or as many as they need.
const NUMBERS: usize = 5;
/// Severities are written in so many columns.
const SEVERITY: usize = 7;
/// Messages stand beside their codes where there is this much room, else below.
const ROOM: usize = 40;

impl TextOptions {
    /// How long lines may be, in columns.
    pub(super) fn width(&self) -> usize {
        self.columns.unwrap_or(COLUMNS).clamp(*FITTED.start(), *FITTED.end())
    }

    fn paint(&self, style: Style, text: &str) -> String {
        if self.color && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

const FRAME: Style =
    Style::new().fg_color(Some(annotate_snippets::renderer::Color::Ansi(AnsiColor::BrightBlue)));
const STRONG: Style = Style::new().effects(Effects::BOLD);
const FAINT: Style = Style::new().effects(Effects::DIMMED);

impl Report<'_> {
    /// Writes the report for people.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_text(&self, out: &mut dyn Write, options: TextOptions) -> io::Result<()> {
        self.write_failures(out, &options)?;
        let mut advised = BTreeSet::new();
        for group in &self.groups {
            let mut found = self.entries_in(group);
            found.retain(|entry| entry.finding.certainty != Certainty::Failed);
            for of_one in found.chunk_by(|a, b| a.subject == b.subject) {
                self.write_object(out, &options, of_one, &mut advised)?;
            }
        }
        self.write_unread(out, &options)?;
        self.write_closing(out, &options)
    }

    fn write_object(
        &self,
        out: &mut dyn Write,
        options: &TextOptions,
        found: &[Entry],
        advised: &mut BTreeSet<NamedRule>,
    ) -> io::Result<()> {
        let Some(first) = found.first() else { return Ok(()) };
        let subject = self.subject(first.subject);
        let name = match &subject.identity {
            Some(identity) => identity.to_string(),
            None => format!("document {}", subject.document + 1),
        };
        let path = options.paint(STRONG, &readable(self.path(subject.file)));
        writeln!(out, "{path} · {}", options.paint(STRONG, &name))?;
        let line = |span: Span| self.sources.file(subject.file).position(span.start as usize).line;
        let last = found.iter().filter_map(|entry| entry.finding.place.span).map(line).max().unwrap_or(0);
        let frame = Frame {
            options,
            numbers: NUMBERS.max(last.to_string().len()),
            codes: found.iter().map(|entry| width(entry.finding.code())).max().unwrap_or(0),
        };
        for of_place in found.chunk_by(|a, b| a.finding.place.span == b.finding.place.span) {
            self.write_excerpt(out, &frame, subject.file, of_place)?;
            let mut of_place: Vec<&Entry> = of_place.iter().collect();
            of_place.sort_by_key(|entry| Counted::of(&entry.finding));
            for (index, entry) in of_place.iter().enumerate() {
                let rule = NamedRule(Arc::clone(&entry.finding.rule));
                let lines = self.lines_of(entry, advised.insert(rule));
                frame.write_finding(out, &entry.finding, &lines, index + 1 == of_place.len())?;
            }
        }
        writeln!(out)
    }

    /// The line where the findings are, the place marked and named.
    fn write_excerpt(
        &self,
        out: &mut dyn Write,
        frame: &Frame<'_>,
        file: FileId,
        found: &[Entry],
    ) -> io::Result<()> {
        // what the others are in
        let paths = found.iter().map(|entry| entry.finding.place.path.as_str());
        let path = paths.min_by_key(|path| path.len()).unwrap_or_default();
        let place = found.first().and_then(|entry| entry.finding.place.span);
        let source = self.sources.file(file);
        let wide = frame.room().min(WIDE);
        let shown = place.and_then(|span| excerpt(source, self.masks.file(file), &[span], wide));
        let Some(Excerpt { line, text, marks, cut }) = shown else {
            let what = if path.is_empty() { "the whole object" } else { path };
            return frame.write_line(out, "", '│', &[what]);
        };
        let mark = marks.into_iter().next().unwrap_or_default();
        let shown = |text: &str| readable(&text.replace('\t', "    ")).into_owned();
        let before = " ".repeat(width(&shown(&text[..mark.start])));
        let carets = "^".repeat(width(&shown(&text[mark])).max(1));
        frame.write_line(out, &line.to_string(), '│', &[&shown(&text)])?;
        // of a line without its beginning nobody sees in which column the place is
        let label = match found.first().filter(|_| cut) {
            Some(entry) => format!("{} {path}", self.place_of(entry)).trim_end().to_owned(),
            None => path.to_owned(),
        };
        let fits = before.len() + carets.len() + 1 + width(&label) <= frame.room();
        let carets = frame.options.paint(worst(found).style(), &carets);
        match (fits && !label.is_empty(), cut) {
            (true, _) => frame.write_line(out, "", '│', &[&before, &carets, " ", &label]),
            (false, false) => frame.write_line(out, "", '│', &[&before, &carets]),
            (false, true) => {
                frame.write_line(out, "", '│', &[&before, &carets])?;
                let mut parts = broken(&label, frame.room(), "").into_iter();
                parts.try_for_each(|part| frame.write_line(out, "", '│', &[&part]))
            }
        }
    }

    /// What is said of a finding, in lines that are not yet broken: first its message.
    fn lines_of(&self, entry: &Entry, is_first: bool) -> Vec<(Style, String)> {
        let Entry { subject, finding, also } = entry;
        let plain = Style::new();
        let mut lines = vec![(plain, readable(&finding.message).into_owned())];
        for also in also {
            lines.push((plain, format!("also {}: {}", also.code(), readable(&also.message))));
        }
        for related in &finding.related {
            let document = related.document.unwrap_or(*subject);
            let message = readable(&related.message);
            lines.push((plain, format!("{}: {message}", self.position_of(document, related.place.span))));
            lines.extend(self.line_of(document, related.place.span).map(|line| (FAINT, format!("  {line}"))));
        }
        let origin = made_by(finding);
        let policy = finding.rule.policy.as_ref().filter(|policy| policy.namespace.is_some());
        let policy = policy.map(|policy| format!("by {}", readable(&policy.to_string())));
        lines.extend(origin.into_iter().chain(policy).map(|line| (plain, line)));
        lines.extend(finding.explanation.iter().map(|line| (plain, readable(line).into_owned())));
        if let Some(remediation) = finding.rule.remediation.as_ref().filter(|_| is_first) {
            lines.extend(remediation.lines().map(|line| (FAINT, readable(line.trim()).into_owned())));
        }
        lines.extend(finding.reference.iter().map(|link| (FAINT, link.clone())));
        lines
    }

    pub(super) fn position_of(&self, document: ObjectId, span: Option<Span>) -> String {
        let file = self.subject(document).file;
        let path = readable(self.path(file));
        match span.map(|span| self.sources.file(file).position(span.start as usize)) {
            Some(at) => format!("{path}:{}:{}", at.line, at.column),
            None => path.into_owned(),
        }
    }

    /// The line where a span begins, without its indentation.
    fn line_of(&self, document: ObjectId, span: Option<Span>) -> Option<String> {
        let file = self.subject(document).file;
        let excerpt = excerpt(self.sources.file(file), self.masks.file(file), &[span?], WIDE)?;
        Some(readable(&excerpt.text.replace('\t', " ")).trim().to_owned()).filter(|line| !line.is_empty())
    }

    pub(super) fn path(&self, file: FileId) -> &str {
        self.sources.file(file).path()
    }
}

/// What weighs most of findings.
fn worst(found: &[Entry]) -> Counted {
    found.iter().map(|entry| Counted::of(&entry.finding)).min().unwrap_or(Counted::Info)
}

/// The columns of an object: numbers of lines, severities, codes, messages.
struct Frame<'o> {
    options: &'o TextOptions,
    numbers: usize,
    codes: usize,
}

impl Frame<'_> {
    /// What is left of a line behind its number and frame.
    fn room(&self) -> usize {
        self.options.width().saturating_sub(self.numbers + 3)
    }

    /// Writes a line of these parts one after the other.
    fn write_line(&self, out: &mut dyn Write, number: &str, frame: char, parts: &[&str]) -> io::Result<()> {
        let width = self.numbers;
        let Self { options, .. } = self;
        if options.color {
            write!(out, "{FRAME}{number:>width$} {frame}{FRAME:#}")?;
        } else {
            write!(out, "{number:>width$} {frame}")?;
        }
        if parts.iter().any(|part| !part.is_empty()) {
            out.write_all(b" ")?;
        }
        parts.iter().try_for_each(|part| out.write_all(part.as_bytes()))?;
        out.write_all(b"\n")
    }

    fn write_finding(
        &self,
        out: &mut dyn Write,
        finding: &Finding,
        lines: &[(Style, String)],
        is_last: bool,
    ) -> io::Result<()> {
        let (first, others) = if is_last { ('└', ' ') } else { ('├', '│') };
        let counted = Counted::of(finding);
        let severity = counted.paint(&format!("{:SEVERITY$}", counted.name()), self.options.color);
        let code = self.link(finding);
        let beside = SEVERITY + 2 + self.codes + 2;
        let is_beside = self.room() >= beside + ROOM;
        let indent = if is_beside { beside } else { 2 };
        let room = self.room() - indent;
        let mut head = match is_beside {
            true => {
                let gap = self.codes - width(finding.code()) + 2;
                Some(format!("{severity}  {code}{:gap$}", ""))
            }
            false => {
                self.write_line(out, "", first, &[&severity, "  ", &code])?;
                None
            }
        };
        let blanks = " ".repeat(indent);
        for (style, line) in lines {
            let text = line.trim_start_matches(' ');
            let own = &line[..line.len() - text.len()];
            for part in broken(text, room, own) {
                let text = self.options.paint(*style, &part);
                match head.take() {
                    Some(head) => self.write_line(out, "", first, &[&head, &text])?,
                    None => self.write_line(out, "", others, &[&blanks, &text])?,
                }
            }
        }
        Ok(())
    }

    /// The code, leading to the first page about it.
    fn link(&self, finding: &Finding) -> String {
        let code = self.options.paint(STRONG, finding.code());
        let is_safe =
            |url: &&String| url.starts_with("https://") && url.bytes().all(|byte| byte.is_ascii_graphic());
        match finding.rule.references.first().filter(is_safe).filter(|_| self.options.links) {
            Some(url) => format!("\u{1b}]8;;{url}\u{1b}\\{code}\u{1b}]8;;\u{1b}\\"),
            None => code,
        }
    }
}
/// Who put a node there that nobody wrote. What Kubernetes writes for nothing (`resources: {}`) is not told.
fn made_by(finding: &Finding) -> Option<String> {
    let origin = finding.place.origin.as_deref()?;
    match origin {
        DEFAULTED => finding.value.as_ref().map(|_| DEFAULTED.to_owned()),
        _ => Some(format!("made by {}", readable(origin))),
    }
}

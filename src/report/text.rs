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

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::Report;
use super::broken::{broken, width};
use super::entry::NamedRule;
use super::excerpt::{Excerpt, WIDE, excerpt};
use super::shown::Shown;
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

    fn paint<'t>(&self, style: Style, text: &'t str) -> Cow<'t, str> {
        match self.color && !text.is_empty() {
            true => Cow::Owned(format!("{style}{text}{style:#}")),
            false => Cow::Borrowed(text),
        }
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
        let mut text = String::new();
        for group in &self.groups {
            let mut found = self.shown_in(group, false);
            found.retain(|shown| shown.said.certainty != Certainty::Failed);
            for of_one in found.chunk_by(|a, b| a.subject == b.subject) {
                text.clear();
                self.write_object(&mut text, &options, of_one, &mut advised);
                out.write_all(text.as_bytes())?;
            }
        }
        self.write_unread(out, &options)?;
        self.write_closing(out, &options)
    }

    fn write_object(
        &self,
        out: &mut String,
        options: &TextOptions,
        found: &[Shown<'_>],
        advised: &mut BTreeSet<NamedRule>,
    ) {
        let Some(first) = found.first() else { return };
        let subject = self.subject(first.subject);
        let name = match &subject.called {
            Some(identity) => identity.to_string(),
            None => format!("document {}", subject.document + 1),
        };
        out.push_str(&options.paint(STRONG, &readable(self.path(subject.file))));
        out.push_str(" · ");
        out.push_str(&options.paint(STRONG, &name));
        out.push('\n');
        let line = |span: Span| self.sources.file(subject.file).position(span.start as usize).line;
        let last = found.iter().filter_map(|shown| shown.place.span).map(line).max().unwrap_or(0);
        let codes = found.iter().map(|shown| width(shown.said.code())).max().unwrap_or(0);
        let frame = Frame::new(options, NUMBERS.max(last.to_string().len()), codes);
        for of_place in found.chunk_by(|a, b| a.place.span == b.place.span) {
            self.write_excerpt(out, &frame, subject.file, of_place);
            let mut of_place: Vec<&Shown<'_>> = of_place.iter().collect();
            of_place.sort_by_key(|shown| shown.counted());
            for (index, shown) in of_place.iter().enumerate() {
                let rule = NamedRule(Arc::clone(&shown.said.rule));
                let lines = self.lines_of(shown, advised.insert(rule));
                frame.write_finding(out, shown, &lines, index + 1 == of_place.len());
            }
        }
        out.push('\n');
    }

    /// The line where the findings are, the place marked and named.
    fn write_excerpt(&self, out: &mut String, frame: &Frame<'_>, file: FileId, found: &[Shown<'_>]) {
        // what the others are in
        let paths = found.iter().map(|shown| &*shown.place.path);
        let path = paths.min_by_key(|path| path.len()).unwrap_or_default();
        let place = found.first().and_then(|shown| shown.place.span);
        let source = self.sources.file(file);
        let wide = frame.room.min(WIDE);
        let shown = place.and_then(|span| excerpt(source, self.masks.file(file), &[span], wide));
        let Some(Excerpt { line, text, marks, cut }) = shown else {
            let what = if path.is_empty() { "the whole object" } else { path };
            return frame.write_line(out, "", '│', &[what]);
        };
        let mark = marks.into_iter().next().unwrap_or_default();
        let before = " ".repeat(width(&spaced(&text[..mark.start])));
        let carets = "^".repeat(width(&spaced(&text[mark])).max(1));
        frame.write_line(out, &line.to_string(), '│', &[&spaced(&text)]);
        // of a line without its beginning nobody sees in which column the place is
        let label = match found.first().filter(|_| cut) {
            Some(shown) => {
                let at = self.position_of(shown.subject, shown.place.span);
                Cow::Owned(format!("{at} {path}").trim_end().to_owned())
            }
            None => Cow::Borrowed(path),
        };
        let fits = before.len() + carets.len() + 1 + width(&label) <= frame.room;
        let carets = frame.options.paint(worst(found).style(), &carets);
        match (fits && !label.is_empty(), cut) {
            (true, _) => frame.write_line(out, "", '│', &[&before, &carets, " ", &label]),
            (false, false) => frame.write_line(out, "", '│', &[&before, &carets]),
            (false, true) => {
                frame.write_line(out, "", '│', &[&before, &carets]);
                let parts = broken(&label, frame.room, "");
                parts.iter().for_each(|part| frame.write_line(out, "", '│', &[part]));
            }
        }
    }

    /// What is said of a finding, in lines that are not yet broken: first its message.
    fn lines_of<'e>(&self, shown: &'e Shown<'_>, is_first: bool) -> Vec<(Style, Cow<'e, str>)> {
        let Shown { subject, said, message, related, also, .. } = shown;
        let plain = Style::new();
        let mut lines = vec![(plain, readable(message))];
        for also in also {
            lines.push((plain, format!("also {}: {}", also.said.code(), readable(&also.message)).into()));
        }
        for related in related {
            let document = related.document.unwrap_or(*subject);
            let message = readable(&related.message);
            let position = self.position_of(document, related.span);
            lines.push((plain, format!("{position}: {message}").into()));
            let line = self.line_of(document, related.span);
            lines.extend(line.map(|line| (FAINT, format!("  {line}").into())));
        }
        let origin = made_by(shown);
        let policy = said.rule.policy.as_ref().filter(|policy| policy.namespace.is_some());
        let policy = policy.map(|policy| format!("by {}", readable(&policy.to_string())));
        lines.extend(origin.into_iter().chain(policy).map(|line| (plain, line.into())));
        lines.extend(said.explanation.iter().map(|line| (plain, readable(line))));
        if let Some(remediation) = said.rule.remediation.as_ref().filter(|_| is_first) {
            lines.extend(remediation.lines().map(|line| (FAINT, readable(line.trim()))));
        }
        lines.extend(said.reference.iter().map(|link| (FAINT, link.into())));
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
fn worst(found: &[Shown<'_>]) -> Counted {
    found.iter().map(Shown::counted).min().unwrap_or(Counted::Info)
}

/// Text of a file, as it is shown.
fn spaced(text: &str) -> Cow<'_, str> {
    if text.contains('\t') {
        readable(&text.replace('\t', "    ")).into_owned().into()
    } else {
        readable(text)
    }
}

/// The columns of an object: numbers of lines, severities, codes, messages.
struct Frame<'o> {
    options: &'o TextOptions,
    numbers: usize,
    codes: usize,
    /// What is left of a line behind its number and frame.
    room: usize,
    /// Whether messages stand beside their codes, not below.
    is_beside: bool,
    /// Stands before the lines of a message.
    indent: String,
}

impl<'o> Frame<'o> {
    /// Of columns so wide.
    fn new(options: &'o TextOptions, numbers: usize, codes: usize) -> Self {
        let room = options.width().saturating_sub(numbers + 3);
        let beside = SEVERITY + 2 + codes + 2;
        let is_beside = room >= beside + ROOM;
        let indent = " ".repeat(if is_beside { beside } else { 2 });
        Self { options, numbers, codes, room, is_beside, indent }
    }

    /// Writes a line of these parts one after the other.
    fn write_line(&self, out: &mut String, number: &str, frame: char, parts: &[&str]) {
        if self.options.color {
            out.push_str(&FRAME.render().to_string());
        }
        pad(out, self.numbers.saturating_sub(number.len()));
        out.push_str(number);
        out.push(' ');
        out.push(frame);
        if self.options.color {
            out.push_str(&FRAME.render_reset().to_string());
        }
        if parts.iter().any(|part| !part.is_empty()) {
            out.push(' ');
        }
        parts.iter().for_each(|part| out.push_str(part));
        out.push('\n');
    }

    fn write_finding(
        &self,
        out: &mut String,
        shown: &Shown<'_>,
        lines: &[(Style, Cow<'_, str>)],
        is_last: bool,
    ) {
        let (first, others) = if is_last { ('└', ' ') } else { ('├', '│') };
        let counted = shown.counted();
        let mut severity = counted.name().to_owned();
        pad(&mut severity, SEVERITY.saturating_sub(counted.name().len()));
        let mut head = counted.paint(&severity, self.options.color);
        head.push_str("  ");
        head.push_str(&self.link(&shown.said));
        let mut head = match self.is_beside {
            true => {
                pad(&mut head, self.codes - width(shown.said.code()) + 2);
                Some(head)
            }
            false => {
                self.write_line(out, "", first, &[&head]);
                None
            }
        };
        for (style, line) in lines {
            let text = line.trim_start_matches(' ');
            let own = &line[..line.len() - text.len()];
            for part in broken(text, self.room - self.indent.len(), own) {
                let text = self.options.paint(*style, &part);
                match head.take() {
                    Some(head) => self.write_line(out, "", first, &[&head, &text]),
                    None => self.write_line(out, "", others, &[&self.indent, &text]),
                }
            }
        }
    }

    /// The code, leading to the first page about it.
    fn link<'f>(&self, finding: &'f Finding) -> Cow<'f, str> {
        let code = self.options.paint(STRONG, finding.code());
        let is_safe =
            |url: &&String| url.starts_with("https://") && url.bytes().all(|byte| byte.is_ascii_graphic());
        match finding.rule.references.first().filter(is_safe).filter(|_| self.options.links) {
            Some(url) => format!("\u{1b}]8;;{url}\u{1b}\\{code}\u{1b}]8;;\u{1b}\\").into(),
            None => code,
        }
    }
}

/// Writes so many blanks.
fn pad(out: &mut String, blanks: usize) {
    out.extend(std::iter::repeat_n(' ', blanks));
}

/// Who put a node there that nobody wrote. What Kubernetes writes for nothing (`resources: {}`) is not told.
fn made_by(shown: &Shown<'_>) -> Option<String> {
    let origin = shown.place.origin.as_deref()?;
    match origin {
        DEFAULTED => shown.has_value.then(|| DEFAULTED.to_owned()),
        _ => Some(format!("made by {}", readable(origin))),
    }
}

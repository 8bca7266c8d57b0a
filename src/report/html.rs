//! A page for a browser: one file that asks nobody for anything.
//!
//! The findings are data in the page, and its script makes text of them, never markup; a policy of its own
//! (`Content-Security-Policy`) forbids the page every request. Only so many findings are made visible at a time, so that
//! tens of thousands stay usable.

use std::io::{self, Write};

use serde::Serialize;

use super::catalogue::{AboutRule, Catalogue};
use super::entry::Entry;
use super::excerpt::{Excerpt, WIDE, excerpt};
use super::lines::{Batches, List, write_list};
use super::summary::Counted;
use super::{Report, TextOptions};
use crate::finding::{ObjectId, readable};
use crate::waiver::Suppressed;

/// The page, with a mark where the data belong.
const PAGE: &str = include_str!("html/page.html");
const MARK: &str = "<!--DATA-->";

#[derive(Serialize)]
struct RuleText<'r> {
    code: &'r str,
    description: &'r str,
    rationale: &'r str,
    remediation: &'r str,
    references: &'r [String],
}

#[derive(Serialize)]
struct Shown<'r> {
    severity: &'static str,
    /// An index into the rules.
    rule: usize,
    message: String,
    also: Vec<String>,
    file: String,
    line: Option<u32>,
    column: Option<u32>,
    path: &'r str,
    object: String,
    namespace: &'r str,
    /// What stands before the place on its line, the place, and what stands behind it.
    excerpt: Option<[String; 3]>,
    related: Vec<String>,
    /// Why it is waived, and by what.
    #[serde(skip_serializing_if = "Option::is_none")]
    waived: Option<String>,
}

impl Report<'_> {
    /// Writes the page.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_html(&self, out: &mut dyn Write, options: &TextOptions) -> io::Result<()> {
        let (head, tail) = PAGE.split_once(MARK).expect("the page has the mark");
        out.write_all(head.as_bytes())?;
        self.write_data(&mut InScript(out), options)?;
        out.write_all(tail.as_bytes())
    }

    fn write_data(&self, out: &mut dyn Write, options: &TextOptions) -> io::Result<()> {
        let entries = || self.all().map(|(entry, _)| entry);
        let used = Catalogue::default().with(entries());
        let all = self.catalogue.with(entries());
        let of_findings = |about: &&AboutRule| used.has(about);
        // only what the page shows
        let catalogue = Catalogue::new(all.rules().iter().filter(of_findings).cloned().collect());
        out.write_all(b"{\"rules\": ")?;
        write_list(out, catalogue.rules(), rule)?;
        out.write_all(b",\n\"findings\": ")?;
        let mut list = List::begin(out)?;
        list.add(&self.groups, Batches::DOZENS, |group, lines| {
            let mut told = self.all_in(group).into_iter();
            told.try_for_each(|(entry, by)| lines.push(&self.shown(&entry, by, &catalogue)))
        })?;
        list.end()?;
        let unread: Vec<String> = self
            .unread()
            .map(|(path, at, message)| {
                readable(&format!("{path}:{}:{}: {message}", at.line, at.column)).into_owned()
            })
            .collect();
        // the page is the same whenever it is made
        let told = self.closing_line(&TextOptions { color: false, columns: None, elapsed: None, ..*options });
        let tool = format!("Plimsoll {}", env!("CARGO_PKG_VERSION"));
        let rest = serde_json::json!({"unread": unread, "notes": self.closing_notes(options.verbose), "told": told, "tool": tool});
        let rest = rest.to_string();
        write!(out, ",\n{}", rest.trim_start_matches('{'))
    }

    fn shown<'r>(&'r self, entry: &'r Entry, by: Option<&Suppressed>, catalogue: &Catalogue) -> Shown<'r> {
        let Entry { subject: id, finding, also } = entry;
        let subject = self.subject(*id);
        let source = self.sources.file(subject.file);
        let at = finding.place.span.map(|span| source.position(span.start as usize));
        let identity = subject.identity();
        let related = finding.related.iter().map(|related| {
            let place = self.position_of(related.document.unwrap_or(*id), related.place.span);
            format!("{place}: {}", readable(&related.message))
        });
        Shown {
            severity: Counted::of(finding).name(),
            rule: catalogue.index(&finding.rule).unwrap_or_default(),
            message: readable(&finding.message).into_owned(),
            also: also.iter().map(|also| format!("{}: {}", also.code(), readable(&also.message))).collect(),
            file: readable(self.path(subject.file)).into_owned(),
            line: at.map(|at| at.line),
            column: at.map(|at| at.column),
            path: &finding.place.path,
            object: identity.map_or_else(String::new, |identity| identity.to_string()),
            namespace: identity.and_then(|identity| identity.namespace).unwrap_or_default(),
            excerpt: self.parted(*id, entry),
            related: related.collect(),
            waived: by.map(|by| readable(&self.why_waived(by)).into_owned()),
        }
    }

    /// The line of a finding in three parts; the second is the place.
    fn parted(&self, id: ObjectId, entry: &Entry) -> Option<[String; 3]> {
        let file = self.subject(id).file;
        let span = entry.finding.place.span?;
        let Excerpt { text, marks, .. } =
            excerpt(self.sources.file(file), self.masks.file(file), &[span], WIDE)?;
        let mark = marks.into_iter().next()?;
        let part = |text: &str| readable(&text.replace('\t', "    ")).into_owned();
        Some([part(&text[..mark.start]), part(&text[mark.clone()]), part(&text[mark.end..])])
    }
}

fn rule(about: &AboutRule) -> RuleText<'_> {
    let AboutRule { code, description, rationale, remediation, references, .. } = about;
    RuleText { code, description, rationale, remediation, references }
}

/// JSON within a script: a `<` stands only in strings there, and could end the script or begin a comment.
struct InScript<'o>(&'o mut dyn Write);

impl Write for InScript<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut parts = bytes.split(|byte| *byte == b'<');
        if let Some(first) = parts.next() {
            self.0.write_all(first)?;
        }
        for part in parts {
            self.0.write_all(b"\\u003c")?;
            self.0.write_all(part)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

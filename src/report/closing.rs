//! The end of what people read: what was passed over, which packs did not run, then the counts, where the eye is.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::time::Duration;

use super::broken::{fitting, width};
use super::summary::Counted;
use super::{Report, TextOptions};
use crate::finding::readable;
use crate::manifest::walk::LINK_OUTSIDE;
use crate::manifest::{FileOutcome, FileRecord};

impl Report<'_> {
    /// Writes all of it.
    pub(super) fn write_closing(&self, out: &mut dyn Write, options: &TextOptions) -> io::Result<()> {
        if self.is_empty() {
            match self.is_foreign() {
                true => writeln!(out, "note: none of the named files is a Kubernetes manifest\n")?,
                false => {
                    writeln!(
                        out,
                        "{}: no Kubernetes manifest found\n",
                        Counted::Error.paint("error", options.color)
                    )?;
                }
            }
        }
        if options.quiet {
            return Ok(());
        }
        if options.verbose {
            self.write_skipped(out)?;
            self.write_waived(out)?;
        }
        for note in self.closing_notes(options.verbose) {
            writeln!(out, "{}", fill(options, &note))?;
        }
        writeln!(out, "{}", self.closing_line(options))
    }

    /// What was not looked at, and how it can be.
    pub(super) fn closing_notes(&self, is_verbose: bool) -> Vec<String> {
        let mut notes: Vec<String> =
            self.notes.iter().map(|note| format!("note: {}", readable(note))).collect();
        notes.extend(self.compared_note());
        notes.extend(self.waived_notes(is_verbose).into_iter().map(|note| format!("note: {note}")));
        notes.extend(self.skipped(is_verbose));
        notes.extend(self.skipped_parts(is_verbose));
        if !self.run.packs_not_run.is_empty() && !self.is_empty() {
            let packs = self.run.packs_not_run.join(", ");
            notes.push(format!("packs that did not run as a whole: {packs} (--pack NAME, --pack all)"));
        }
        notes
    }

    /// Files that were passed over: how many of what.
    fn skipped(&self, are_named: bool) -> Option<String> {
        let files = &self.summary().files;
        let templates = files.template - self.in_part(FileOutcome::Template);
        let count = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        let by_outcome: Vec<String> = [
            count(files.not_kubernetes, "not Kubernetes", "not Kubernetes"),
            count(templates, "template (to be rendered first)", "templates (to be rendered first)"),
            count(files.ignored, "ignored", "ignored"),
            count(files.patch, "patch", "patches"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let all = files.not_kubernetes + templates + files.ignored + files.patch;
        let files = count(all, "file", "files")?;
        let hint = if are_named { "" } else { "; --verbose names them" };
        let hint = if all == 1 { hint.replace("them", "it") } else { hint.to_owned() };
        Some(format!("skipped {files}: {}{hint}", by_outcome.join(", ")))
    }

    /// Documents with template code in files of which others were linted.
    fn skipped_parts(&self, are_named: bool) -> Option<String> {
        let (templates, them) = match self.in_part(FileOutcome::Template) {
            0 => return None,
            1 => ("1 template".to_owned(), "it"),
            many => (format!("{many} templates"), "them"),
        };
        let hint = if are_named { String::new() } else { format!("; --verbose names {them}") };
        Some(format!("skipped parts of {templates} (to be rendered first){hint}"))
    }

    /// Files that ended so, and of which objects were linted all the same.
    fn in_part(&self, outcome: FileOutcome) -> usize {
        let objects = self.subjects.iter().filter(|subject| subject.called.is_some());
        let with: BTreeSet<_> = objects.map(|subject| subject.file).collect();
        let ledger = self.inventory.ledger().iter();
        ledger.filter(|record| record.outcome == outcome && with.contains(&record.file)).count()
    }

    fn write_skipped(&self, out: &mut dyn Write) -> io::Result<()> {
        for FileRecord { file, outcome, .. } in self.inventory.ledger() {
            let source = self.sources.file(*file);
            let why = match outcome {
                FileOutcome::Linted | FileOutcome::Broken => continue,
                FileOutcome::NotKubernetes => "not Kubernetes",
                FileOutcome::Template => "a template: render it, then lint the output",
                FileOutcome::Patch => "a patch: read by its kustomization",
                FileOutcome::Ignored => match source.ignored_because() {
                    Some(LINK_OUTSIDE) => "a link that leads outside of the repository or folder",
                    Some(reason) => reason,
                    None => "ignored",
                },
            };
            writeln!(out, "skipped {}: {}", readable(source.path()), readable(why))?;
        }
        Ok(())
    }

    /// The counts, and what the run was told.
    pub(super) fn closing_line(&self, options: &TextOptions) -> String {
        let counts = self.counts();
        let painted: Vec<String> =
            counts.iter().map(|(counted, text)| counted.paint(text, options.color)).collect();
        let plain: Vec<&str> = counts.iter().map(|(_, text)| text.as_str()).collect();
        let plain = if counts.is_empty() { self.none().to_owned() } else { plain.join(", ") };
        let painted = if counts.is_empty() { plain.clone() } else { painted.join(", ") };
        let objects = self.subjects.iter().filter(|subject| subject.called.is_some()).count();
        let of = match self.objects {
            0 => String::new(),
            with => format!("{with} of "),
        };
        let what =
            format!(" in {of}{} ({}){}", plural(objects, "object"), self.files(), self.waived_count(),);
        let told = self.told(options);
        let (left, right) = (width(&plain) + width(&what), width(&told));
        let gap = options.width().saturating_sub(left + right);
        match options.columns {
            Some(_) if gap >= 2 => format!("{painted}{what}{}{told}", " ".repeat(gap)),
            Some(_) => format!("{}\n{}", fill(options, &format!("{painted}{what}")), fill(options, &told)),
            None => format!("{painted}{what}; {told}"),
        }
    }

    /// `5 files linted, 1 in part, 1 broken`
    fn files(&self) -> String {
        let files = &self.summary().files;
        let broken = self.in_part(FileOutcome::Broken);
        let in_part = broken + self.in_part(FileOutcome::Template);
        let mut told = match (files.linted, in_part) {
            (linted, 0) => format!("{} linted", plural(linted, "file")),
            (0, in_part) => format!("{} linted in part", plural(in_part, "file")),
            (linted, in_part) => format!("{} linted, {in_part} in part", plural(linted, "file")),
        };
        if files.broken > broken {
            told.push_str(&format!(", {} broken", files.broken - broken));
        }
        told
    }

    /// That there is nothing to show.
    pub(super) fn none(&self) -> &'static str {
        if self.compared.is_some() { "no new findings" } else { "no findings" }
    }

    /// `, 3 waived (1 the webhook still denies)`
    fn waived_count(&self) -> String {
        match (self.waived().len(), self.still_denied()) {
            (0, _) => String::new(),
            (waived, 0) => format!(", {waived} waived"),
            (waived, denied) => format!(", {waived} waived ({denied} the webhook still denies)"),
        }
    }

    /// What there is of findings, what weighs most first.
    fn counts(&self) -> Vec<(Counted, String)> {
        let summary = self.summary();
        let mut counts = vec![
            (Counted::Failed, summary.failed, format!("{} failed", summary.failed)),
            (Counted::Error, summary.error, plural(summary.error, "error")),
            (Counted::Warning, summary.warning, plural(summary.warning, "warning")),
            (Counted::Unknown, summary.unknown, format!("{} unknown", summary.unknown)),
            (Counted::Info, summary.info, format!("{} info", summary.info)),
        ];
        counts.retain(|(_, count, _)| *count > 0);
        counts.into_iter().map(|(counted, _, text)| (counted, text)).collect()
    }

    fn told(&self, options: &TextOptions) -> String {
        let ran = self.run.policies.ran;
        let mut told = vec![if ran == 1 { "1 policy".to_owned() } else { format!("{ran} policies") }];
        told.extend(self.kubernetes.as_ref().map(|version| format!("Kubernetes {version}")));
        told.extend(self.run.configuration.as_ref().map(|file| readable(file).into_owned()));
        told.extend(options.elapsed.map(time));
        told.join(" · ")
    }
}

fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// Text in lines of the width of the terminal; the later ones are indented.
pub(super) fn fill(options: &TextOptions, text: &str) -> String {
    textwrap::fill(text, fitting(options.width()).subsequent_indent("  "))
}

/// How long it took.
fn time(elapsed: Duration) -> String {
    let millis = elapsed.as_secs_f64() * 1000.0;
    match millis {
        ..10.0 => format!("{millis:.1} ms"),
        ..1000.0 => format!("{millis:.0} ms"),
        _ => format!("{:.1} s", millis / 1000.0),
    }
}

//! The format `summary`: how many findings of which rule, where most of them are, and how to see them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use super::closing::fill;
use super::entry::{Entry, NamedRule};
use super::summary::Counted;
use super::{Report, TextOptions};
use crate::finding::{ObjectId, readable};
use crate::manifest::FileId;

/// So many files are named.
const WORST: usize = 5;

/// The findings of one rule that count as the same.
pub(super) struct OfRule {
    /// What they count as.
    pub(super) counted: Counted,
    /// The rule that they are of.
    rule: NamedRule,
    /// How many there are.
    pub(super) count: usize,
    /// In how many objects.
    pub(super) objects: usize,
    /// Where the first of them is.
    first: String,
}

impl OfRule {
    /// The code that the findings share.
    pub(super) fn code(&self) -> &str {
        &self.rule.0.code
    }
}

impl Report<'_> {
    /// The findings by rule: what weighs most first, of these the most frequent.
    pub(super) fn by_rule(&self) -> Vec<OfRule> {
        let mut rules: BTreeMap<_, (OfRule, BTreeSet<ObjectId>)> = BTreeMap::new();
        for (counted, glance) in self.counted() {
            let rule = NamedRule(Arc::clone(&glance.said.rule));
            let (of_rule, objects) = rules.entry((counted, rule.clone())).or_insert_with(|| {
                let first = self.position_of(glance.object, glance.span);
                (OfRule { counted, rule, count: 0, objects: 0, first }, BTreeSet::new())
            });
            of_rule.count += 1;
            objects.insert(glance.object);
        }
        let mut rules: Vec<OfRule> = rules
            .into_values()
            .map(|(of_rule, objects)| OfRule { objects: objects.len(), ..of_rule })
            .collect();
        rules.sort_by_key(|rule| (rule.counted, std::cmp::Reverse(rule.count)));
        rules
    }

    /// The files with findings, those with the most first: how many errors, and how many findings.
    pub(super) fn by_file(&self) -> Vec<(FileId, usize, usize)> {
        let mut files: BTreeMap<FileId, (usize, usize)> = BTreeMap::new();
        for (counted, glance) in self.counted() {
            let (errors, findings) = files.entry(self.subject(glance.object).file).or_default();
            *errors += usize::from(counted <= Counted::Error);
            *findings += 1;
        }
        let mut files: Vec<(FileId, usize, usize)> =
            files.into_iter().map(|(file, (errors, findings))| (file, errors, findings)).collect();
        files.sort_by_key(|(_, errors, findings)| std::cmp::Reverse((*errors, *findings)));
        files
    }

    /// Where the finding is, as `file:line:column`.
    pub(super) fn place_of(&self, entry: &Entry) -> String {
        self.position_of(entry.subject, entry.finding.place.span)
    }

    /// Writes the table of rules, the files with the most findings, what could not be read, and how to see more. `rows`:
    /// only so many rules.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_overview(
        &self,
        out: &mut dyn Write,
        options: &TextOptions,
        rows: Option<usize>,
    ) -> io::Result<()> {
        let rules = self.by_rule();
        let shown = &rules[..rules.len().min(rows.unwrap_or(usize::MAX))];
        if !rules.is_empty() {
            self.write_rules(out, options, shown)?;
            let hidden = &rules[shown.len()..];
            if !hidden.is_empty() {
                let count: usize = hidden.iter().map(|rule| rule.count).sum();
                writeln!(out, "{count:>5}  of {} more rules", hidden.len())?;
            }
            writeln!(out)?;
            self.write_worst(out, options)?;
        }
        for (path, at, message) in self.unread() {
            let error = Counted::Error.paint("error", options.color);
            let (path, message) = (readable(path), readable(&message));
            writeln!(out, "{path}:{}:{}: {error}: {message}", at.line, at.column)?;
        }
        if let Some(rule) = rules.first().filter(|_| !options.quiet) {
            let code = rule.code();
            let more = format!(
                "--format text shows every finding with its lines, --only {code} those of one rule; \
                 plimsoll explain {code} says why it matters, and how to fix it"
            );
            writeln!(out, "{}\n", fill(options, &more))?;
        }
        self.write_closing(out, options)
    }

    fn write_rules(&self, out: &mut dyn Write, options: &TextOptions, rules: &[OfRule]) -> io::Result<()> {
        let longest = rules.iter().map(|rule| rule.code().chars().count()).max().unwrap_or_default().max(4);
        // the columns before the place, with what stands between them
        let before = 5 + 2 + 8 + 2 + longest + 2 + 7 + 2;
        let room = options.width().checked_sub(before).filter(|room| *room >= 20);
        let head = format!("count  severity  {:longest$}  objects", "rule");
        writeln!(out, "{head}{}", if room.is_some() { "  first place" } else { "" })?;
        for rule in rules {
            let OfRule { counted, rule: _, count, objects, first } = rule;
            let code = rule.code();
            let severity = counted.paint(&format!("{:8}", counted.name()), options.color);
            let place = room.map_or(String::new(), |room| format!("  {}", fitted(first, room)));
            writeln!(out, "{count:>5}  {severity}  {code:longest$}  {objects:>7}{place}")?;
        }
        Ok(())
    }

    fn write_worst(&self, out: &mut dyn Write, options: &TextOptions) -> io::Result<()> {
        let files = self.by_file();
        writeln!(out, "count  errors  file")?;
        for (file, errors, findings) in files.iter().take(WORST) {
            let path = fitted(&readable(self.path(*file)), options.width() - 15);
            writeln!(out, "{findings:>5}  {errors:>6}  {path}")?;
        }
        if files.len() > WORST {
            let findings: usize = files[WORST..].iter().map(|(_, _, findings)| findings).sum();
            let errors: usize = files[WORST..].iter().map(|(_, errors, _)| errors).sum();
            writeln!(out, "{findings:>5}  {errors:>6}  in {} more files", files.len() - WORST)?;
        }
        writeln!(out)
    }
}

/// A place that is longer than there is room loses its beginning: the end tells more.
fn fitted(place: &str, room: usize) -> String {
    let length = place.chars().count();
    if length <= room {
        return place.to_owned();
    }
    let kept: String = place.chars().skip(length - room + 1).collect();
    format!("…{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_place_keeps_its_end() {
        for (room, expected) in
            [(20, "a/bö/c.yaml:1:22"), (16, "a/bö/c.yaml:1:22"), (9, "…aml:1:22"), (1, "…")]
        {
            assert_eq!(fitted("a/bö/c.yaml:1:22", room), expected);
        }
    }
}

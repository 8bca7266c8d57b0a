//! JUnit XML: a suite for each file, a case for each object.
//!
//! A case fails where the run does: when the object has a finding that counts for the exit code. Then all that was found is
//! in its text; what does not count is in the output of a case that passes. A rule that could not be evaluated and a
//! document that could not be read are errors.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use super::Report;
use super::entry::{Entry, ReportedObject};
use super::escape::xml;
use super::paths::Location;
use super::summary::Counted;
use crate::finding::{Finding, ObjectId};
use crate::manifest::{FileId, FileOutcome};
use crate::waiver::Suppressed;

impl Report<'_> {
    /// Writes the suites of all files that were judged, or could not be.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_junit(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut subjects: BTreeMap<FileId, Vec<ObjectId>> = BTreeMap::new();
        for (index, subject) in self.subjects.iter().enumerate() {
            let id = ObjectId(u32::try_from(index).expect("subjects are counted in u32"));
            subjects.entry(subject.file).or_default().push(id);
        }
        let mut waived: BTreeMap<ObjectId, Vec<&(Entry, Suppressed)>> = BTreeMap::new();
        for told in self.waived() {
            waived.entry(told.0.subject).or_default().push(told);
        }
        let mut report = quick_junit::Report::new("plimsoll lint");
        for record in self.inventory.ledger() {
            let path = xml(self.path(record.file));
            let path = Location::of(&path, self.run.folder.as_deref()).path().to_owned();
            let mut suite = TestSuite::new(path.as_str());
            let mut names = BTreeMap::new();
            for id in subjects.get(&record.file).into_iter().flatten() {
                let name = unique(&mut names, name_of(self.subject(*id)));
                suite.add_test_case(self.case(&path, &name, &self.entries_of(*id)));
                if let Some(waived) = waived.get(id) {
                    suite.add_test_case(self.waived_case(&path, &format!("{name}, waived"), waived));
                }
            }
            for error in &record.errors {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
                let message = xml(&self.error_message(record.file, &error.error));
                status.set_type("unreadable").set_message(message.as_str());
                let at = error.position;
                status.set_description(format!("{path}:{}:{}: {message}", at.line, at.column));
                let name = unique(&mut names, format!("document {}", error.document));
                suite.add_test_case(case(&path, &name, status));
            }
            if record.outcome == FileOutcome::Template {
                let mut status = TestCaseStatus::skipped();
                status.set_message("a template: render it, then lint the output");
                suite.add_test_case(case(&path, "template", status));
            }
            if suite.tests > 0 {
                report.add_test_suite(suite);
            }
        }
        // waivers may stand in files that are no input
        let read: BTreeSet<FileId> = self.inventory.ledger().iter().map(|record| record.file).collect();
        for (file, ids) in subjects.iter().filter(|(file, _)| !read.contains(file)) {
            let path = xml(self.path(*file));
            let path = Location::of(&path, self.run.folder.as_deref()).path().to_owned();
            let mut suite = TestSuite::new(path.as_str());
            for id in ids {
                suite.add_test_case(self.case(&path, &name_of(self.subject(*id)), &self.entries_of(*id)));
            }
            report.add_test_suite(suite);
        }
        report.serialize(out).map_err(io::Error::other)
    }

    fn case(&self, path: &str, name: &str, found: &[Entry]) -> TestCase {
        let counted: Vec<Counted> = found.iter().map(|entry| Counted::of(&entry.finding)).collect();
        let lines: Vec<String> = found.iter().map(|entry| self.line(entry)).collect();
        let kind = if counted.contains(&Counted::Failed) {
            NonSuccessKind::Error
        } else if found.iter().any(|entry| self.run.gate.counts(&entry.finding)) {
            NonSuccessKind::Failure
        } else {
            let mut passed = case(path, name, TestCaseStatus::success());
            if !lines.is_empty() {
                passed.set_system_out(lines.join("\n"));
            }
            return passed;
        };
        let mut status = TestCaseStatus::non_success(kind);
        let worst = found.iter().min_by_key(|entry| Counted::of(&entry.finding)).map(|entry| &entry.finding);
        status.set_type(worst.map_or("", Finding::code));
        let others = found.len() - 1;
        let message = worst.map_or("", |worst| worst.message.as_str());
        let more = if others > 0 { format!(" (and {others} more)") } else { String::new() };
        status.set_message(format!("{}{more}", xml(message)));
        status.set_description(lines.join("\n"));
        case(path, name, status)
    }

    /// What is waived of an object: a case of its own, so that the other one says whether the object is as it should be.
    fn waived_case(&self, path: &str, name: &str, waived: &[&(Entry, Suppressed)]) -> TestCase {
        let mut status = TestCaseStatus::skipped();
        let lines = waived
            .iter()
            .map(|(entry, by)| format!("{}: waived: {}", self.line(entry), xml(&self.why_waived(by))));
        let denied = waived.iter().filter(|(_, by)| by.still_denied).count();
        let denied = if denied > 0 { format!("; the webhook still denies {denied}") } else { String::new() };
        status.set_message(format!("{} waived{denied}", waived.len()));
        status.set_description(lines.collect::<Vec<_>>().join("\n"));
        case(path, name, status)
    }

    /// `file:line:column: severity code: message`
    fn line(&self, entry: &Entry) -> String {
        let Entry { subject: _, finding, also } = entry;
        let counted = Counted::of(finding).name();
        let (place, message) = (self.place_of(entry), xml(&finding.message));
        let mut line = format!("{place}: {counted} {}: {message}", finding.code());
        for also in also {
            line.push_str(&format!("; also {}: {}", also.code(), xml(&also.message)));
        }
        line
    }
}

fn case(path: &str, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(path);
    case
}

/// `Deployment shop/web`
fn name_of(subject: &ReportedObject<'_>) -> String {
    match &subject.called {
        Some(identity) => identity.to_string(),
        None => format!("document {}", subject.document),
    }
}

/// The name; with a number where another case of the suite has it.
fn unique(names: &mut BTreeMap<String, usize>, name: String) -> String {
    let count = names.entry(name.clone()).or_default();
    *count += 1;
    if *count == 1 { name } else { format!("{name} #{count}") }
}

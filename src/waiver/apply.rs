//! Which findings are waived, and what is wrong with the waivers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use chrono::NaiveDate;

use super::collect::{Bad, Beside, Collected, manifest_at};
use super::cover::{ByFile, Nodes, OfFile};
use super::settings::Ignores;
use super::{Covers, Kind, Suppressed, Waived, Waiver};
use crate::document::few::GatherFew as _;
use crate::document::{NodeRef, Span};
use crate::finding::terms::is_waivable;
use crate::finding::{
    Action, Certainty, CodePattern, Finding, Fingerprint, ObjectId, Place, RuleInfo, Severity, readable,
};
use crate::manifest::codes::{self, Reserved};
use crate::manifest::{FileId, Inventory, STDIN, Sources};
use crate::matching::Applies;
use crate::offline::Offline;
use crate::store::PolicySet;
use crate::store::set::{Names, UnknownName};

/// The codes of a run.
pub struct Codes<'r> {
    /// The names that there are, whether they ran or not; made when a waiver is there.
    pub names: &'r dyn Fn() -> &'r Names,
    /// Whether the run can have had findings of one of these codes.
    pub ran: &'r dyn Fn(&CodePattern) -> bool,
    /// The reserved codes that the run wants, with their severities.
    pub reserved: &'r dyn Fn(&Reserved) -> Option<Severity>,
}

/// What waivers are applied in.
pub struct Run<'r, 'i> {
    /// The texts, from which comments are read.
    pub sources: &'i Sources,
    /// The manifests that were linted.
    pub inventory: &'i Inventory<'i>,
    /// The requests that were made of them.
    pub offline: &'r Offline<'i>,
    /// The policies that ran, and the exceptions.
    pub set: &'r PolicySet,
    /// Files that hold waivers and no manifests.
    pub beside: &'r Beside,
    /// The rules of the configuration.
    pub ignores: &'r Ignores,
    /// The codes that a waiver may name.
    pub codes: &'r Codes<'r>,
    /// The day by which waivers end.
    pub today: NaiveDate,
    /// Whether a finding that only lint waives, and the webhook denies, is an error.
    pub parity: bool,
}

/// What a finding is of: its file, which document of it, and the object.
pub type Target<'i> = (FileId, u32, NodeRef<'i>);

/// What came of it, beside the findings that are not waived.
#[derive(Debug, Default)]
pub struct Applied {
    /// Those that are.
    pub waived: Vec<Waived>,
    /// Findings about waivers: the file, the manifest that is nearest, if there is one, and what is wrong.
    pub about: Vec<(FileId, Option<usize>, Finding)>,
}

/// The waivers of a run, as findings come upon them.
pub struct Applying<'a, 'r, 'i> {
    run: &'a Run<'r, 'i>,
    targets: &'a [Target<'a>],
    waivers: Vec<Waiver>,
    /// Waivers that cannot be read.
    bad: Vec<Bad>,
    waived: Vec<Waived>,
    by_file: ByFile,
    by_object: BTreeMap<usize, Vec<usize>>,
    rules: Vec<usize>,
    /// Of each of them, whether it is about a subject.
    under: Vec<Vec<Option<bool>>>,
    /// Of each exception of the set.
    exceptions: Vec<usize>,
    /// Of each waiver, which of its codes have waived something.
    used: Vec<Vec<bool>>,
    candidates: Vec<usize>,
}

impl<'a, 'r, 'i> Applying<'a, 'r, 'i> {
    /// Collects the waivers. `targets` are what the [`ObjectId`]s of the findings mean.
    #[must_use]
    pub fn new(run: &'a Run<'r, 'i>, targets: &'a [Target<'a>]) -> Self {
        let Run { sources, inventory, beside, ignores, set, .. } = run;
        let Collected { waivers, bad } =
            Collected::new(sources, inventory, beside, ignores, set.exceptions());
        let mut by_file = ByFile::new();
        let mut by_object: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let (mut rules, mut exceptions) = (Vec::new(), Vec::new());
        let mut nodes: BTreeMap<FileId, Vec<usize>> = BTreeMap::new();
        for (index, waiver) in waivers.iter().enumerate() {
            let of_file = waiver.at.map(|(file, _)| file);
            match (&waiver.covers, of_file) {
                (Covers::Line(line), Some(file)) => {
                    let of_file: &mut OfFile = by_file.entry(file).or_default();
                    of_file.lines.entry(*line).or_default().push(index);
                }
                (Covers::File, Some(file)) => by_file.entry(file).or_default().whole.push(index),
                (Covers::Node(_), Some(file)) => nodes.entry(file).or_default().push(index),
                (Covers::Object(object), _) => by_object.entry(*object).or_default().push(index),
                (Covers::Rule(_), _) => rules.push(index),
                (Covers::Exception(_), _) => exceptions.push(index),
                (Covers::Line(_) | Covers::File | Covers::Node(_), None) => {}
            }
        }
        for (file, indexes) in nodes {
            let extents = indexes.iter().filter_map(|index| match waivers[*index].covers {
                Covers::Node(extent) => Some((*index, extent)),
                _ => None,
            });
            by_file.entry(file).or_default().nodes = Nodes::new(extents);
        }
        let used = waivers.iter().map(|waiver| vec![false; waiver.patterns.len()]).collect();
        let under = vec![Vec::new(); rules.len()];
        Self {
            run,
            targets,
            waivers,
            bad,
            waived: Vec::new(),
            by_file,
            by_object,
            rules,
            under,
            exceptions,
            used,
            candidates: Vec::new(),
        }
    }

    /// Gives a finding back unless it is waived.
    pub fn take(&mut self, id: ObjectId, finding: Finding) -> Option<Finding> {
        if self.waivers.is_empty() {
            return Some(finding);
        }
        match self.waiver_of(id, &finding) {
            None => Some(finding),
            Some(by) if by.still_denied && self.run.parity => {
                Some(denied_all_the_same(self.run, finding, &by))
            }
            Some(by) => {
                self.waived.push(Waived { subject: id, finding, by });
                None
            }
        }
    }

    /// What is waived, and what is wrong with the waivers, when all findings have come.
    #[must_use]
    pub fn finish(self) -> Applied {
        let Self { run, targets, waivers, mut bad, waived, used, .. } = self;
        let mut about = Vec::new();
        for (waiver, used) in waivers.iter().zip(used) {
            judge(run, waiver, &used, targets, &mut about, &mut bad);
        }
        for Bad { at: (file, span), message } in bad {
            tell(run, &codes::WAIVER_MALFORMED, (file, span), message, &mut about);
        }
        Applied { waived, about }
    }

    /// What waives a finding: of several that do, the webhook's, else the nearest. All of them count as used.
    fn waiver_of(&mut self, id: ObjectId, finding: &Finding) -> Option<Suppressed> {
        if !is_waivable(finding.code()) {
            return None;
        }
        let (file, document, object) = self.targets[id.0 as usize];
        let mut candidates = std::mem::take(&mut self.candidates);
        candidates.clear();
        if let Some(of_file) = self.by_file.get(&file) {
            candidates.extend(&of_file.whole);
            of_file.nodes.covering(document, object, finding, &mut candidates);
            if let Some(span) = finding.place.span.filter(|_| !of_file.lines.is_empty()) {
                let line = self.run.sources.file(file).position(span.start as usize).line;
                candidates.extend(of_file.lines.get(&line).into_iter().flatten());
            }
        }
        candidates.extend(self.by_object.get(&(id.0 as usize)).into_iter().flatten());
        for at in 0..self.rules.len() {
            let waiver = self.rules[at];
            if is_about(&self.waivers[waiver], finding) && self.is_under(at, id) {
                candidates.push(waiver);
            }
        }
        if let Some(excepting) = &finding.excepted {
            let exceptions = self.run.set.exceptions().iter();
            let at = exceptions.zip(&self.exceptions).find(|(other, _)| Arc::ptr_eq(&other.info, excepting));
            candidates.extend(at.map(|(_, index)| index));
        }
        if finding.rule.policy.is_none() {
            // no engine judges what reading finds, so no engine has lifted it
            let about = |index: &&usize| {
                let waiver = &self.waivers[**index];
                let Covers::Exception(exception) = waiver.covers else { return false };
                is_about(waiver, finding) && is_excepted(self.run, exception, id.0 as usize)
            };
            candidates.extend(self.exceptions.iter().filter(about));
        }
        let mut first: Option<&Waiver> = None;
        for index in &candidates {
            let waiver = &self.waivers[*index];
            if waiver.has_ended(self.run.today) {
                continue;
            }
            let mut is_about = false;
            for (pattern, used) in waiver.patterns.iter().zip(&mut self.used[*index]) {
                let matches = pattern.matches(finding.code());
                is_about |= matches;
                *used |= matches;
            }
            if is_about && first.is_none_or(|first| waiver.kind < first.kind) {
                first = Some(waiver);
            }
        }
        self.candidates = candidates;
        first.map(|waiver| suppressed(waiver, finding))
    }

    /// Whether the rule that is this one of the waivers by rule is about a subject; told once for each.
    fn is_under(&mut self, at: usize, id: ObjectId) -> bool {
        let Covers::Rule(rule) = self.waivers[self.rules[at]].covers else { return false };
        let (run, subject) = (self.run, id.0 as usize);
        let file = self.targets[subject].0;
        let under = &mut self.under[at];
        if under.is_empty() {
            under.resize(self.targets.len(), None);
        }
        *under[subject].get_or_insert_with(|| is_under(run, rule, subject, file))
    }
}

fn is_about(waiver: &Waiver, finding: &Finding) -> bool {
    waiver.patterns.iter().any(|pattern| pattern.matches(finding.code()))
}

/// Whether a rule of the configuration is about a subject of the run.
fn is_under(run: &Run<'_, '_>, rule: usize, subject: usize, file: FileId) -> bool {
    let (rule, _) = &run.ignores.rules[rule];
    let path = Some(run.sources.file(file).path()).filter(|path| *path != STDIN).map(Path::new);
    if !rule.has_path(path) {
        return false;
    }
    let templates = run.set.templates();
    match subject < run.inventory.manifests().len() {
        true => run.offline.with_request(subject, |request| rule.has_object(Some(request), templates)),
        false => rule.has_object(None, templates),
    }
}

/// Whether an exception is about a manifest of the run.
fn is_excepted(run: &Run<'_, '_>, exception: usize, subject: usize) -> bool {
    if subject >= run.inventory.manifests().len() {
        return false;
    }
    let Some(exception) = run.set.exceptions().get(exception) else { return false };
    let host = run.offline.host(subject);
    run.offline.with_request(subject, |request| {
        exception.matches.holds(request, run.set.templates(), &host) == Applies::Yes
    })
}

fn suppressed(waiver: &Waiver, finding: &Finding) -> Suppressed {
    let denied = finding.actions.contains(Action::Deny) && finding.certainty == Certainty::Known;
    Suppressed {
        kind: waiver.kind,
        reason: waiver.reason.clone(),
        until: waiver.until,
        at: waiver.at,
        still_denied: denied && waiver.kind != Kind::Exception,
    }
}

/// A finding that is waived here and denied in the cluster.
fn denied_all_the_same(run: &Run<'_, '_>, mut finding: Finding, by: &Suppressed) -> Finding {
    let place = by.at.map_or(String::new(), |(file, span)| {
        let file = run.sources.file(file);
        format!(" at {}:{}", file.path(), file.position(span.start as usize).line)
    });
    finding.severity = Severity::Error;
    let message =
        format!("; waived{place}, but the webhook still denies: use a ManifestException, or fix it");
    finding.message.push_str(&message);
    finding
}

/// What is wrong with a waiver.
fn judge(
    run: &Run<'_, '_>,
    waiver: &Waiver,
    used: &[bool],
    targets: &[Target<'_>],
    about: &mut Vec<(FileId, Option<usize>, Finding)>,
    bad: &mut Vec<Bad>,
) {
    let Some(at) = waiver.at else { return };
    let mut known = Vec::new();
    for (pattern, used) in waiver.patterns.iter().zip(used) {
        match (run.codes.names)().check_pattern(pattern) {
            None => known.push((pattern, *used)),
            // of the others that was told before the run
            Some(UnknownName { message, help }) if waiver.kind.is_in_source() => {
                bad.push(Bad { at, message: readable(&format!("{message}: {help}")).into_owned() });
            }
            Some(_) => {}
        }
    }
    if known.is_empty() {
        return;
    }
    let codes = || waiver.patterns.iter().map(CodePattern::as_str).collect::<Vec<_>>().join(", ");
    if waiver.reason.is_none() {
        tell(run, &codes::WAIVER_NO_REASON, at, format!("the waiver of {} gives no reason", codes()), about);
    }
    if let Some(until) = waiver.until.filter(|_| waiver.has_ended(run.today)) {
        tell(run, &codes::WAIVER_EXPIRED, at, format!("the waiver of {} ended on {until}", codes()), about);
        return;
    }
    let idle = known.iter().filter(|(pattern, used)| !used && (run.codes.ran)(pattern));
    let idle: Vec<&str> = idle.map(|(pattern, _)| pattern.as_str()).collect();
    if !idle.is_empty() && is_met(run, waiver, targets) {
        let message = format!("nothing to waive: no finding of {} {}", idle.join(", "), where_(waiver.kind));
        tell(run, &codes::WAIVER_UNUSED, at, message, about);
    }
}

fn where_(kind: Kind) -> &'static str {
    match kind {
        Kind::Line => "begins on this line",
        Kind::Node => "at or below what follows",
        Kind::Annotation => "in this object",
        Kind::File => "in this file",
        Kind::Configuration | Kind::Exception => "where it holds",
    }
}

/// Whether something of the run is what a waiver is about. One of the configuration, or an exception, may be about files
/// that are not linted now.
fn is_met(run: &Run<'_, '_>, waiver: &Waiver, targets: &[Target<'_>]) -> bool {
    match waiver.covers {
        Covers::Rule(rule) => (0..targets.len()).any(|index| is_under(run, rule, index, targets[index].0)),
        Covers::Exception(index) => {
            (0..run.inventory.manifests().len()).any(|subject| is_excepted(run, index, subject))
        }
        _ => true,
    }
}

/// The rules of the codes about waivers.
static RULES: LazyLock<BTreeMap<&'static str, Arc<RuleInfo>>> = LazyLock::new(|| {
    let rule = |row: &&'static Reserved| (row.code, Arc::new(row.rule()));
    codes::WAIVERS.iter().map(rule).gather()
});

fn tell(
    run: &Run<'_, '_>,
    row: &'static Reserved,
    (file, span): (FileId, Span),
    message: String,
    about: &mut Vec<(FileId, Option<usize>, Finding)>,
) {
    let Some(severity) = (run.codes.reserved)(row) else { return };
    let place = Place { path: String::new(), pointer: String::new(), span: Some(span), origin: None };
    // equal waivers are told by what they say
    let fingerprint = Fingerprint { place: message.clone(), ..Fingerprint::default() };
    let finding = Finding { fingerprint, ..Finding::at(RULES[row.code].clone(), severity, message, place) };
    about.push((file, manifest_at(run.inventory, file, span.start), finding));
}

//! Sorts, counts, masks and renders findings; says with which code a run ends.
//!
//! A [`Report`] is made once, of the findings, the objects they are of, and the ledger of the files. From
//! then on nothing depends on who found what first: the order is that of the places, the texts are masked,
//! and no time is in it. Each [`Format`] is a view of it, for people or for programs.
//!
//! ```text
//! findings ─┐
//! objects  ─┼▶ Report ─▶ text   excerpts with carets, what to do, one line of counts
//! ledger   ─┘     │  ├──▶ json   the promise to programs
//!                 │  └──▶ …      a file for each format
//!                 └─────▶ gate   0, 1 or 2
//! ```
//!
//! Masking is decided in [`mask`] and nowhere else: every text that leaves this room went through it.

mod broken;
pub mod catalogue;
mod closing;
pub mod color;
mod compared;
mod concise;
pub mod entry;
mod escape;
mod excerpt;
mod fault;
pub mod format;
mod found;
pub mod gate;
mod github;
mod gitlab;
mod html;
pub mod json;
mod junit;
mod lines;
mod markdown;
mod mask;
pub mod notices;
mod overview;
mod paths;
mod sarif;
mod shown;
mod sort;
pub mod summary;
pub mod text;
pub mod waived;

use std::path::PathBuf;

use rayon::prelude::*;

use crate::baseline::Baseline;
use crate::finding::held::Held;
use crate::finding::{Finding, ObjectId};
use crate::manifest::{FileId, Inventory, LoadError, Position, STDIN, SourceFile, Sources};

use crate::waiver::{Suppressed, Waived};

use catalogue::Catalogue;
pub use color::ColorChoice;
pub use entry::{Entry, ReportedObject};
pub use format::Format;
pub use found::Found;
pub use gate::{Exit, Gate};
pub use mask::{masked, refusal};
pub use summary::{Counted, Summary};
pub use text::TextOptions;

/// All that a run has to tell.
#[derive(Debug)]
pub struct Report<'i> {
    sources: &'i Sources,
    inventory: &'i Inventory<'i>,
    subjects: Vec<ReportedObject<'i>>,
    /// What is not waived, by its objects.
    held: Held,
    /// The objects in which something was found, in their order.
    groups: Vec<found::Group>,
    /// Whether an earlier run has found it, too: of each finding in its order. Empty where there is none.
    known: Vec<bool>,
    /// What is waived, each on its own: no finding is folded into another there.
    waived: Vec<(Entry, Suppressed)>,
    masks: mask::Masks,
    summary: Summary,
    /// In how many objects something counts.
    objects: usize,
    /// Of subjects whose name the server makes: which of its like in the file each is.
    ordinals: Vec<u32>,
    /// The Kubernetes version whose CEL counts.
    kubernetes: Option<String>,
    /// What was not looked at, and how it can be.
    notes: Vec<String>,
    run: Run,
    catalogue: Catalogue,
    /// What an earlier run had, where there is one to compare with.
    compared: Option<compared::Compared>,
}

/// An earlier run to compare with.
#[derive(Clone, Copy)]
pub struct Earlier<'b> {
    /// Its findings.
    pub baseline: &'b Baseline,
    /// Whether this run looks at a code: of others nobody knows whether they would be found.
    pub looks_at: &'b dyn Fn(&str) -> bool,
}

/// What of the findings does not count.
#[derive(Default)]
pub struct Beside<'b> {
    /// What is waived.
    pub waived: Vec<Waived>,
    /// The earlier run, where there is one.
    pub earlier: Option<Earlier<'b>>,
}

/// The policies of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// Which form of the policies of this process it is: 1 for a run that loads them once.
    pub generation: u64,
    /// Of everything that decides how they judge: runs with the same hash judge alike, and so does a webhook with it.
    pub hash: String,
    /// How many ran.
    pub ran: usize,
}

/// What a run was told, as far as its report says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The configuration file that was taken.
    pub configuration: Option<String>,
    /// Packs of which no policy ran.
    pub packs_not_run: Vec<String>,
    /// The policies that ran.
    pub policies: Policies,
    /// The working folder, to which programs are told of files.
    pub folder: Option<PathBuf>,
    /// What counts for the exit code.
    pub gate: Gate,
}

impl<'i> Report<'i> {
    /// A report of `findings` on the manifests of `inventory`. A finding's [`ObjectId`] is an index into
    /// `subjects`; these are the manifests in their order, and whatever else there are findings on.
    ///
    /// # Panics
    /// When a finding's subject is not there.
    #[must_use]
    pub fn new(
        sources: &'i Sources,
        inventory: &'i Inventory<'i>,
        subjects: Vec<ReportedObject<'i>>,
        findings: impl IntoIterator<Item = (ObjectId, Finding)>,
    ) -> Self {
        let mut found = Found::on(&subjects, true);
        findings.into_iter().for_each(|(object, finding)| found.push(&subjects, object, finding));
        Self::compared(sources, inventory, subjects, found, Beside::default())
    }

    /// As [`new`](Self::new), with what is waived, which is taken out before findings are folded, so that one that is waived
    /// hides none that it leads; and beside an earlier run: what that has found neither counts nor is shown to people.
    ///
    /// # Panics
    /// When a finding's subject is not there.
    #[must_use]
    pub fn compared(
        sources: &'i Sources,
        inventory: &'i Inventory<'i>,
        subjects: Vec<ReportedObject<'i>>,
        found: Found,
        beside: Beside<'_>,
    ) -> Self {
        let Beside { waived, earlier } = beside;
        let Found { mut held, sensitive, .. } = found;
        let entry = |subject, finding| Entry { subject, finding, also: Vec::new() };
        let (waived, bys): (Vec<Entry>, Vec<Suppressed>) =
            waived.into_iter().map(|Waived { subject, finding, by }| (entry(subject, finding), by)).unzip();
        let of_waived = waived.iter().filter(|entry| entry.finding.sensitive);
        let secret = mask::Secret {
            sensitive: sensitive
                .iter()
                .map(|(object, finding)| (*object, finding))
                .chain(of_waived.map(|entry| (entry.subject, &entry.finding)))
                .collect(),
            concerned: found::concerned(&held, &waived),
        };
        let masks = mask::Masks::new(sources, inventory, &subjects, &secret);
        let waived = waived.into_iter().zip(bys).map(|(mut entry, by)| {
            let file = subjects[entry.subject.0 as usize].file;
            masks.clean(&mut entry, file);
            masks.clean_waiver(entry, by)
        });
        let mut waived: Vec<(Entry, Suppressed)> = waived.collect();
        waived.sort_by_key(|(entry, _)| sort::object(&subjects[entry.subject.0 as usize]));
        let groups = found::groups(&mut held, &waived, &subjects, &masks);
        groups.iter().for_each(|group| sort::sort_by(group.waived_of(&mut waived), |(entry, _)| entry));
        let ordinals = entry::ordinals(&subjects);
        let mut report = Self {
            sources,
            inventory,
            subjects,
            held,
            groups,
            known: Vec::new(),
            waived,
            masks,
            summary: Summary::of_files(inventory.ledger()),
            objects: 0,
            ordinals,
            kubernetes: None,
            notes: Vec::new(),
            run: Run::default(),
            catalogue: Catalogue::default(),
            compared: None,
        };
        if let Some(earlier) = earlier {
            report.compare(earlier);
        }
        report.count();
        report
    }

    /// Counts what was found.
    fn count(&mut self) {
        let count = |group: &found::Group| self.counts_in(group, false);
        let add = |(summary, objects): (Summary, usize), (more, others): (Summary, usize)| {
            (summary.and(&more), objects + others)
        };
        let (counts, objects) = self.groups.par_iter().map(count).reduce(Default::default, add);
        self.summary = self.summary.clone().and(&counts);
        self.summary.suppressed =
            self.waived.len() + self.compared.as_ref().map_or(0, |compared| compared.unchanged);
        self.objects = objects;
    }

    /// Names the Kubernetes version whose CEL the run has spoken.
    #[must_use]
    pub fn for_kubernetes(mut self, version: String) -> Self {
        self.kubernetes = Some(version);
        self
    }

    /// Says what was not looked at, and how it can be.
    #[must_use]
    pub fn with_notes(mut self, notes: Vec<String>) -> Self {
        self.notes = notes;
        self
    }

    /// Says what the run was told.
    #[must_use]
    pub fn of_run(mut self, run: Run) -> Self {
        self.run = run;
        self
    }

    /// Says what is known of the rules of the run.
    #[must_use]
    pub fn with_catalogue(mut self, catalogue: Catalogue) -> Self {
        self.catalogue = catalogue;
        self
    }

    /// How many findings there are of each kind, and how many files.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Whether nothing was there to be judged.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let none = self.summary.files.linted == 0 && self.summary.files.broken == 0;
        // a template may have objects beside what is to be rendered
        none && self.subjects.iter().all(|subject| subject.called.is_none())
    }

    /// Whether files were named, and none of them is for Kubernetes: a commit hook names whatever has changed.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        // what lies beside the input is nobody's to judge
        let mut files = self.sources.iter().map(|(_, file)| file).peekable();
        let named = |file: &SourceFile| !file.is_walked() && file.path() != STDIN;
        self.is_empty() && files.peek().is_some() && files.all(named)
    }

    /// What a finding is of.
    ///
    /// # Panics
    /// When the id is of another report.
    #[must_use]
    pub fn subject(&self, id: ObjectId) -> &ReportedObject<'i> {
        &self.subjects[id.0 as usize]
    }

    /// What tells the subjects from each other.
    fn named(&self) -> entry::Named<'_, 'i> {
        entry::Named { subjects: &self.subjects, ordinals: &self.ordinals }
    }

    /// What could not be read: the file, where in it, and why.
    fn unread(&self) -> impl Iterator<Item = (&str, Position, String)> {
        self.inventory.ledger().iter().flat_map(move |record| {
            let path = self.sources.file(record.file).path();
            record
                .errors
                .iter()
                .map(move |error| (path, error.position, self.error_message(record.file, &error.error)))
        })
    }

    /// Why a document could not be read, without what may be a secret.
    fn error_message(&self, file: FileId, error: &LoadError) -> String {
        refusal(self.sources.file(file).text(), error)
    }
}

#[cfg(test)]
mod tests;

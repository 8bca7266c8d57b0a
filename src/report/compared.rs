//! What an earlier run had found already: it is told apart from what is new, and what is gone is said.

use std::collections::HashMap;

use super::entry::Entry;
use super::{Earlier, Report};
use crate::baseline::{Baseline, Known, Origin};
use crate::finding::{Certainty, Finding, ObjectId};

/// A run beside an earlier one.
#[derive(Debug)]
pub(super) struct Compared {
    /// Where the earlier findings are from.
    pub(super) origin: Origin,
    /// How much both have found.
    pub(super) unchanged: usize,
    /// What this run would have found, and has not; each with the object.
    pub(super) gone: Vec<(Known, ObjectId)>,
    /// Of objects that are not part of the input, and of rules that did not run.
    pub(super) not_judged: usize,
}

impl Report<'_> {
    /// Tells what the earlier run has found, too. A rule that could not be evaluated is never known: the run has not done
    /// its job.
    pub(super) fn compare(&mut self, earlier: Earlier<'_>) {
        let Earlier { baseline, looks_at } = earlier;
        let mut matcher = baseline.matcher();
        let named = self.named();
        let mut is_known = |entry: &Entry| {
            let Entry { subject, finding, .. } = entry;
            let is_unknown = finding.certainty == Certainty::Unknown;
            finding.certainty != Certainty::Failed
                && matcher.meets(&named.fingerprint(*subject, finding).to_string(), is_unknown)
        };
        let found = self.groups.iter().flat_map(|group| self.found_in(group));
        let known: Vec<bool> = found.map(|entry| is_known(&entry)).collect();
        // what is waived is still found
        self.waived.iter().for_each(|(entry, _)| {
            is_known(entry);
        });
        let mut objects: HashMap<String, ObjectId> = HashMap::with_capacity(named.subjects.len());
        for id in (0_u32..).take(named.subjects.len()).map(ObjectId) {
            objects.entry(named.object(id)).or_insert(id);
        }
        let (mut gone, mut not_judged) = (Vec::new(), 0);
        for known in matcher.rest() {
            match objects.get(&known.object).filter(|_| looks_at(&known.code)) {
                Some(id) => gone.push((known, *id)),
                None => not_judged += known.count,
            }
        }
        self.known = known;
        let unchanged = self.groups.iter().map(|group| self.counts_in(group, true).0.findings()).sum();
        self.compared = Some(Compared { origin: baseline.origin.clone(), unchanged, gone, not_judged });
    }

    /// All findings of the run, as a later one can be compared with them.
    #[must_use]
    pub fn baseline(&self, origin: Origin) -> Baseline {
        let named = self.named();
        let mut known = Vec::new();
        for Entry { subject, finding, also } in self.entries().chain(self.unchanged()) {
            let object = named.object(subject);
            let findings = std::iter::once(&finding).chain(&also);
            known.extend(findings.filter(|finding| finding.certainty != Certainty::Failed).map(|finding| {
                Known {
                    object: object.clone(),
                    code: finding.code().to_owned(),
                    path: place(finding).to_owned(),
                    fingerprint: named.fingerprint(subject, finding).to_string(),
                    unknown: finding.certainty == Certainty::Unknown,
                    count: 1,
                }
            }));
        }
        Baseline::new(origin, known)
    }

    /// What people are told of the comparison.
    pub(super) fn compared_note(&self) -> Option<String> {
        let Compared { origin, unchanged, gone, not_judged } = self.compared.as_ref()?;
        let findings =
            |count: usize| if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") };
        let mut parts = vec![format!("{} known and not shown", findings(*unchanged))];
        let count: usize = gone.iter().map(|(known, _)| known.count).sum();
        if count > 0 {
            parts.push(format!("{count} no longer found"));
        }
        if *not_judged > 0 {
            parts.push(format!(
                "{not_judged} of objects that are not part of the input, or of rules that did not run"
            ));
        }
        let update = if count > 0 && matches!(origin, Origin::File(_)) {
            " (--write-baseline takes out what is no longer found)"
        } else {
            ""
        };
        Some(format!("{origin}: {}{update}", parts.join(", ")))
    }
}

/// The place with list items by their names, which does not change when others come and go.
fn place(finding: &Finding) -> &str {
    match finding.fingerprint.place.as_str() {
        "" => &finding.place.pointer,
        place => place,
    }
}

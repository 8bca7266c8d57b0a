//! Which policies of a set may be about a kind.
//!
//! A run over few files asks for few kinds, and for most of them the words of a policy's outline tell that it is about others:
//! so the kinds that a run meets are looked up as they are met. For all kinds the index is made when another one is asked for.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use foldhash::fast::RandomState;

use crate::matching::KindMatch;

use super::entry::{Entry, Slot};
use super::set::OfKind;

type HashMap<K, V> = std::collections::HashMap<K, V, RandomState>;

/// The numbers of policies by what they may be about, as a set has them.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// The kinds of a run, told beforehand.
    met: OnceLock<MetKinds>,
    all: OnceLock<AllKinds>,
    /// Whether custom kinds with Pod templates are declared.
    declared: bool,
}

/// What is known of the kinds of a run.
#[derive(Debug)]
struct MetKinds {
    /// Kind → its place in the list.
    kinds: HashMap<String, usize>,
    /// The first is of all kinds that no policy names: many of them are met a few times each.
    of: Vec<OfKind>,
}

#[derive(Debug)]
struct AllKinds {
    /// Kind → the policies that may be about it, those about any kind included.
    by_kind: HashMap<String, OfKind>,
    /// The policies that may be about any kind.
    any: OfKind,
    /// The policies that may be about subresources.
    with_subresources: Vec<usize>,
}

impl Index {
    /// `declared`: whether custom kinds with Pod templates are declared.
    pub(super) fn new(declared: bool) -> Self {
        Self { declared, ..Self::default() }
    }

    /// Looks up the kinds that a run is about, unless that was done.
    pub(super) fn meet(&self, slots: &[Slot], kinds: &BTreeSet<&str>) {
        if self.all.get().is_none() {
            self.met.get_or_init(|| MetKinds::of(slots, kinds, self.declared));
        }
    }

    /// The policies that may be about a kind.
    pub(super) fn of_kind(&self, slots: &[Slot], kind: &str) -> &OfKind {
        if let Some(met) = self.met.get()
            && let Some(at) = met.kinds.get(kind)
        {
            return &met.of[*at];
        }
        let all = self.all(slots);
        all.by_kind.get(kind).unwrap_or(&all.any)
    }

    /// The policies that may be about subresources.
    pub(super) fn with_subresources(&self, slots: &[Slot]) -> &[usize] {
        &self.all(slots).with_subresources
    }

    fn all(&self, slots: &[Slot]) -> &AllKinds {
        self.all.get_or_init(|| AllKinds::of(slots, self.declared))
    }
}

/// Each of these kinds with the numbers of the policies that may be about it.
fn of_kinds<'k>(slots: &[Slot], kinds: &BTreeSet<&'k str>, declared: bool) -> Vec<(&'k str, Vec<usize>)> {
    let mut of_kinds: Vec<(&str, Vec<usize>)> = kinds.iter().map(|kind| (*kind, Vec::new())).collect();
    for (number, slot) in slots.iter().enumerate() {
        match slot.entry() {
            Entry::Unmet(unmet) => {
                let about = of_kinds.iter_mut().filter(|(kind, _)| unmet.may_be_about(kind, declared));
                about.for_each(|(_, numbers)| numbers.push(number));
            }
            Entry::Read(policy) => {
                let names = policy.matches.index_by(declared);
                let about = of_kinds.iter_mut().filter(|(kind, _)| match &names {
                    KindMatch::Any => true,
                    KindMatch::Named(names) => names.iter().any(|name| name == kind),
                });
                about.for_each(|(_, numbers)| numbers.push(number));
            }
        }
    }
    of_kinds
}

impl MetKinds {
    fn of(slots: &[Slot], kinds: &BTreeSet<&str>, declared: bool) -> Self {
        let (mut met, mut of) = (HashMap::default(), Vec::new());
        // no kind is called so, and no policy is about it but those about any
        let mut of_any = of_kinds(slots, &BTreeSet::from([""]), declared);
        let any: Vec<usize> = of_any.pop().map(|(_, numbers)| numbers).unwrap_or_default();
        of.push(any.clone().into());
        for (kind, numbers) in of_kinds(slots, kinds, declared) {
            let mut at = 0;
            if numbers != any {
                at = of.len();
                of.push(numbers.into());
            }
            met.insert(kind.to_owned(), at);
        }
        Self { kinds: met, of }
    }
}

impl AllKinds {
    fn of(slots: &[Slot], declared: bool) -> Self {
        let mut by_kind: HashMap<String, Vec<usize>> = HashMap::default();
        let (mut any, mut with_subresources) = (Vec::new(), Vec::new());
        for (slot, indexes) in together(slots) {
            let (kinds, has_subresources) = slot.kinds(declared);
            if has_subresources {
                with_subresources.extend(&indexes);
            }
            match kinds {
                KindMatch::Any => any.extend(indexes),
                KindMatch::Named(kinds) => {
                    kinds.into_iter().for_each(|kind| by_kind.entry(kind).or_default().extend(&indexes));
                }
            }
        }
        any.sort_unstable();
        with_subresources.sort_unstable();
        for indexes in by_kind.values_mut() {
            indexes.extend(&any);
            indexes.sort_unstable();
        }
        let by_kind = by_kind.into_iter().map(|(kind, indexes)| (kind, indexes.into())).collect();
        Self { by_kind, any: any.into(), with_subresources }
    }
}

/// The numbers of policies of which it is known that they are about the same, with one of them.
fn together(slots: &[Slot]) -> impl Iterator<Item = (&Slot, Vec<usize>)> {
    let mut of_library: HashMap<&[&str], (&Slot, Vec<usize>)> = HashMap::default();
    let mut others = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        match slot.entry() {
            Entry::Unmet(unmet) => {
                of_library.entry(unmet.outline.kinds).or_insert((slot, Vec::new())).1.push(index)
            }
            Entry::Read(_) => others.push((slot, vec![index])),
        }
    }
    of_library.into_values().chain(others)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;
    use crate::cel::profile::Profile;
    use crate::resource::workload::TemplatePaths;
    use crate::store::embedded::outlines;
    use crate::store::load::{PolicySources, load_when_met};
    use crate::store::set::Adjustments;

    /// Kinds, custom ones too, as the index of all kinds has them and as they are looked up one by one.
    #[test]
    fn kinds_that_are_met_are_those_of_the_index() {
        let sources = PolicySources { profile: Profile::NEWEST, embedded: true, paths: Vec::new() };
        let loaded = load_when_met(&sources, None, &[]);
        assert!(loaded.unmet.len() + 5 > outlines().len(), "they are not read yet");
        let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
        let mut kinds: BTreeSet<&str> = api::built_in().chain(api::bodies()).map(|row| row.kind).collect();
        kinds.extend(["Application", "Rollout", "", "*", "workloads"]);
        for declared in [false, true] {
            let (one, other) = (Index::new(declared), Index::new(declared));
            one.meet(set.slots(), &kinds);
            for kind in &kinds {
                let (met, told) = (one.of_kind(set.slots(), kind), other.of_kind(set.slots(), kind));
                assert_eq!(met.policies, told.policies, "{kind}");
            }
            assert!(one.all.get().is_none() && other.met.get().is_none());
            let [custom, another] = ["Application", "*"].map(|kind| one.of_kind(set.slots(), kind));
            assert!(std::ptr::eq(custom, another), "what is learnt of one custom kind holds for the other");
        }
    }
}

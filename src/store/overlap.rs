//! Policies whose mutations write one place: the later by name has the last word, which nobody may have meant.
//!
//! Told from the text alone: the same path set (or removed) from the same base to another value, and `rewriteImages` whose
//! sources lie one in another.

use std::collections::BTreeMap;
use std::fmt;

use super::PolicySet;
use crate::check::{Policy, Rule, Writes};
use crate::matching::KindMatch;
use crate::policy::{Edit, EditValue};
use crate::resource::rewrite::RewriteTable;

/// Two rules that write one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Overlap {
    /// The code of the rule that comes first.
    pub first: String,
    /// The code of the one that comes after it.
    pub second: String,
    /// What both write.
    pub place: String,
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, second, place } = self;
        write!(f, "{first} and {second} both write {place}: {second} is applied last")
    }
}

/// All pairs of rules of different policies that may write one place, in order.
#[must_use]
pub fn overlaps(set: &PolicySet) -> Vec<Overlap> {
    let mut writes: BTreeMap<String, Vec<(&Policy, &Rule, String)>> = BTreeMap::new();
    let mut images: Vec<(&Policy, &Rule, &RewriteTable)> = Vec::new();
    for policy in set.changing() {
        for rule in &policy.rules {
            match rule.check.change().map(|change| change.writes()) {
                Some(Writes::Edits(visit, edits)) => {
                    let each = visit.for_each.as_ref().map_or("", |each| each.source());
                    for (path, value) in edits.iter().filter_map(written) {
                        let key = format!("{path}\0{:?}\0{each}", visit.on);
                        writes.entry(key).or_default().push((policy, rule, value));
                    }
                }
                Some(Writes::Images(table)) => images.push((policy, rule, table)),
                None => {}
            }
        }
    }
    let mut found = Vec::new();
    for (key, rules) in &writes {
        let place = key.split('\0').next().unwrap_or_default();
        // neighbours will do: a hundred policies that set one label are told once each
        for pair in rules.windows(2) {
            let [(policy, rule, value), (other, next, later)] = pair else { continue };
            if value != later && meet(policy, other) {
                found.push(overlap(rule, next, place.to_owned()));
            }
        }
    }
    for (at, (policy, rule, table)) in images.iter().enumerate() {
        for (other, next, later) in &images[at + 1..] {
            if let Some(source) = table.shared_source(later).filter(|_| meet(policy, other)) {
                found.push(overlap(rule, next, format!("images of {source}")));
            }
        }
    }
    found.sort();
    found
}

fn overlap(first: &Rule, second: &Rule, place: String) -> Overlap {
    Overlap { first: first.info.code.clone(), second: second.info.code.clone(), place }
}

fn written(edit: &Edit) -> Option<(String, String)> {
    match edit {
        Edit::Set { path, value: EditValue::Literal(value) } => {
            Some((path.to_string(), value.root().to_json()))
        }
        Edit::Set { path, value: EditValue::Computed(value) } => {
            Some((path.to_string(), format!("={}", value.source())))
        }
        Edit::Remove { path } => Some((path.to_string(), String::new())),
        Edit::Raw(_) | Edit::RawComputed { .. } => None,
    }
}

/// Whether two policies may be about one object, by their kinds and fixed namespaces.
fn meet(a: &Policy, b: &Policy) -> bool {
    if a.id == b.id {
        return false;
    }
    let apart =
        matches!((a.matches.own_namespace(), b.matches.own_namespace()), (Some(a), Some(b)) if a != b);
    let kinds = match (a.matches.index_by(false), b.matches.index_by(false)) {
        (KindMatch::Named(a), KindMatch::Named(b)) => a.iter().any(|kind| b.contains(kind)),
        _ => true,
    };
    !apart && kinds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cel::profile::Profile;
    use crate::resource::workload::TemplatePaths;
    use crate::store::load::{Loaded, read_text};
    use crate::store::set::Adjustments;

    #[test]
    fn what_two_policies_write() {
        let policy = |name: &str, kinds: &str, rule: &str| {
            format!(
                "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: {name}}}\n\
                 spec:\n  match: {{kinds: [{kinds}]}}\n  rules:\n    - {{name: r, {rule}}}\n"
            )
        };
        let set = "mutate: [{set: data.who, value: a}]";
        let rewrite = |from: &str| format!("rewriteImages: [{{from: {from}, to: mirror.example.com/x}}]");
        for (a, b, expected) in [
            (
                ("ConfigMap", set.to_owned()),
                ("ConfigMap", "mutate: [{set: data.who, value: z}]".to_owned()),
                true,
            ),
            (("ConfigMap", set.to_owned()), ("ConfigMap", set.to_owned()), false),
            (
                ("ConfigMap", set.to_owned()),
                ("Secret", "mutate: [{set: data.who, value: z}]".to_owned()),
                false,
            ),
            (("ConfigMap", set.to_owned()), ("'*'", "mutate: [{remove: data.who}]".to_owned()), true),
            (
                ("ConfigMap", set.to_owned()),
                ("ConfigMap", "mutate: [{set: data.x, value: z}]".to_owned()),
                false,
            ),
            (("Pod", rewrite("gcr.io")), ("workloads", rewrite("gcr.io/google")), true),
            (("Pod", rewrite("gcr.io")), ("workloads", rewrite("quay.io")), false),
        ] {
            let mut loaded = Loaded::default();
            for text in [policy("a", a.0, &a.1), policy("b", b.0, &b.1)] {
                read_text("p.yaml", &text, false, Profile::NEWEST, &mut loaded);
            }
            assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
            let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
            assert_eq!(!overlaps(&set).is_empty(), expected, "{a:?} {b:?} {:?}", overlaps(&set));
        }
    }
}

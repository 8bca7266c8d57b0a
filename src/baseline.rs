//! Findings that are known: those of an earlier run in a file, or of an earlier revision of the input.
//!
//! ```text
//! FILE ──────▶ Baseline ──▶ Matcher ──▶ known or new, finding by finding
//! REVISION ──▶    ▲                └──▶ what is no longer found
//! a run ──────────┘ (--write-baseline)
//! ```
//!
//! A finding is known by its [fingerprint](crate::finding::Fingerprint), in which there is neither a file's name nor a
//! line, and equal ones are counted: a third fault like two that are known is new. A question that the input could not
//! answer makes no fault known, nor the other way round.

mod file;

use std::collections::HashMap;
use std::fmt;

pub use file::{BaselineError, FILE_LIMIT};
use serde::{Deserialize, Serialize};

/// Findings that are the same in all but the place in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The object, as in `Deployment.apps shop/web`.
    pub object: String,
    /// `<policy>/<rule>`, or a reserved code.
    pub code: String,
    /// Where in the object, list items by their names.
    pub path: String,
    /// What tells it from others.
    pub fingerprint: String,
    /// A question that the input cannot answer.
    #[serde(default, skip_serializing_if = "is_false")]
    pub unknown: bool,
    /// How many there are.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub count: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_false(value: &bool) -> bool {
    !value
}

fn one() -> usize {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_one(count: &usize) -> bool {
    *count == 1
}

/// Where known findings are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A file, as it was named.
    File(String),
    /// A revision, as it was named.
    Revision(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => write!(f, "baseline {name}"),
            Self::Revision(name) => write!(f, "revision {name}"),
        }
    }
}

/// The findings of an earlier run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Where they are from.
    pub origin: Origin,
    /// Sorted, each once.
    known: Vec<Known>,
}

impl Baseline {
    /// Of these findings; equal ones are counted.
    #[must_use]
    pub fn new(origin: Origin, mut known: Vec<Known>) -> Self {
        known.sort();
        known.dedup_by(|later, first| {
            let same = (&later.fingerprint, later.unknown, &later.code, &later.object)
                == (&first.fingerprint, first.unknown, &first.code, &first.object);
            if same {
                first.count += later.count;
            }
            same
        });
        Self { origin, known }
    }

    /// The findings, sorted by object, code and place.
    #[must_use]
    pub fn known(&self) -> &[Known] {
        &self.known
    }

    /// How many findings these are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.known.iter().map(|known| known.count).sum()
    }

    /// For one run over the input.
    #[must_use]
    pub fn matcher(&self) -> Matcher<'_> {
        let mut matcher = Matcher { faults: Left::new(), unknown: Left::new() };
        for known in &self.known {
            let left = if known.unknown { &mut matcher.unknown } else { &mut matcher.faults };
            left.entry(&known.fingerprint).or_default().push((known, known.count));
        }
        matcher
    }
}

/// By fingerprint: what is known, and how often it was not met yet.
type Left<'b> = HashMap<&'b str, Vec<(&'b Known, usize)>>;

/// Known findings that were not met yet.
#[derive(Debug)]
pub struct Matcher<'b> {
    faults: Left<'b>,
    unknown: Left<'b>,
}

impl Matcher<'_> {
    /// Whether a finding is known; each known one is met once.
    pub fn meets(&mut self, fingerprint: &str, unknown: bool) -> bool {
        let of_its_kind = if unknown { &mut self.unknown } else { &mut self.faults };
        let left =
            of_its_kind.get_mut(fingerprint).and_then(|all| all.iter_mut().find(|(_, left)| *left > 0));
        left.is_some_and(|(_, left)| {
            *left -= 1;
            true
        })
    }

    /// What was not met, sorted.
    #[must_use]
    pub fn rest(self) -> Vec<Known> {
        let mut rest: Vec<Known> = self
            .faults
            .into_values()
            .chain(self.unknown.into_values())
            .flatten()
            .filter(|(_, left)| *left > 0)
            .map(|(known, count)| Known { count, ..known.clone() })
            .collect();
        rest.sort();
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(fingerprint: &str, count: usize) -> Known {
        Known {
            object: "Pod default/web".to_owned(),
            code: "p/r".to_owned(),
            path: "/spec".to_owned(),
            fingerprint: fingerprint.to_owned(),
            unknown: false,
            count,
        }
    }

    #[test]
    fn each_known_finding_is_met_once() {
        let origin = Origin::File("x".to_owned());
        let baseline =
            Baseline::new(origin, vec![known("b", 1), known("a", 1), known("b", 1), known("c", 3)]);
        assert_eq!(baseline.known(), [known("a", 1), known("b", 2), known("c", 3)]);
        assert_eq!(baseline.count(), 6);
        let mut matcher = baseline.matcher();
        let met = ["b", "b", "b", "c", "d"].map(|fingerprint| matcher.meets(fingerprint, false));
        assert_eq!(met, [true, true, false, true, false]);
        assert!(!matcher.meets("a", true), "an open question is no fault");
        assert_eq!(matcher.rest(), [known("a", 1), known("c", 2)]);
    }
}

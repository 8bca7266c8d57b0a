//! What the API server gives an object after mutation and before its ValidatingAdmissionPolicies are asked: offline that is
//! absent, and a validation that fails may fail for that alone.
//!
//! apiserver `pkg/registry/rest/create.go` (`BeforeCreate`), `meta.go` (`FillObjectMetaSystemFields`); `PrepareForCreate` of
//! the strategies in kubernetes `pkg/registry`.

use std::collections::BTreeSet;

use crate::admission_policy::{AdmissionPolicy, Body, programs::Compiled};
use crate::cel::reads::{Composed, Part, reads};
use crate::document::NodeRef;

/// Fields, and the kinds that have them; no kinds: all.
const GIVEN: [(&[&str], &[&str]); 6] = [
    (&["metadata", "uid"], &[]),
    (&["metadata", "creationTimestamp"], &[]),
    (&["metadata", "generation"], &[]),
    (&["metadata", "managedFields"], &[]),
    (&["status", "phase"], &["Pod", "Namespace", "PersistentVolume", "PersistentVolumeClaim"]),
    (&["status", "qosClass"], &["Pod"]),
];

/// Which of these fields the expressions of a policy read, by their numbers above.
#[derive(Debug, Default)]
pub(super) struct GivenFields {
    conditions: BTreeSet<usize>,
    validations: Vec<BTreeSet<usize>>,
}

impl GivenFields {
    pub(super) fn of(policy: &AdmissionPolicy) -> Self {
        let composed = Composed::of(&policy.variables, &["object"]);
        let of = |compiled: &Compiled| read_by(compiled, &composed);
        let validations = match &policy.body {
            Body::Validating { validations, .. } => {
                validations.iter().map(|one| of(&one.expression)).collect()
            }
            Body::Mutating { .. } => Vec::new(),
        };
        Self { conditions: policy.conditions.iter().flat_map(of).collect(), validations }
    }

    /// What an object lacks of what a validation reads; `error`: the policy could not be evaluated, which may lie in its match
    /// conditions.
    pub(super) fn lacking(&self, validation: usize, error: bool, object: NodeRef<'_>) -> Option<String> {
        let kind = object.get_str("kind").unwrap_or_default();
        let own = self.validations.get(validation).into_iter().flatten();
        let mut all = own.chain(self.conditions.iter().filter(|_| error));
        let lacks = |number: &&usize| {
            let (path, kinds) = GIVEN[**number];
            let has_it = kinds.is_empty() || kinds.contains(&kind);
            has_it && path.iter().try_fold(object, |node, field| node.get_present(field)).is_none()
        };
        all.find(lacks).map(|number| format!("object.{}", GIVEN[*number].0.join(".")))
    }
}

/// What cannot be told an expression does not read.
fn read_by(Compiled { program, .. }: &Compiled, composed: &Composed) -> BTreeSet<usize> {
    let read = program.as_ref().ok().and_then(|program| reads(&program.ast(), &["object"], composed));
    let starts = |parts: &[Part], path: &[&str]| {
        parts.len() >= path.len()
            && parts.iter().zip(path).all(|(part, field)| matches!(part, Part::Key(key) if **key == **field))
    };
    let fields = |parts: &[Part]| -> Vec<usize> {
        let all = GIVEN.iter().enumerate();
        all.filter(|(_, (path, _))| starts(parts, path)).map(|(number, _)| number).collect()
    };
    read.into_iter().flatten().flat_map(|read| fields(&read.parts)).collect()
}

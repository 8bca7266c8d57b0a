//! Which policies are about a kind at an operation, asked once for all requests.
//!
//! Most policies name kinds and operations and nothing else. What else a policy goes by (namespaces, labels) is asked of each
//! request.

use std::sync::OnceLock;

use crate::matching::Target;
use crate::request::{Operation, Request};
use crate::resource::identity::GroupVersionKind;
use crate::resource::workload::TemplatePaths;

use super::entry::Slot;

/// What is known of the policies that may be about a kind, by operation.
#[derive(Debug, Default)]
pub(super) struct ByOperation([OnceLock<Box<Concerns>>; Operation::ALL.len()]);

/// Which policies are about objects of one kind at one operation.
#[derive(Debug)]
pub struct Concerns {
    group: String,
    version: String,
    kind: String,
    /// By the policy's number in its set; `None`: kind and operation do not tell.
    about: Box<[Option<bool>]>,
}

impl ByOperation {
    /// Of the objects that a request is about; `None` where it is about a subresource, or these policies were asked first about
    /// another kind.
    pub(super) fn of(
        &self,
        request: &Request<'_>,
        (slots, policies): (&[Slot], &[usize]),
        templates: &TemplatePaths,
    ) -> Option<&Concerns> {
        if !request.subresource.is_empty() {
            return None;
        }
        let GroupVersionKind { group, version, kind } = request.kind;
        let concerns = self.0[request.operation as usize].get_or_init(|| {
            let target = Target::object(group, version, kind);
            let mut about = vec![None; slots.len()];
            for number in policies {
                let slot = &slots[*number];
                // one that nobody had to read is asked itself, should that be needed
                let policy = if slot.adds_to(Some(&[])) { Some(slot.policy()) } else { slot.read() };
                about[*number] =
                    policy.and_then(|policy| policy.matches.by_kind(&target, request.operation, templates));
            }
            let [group, version, kind] = [group, version, kind].map(str::to_owned);
            Box::new(Concerns { group, version, kind, about: about.into() })
        });
        let is_same = concerns.kind == kind && concerns.group == group && concerns.version == version;
        is_same.then_some(concerns)
    }
}

impl Concerns {
    /// Whether a policy, by its number, is about the request; `None` where it has to be asked.
    #[must_use]
    pub fn is_about(&self, policy: usize) -> Option<bool> {
        self.about.get(policy).copied().flatten()
    }
}

//! `mutate`: operations on what is visited.

use std::sync::Arc;

use crate::document::edit::{EditError, Editor};
use crate::document::path::Pointer;
use crate::document::{Builder, Document, NodeRef};
use crate::policy::expression::Expression;
use crate::policy::{Base, Edit, Visit};

use super::changes::Reach;
use super::decided::{Decides, Deciding};
use super::evaluator::{Evaluator, Next};
use super::stop::Stop;
use super::subject::{PolicyContext, Sink};
use super::{Change, Check, EDIT_LIMITS, Policy, Writes};

/// A rule that changes objects.
#[derive(Debug)]
pub struct Mutate {
    /// The elements that are edited, each by itself.
    pub visit: Visit,
    /// The edits of an element; each sees what those before it made.
    pub edits: Vec<Edit>,
}

impl Check for Mutate {
    fn is_about_pods(&self, policy: &Policy) -> bool {
        self.visit.is_about_pods(policy)
            || self.edits.iter().filter_map(Edit::computed).any(|expression| policy.reads_pods(expression))
    }

    fn expressions(&self) -> Vec<&Expression> {
        self.visit.expressions().chain(self.edits.iter().filter_map(Edit::computed)).collect()
    }

    fn decided_by(&self, _: &Deciding, _: &Policy) -> Option<Decides> {
        Some(Decides::default())
    }

    /// Nothing is wrong with what is yet to be changed.
    fn judge<'d>(&'d self, _: &mut Evaluator<'d, '_>, _: &PolicyContext<'d>, _: &mut Sink<'_>) {}

    fn change(&self) -> Option<&dyn Change> {
        Some(self)
    }

    fn says(&self) -> Option<String> {
        Some("changes the object".to_owned())
    }
}

impl Change for Mutate {
    fn is_idle(&self, subject: &PolicyContext<'_>, reach: &Reach<'_>) -> bool {
        let base = match self.visit.on {
            Base::Object => Some(subject.object),
            Base::PodSpec => subject.pods.map(|pods| pods.spec),
            Base::PodMetadata => subject.pods.and_then(|pods| pods.metadata),
        };
        let place = |base| Pointer::of(base, subject.object.id());
        self.visit.for_each.is_none() && base.is_none_or(|base| reach.forbids_all(&self.edits, &place(base)))
    }

    fn apply<'d>(
        &'d self,
        evaluator: &mut Evaluator<'d, '_>,
        subject: &PolicyContext<'d>,
        editor: &mut Editor<'_, '_>,
        label: &Arc<str>,
    ) -> Result<(), Stop> {
        let mut result = Ok(());
        evaluator.edits = &self.edits;
        evaluator.visit(
            &self.visit,
            || None,
            subject.object,
            |evaluator, visited| {
                result = visited.and_then(|visited| {
                    let base = Pointer::of(visited.node(subject.object), subject.object.id());
                    evaluator.edit(&self.edits, &base, editor, label)
                });
                if result.is_ok() { Next::On } else { Next::End }
            },
        );
        result?;
        evaluator.within_budget()
    }

    fn writes(&self) -> Writes<'_> {
        Writes::Edits(&self.visit, &self.edits)
    }
}

/// A document of one item, with the same text under it.
pub(crate) fn item_document(item: NodeRef<'_>) -> Result<Document<'_>, EditError> {
    let mut builder = Builder::of_version(item.document(), EDIT_LIMITS);
    builder.copy_node(item, true)?;
    Ok(builder.finish())
}

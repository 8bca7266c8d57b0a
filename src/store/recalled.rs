//! Findings as they are remembered: without what those of a webhook have not, and their texts in one piece.

use std::sync::Arc;

use crate::document::{NodeRef, Span};
use crate::finding::{Actions, Finding, Place, RuleInfo, Severity};

/// A finding that is remembered.
#[derive(Debug)]
pub struct Recalled(Kept);

#[derive(Debug)]
enum Kept {
    Short(Short),
    /// One that has more than that.
    Whole(Box<Finding>),
}

/// What most findings have, of which the object is at fault.
#[derive(Debug)]
struct Short {
    rule: Arc<RuleInfo>,
    /// The message, the path and the pointer.
    texts: Box<str>,
    /// Where the message ends, and where the path does.
    ends: [u32; 2],
    span: Option<Span>,
    more: u32,
    severity: Severity,
    actions: Actions,
    sensitive: bool,
}

impl From<&Finding> for Recalled {
    fn from(finding: &Finding) -> Self {
        Self(Short::of(finding).map_or_else(|| Kept::Whole(Box::new(finding.clone())), Kept::Short))
    }
}

impl Short {
    /// `None` where the finding has what has no place here.
    fn of(finding: &Finding) -> Option<Self> {
        let Finding { rule, severity, actions, message, place, sensitive, more, .. } = finding;
        let Place { path, pointer, span, origin: _ } = place;
        let end_of_message = u32::try_from(message.len()).ok()?;
        let ends = [end_of_message, end_of_message.checked_add(u32::try_from(path.len()).ok()?)?];
        let (rule, more) = (rule.clone(), u32::try_from(*more).ok()?);
        let texts = [message.as_str(), path, pointer].concat().into();
        let (severity, actions, span, sensitive) = (*severity, *actions, *span, *sensitive);
        let short = Self { rule, texts, ends, span, more, severity, actions, sensitive };
        (short.finding() == *finding).then_some(short)
    }

    fn finding(&self) -> Finding {
        let [message, path] = self.ends.map(|end| end as usize);
        let (message, path, pointer) =
            (&self.texts[..message], &self.texts[message..path], &self.texts[path..]);
        let place =
            Place { path: path.to_owned(), pointer: pointer.to_owned(), span: self.span, origin: None };
        let (actions, sensitive, more) = (self.actions, self.sensitive, self.more as usize);
        let plain = Finding::at(self.rule.clone(), self.severity, message.to_owned(), place);
        Finding { actions, sensitive, more, ..plain }
    }
}

impl Recalled {
    /// What was found, once more.
    #[must_use]
    pub fn finding(&self) -> Finding {
        match &self.0 {
            Kept::Short(short) => short.finding(),
            Kept::Whole(finding) => (**finding).clone(),
        }
    }

    /// The same of another object, which has the place that it was found at: where that is written in this one.
    #[must_use]
    pub fn told_of(&self, object: NodeRef<'_>) -> Finding {
        let mut finding = self.finding();
        if let Some(node) = object.at(&finding.place.pointer) {
            finding.place = finding.place.told_of(node, object.id());
        }
        finding
    }

    /// About how many bytes it takes; of what it shares with others, none.
    pub(super) fn bytes(&self) -> usize {
        // what the heap adds to each piece
        const PIECE: usize = 16;
        let apart = match &self.0 {
            Kept::Short(short) => short.texts.len() + PIECE,
            Kept::Whole(finding) => {
                let Place { path, pointer, .. } = &finding.place;
                size_of::<Finding>() + finding.message.len() + path.len() + pointer.len() + 4 * PIECE
            }
        };
        size_of::<Self>() + apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Action, Certainty, Related};

    #[test]
    fn what_is_remembered_is_what_was_found() {
        let rule = RuleInfo::of("p/r");
        let span = Some(Span { start: 3, end: 9 });
        let place =
            Place { path: "a.größe".to_owned(), pointer: "/a/größe".to_owned(), span, origin: None };
        let plain = Finding::at(Arc::new(rule), Severity::Warning, "is wrong".to_owned(), place);
        let with = |change: &dyn Fn(&mut Finding)| {
            let mut finding = plain.clone();
            change(&mut finding);
            finding
        };
        for (short, finding) in [
            (true, plain.clone()),
            (true, with(&|finding| finding.actions = Action::Deny.into())),
            (true, with(&|finding| finding.severity = Severity::Info)),
            (true, with(&|finding| finding.more = 7)),
            (true, with(&|finding| finding.sensitive = true)),
            (true, with(&|finding| finding.place = Place::default())),
            (false, with(&|finding| finding.place.origin = Some("p".to_owned()))),
            (false, with(&|finding| finding.value = Some("v".to_owned()))),
            (false, with(&|finding| finding.fingerprint.place.push('x'))),
            (false, with(&|finding| finding.explanation.push("e".to_owned()))),
            (false, with(&|finding| finding.reference = Some("r".to_owned()))),
            (
                false,
                with(&|finding| {
                    let (message, place) = ("see".to_owned(), Place::default());
                    finding.related.push(Related { message, document: None, place });
                }),
            ),
            (false, with(&|finding| finding.certainty = Certainty::Unknown)),
            (false, with(&|finding| finding.existing = true)),
        ] {
            let recalled = Recalled::from(&finding);
            assert_eq!(matches!(recalled.0, Kept::Short(_)), short, "{finding:?}");
            assert_eq!(recalled.finding(), finding);
        }
    }
}

//! Comprehensions over what is known of lists: quantifiers, lists that are filtered and mapped, and lists whose elements are all
//! known, which are gone through as the evaluation does.

use super::told::{Shape, Told, Ways};
use super::{Absence, Frame, LONGEST};
use crate::plan::{Attribute, Base, Fold, FoldKind, Node, NodeId, Slot};

impl<'p> Absence<'p> {
    pub(super) fn fold(&mut self, frame: &mut Frame<'p>, fold: &'p Fold) -> Told<'p> {
        if let FoldKind::Bind { result } = &fold.kind {
            let init = self.eval(frame, fold.init);
            frame.locals[fold.accumulator.0 as usize] = init;
            return self.eval(frame, *result);
        }
        let range = self.eval(frame, fold.range);
        let counted = matches!(range.shape, Shape::Known(_));
        let Some((elements, given)) = range.elements().filter(|(all, _)| all.len() <= LONGEST) else {
            return Told::any();
        };
        if fold.iter2.is_some() {
            return Told::any();
        }
        let told = match &fold.kind {
            FoldKind::All(test) => self.quantifier(frame, fold, elements, counted, *test, true),
            FoldKind::Exists(test) => self.quantifier(frame, fold, elements, counted, *test, false),
            FoldKind::General { condition, step, result } if counted => {
                if !self.turn_by_turn(frame, fold, elements, *condition, *step) {
                    return Told::any();
                }
                self.eval(frame, *result)
            }
            FoldKind::General { condition: None, step, result } => {
                let Some(all) = self.gathered(frame, fold, elements, *step) else { return Told::any() };
                frame.locals[fold.accumulator.0 as usize] = all;
                self.eval(frame, *result)
            }
            FoldKind::General { .. } | FoldKind::Bind { .. } => return Told::any(),
        };
        told.given(given)
    }

    /// Goes through elements that are all known, as the evaluation does; says whether it could be told when that ends.
    fn turn_by_turn(
        &mut self,
        frame: &mut Frame<'p>,
        fold: &'p Fold,
        elements: Vec<Told<'p>>,
        condition: Option<NodeId>,
        step: NodeId,
    ) -> bool {
        frame.locals[fold.accumulator.0 as usize] = self.eval(frame, fold.init);
        for element in elements {
            frame.locals[fold.iter.0 as usize] = element;
            let goes_on = condition.map(|condition| self.eval(frame, condition));
            // what it took to know that is not noted: all of it or nothing
            if goes_on.is_some_and(|told| told.is(true).is_none_or(|ways| !ways.is_empty())) {
                return false;
            }
            frame.locals[fold.accumulator.0 as usize] = self.eval(frame, step);
        }
        true
    }

    /// The list to which each element adds something, or nothing.
    fn gathered(
        &mut self,
        frame: &mut Frame<'p>,
        fold: &'p Fold,
        elements: Vec<Told<'p>>,
        step: NodeId,
    ) -> Option<Told<'p>> {
        let init = self.eval(frame, fold.init);
        let (mut all, first) = init.elements()?;
        let mut ways = first.clone();
        for element in elements {
            frame.locals[fold.iter.0 as usize] = element;
            let (added, given) = self.added(frame, step, fold.accumulator)?;
            ways.extend(given);
            all.extend(added);
        }
        Some(Told::list(all).given(&ways))
    }

    /// What a step adds to a list for an element, if it does nothing else.
    fn added(&mut self, frame: &mut Frame<'p>, step: NodeId, to: Slot) -> Option<(Option<Told<'p>>, Ways)> {
        match frame.plan.node(step) {
            Node::Append { accumulator, item, .. } if *accumulator == to => {
                Some((Some(self.eval(frame, *item)), Ways::new()))
            }
            Node::Attribute(Attribute { base: Base::Conditional { condition, then, otherwise }, .. }) => {
                let Base::Value(append) = then.base else { return None };
                let unchanged = matches!(otherwise.base, Base::Local(slot) if slot == to);
                if !then.path.is_empty() || !otherwise.path.is_empty() || !unchanged {
                    return None;
                }
                let condition = self.eval(frame, *condition);
                match condition.as_bool() {
                    Some(false) => Some((None, condition.given)),
                    Some(true) => {
                        let (added, mut ways) = self.added(frame, append, to)?;
                        ways.extend(condition.given);
                        Some((added, ways))
                    }
                    None if matches!(condition.shape, Shape::Truth) => {
                        let (added, mut ways) = self.added(frame, append, to)?;
                        ways.extend(condition.given);
                        Some((added, ways))
                    }
                    None => None,
                }
            }
            _ => None,
        }
    }

    /// `all` and `exists`. Where it is not known how many elements there are, there may be none.
    fn quantifier(
        &mut self,
        frame: &mut Frame<'p>,
        fold: &'p Fold,
        elements: Vec<Told<'p>>,
        counted: bool,
        test: NodeId,
        all: bool,
    ) -> Told<'p> {
        let mut ways = Some(Ways::new());
        for element in elements {
            let own = element.given.clone();
            frame.locals[fold.iter.0 as usize] = element;
            let told = self.eval(frame, test);
            match told.as_bool() {
                Some(value) if value == all => {
                    if let Some(ways) = &mut ways {
                        ways.extend(told.given);
                        ways.extend(own);
                    }
                }
                Some(_) if counted => return Told::boolean(!all).given(&told.given).given(&own),
                _ => ways = None,
            }
        }
        ways.map_or_else(Told::any, |ways| Told::boolean(all).given(&ways))
    }
}

//! Comprehensions: folds over a list or map.
//!
//! `all` and `exists` charge what their expansion would cost without walking it.

use super::{Local, Machine, Pending};
use crate::error::{Eval, EvalError};
use crate::plan::{Fold, FoldKind, Node, NodeId, Slot};
use crate::value::{ListView, MapView, Value, View};
use document::NodeRef;

/// What one turn of a loop says.
pub(super) enum Turn {
    On,
    Stop,
}

impl<'d> Machine<'_, '_, 'd> {
    #[inline(never)]
    pub(super) fn fold(&mut self, fold: &'d Fold) -> Eval<Value<'d>> {
        let range = self.eval(fold.range)?;
        match &fold.kind {
            FoldKind::Bind { result } => {
                self.set_initial(fold);
                self.eval(*result)
            }
            FoldKind::All(test) => self.quantifier(fold, &range, *test, true),
            FoldKind::Exists(test) => self.quantifier(fold, &range, *test, false),
            FoldKind::General { condition, step, result } => {
                self.set_initial(fold);
                self.each(fold, &range, |machine| {
                    if let Some(condition) = condition {
                        let holds = machine.uncancelled(*condition)?;
                        if let Ok(Some(false)) = holds.map(|value| value.as_bool()) {
                            return Ok(Turn::Stop);
                        }
                    }
                    let value = machine.uncancelled(*step)?;
                    machine.set_local(fold.accumulator, value);
                    Ok(Turn::On)
                })?;
                self.eval(*result)
            }
        }
    }

    /// The accumulator before the first turn: computed when first read, unless it is a constant.
    pub(super) fn set_initial(&mut self, fold: &Fold) {
        let initial = match self.plan.node(fold.init) {
            Node::Const(value) => Local::Known(Ok(super::borrowed(value))),
            _ => Local::Pending(fold.init),
        };
        self.locals[fold.accumulator.0 as usize] = initial;
    }

    fn set_local(&mut self, slot: Slot, value: Eval<Value<'d>>) {
        self.locals[slot.0 as usize] = Local::Known(value);
    }

    /// `all` stops at false and `exists` at true; faults are kept until nothing decides.
    fn quantifier(&mut self, fold: &'d Fold, range: &Value<'d>, test: NodeId, all: bool) -> Eval<Value<'d>> {
        // accumulator, not_strictly_false, and `!` for exists
        let condition = if all { 2 } else { 3 };
        let mut decided = false;
        // the loop takes one more element before it stops
        let element = fold.iter2.unwrap_or(fold.iter).0 as usize;
        let mut decisive = None;
        self.decisive = None;
        let mut pending = Pending::default();
        self.each(fold, range, |machine| {
            machine.meter.charge_each(condition)?;
            if decided {
                return Ok(Turn::Stop);
            }
            machine.meter.charge_each(1)?;
            match machine.eval(test) {
                Ok(value) => match value.as_bool() {
                    Some(value) if value != all => {
                        decided = true;
                        decisive = Some(machine.locals[element].clone());
                    }
                    Some(_) => {}
                    None => pending.fault(EvalError::NoOverload.into())?,
                },
                Err(fault) => pending.fault(fault)?,
            }
            Ok(Turn::On)
        })?;
        self.meter.charge_each(1)?;
        self.decisive = decisive.and_then(|local| decider(&local, fold, range));
        if decided && all {
            self.blame();
        }
        if decided { Ok(Value::Bool(!all)) } else { pending.or(Value::Bool(all)) }
    }

    /// Remembers the element that decided the last quantifier, unless something below that element is blamed already.
    pub(super) fn blame(&mut self) {
        let Some(element) = self.decisive.take() else { return };
        let within = |culprit: NodeRef<'d>| {
            std::ptr::eq(culprit.document(), element.document())
                && std::iter::successors(Some(culprit), |node| node.parent())
                    .any(|node| node.id() == element.id())
        };
        if !self.culprit.is_some_and(within) {
            self.culprit = Some(element);
        }
    }

    /// Runs the body for each element, with the iteration variables set.
    pub(super) fn each(
        &mut self,
        fold: &'d Fold,
        range: &Value<'d>,
        mut body: impl FnMut(&mut Self) -> Eval<Turn>,
    ) -> Eval<()> {
        let mut turn = |machine: &mut Self, one: Value<'d>, two: Option<Value<'d>>| {
            machine.meter.tick()?;
            machine.set_local(fold.iter, Ok(one));
            if let (Some(slot), Some(two)) = (fold.iter2, two) {
                machine.set_local(slot, Ok(two));
            }
            body(machine)
        };
        match (range.view(), fold.iter2) {
            (View::List(ListView::Node(node)), None) => {
                for item in node.items() {
                    if let Turn::Stop = turn(self, Value::Node(item), None)? {
                        break;
                    }
                }
            }
            (View::List(list), None) => {
                for item in list.iter() {
                    if let Turn::Stop = turn(self, item, None)? {
                        break;
                    }
                }
            }
            (View::List(list), Some(_)) => {
                for (index, item) in list.iter().enumerate() {
                    if let Turn::Stop = turn(self, Value::Int(index as i64), Some(item))? {
                        break;
                    }
                }
            }
            (View::Map(MapView::Node(node)), None) => {
                for (key, _) in node.members() {
                    if let Turn::Stop = turn(self, Value::Str(key), None)? {
                        break;
                    }
                }
            }
            (View::Map(map), two) => {
                for (key, value) in map.iter() {
                    if let Turn::Stop = turn(self, key, two.map(|_| value))? {
                        break;
                    }
                }
            }
            (other, Some(_)) => return Err(EvalError::RangeType(other.go_type()).into()),
            (other, None) => return Err(EvalError::NotIterable(other.go_type()).into()),
        }
        Ok(())
    }
}

/// What of a document an iteration variable stood for: an item, or the entry of a map.
fn decider<'d>(local: &Local<'d>, fold: &Fold, range: &Value<'d>) -> Option<NodeRef<'d>> {
    let Local::Known(Ok(value)) = local else { return None };
    match range {
        // one variable over a map is the key
        Value::Node(map) if fold.iter2.is_none() && map.is_object() => map.get(value.as_str()?),
        _ => value.node(),
    }
}

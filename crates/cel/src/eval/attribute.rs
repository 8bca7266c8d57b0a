//! Attributes: a variable or value, and a path down from it (cel-go `interpreter/attributes.go`).

use super::{Local, Machine};
use crate::activation::Binding;
use crate::dispatch::{self, message};
use crate::error::{Eval, EvalError, Fault, Unknown};
use crate::plan::{Attribute, Base, Qualifier, QualifierKind, Slot};
use crate::profile::Profile;
use crate::value::{Opaque, Value, View};
use document::NodeRef;

impl<'d> Machine<'_, '_, 'd> {
    /// An attribute as an expression: one unit for the variable beside those of its path.
    #[inline]
    pub(super) fn attribute(&mut self, attribute: &'d Attribute) -> Eval<Value<'d>> {
        if attribute.plain {
            let start = match &attribute.base {
                Base::Local(slot) => match &self.locals[slot.0 as usize] {
                    Local::Known(Ok(Value::Node(node))) => Some(*node),
                    _ => None,
                },
                Base::Global(index) => match self.globals.get(*index) {
                    Some(Binding::Value(Value::Node(node))) => Some(*node),
                    _ => None,
                },
                _ => None,
            };
            if let Some(value) = start.and_then(|node| below(node, attribute)) {
                self.meter.charge_each(attribute.path.len() as u64 + u64::from(!attribute.presence))?;
                return known(value);
            }
        }
        self.attribute_slowly(attribute).and_then(known)
    }

    #[inline(never)]
    pub(super) fn attribute_slowly(&mut self, attribute: &'d Attribute) -> Eval<Value<'d>> {
        let result = self.resolve(attribute);
        if let Err(Fault::Cancelled(_)) = result {
            return result;
        }
        match (&attribute.base, attribute.presence) {
            (Base::Conditional { .. }, true) => self.meter.refund(1),
            (Base::Conditional { .. }, false) | (_, true) => {}
            (_, false) => self.meter.charge(1)?,
        }
        result
    }

    /// The value without the unit for the variable.
    fn resolve(&mut self, attribute: &'d Attribute) -> Eval<Value<'d>> {
        let Attribute { base, path, presence, plain: _ } = attribute;
        match base {
            Base::Local(slot) => {
                let value = self.read_local(*slot)?;
                self.walk(value, path, *presence)
            }
            Base::Global(index) => {
                let value = self.global(*index, path)?;
                self.walk(value, path, *presence)
            }
            Base::Variable(index) => self.variable_path(*index, path, *presence),
            Base::Variables => self.walk(Value::opaque(Opaque::Variables), path, *presence),
            Base::Value(node) => {
                let value = self.eval(*node)?;
                self.walk(value, path, *presence)
            }
            Base::Conditional { condition, then, otherwise } => {
                let condition = self.eval(*condition)?;
                let holds = condition.as_bool().ok_or(EvalError::NoOverload)?;
                self.resolve(if holds { then } else { otherwise })
            }
        }
    }

    fn global(&mut self, index: u32, path: &[Qualifier]) -> Eval<Value<'d>> {
        let name = || &self.plan.globals[index as usize];
        let binding = match self.globals.get(index) {
            Some(Binding::Value(value)) => return Ok(value.clone()),
            Some(binding) => binding,
            None => return Err(EvalError::NoAttribute(name().to_string()).into()),
        };
        let steps = path.iter().map(|qualifier| match &qualifier.step {
            QualifierKind::Field(field) => Some(&**field),
            _ => None,
        });
        match (binding.unknown_at(name(), steps), binding) {
            (Some(unknown), _) => Err(unknown.into()),
            (None, Binding::Value(value) | Binding::Partial { value, .. }) => Ok(value.clone()),
            (None, Binding::Unknown(what)) => Err(crate::error::Unknown::one(what.clone()).into()),
        }
    }

    pub(super) fn read_local(&mut self, slot: Slot) -> Eval<Value<'d>> {
        match &self.locals[slot.0 as usize] {
            Local::Known(value) => value.clone(),
            Local::Pending(init) => {
                let init = *init;
                let value = self.eval(init);
                if let Err(Fault::Cancelled(_)) = value {
                    return value;
                }
                self.locals[slot.0 as usize] = Local::Known(value.clone());
                value
            }
        }
    }

    /// Takes the accumulator out of its slot, so that it has one owner.
    pub(super) fn take_local(&mut self, slot: Slot) -> Eval<Eval<Value<'d>>> {
        if let Local::Pending(_) = self.locals[slot.0 as usize] {
            let _ = self.read_local(slot);
        }
        match std::mem::replace(&mut self.locals[slot.0 as usize], Local::Known(Ok(Value::Null))) {
            Local::Known(Err(Fault::Cancelled(error))) => Err(Fault::Cancelled(error)),
            Local::Known(value) => Ok(value),
            Local::Pending(_) => Ok(Ok(Value::Null)),
        }
    }

    /// `variables.name` and what follows. Asking for presence evaluates the variable too, and fails with it.
    fn variable_path(&mut self, index: u32, path: &'d [Qualifier], presence: bool) -> Eval<Value<'d>> {
        let Some((name, rest)) = path.split_first() else {
            return Ok(Value::opaque(Opaque::Variables));
        };
        let value = self.variable_beside(index, rest);
        if let Err(Fault::Cancelled(_)) = value {
            return value;
        }
        if value.is_ok() || !name.optional {
            self.meter.charge(1)?;
        }
        let value = value?;
        if rest.is_empty() {
            return Ok(match (presence, name.optional) {
                (true, _) => Value::Bool(true),
                (false, true) => Value::some(value),
                (false, false) => value,
            });
        }
        self.walk_from(value, rest, presence, name.optional, false)
    }

    #[inline]
    fn walk(&mut self, value: Value<'d>, path: &'d [Qualifier], presence: bool) -> Eval<Value<'d>> {
        self.walk_from(value, path, presence, false, true)
    }

    /// Follows the path. From the first optional step on, an absent value ends it with `optional.none()`.
    fn walk_from(
        &mut self,
        mut value: Value<'d>,
        path: &'d [Qualifier],
        presence: bool,
        mut optional: bool,
        unwrap: bool,
    ) -> Eval<Value<'d>> {
        if unwrap && let Value::Optional(inner) = &value {
            match inner {
                None if presence => return Ok(Value::Bool(false)),
                None => return Ok(value),
                Some(inner) => {
                    value = (**inner).clone();
                    optional = true;
                    if self.profile == Profile::V1_36 {
                        value = message::plain(collapsed(value));
                    }
                }
            }
        }
        let last = path.len().wrapping_sub(1);
        for (at, qualifier) in path.iter().enumerate() {
            let tests = presence && at == last;
            optional |= qualifier.optional;
            let mut computed = None;
            if let QualifierKind::Computed { index } = &qualifier.step {
                match self.resolve(index) {
                    Err(Fault::Cancelled(error)) => return Err(Fault::Cancelled(error)),
                    key => computed = Some(key),
                }
            }
            let asks = tests || optional;
            let found = match (&qualifier.step, &computed) {
                (QualifierKind::Computed { .. }, Some(Err(fault))) => Err(fault.clone()),
                (_, Some(Ok(key))) => match computed_key(key) {
                    Ok(view) => self.found(&value, view, asks),
                    Err(error) => Err(error.into()),
                },
                (QualifierKind::Field(field), _) => match &value {
                    Value::Node(node) if node.is_object() => Ok(node.get(field).map(Value::Node)),
                    _ => self.found(&value, View::Str(field), asks),
                },
                (QualifierKind::Member(field), _) => match value.view() {
                    View::Object(object) => Ok(object.get(field).cloned().map(message::plain)),
                    _ => self.found(&value, View::Str(field), asks),
                },
                (QualifierKind::Index(index), _) => self.found(&value, index.view(), asks),
                (QualifierKind::Computed { .. }, None) => Ok(None),
            };
            if let Err(Fault::Cancelled(error)) = found {
                return Err(Fault::Cancelled(error));
            }
            // behind an optional step only what is there costs something
            if !optional || matches!(found, Ok(Some(_))) {
                self.meter.charge(1)?;
            }
            match found? {
                found if tests => return Ok(Value::Bool(found.is_some())),
                Some(found) => value = found,
                None if optional => return Ok(Value::Optional(None)),
                // a message has every field of its type; what is not set is null
                None if message::has_every_field(
                    &value,
                    matches!(qualifier.step, QualifierKind::Member(_)),
                ) =>
                {
                    value = Value::Null;
                }
                None => {
                    let key = match (&qualifier.step, &computed) {
                        (_, Some(Ok(key))) => key.view(),
                        (QualifierKind::Index(index), _) => index.view(),
                        (QualifierKind::Field(field) | QualifierKind::Member(field), _) => View::Str(field),
                        (QualifierKind::Computed { .. }, _) => View::Null,
                    };
                    return Err(missing_key(&value, key).into());
                }
            }
        }
        Ok(if optional { Value::some(value) } else { value })
    }

    /// What is under a key; `asks` whether it may be absent.
    fn found(&mut self, value: &Value<'d>, key: View<'_, '_>, asks: bool) -> Eval<Option<Value<'d>>> {
        match (value.view(), key) {
            (View::Opaque(Opaque::Variables), View::Str(name)) => match self.variables.position(name) {
                Some(index) => self.variable(index).map(Some),
                None => Ok(None),
            },
            (View::Opaque(Opaque::Variables), _) => Err(EvalError::NoOverload.into()),
            (View::Object(object), key) => Ok(message::field(object, key, asks)?),
            _ => Ok(element_of(value, key)?),
        }
    }
}

/// A value, unless it stands for one that is not known.
#[inline]
fn known(value: Value<'_>) -> Eval<Value<'_>> {
    let node = match &value {
        Value::Node(node) => Some(*node),
        Value::Optional(Some(inner)) => inner.node(),
        _ => None,
    };
    match node {
        Some(node) if node.is_unknown() => Err(Unknown::one(Unknown::PLACEHOLDER).into()),
        _ => Ok(value),
    }
}

/// What lies at the end of a path of fields in a document; `None` where something on the way is not as usual.
#[inline]
fn below<'d>(mut node: NodeRef<'d>, attribute: &Attribute) -> Option<Value<'d>> {
    let last = attribute.path.len().wrapping_sub(1);
    for (at, qualifier) in attribute.path.iter().enumerate() {
        let QualifierKind::Field(field) = &qualifier.step else { return None };
        match node.get(field) {
            Some(child) => node = child,
            None if attribute.presence && at == last && node.is_object() => return Some(Value::Bool(false)),
            None => return None,
        }
    }
    Some(if attribute.presence { Value::Bool(true) } else { Value::Node(node) })
}

/// Until cel-go 0.27 an optional in an optional loses its levels on the way through an attribute.
fn collapsed(mut value: Value<'_>) -> Value<'_> {
    while let Value::Optional(inner) = value {
        value = inner.map_or(Value::Null, |inner| (*inner).clone());
    }
    value
}

/// A computed key as the look-up takes it.
fn computed_key<'k, 'd>(key: &'k Value<'d>) -> Result<View<'k, 'd>, EvalError> {
    match key.view() {
        view @ (View::Str(_) | View::Int(_) | View::Uint(_) | View::Bool(_) | View::Double(_)) => Ok(view),
        // what came with the request is not yet one of the language's values there
        View::Null if matches!(key, Value::Node(_)) => Err(EvalError::QualifierType("<nil>")),
        View::List(_) if matches!(key, Value::Node(_)) => Err(EvalError::QualifierType("[]interface {}")),
        View::Map(_) if matches!(key, Value::Node(_)) => {
            Err(EvalError::QualifierType("map[string]interface {}"))
        }
        other => Err(EvalError::QualifierType(other.go_type())),
    }
}

/// The element under a key; `None` where there is none, or the value has no elements.
pub(crate) fn element_of<'d>(value: &Value<'d>, key: View<'_, '_>) -> Result<Option<Value<'d>>, EvalError> {
    match value.view() {
        View::Map(map) => Ok(map.get(key)),
        View::List(list) => {
            let index = index_of(key)?;
            Ok(usize::try_from(index).ok().and_then(|index| list.get(index)))
        }
        _ => Ok(None),
    }
}

/// The index that a value stands for in a list.
fn index_of(key: View<'_, '_>) -> Result<i64, EvalError> {
    match key {
        View::Int(index) => Ok(index),
        View::Uint(index) => i64::try_from(index).map_err(|_| EvalError::IndexValue(index.to_string())),
        View::Double(index) => crate::compare::lossless_int(index)
            .ok_or_else(|| EvalError::IndexValue(dispatch::plain_text(&Value::Double(index)))),
        other => Err(EvalError::IndexType(other.type_name().to_owned())),
    }
}

fn missing_key(value: &Value<'_>, key: View<'_, '_>) -> EvalError {
    let key = match key {
        View::Str(text) => text.to_owned(),
        View::Int(index) => index.to_string(),
        View::Uint(index) => index.to_string(),
        View::Bool(key) => key.to_string(),
        View::Double(key) => dispatch::plain_text(&Value::Double(key)),
        _ => String::new(),
    };
    match value.view() {
        View::List(_) => EvalError::OutOfBounds(key),
        _ => EvalError::NoKey(key),
    }
}

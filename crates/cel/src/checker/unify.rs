//! Assignability with type variables: cel-go's `checker/types.go`.

use std::cell::Cell;
use std::sync::Arc;

use super::super::types::{Param, Type};

/// What the free type variables of one check stand for. Failed attempts are taken back.
///
/// A type may mention variables that stand for types that mention variables: what a few characters build can be huge when
/// written out. So work is counted, and beyond the bounds nothing is assignable and [`Mapping::exhausted`] is set.
pub(super) struct Mapping {
    bound: Vec<Option<Type>>,
    trail: Vec<(u32, Option<Type>)>,
    /// Steps left to the whole check.
    steps: Cell<usize>,
    /// Steps left to the operation under way.
    operation: Cell<usize>,
}

/// Larger types than this are refused, so that every operation on types is bounded. cel-go has no such limit.
pub(super) const MAX_TYPE_PARTS: usize = 1_000;
/// How deep a type may be, with its variables replaced.
const MAX_DEPTH: usize = 500;
/// Steps of one operation.
const MAX_OPERATION: usize = 20_000;

impl Mapping {
    /// For an expression of so many nodes.
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            bound: Vec::new(),
            trail: Vec::new(),
            steps: Cell::new(1_000_000 + 100 * nodes),
            operation: Cell::new(MAX_OPERATION),
        }
    }

    /// The types were too large to go on with; every answer since then is void.
    pub(super) fn exhausted(&self) -> bool {
        self.steps.get() == 0
    }

    /// Counts a step; `false` once there are none left.
    fn step(&self, depth: usize) -> bool {
        let (steps, operation) = (self.steps.get(), self.operation.get());
        if steps == 0 || operation == 0 || depth > MAX_DEPTH {
            self.steps.set(0);
            return false;
        }
        self.steps.set(steps - 1);
        self.operation.set(operation - 1);
        true
    }

    pub(super) fn fresh(&mut self) -> Type {
        self.bound.push(None);
        Type::Param(Param::Free(self.bound.len() as u32 - 1))
    }

    fn find(&self, param: u32) -> Option<&Type> {
        self.bound[param as usize].as_ref()
    }

    fn bind(&mut self, param: u32, ty: Type) {
        let former = self.bound[param as usize].replace(ty);
        self.trail.push((param, former));
    }

    /// Whether a value of type `from` can stand where `to` is expected; binds variables if so.
    pub(super) fn assignable(&mut self, from: &Type, to: &Type) -> bool {
        self.attempt(|mapping| mapping.assign(from, to, 0))
    }

    /// The same of as many types as are expected.
    pub(super) fn all_assignable<'t>(&mut self, from: impl Iterator<Item = &'t Type>, to: &[Type]) -> bool {
        self.attempt(|mapping| from.zip(to).all(|(from, to)| mapping.assign(from, to, 0)))
    }

    fn attempt(&mut self, assign: impl FnOnce(&mut Self) -> bool) -> bool {
        self.trail.clear();
        self.operation.set(MAX_OPERATION);
        let assigned = assign(self);
        if !assigned {
            while let Some((param, former)) = self.trail.pop() {
                self.bound[param as usize] = former;
            }
        }
        assigned
    }

    fn assign(&mut self, one: &Type, two: &Type, depth: usize) -> bool {
        if !self.step(depth) {
            return false;
        }
        if let Type::Param(Param::Free(param)) = two {
            match self.substitutes(one, *param, depth) {
                Substitution::Valid => return true,
                Substitution::Contradicts => return false,
                Substitution::Recursive => {}
            }
        }
        if let Type::Param(Param::Free(param)) = one {
            return self.substitutes(two, *param, depth) == Substitution::Valid;
        }
        let wild = |ty: &Type| ty.is_dyn() || *ty == Type::Error;
        if wild(one) || wild(two) {
            return true;
        }
        match (one, two) {
            (Type::Null, other) | (other, Type::Null) => nullable(other),
            (Type::List(one), Type::List(two)) | (Type::Optional(one), Type::Optional(two)) => {
                self.assign(one, two, depth + 1)
            }
            (Type::Map(one), Type::Map(two)) => {
                self.assign(&one.0, &two.0, depth + 1) && self.assign(&one.1, &two.1, depth + 1)
            }
            // a type is a type is a type
            (Type::Type(_), Type::Type(_)) => true,
            (one, two) => one.is_exactly(two),
        }
    }

    /// Whether `ty` can be what the variable stands for.
    fn substitutes(&mut self, ty: &Type, param: u32, depth: usize) -> Substitution {
        let variable = Type::Param(Param::Free(param));
        if *ty == variable {
            return Substitution::Valid;
        }
        if let Some(bound) = self.find(param).cloned() {
            if ty.is_exactly(&bound) {
                return Substitution::Valid;
            }
            if !self.assign(ty, &bound, depth + 1) {
                return Substitution::Contradicts;
            }
            let general = if less_specific(ty, &bound) { ty.clone() } else { bound };
            if !self.mentions(&general, param, depth) {
                self.bind(param, general);
            }
            return Substitution::Valid;
        }
        if self.mentions(ty, param, depth) {
            return Substitution::Recursive;
        }
        self.bind(param, ty.clone());
        Substitution::Valid
    }

    /// The occurs check.
    fn mentions(&self, within: &Type, param: u32, depth: usize) -> bool {
        if !self.step(depth) {
            return true;
        }
        match within {
            Type::Param(Param::Free(other)) => {
                *other == param
                    || self.find(*other).is_some_and(|bound| self.mentions(bound, param, depth + 1))
            }
            Type::List(inner) | Type::Optional(inner) => self.mentions(inner, param, depth + 1),
            Type::Map(entry) => {
                self.mentions(&entry.0, param, depth + 1) || self.mentions(&entry.1, param, depth + 1)
            }
            _ => false,
        }
    }

    /// The type with bound variables replaced, and free ones by `dyn` if `finally`.
    pub(super) fn substitute(&self, ty: &Type, finally: bool) -> Type {
        self.operation.set(MAX_OPERATION);
        self.replaced(ty, finally, 0).unwrap_or_else(|| ty.clone())
    }

    /// Replaces variables in a type for good, free ones by `dyn`.
    pub(super) fn settle(&self, ty: &mut Type) {
        self.operation.set(MAX_OPERATION);
        if let Some(replaced) = self.replaced(ty, true, 0) {
            *ty = replaced;
        }
    }

    /// `None` if nothing is to be replaced.
    fn replaced(&self, ty: &Type, finally: bool, depth: usize) -> Option<Type> {
        if !self.step(depth) {
            return Some(Type::Dyn);
        }
        let inside = |inner: &Arc<Type>| self.replaced(inner, finally, depth + 1).map(Arc::new);
        match ty {
            Type::Param(Param::Free(param)) => match self.find(*param) {
                Some(bound) => {
                    Some(self.replaced(bound, finally, depth + 1).unwrap_or_else(|| bound.clone()))
                }
                None => finally.then_some(Type::Dyn),
            },
            Type::List(inner) => inside(inner).map(Type::List),
            Type::Optional(inner) => inside(inner).map(Type::Optional),
            Type::Type(Some(inner)) => inside(inner).map(|inner| Type::Type(Some(inner))),
            Type::Map(entry) => {
                let (key, value) = (
                    self.replaced(&entry.0, finally, depth + 1),
                    self.replaced(&entry.1, finally, depth + 1),
                );
                if key.is_none() && value.is_none() {
                    return None;
                }
                Some(Type::map(
                    key.unwrap_or_else(|| entry.0.clone()),
                    value.unwrap_or_else(|| entry.1.clone()),
                ))
            }
            _ => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Substitution {
    Valid,
    /// The variable stands for something else already.
    Contradicts,
    /// The type mentions the variable.
    Recursive,
}

/// Whether a glance tells that one of two types can never stand where the other is expected.
pub(super) fn clash(one: &Type, two: &Type) -> bool {
    let plain = |ty: &Type| {
        matches!(
            ty,
            Type::Bool
                | Type::Int
                | Type::Uint
                | Type::Double
                | Type::String
                | Type::Bytes
                | Type::Duration
                | Type::Timestamp
                | Type::List(_)
                | Type::Map(_)
                | Type::Optional(_)
        )
    };
    plain(one) && plain(two) && std::mem::discriminant(one) != std::mem::discriminant(two)
}

fn nullable(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Any
            | Type::Duration
            | Type::Timestamp
            | Type::Null
            | Type::Opaque(_)
            | Type::Optional(_)
            | Type::Struct(_)
            | Type::Wrapper(_)
    )
}

/// The more general of two types that unify.
pub(super) fn most_general(one: &Type, two: &Type) -> Type {
    if less_specific(one, two) { one.clone() } else { two.clone() }
}

/// Equal, or `dyn` where the other is not.
fn less_specific(one: &Type, two: &Type) -> bool {
    if one.is_dyn() || matches!(one, Type::Param(_)) {
        return true;
    }
    if two.is_dyn() || matches!(two, Type::Param(_)) {
        return false;
    }
    match (one, two) {
        (Type::List(one), Type::List(two)) | (Type::Optional(one), Type::Optional(two)) => {
            less_specific(one, two)
        }
        (Type::Map(one), Type::Map(two)) => less_specific(&one.0, &two.0) && less_specific(&one.1, &two.1),
        (Type::Type(_), Type::Type(_)) => true,
        _ => one.is_exactly(two),
    }
}

/// Puts fresh variables in the place of a declaration's parameters.
pub(super) fn instantiate(ty: &Type, params: &[char], fresh: &[Type]) -> Type {
    match ty {
        Type::Param(Param::Declared(name)) => {
            let index = params.iter().position(|param| param == name);
            index.map_or(Type::Dyn, |index| fresh[index].clone())
        }
        Type::List(inner) => Type::list(instantiate(inner, params, fresh)),
        Type::Optional(inner) => Type::optional(instantiate(inner, params, fresh)),
        Type::Type(Some(inner)) => Type::type_of(instantiate(inner, params, fresh)),
        Type::Map(entry) => {
            Type::map(instantiate(&entry.0, params, fresh), instantiate(&entry.1, params, fresh))
        }
        _ => ty.clone(),
    }
}

/// Whether a type has more than [`MAX_TYPE_PARTS`] parts.
pub(super) fn too_large(ty: &Type) -> bool {
    /// Counts parts down; `None` once there are too many. It goes no deeper than there are parts left.
    fn left(ty: &Type, parts: usize) -> Option<usize> {
        let parts = parts.checked_sub(1)?;
        match ty {
            Type::List(inner) | Type::Optional(inner) | Type::Type(Some(inner)) => left(inner, parts),
            Type::Map(entry) => left(&entry.1, left(&entry.0, parts)?),
            _ => Some(parts),
        }
    }
    left(ty, MAX_TYPE_PARTS).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_take_the_more_general_type() {
        let mut mapping = Mapping::new(1);
        let variable = mapping.fresh();
        let list = Type::list(variable.clone());
        assert!(mapping.assignable(&Type::list(Type::Int), &list));
        assert!(!mapping.assignable(&Type::list(Type::String), &list));
        assert_eq!(mapping.substitute(&list, false), Type::list(Type::Int));
        assert!(mapping.assignable(&Type::list(Type::Dyn), &list));
        assert_eq!(mapping.substitute(&list, false), Type::list(Type::Dyn));
    }

    #[test]
    fn a_variable_is_not_a_part_of_itself() {
        let mut mapping = Mapping::new(1);
        let variable = mapping.fresh();
        assert!(!mapping.assignable(&Type::list(variable.clone()), &variable));
        assert_eq!(mapping.substitute(&variable, true), Type::Dyn);
    }

    #[test]
    fn null_stands_for_what_is_nullable() {
        let mut mapping = Mapping::new(1);
        for (ty, expected) in [
            (Type::structure("Object"), true),
            (Type::Timestamp, true),
            (Type::optional(Type::Int), true),
            (Type::Int, false),
            (Type::list(Type::Int), false),
        ] {
            assert_eq!(mapping.assignable(&Type::Null, &ty), expected, "{ty}");
            assert_eq!(mapping.assignable(&ty, &Type::Null), expected, "{ty}");
        }
    }
}

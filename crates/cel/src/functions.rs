//! Every function of Kubernetes' CEL, one row per overload.
//!
//! ```text
//! row ─┬─▶ declarations ─▶ checker    name, receiver, types, release
//!      ├─▶ cost                       how a call is charged
//!      └─▶ lower ─▶ eval              the code, which a compiled call holds
//! ```
//!
//! A new function is a row and its code, in the file of its library. The order of a function's rows is cel-go's: it decides
//! the result type where several fit.

mod authorization;
mod conversions;
mod formats;
mod lists;
mod networks;
mod operators;
mod optionals;
mod quantities;
mod sets;
mod strings;
mod time;
mod urls;
mod versions;

#[cfg(test)]
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use foldhash::fast::FixedState;

use super::checker::OverloadId;
use super::cost::{Cost, CostRule};
use super::declarations::{EnvKind, Named};
use super::dispatch::{Code, Native};
use super::error::{Eval, EvalError, Fault};
use super::profile::Profile;
use super::types::Type;
use super::value::Value;

const A: Type = Type::param('A');
const B: Type = Type::param('B');
const K: Type = Type::param('K');
const T: Type = Type::param('T');
const V: Type = Type::param('V');

/// One overload of a function: how the checker sees it, and what a call of it costs and runs.
#[derive(Clone, Debug)]
pub struct Overload {
    /// Kubernetes' id of it, under which [`Functions::call`](super::activation::Functions::call) is asked for functions
    /// from outside.
    pub id: OverloadId,
    /// Called on a receiver, which is the first parameter.
    pub member: bool,
    /// What arguments are tested against, the receiver first.
    pub params: Box<[Type]>,
    /// What the checker takes the call for.
    pub result: Type,
    /// The type parameters in `params` and `result`.
    pub(super) type_params: Box<[char]>,
    pub(super) cost: Cost,
    pub(super) code: Code,
}

impl Overload {
    /// A function from outside, called by name.
    #[must_use]
    pub fn global(id: OverloadId, params: impl Into<Box<[Type]>>, result: Type) -> Self {
        Self::new(id, false, params.into(), result, Code::Outside)
    }

    /// A function from outside, called on its first parameter.
    #[must_use]
    pub fn member(id: OverloadId, params: impl Into<Box<[Type]>>, result: Type) -> Self {
        Self::new(id, true, params.into(), result, Code::Outside)
    }

    fn new(id: OverloadId, member: bool, params: Box<[Type]>, result: Type, code: Code) -> Self {
        let mut type_params = Vec::new();
        params.iter().for_each(|param| param.declared_params(&mut type_params));
        result.declared_params(&mut type_params);
        Self { id, member, params, result, type_params: type_params.into(), cost: Cost::Unit, code }
    }
}

/// An overload, the name that it is called by, and where it is declared.
#[derive(Debug)]
struct Row {
    function: &'static str,
    overload: Arc<Overload>,
    since: Profile,
    until: Profile,
    /// `None` where every kind of environment has it.
    only_in: Option<EnvKind>,
}

/// A row of a function that is called by name.
fn global<const N: usize>(
    function: &'static str,
    id: OverloadId,
    params: [Type; N],
    result: Type,
    code: Native,
) -> Row {
    Row::new(function, Overload::new(id, false, params.into(), result, Code::Tested(code)))
}

/// A row of a function that is called on its first parameter.
fn member<const N: usize>(
    function: &'static str,
    id: OverloadId,
    params: [Type; N],
    result: Type,
    code: Native,
) -> Row {
    Row::new(function, Overload::new(id, true, params.into(), result, Code::Tested(code)))
}

/// A row of an operator: the evaluator has a step for it, which [`super::lower`] makes of a call.
fn step<const N: usize>(function: &'static str, id: OverloadId, params: [Type; N], result: Type) -> Row {
    Row::new(function, Overload::new(id, false, params.into(), result, Code::Step))
}

impl Row {
    fn new(function: &'static str, overload: Overload) -> Self {
        let [since, .., until] = Profile::ALL;
        Self { function, overload: Arc::new(overload), since, until, only_in: None }
    }

    fn with(mut self, change: impl FnOnce(&mut Overload)) -> Self {
        change(Arc::make_mut(&mut self.overload));
        self
    }

    /// See [`Cost::Function`].
    fn cost_of_function(self, rule: CostRule) -> Self {
        self.with(|overload| overload.cost = Cost::Function(rule))
    }

    /// See [`Cost::Overload`].
    fn cost_of_overload(self, rule: CostRule) -> Self {
        self.with(|overload| overload.cost = Cost::Overload(rule))
    }

    /// See [`Code::Untested`].
    fn untested(self) -> Self {
        self.with(|overload| {
            if let Code::Tested(code) = overload.code {
                overload.code = Code::Untested(code);
            }
        })
    }

    /// See [`Code::Variadic`].
    fn variadic(self) -> Self {
        self.with(|overload| {
            if let Code::Tested(code) = overload.code {
                overload.code = Code::Variadic(code);
            }
        })
    }

    /// Called on its first parameter.
    fn on_receiver(self) -> Self {
        self.with(|overload| overload.member = true)
    }

    /// Not declared before.
    fn since(mut self, profile: Profile) -> Self {
        self.since = profile;
        self
    }

    /// Not declared after.
    fn until(mut self, profile: Profile) -> Self {
        self.until = profile;
        self
    }

    /// Declared for this kind of expression and no other.
    fn only_in(mut self, kind: EnvKind) -> Self {
        self.only_in = Some(kind);
        self
    }

    fn is_declared(&self, profile: Profile, kind: EnvKind) -> bool {
        (self.since..=self.until).contains(&profile) && self.only_in.is_none_or(|only| only == kind)
    }
}

/// All rows, those of each library made once: environments share the overloads, and programs that are stored need few of them.
static TABLE: [LazyLock<Vec<Row>>; 13] = [
    LazyLock::new(operators::rows),
    LazyLock::new(conversions::rows),
    LazyLock::new(strings::rows),
    LazyLock::new(time::rows),
    LazyLock::new(optionals::rows),
    LazyLock::new(lists::rows),
    LazyLock::new(sets::rows),
    LazyLock::new(urls::rows),
    LazyLock::new(networks::rows),
    LazyLock::new(quantities::rows),
    LazyLock::new(versions::rows),
    LazyLock::new(formats::rows),
    LazyLock::new(authorization::rows),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().flat_map(|library| library.iter())
}

/// The library of an overload, and its place there; `None` for a function from outside.
pub(super) fn place_of(overload: &Arc<Overload>) -> Option<(u8, u8)> {
    TABLE.iter().enumerate().find_map(|(library, rows)| {
        let row = rows.iter().position(|row| Arc::ptr_eq(&row.overload, overload))?;
        Some((u8::try_from(library).ok()?, u8::try_from(row).ok()?))
    })
}

/// The overload at a place, as [`place_of`] tells it.
pub(super) fn at(library: u8, row: u8) -> Option<&'static Arc<Overload>> {
    Some(&TABLE.get(usize::from(library))?.get(usize::from(row))?.overload)
}

/// An overload of a function whose code is one for all of them, see [`Code::Untested`].
pub(super) fn untested(function: &str) -> Option<&'static Arc<Overload>> {
    let own = rows().filter(|row| row.function == function).map(|row| &row.overload);
    own.into_iter().find(|overload| matches!(overload.code, Code::Untested(_)))
}

/// The functions of an environment, by name.
pub(super) fn declared(profile: Profile, kind: EnvKind) -> Named<&'static str, Vec<Arc<Overload>>> {
    let mut functions: Named<&'static str, Vec<Arc<Overload>>> = Named::with_capacity_and_hasher(
        TABLE.iter().map(|rows| rows.len()).sum::<usize>() / 2,
        FixedState::default(),
    );
    for row in rows().filter(|row| row.is_declared(profile, kind)) {
        functions.entry(row.function).or_default().push(Arc::clone(&row.overload));
    }
    functions
}

fn list(element: Type) -> Type {
    Type::list(element)
}

fn map(key: Type, value: Type) -> Type {
    Type::map(key, value)
}

fn optional(value: Type) -> Type {
    Type::optional(value)
}

/// A library's result, its error with the library's text.
fn library<T>(result: Result<T, impl std::fmt::Display>) -> Eval<T> {
    result.map_err(|error| Fault::from(EvalError::library(error)))
}

/// A text argument. Parameters have been tested, so this fails only where upstream does not test them.
fn text<'v>(value: &'v Value<'_>) -> Eval<&'v str> {
    value.as_str().ok_or_else(|| EvalError::NoOverload.into())
}

fn int(value: &Value<'_>) -> Eval<i64> {
    value.as_int().ok_or_else(|| EvalError::NoOverload.into())
}

/// An argument of another type than the code is for, as [`text`] has it.
fn wrong<T>() -> Eval<T> {
    Err(EvalError::NoOverload.into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn rows_of_a_function_agree() {
        let mut rules: HashMap<&str, CostRule> = HashMap::new();
        let mut untested: HashMap<&str, bool> = HashMap::new();
        let mut seen = HashSet::new();
        for Row { function, overload, .. } in rows() {
            assert!(seen.insert((function, overload.id)), "{function} has {} twice", overload.id);
            // a call whose overload is not known is charged by the first of these, and runs the first of those
            if let Cost::Function(rule) = overload.cost {
                assert_eq!(*rules.entry(function).or_insert(rule), rule, "{function}: {}", overload.id);
            }
            let tests_itself = matches!(overload.code, Code::Untested(_));
            assert_eq!(*untested.entry(function).or_insert(tests_itself), tests_itself, "{}", overload.id);
        }
    }

    #[test]
    fn a_release_has_its_own_rows() {
        let has = |profile, kind, function: &str, id: &str| {
            let functions = declared(profile, kind);
            functions
                .get(function)
                .is_some_and(|overloads| overloads.iter().any(|overload| overload.id == id))
        };
        use EnvKind::{Mutation, Validation};
        use Profile::{V1_36, V1_37};
        for (function, id, kind, older, newer) in [
            ("duration", "int64_to_duration", Validation, true, false),
            ("includes", "list_includes_dyn_dyn", Validation, false, true),
            ("jsonpatch.escapeKey", "string_jsonpatch_escapeKey_string", Validation, false, false),
            ("jsonpatch.escapeKey", "string_jsonpatch_escapeKey_string", Mutation, true, true),
            ("size", "size_list", Validation, true, true),
        ] {
            assert_eq!(
                (has(V1_36, kind, function, id), has(V1_37, kind, function, id)),
                (older, newer),
                "{id}"
            );
        }
    }
}

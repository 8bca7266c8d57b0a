//! Walks a [`Plan`].
//!
//! The order of evaluation and of charges is cel-go's (`interpreter/interpretable.go`, `runtimecost.go`): a call is charged
//! even when an argument failed, unless arguments were left unevaluated.

use std::sync::Arc;

use super::activation::{Activation, Binding};
use super::arithmetic::{self, Operator};
use super::ast::operator;
use super::compare::{self, Equality};
use super::cost::{self, CostRule, Meter};
use super::dispatch::{self, Context};
use super::error::{Eval, EvalError, Fault, Unknown};
use super::explain::Trace;
use super::plan::{Call, InsertEntry, Node, NodeId, Order, Plan, Slot, Target};
use super::profile::Profile;
use super::program::Variables;
use super::types::Type;
use super::value::{Alike, List, ListView, Value, View, alike};
use document::NodeRef;

pub(super) use attribute::element_of;

mod attribute;
mod collect;
mod comprehension;
mod construct;

/// A local variable: a value, an error, or not computed yet.
#[derive(Debug, Clone)]
pub(super) enum Local<'d> {
    Known(Eval<Value<'d>>),
    /// The accumulator's initial value is computed when it is first read.
    Pending(NodeId),
}

/// The evaluation of one plan.
pub(super) struct Machine<'s, 'a, 'd> {
    pub(super) plan: &'d Plan,
    pub(super) profile: Profile,
    pub(super) locals: Vec<Local<'d>>,
    pub(super) globals: Globals<'s, 'd>,
    pub(super) activation: &'s Activation<'a, 'd>,
    pub(super) variables: &'s mut Variables<'d>,
    pub(super) meter: Meter,
    /// Levels of recursion that this thread's stack has room for below this plan.
    pub(super) room: u32,
    /// Levels in use in all threads.
    pub(super) depth: u32,
    pub(super) trace: Option<&'s mut Trace<'d>>,
    /// The element at which the last `all` failed, or the last `!exists`.
    pub(super) culprit: Option<NodeRef<'d>>,
    /// The item, or the entry of a map, that decided the last quantifier.
    pub(super) decisive: Option<NodeRef<'d>>,
}

/// The bindings of a plan's variables, by index.
pub(super) enum Globals<'s, 'd> {
    Few([Option<&'s Binding<'d>>; 4]),
    Many(Vec<Option<&'s Binding<'d>>>),
}

impl<'s, 'd> Globals<'s, 'd> {
    pub(super) fn resolve(plan: &Plan, activation: &'s Activation<'_, 'd>) -> Self {
        let mut names = plan.globals.iter().map(|name| activation.get(name));
        if plan.globals.len() <= 4 {
            Self::Few(std::array::from_fn(|_| names.next().flatten()))
        } else {
            Self::Many(names.collect())
        }
    }

    #[inline]
    fn get(&self, index: u32) -> Option<&'s Binding<'d>> {
        match self {
            Self::Few(bindings) => bindings[index as usize],
            Self::Many(bindings) => bindings[index as usize],
        }
    }
}

impl<'d> Machine<'_, '_, 'd> {
    /// The value of the whole expression, or what can be told of a list if that was asked for.
    pub(super) fn run(&mut self) -> Eval<Value<'d>> {
        if std::mem::take(&mut self.variables.elements) {
            self.collect(self.plan.root)
        } else {
            self.eval(self.plan.root)
        }
    }

    #[inline]
    pub(super) fn eval(&mut self, id: NodeId) -> Eval<Value<'d>> {
        if self.trace.is_none() {
            return self.step(id);
        }
        let result = self.step(id);
        if let (Some(trace), false) = (&mut self.trace, matches!(self.plan.node(id), Node::Const(_))) {
            trace.record(self.plan.sources[id.0 as usize], &result);
        }
        result
    }

    fn step(&mut self, id: NodeId) -> Eval<Value<'d>> {
        match self.plan.node(id) {
            Node::Const(value) => Ok(borrowed(value)),
            Node::Attribute(attribute) => self.attribute(attribute),
            Node::And(terms) => self.logic(terms, false),
            Node::Or(terms) => self.logic(terms, true),
            Node::Equal { left, right, negated } => self.equal(*left, *right, *negated),
            Node::Order { order, left, right, rule } => self.order(*order, *left, *right, *rule),
            Node::Fold(fold) => self.fold(fold),
            Node::Not(a) => self.not(*a),
            Node::Negate(a) => self.negate(*a),
            Node::NotStrictlyFalse(a) => self.not_strictly_false(*a),
            Node::Arithmetic { operator, left, right, rule } => {
                self.arithmetic(*operator, *left, *right, *rule)
            }
            Node::Append { accumulator, item, folded } => self.append(*accumulator, *item, *folded),
            Node::Insert { accumulator, entry } => self.insert(*accumulator, *entry),
            Node::InSet { item, set } => Ok(Value::Bool(set.contains(self.eval(*item)?.view())?)),
            Node::In { item, container, rule } => self.membership(*item, *container, *rule),
            Node::OptionalOr { left, right } => self.optional_or(*left, *right, false),
            Node::OptionalOrValue { left, right } => self.optional_or(*left, *right, true),
            Node::Call(call) => self.call(call),
            Node::List { items, optional } => self.list(items, optional),
            Node::Map(entries) => self.map(entries),
            Node::Struct { type_name, fields } => self.structure(type_name, fields),
        }
    }

    #[inline(never)]
    fn logic(&mut self, terms: &'d [NodeId], decides: bool) -> Eval<Value<'d>> {
        let mut pending = Pending::default();
        let culprit = self.culprit;
        for term in terms {
            match self.eval(*term) {
                Ok(value) => match value.as_bool() {
                    Some(value) if value == decides => {
                        if decides {
                            // what failed before did not matter
                            self.culprit = culprit;
                        }
                        return Ok(Value::Bool(decides));
                    }
                    Some(_) => {}
                    None => pending.fault(EvalError::NoOverload.into())?,
                },
                Err(fault) => pending.fault(fault)?,
            }
        }
        pending.or(Value::Bool(!decides))
    }

    #[inline(never)]
    fn not(&mut self, a: NodeId) -> Eval<Value<'d>> {
        let value = self.uncancelled(a)?;
        self.meter.charge(1)?;
        let value = value?.as_bool().ok_or(EvalError::NoOverload)?;
        if value && matches!(self.plan.node(a), Node::Fold(_)) {
            self.blame();
        }
        Ok(Value::Bool(!value))
    }

    #[inline(never)]
    fn negate(&mut self, a: NodeId) -> Eval<Value<'d>> {
        let value = self.uncancelled(a)?;
        self.meter.charge(1)?;
        arithmetic::negate(value?.view())
    }

    #[inline(never)]
    fn not_strictly_false(&mut self, a: NodeId) -> Eval<Value<'d>> {
        let value = self.uncancelled(a)?;
        self.meter.charge(1)?;
        Ok(Value::Bool(value.ok().and_then(|value| value.as_bool()).unwrap_or(true)))
    }

    /// The result as a value, unless a limit was reached.
    #[inline]
    fn uncancelled(&mut self, id: NodeId) -> Eval<Eval<Value<'d>>> {
        match self.eval(id) {
            Err(Fault::Cancelled(error)) => Err(Fault::Cancelled(error)),
            other => Ok(other),
        }
    }

    /// Both operands of a strict operator, charged also when one failed. The left one's fault comes first.
    fn operands(&mut self, left: NodeId, right: NodeId, rule: CostRule) -> Eval<(Value<'d>, Value<'d>)> {
        let left = self.uncancelled(left)?;
        let right = self.uncancelled(right)?;
        self.charged(left, right, rule)
    }

    fn charged(
        &mut self,
        left: Eval<Value<'d>>,
        right: Eval<Value<'d>>,
        rule: CostRule,
    ) -> Eval<(Value<'d>, Value<'d>)> {
        match (left, right) {
            (Ok(left), Ok(right)) => {
                self.meter.charge(rule.of_pair(&left, &right))?;
                Ok((left, right))
            }
            (left, right) => {
                // an error has the size of a scalar
                let sized = |side: &Eval<Value<'d>>| side.clone().unwrap_or(Value::Null);
                self.meter.charge(rule.of_pair(&sized(&left), &sized(&right)))?;
                both(left, right)
            }
        }
    }

    #[inline(never)]
    fn equal(&mut self, left: NodeId, right: NodeId, negated: bool) -> Eval<Value<'d>> {
        let rule = if negated { CostRule::Smaller } else { CostRule::Equals };
        let (left, right) = self.operands(left, right, rule)?;
        match compare::equal(left.view(), right.view()) {
            Equality::Same => Ok(Value::Bool(!negated)),
            Equality::Different => Ok(Value::Bool(negated)),
            Equality::NoOverload if negated => Ok(Value::Bool(true)),
            Equality::NoOverload => Err(EvalError::NoOverload.into()),
        }
    }

    #[inline(never)]
    fn order(&mut self, order: Order, left: NodeId, right: NodeId, rule: CostRule) -> Eval<Value<'d>> {
        let (left, right) = self.operands(left, right, rule)?;
        let (left, right) = (left.view(), right.view());
        if !compare::is_ordered(left) {
            return Err(arithmetic::no_trait(left, order.name()).into());
        }
        Ok(Value::Bool(order.holds(compare::order(left, right)?)))
    }

    #[inline(never)]
    fn arithmetic(
        &mut self,
        operator: Operator,
        left: NodeId,
        right: NodeId,
        rule: CostRule,
    ) -> Eval<Value<'d>> {
        let (left, right) = self.operands(left, right, rule)?;
        if let (Operator::Add, View::List(a), View::List(b)) = (operator, left.view(), right.view()) {
            self.meter.grow((a.len() + b.len()) * size_of::<Value<'_>>())?;
            if let ListView::Owned(list) = a
                && *list.alike() != Alike::InOrder
            {
                let items = alike::joined(list, b);
                return Ok(List::new(items)?.told_apart(list.alike().clone()).into());
            }
            let mut items = Vec::with_capacity(a.len() + b.len());
            items.extend(a.iter());
            items.extend(b.iter());
            return Ok(List::new(items)?.into());
        }
        if let (Operator::Add, Some(a), Some(b)) = (operator, left.as_str(), right.as_str()) {
            self.meter.grow(a.len() + b.len())?;
        }
        arithmetic::binary(operator, left.view(), right.view())
    }

    #[inline(never)]
    fn membership(&mut self, item: NodeId, container: NodeId, rule: CostRule) -> Eval<Value<'d>> {
        let item = self.uncancelled(item)?;
        let container = self.uncancelled(container)?;
        if let (Ok(Value::Bytes(_)), Ok(Value::Map(_))) = (&item, &container) {
            let text = "runtime error: hash of unhashable type types.Bytes";
            return Err(EvalError::Internal(text.to_owned()).into());
        }
        let (item, container) = self.charged(item, container, rule)?;
        let item = item.view();
        Ok(Value::Bool(match container.view() {
            View::List(list) => {
                let mut found = false;
                for member in list.iter() {
                    self.meter.tick()?;
                    if compare::equal(item, member.view()) == Equality::Same {
                        found = true;
                        break;
                    }
                }
                found
            }
            View::Map(map) => map.get(item).is_some(),
            _ => return Err(EvalError::NoOverload.into()),
        }))
    }

    /// Neither operator is a call upstream: they cost nothing, and the right side is evaluated only when needed.
    #[inline(never)]
    fn optional_or(&mut self, left: NodeId, right: NodeId, unwrap: bool) -> Eval<Value<'d>> {
        match self.eval(left)? {
            Value::Optional(Some(value)) if unwrap => Ok((*value).clone()),
            Value::Optional(Some(value)) => Ok(Value::Optional(Some(value))),
            Value::Optional(None) => self.eval(right),
            // until cel-go 0.27 anything else is taken for its own value
            other if self.profile == Profile::V1_36 => Ok(other),
            _ => Err(EvalError::NoOverload.into()),
        }
    }

    #[inline(never)]
    fn call(&mut self, call: &'d Call) -> Eval<Value<'d>> {
        match &call.args[..] {
            [] => {
                self.charge_call(call, &[])?;
                self.invoke(call, &[])
            }
            [one] => {
                let argument = self.uncancelled(*one)?;
                match argument {
                    Ok(argument) => {
                        let arguments = [argument];
                        self.charge_call(call, &arguments)?;
                        self.invoke(call, &arguments)
                    }
                    Err(fault) => {
                        self.charge_call(call, &[Value::Null])?;
                        Err(fault)
                    }
                }
            }
            [one, two] if !call.lazy => {
                let first = self.uncancelled(*one)?;
                let second = self.uncancelled(*two)?;
                match (first, second) {
                    (Ok(first), Ok(second)) => {
                        let arguments = [first, second];
                        self.charge_call(call, &arguments)?;
                        self.invoke(call, &arguments)
                    }
                    (first, second) => {
                        let sized =
                            [first.clone().unwrap_or(Value::Null), second.clone().unwrap_or(Value::Null)];
                        self.charge_call(call, &sized)?;
                        both(first, second).map(|(first, _)| first)
                    }
                }
            }
            many => self.call_lazy(call, many),
        }
    }

    /// Arguments are evaluated up to the first that fails; then the call is charged only if that was the last one.
    #[inline(never)]
    fn call_lazy(&mut self, call: &'d Call, args: &'d [NodeId]) -> Eval<Value<'d>> {
        let mut arguments = Vec::with_capacity(args.len());
        for (index, arg) in args.iter().enumerate() {
            match self.uncancelled(*arg)? {
                Ok(value) => arguments.push(value),
                Err(fault) => {
                    if index + 1 == args.len() {
                        arguments.push(Value::Null);
                        self.charge_call(call, &arguments)?;
                    }
                    return Err(fault);
                }
            }
        }
        self.charge_call(call, &arguments)?;
        self.invoke(call, &arguments)
    }

    fn charge_call(&mut self, call: &Call, arguments: &[Value<'d>]) -> Eval<()> {
        call.rule.charge(&mut self.meter, self.profile, arguments)
    }

    fn invoke(&mut self, call: &'d Call, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
        let functions = self.activation.functions;
        let mut context = Context { call, meter: &mut self.meter, profile: self.profile, functions };
        call.run(&mut context, arguments)
    }

    /// `accumulator + [item]`: as the generic operators would charge it, without copying the list.
    #[inline(never)]
    fn append(&mut self, accumulator: Slot, item: NodeId, folded: bool) -> Eval<Value<'d>> {
        let list = self.take_local(accumulator)?;
        self.meter.charge(1)?;
        let item = self.uncancelled(item)?;
        self.meter.charge(if folded { 0 } else { cost::LIST_BASE })?;
        self.meter.charge(1)?;
        match (list, item) {
            (Ok(Value::List(mut list)), Ok(item)) => {
                self.meter.grow(size_of::<Value<'_>>())?;
                Arc::make_mut(&mut list).push(item)?;
                Ok(Value::List(list))
            }
            (Err(fault), _) => Err(fault),
            (Ok(_), Err(fault)) => Err(fault),
            (Ok(_), Ok(_)) => Err(EvalError::NoOverload.into()),
        }
    }

    #[inline(never)]
    fn insert(&mut self, accumulator: Slot, entry: InsertEntry) -> Eval<Value<'d>> {
        let map = self.take_local(accumulator)?;
        self.meter.charge(1)?;
        let entries = match entry {
            InsertEntry::Pair(key, value) => {
                // three arguments: the first that fails ends it, and leaves the call uncharged unless it is the last
                map.as_ref().map_err(Clone::clone)?;
                let key = self.eval(key)?;
                let value = self.uncancelled(value)?;
                self.meter.charge(1)?;
                vec![(key, value?)]
            }
            InsertEntry::Map(entries) => {
                let entries = self.uncancelled(entries)?;
                self.meter.charge(1)?;
                map.as_ref().map_err(Clone::clone)?;
                let entries = entries?;
                match entries.view() {
                    View::Map(entries) => entries.iter().collect(),
                    other => {
                        let text = format!("{}(map, {})", operator::MAP_INSERT, other.type_name());
                        return Err(EvalError::NoOverloadOf(text).into());
                    }
                }
            }
        };
        let Value::Map(mut map) = map? else { return Err(EvalError::NoOverload.into()) };
        for (key, value) in entries {
            self.meter.grow(2 * size_of::<Value<'_>>())?;
            if map.get(key.view()).is_some() {
                let text = format!("insert failed: key {} already exists", dispatch::plain_text(&key));
                return Err(EvalError::Library(text).into());
            }
            Arc::make_mut(&mut map).insert(key, value)?;
        }
        Ok(Value::Map(map))
    }
}

/// Both values, or what is unknown of them, or the first one's error.
fn both<'d>(left: Eval<Value<'d>>, right: Eval<Value<'d>>) -> Eval<(Value<'d>, Value<'d>)> {
    match (left, right) {
        (Err(Fault::Unknown(left)), Err(Fault::Unknown(right))) => {
            Err(Fault::Unknown(Box::new(left.merge(*right))))
        }
        (Err(Fault::Unknown(unknown)), _) | (_, Err(Fault::Unknown(unknown))) => Err(Fault::Unknown(unknown)),
        (left, right) => Ok((left?, right?)),
    }
}

/// What keeps `&&` and `||` from an answer: unknowns win over errors, of which the first counts.
#[derive(Default)]
pub(super) struct Pending {
    error: Option<Box<EvalError>>,
    unknown: Option<Box<Unknown>>,
}

impl Pending {
    pub(super) fn fault(&mut self, fault: Fault) -> Eval<()> {
        match fault {
            Fault::Cancelled(error) => return Err(Fault::Cancelled(error)),
            Fault::Error(error) => {
                self.error.get_or_insert(error);
            }
            Fault::Unknown(unknown) => {
                self.unknown = Some(match self.unknown.take() {
                    Some(already) => Box::new(already.merge(*unknown)),
                    None => unknown,
                });
            }
        }
        Ok(())
    }

    pub(super) fn or(self, value: Value<'_>) -> Eval<Value<'_>> {
        match self {
            Self { unknown: Some(unknown), .. } => Err(Fault::Unknown(unknown)),
            Self { error: Some(error), .. } => Err(Fault::Error(error)),
            _ => Ok(value),
        }
    }
}

/// A constant without counting a reference: the program outlives the evaluation.
#[inline]
pub(super) fn borrowed<'d>(value: &'d Value<'static>) -> Value<'d> {
    match value {
        Value::String(text) => Value::Str(text),
        other => other.clone(),
    }
}

pub(super) fn no_overload(function: &str, arguments: &[Value<'_>]) -> EvalError {
    let types: Vec<&str> = arguments.iter().map(|argument| argument.view().type_name()).collect();
    EvalError::NoOverloadOf(format!("{function}({})", types.join(", ")))
}

fn fits_all(params: &[Type], arguments: &[Value<'_>]) -> bool {
    params.len() == arguments.len()
        && params.iter().zip(arguments).all(|(param, argument)| fits(param, argument))
}

/// Whether a value may be given for a parameter: of lists and maps the first element is looked at
/// (`Type.IsAssignableRuntimeType`).
pub(super) fn fits(param: &Type, argument: &Value<'_>) -> bool {
    match (param, argument.view()) {
        (Type::Dyn | Type::Any | Type::Param(_), _) => true,
        (Type::List(element), View::List(list)) => list.get(0).is_none_or(|first| fits(element, &first)),
        (Type::Map(entry), View::Map(map)) => {
            map.iter().next().is_none_or(|(key, value)| fits(&entry.0, &key) && fits(&entry.1, &value))
        }
        (Type::Bool, View::Bool(_))
        | (Type::Int, View::Int(_))
        | (Type::Uint, View::Uint(_))
        | (Type::Double, View::Double(_))
        | (Type::String, View::Str(_))
        | (Type::Bytes, View::Bytes(_))
        | (Type::Null, View::Null)
        | (Type::Duration, View::Duration(_))
        | (Type::Timestamp, View::Timestamp(_))
        | (Type::Optional(_), View::Optional(_))
        | (Type::Type(_), View::Type(_)) => true,
        (Type::Opaque(name) | Type::Struct(name), view) => **name == *view.type_name(),
        _ => false,
    }
}

impl Call {
    /// Runs the overload that the arguments fit.
    pub(super) fn run<'d>(
        &self,
        context: &mut Context<'_, '_, 'd>,
        arguments: &[Value<'d>],
    ) -> Eval<Value<'d>> {
        let overloads = match &self.target {
            Target::Any(native) => return native(context, arguments),
            Target::One(overload) => std::slice::from_ref(overload),
            Target::First(overloads) => overloads,
        };
        // with a constant pattern upstream calls a function of its own, whatever the types
        let fitting =
            overloads.iter().find(|one| self.regex.is_some() || fits_all(&one.overload.params, arguments));
        match fitting {
            Some(one) => one.code.run(context, one.overload.id, arguments),
            None => Err(no_overload(&self.function, arguments).into()),
        }
    }
}

/// A conversion of a constant, as cel-go folds it.
pub(super) fn constant_call(
    profile: Profile,
    call: &Call,
    argument: &Value<'static>,
) -> Result<Value<'static>, EvalError> {
    let mut meter = Meter::new(u64::MAX, None, None);
    let arguments = std::slice::from_ref(argument);
    let mut context = Context { call, meter: &mut meter, profile, functions: None };
    call.run(&mut context, arguments).map_err(|fault| match fault {
        Fault::Error(error) | Fault::Cancelled(error) => *error,
        Fault::Unknown(_) => EvalError::NoOverload,
    })
}

#[cfg(test)]
const _: () = assert!(size_of::<Value<'_>>() <= 24 && size_of::<Eval<Value<'_>>>() <= 32);

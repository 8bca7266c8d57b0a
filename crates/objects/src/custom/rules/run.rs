//! Running the rules over an object, within the budget of one request.

use document::NodeRef;
use kubernetes_cel::activation::Activation;
use kubernetes_cel::error::EvalError;
use kubernetes_cel::program::{Budget, Failure, Outcome, Program, Variables};
use kubernetes_cel::value::Value;

use crate::field::{Cause, Reason, go_quote};

use super::super::correlate::{Keyed, Link};
use super::super::fault::{message, shown};
use super::super::place::FieldPath;
use super::super::schema::{Schema, Type, ValidationRule};
use super::super::values;
use super::{Compiled, SchemaRules};

/// `RuntimeCELCostBudget`
const BUDGET: u64 = 10_000_000;
/// `MaxEvaluatedMessageExpressionSizeBytes`
const LONGEST_MESSAGE: usize = 5 * 1024;
const OUT_OF_BUDGET: &str =
    "validation failed due to running out of cost budget, no further validation rules will be run";

/// What the rules say.
pub(super) fn run(
    scope: &SchemaRules,
    schema: &Schema,
    object: NodeRef<'_>,
    old: Option<NodeRef<'_>>,
) -> Vec<Cause> {
    let mut run = Run { left: BUDGET, causes: Vec::new() };
    let ratchet = Ratchet { current: old.map(|old| Link { new: object, old, schema }), nearest: None };
    // what is found until then is told, also where the budget is spent
    let _ = run.value(scope, schema, At { node: object, old, place: &FieldPath::ROOT, ratchet });
    run.causes
}

/// The budget is spent, or a rule went beyond its own limit: no further rule is run.
struct Stop;

struct Run {
    left: u64,
    causes: Vec<Cause>,
}

/// A value and what it replaces.
#[derive(Clone, Copy)]
struct At<'p, 's, 'd> {
    node: NodeRef<'d>,
    /// The old value, where the two can be told to be the same thing.
    old: Option<NodeRef<'d>>,
    place: &'p FieldPath<'p>,
    ratchet: Ratchet<'s, 'd>,
}

/// What need not hold since it did not change.
#[derive(Clone, Copy)]
struct Ratchet<'s, 'd> {
    current: Option<Link<'s, 'd>>,
    nearest: Option<Link<'s, 'd>>,
}

impl<'s, 'd> Ratchet<'s, 'd> {
    fn is_unchanged(self) -> bool {
        self.current.or(self.nearest).is_some_and(Link::is_unchanged)
    }

    fn key(self, key: &str) -> Self {
        match self.current {
            None => self,
            Some(_) if self.nearest.is_none() && matches!(key, "apiVersion" | "kind") => {
                Self { current: None, nearest: None }
            }
            Some(link) => Self { current: link.key(key), nearest: Some(link) },
        }
    }

    fn item(self, keyed: Option<&Keyed<'s, 'd>>, index: usize) -> Self {
        match self.current {
            None => self,
            Some(link) => {
                Self { current: keyed.and_then(|keyed| link.item(keyed, index)), nearest: Some(link) }
            }
        }
    }
}

impl Run {
    fn value(&mut self, scope: &SchemaRules, schema: &Schema, at: At<'_, '_, '_>) -> Result<(), Stop> {
        if at.node.is_null() {
            return Ok(());
        }
        self.rules(scope, schema, at)?;
        for part in &scope.all_of {
            let ratchet = Ratchet { current: None, nearest: at.ratchet.nearest };
            self.value(part, schema, At { ratchet, ..at })?;
        }
        if at.node.is_array() { self.items(scope, schema, at) } else { self.members(scope, schema, at) }
    }

    fn items(&mut self, scope: &SchemaRules, schema: &Schema, at: At<'_, '_, '_>) -> Result<(), Stop> {
        let Some((scope, items)) = scope.items.as_deref().zip(schema.items.as_deref()) else { return Ok(()) };
        let old = Keyed::new(at.old, schema);
        let ratcheted = at.ratchet.current.map(Link::keyed);
        for (index, node) in at.node.items().enumerate() {
            let ratchet = at.ratchet.item(ratcheted.as_ref(), index);
            self.value(
                scope,
                items,
                At { node, old: old.get(node), place: &at.place.index(index), ratchet },
            )?;
        }
        Ok(())
    }

    fn members(&mut self, scope: &SchemaRules, schema: &Schema, at: At<'_, '_, '_>) -> Result<(), Stop> {
        let old = |key: &str| at.old.and_then(|old| old.get(key));
        if let Some((scope, additional)) = scope.additional.as_deref().zip(schema.additional_schema()) {
            for (key, node) in at.node.members() {
                let ratchet = at.ratchet.key(key);
                self.value(
                    scope,
                    additional,
                    At { node, old: old(key), place: &at.place.key(key), ratchet },
                )?;
            }
        }
        for (key, node) in at.node.members() {
            if let Some((scope, property)) = scope.properties.get(key).zip(schema.properties.get(key)) {
                let ratchet = at.ratchet.key(key);
                self.value(
                    scope,
                    property,
                    At { node, old: old(key), place: &at.place.field(key), ratchet },
                )?;
            }
        }
        Ok(())
    }

    fn rules(&mut self, scope: &SchemaRules, schema: &Schema, at: At<'_, '_, '_>) -> Result<(), Stop> {
        let teller = Teller { schema, at };
        if scope.unseen {
            let text =
                "rule compiler initialization error: failed to convert to declType for CEL validation rules";
            self.causes.push(teller.invalid(text));
            return Ok(());
        }
        if scope.rules.is_empty() {
            return Ok(());
        }
        if self.left == 0 {
            self.causes.push(teller.invalid(OUT_OF_BUDGET));
            return Err(Stop);
        }
        let (Ok(own), Ok(old)) = (
            values::value(at.node, schema),
            at.old.filter(|old| !old.is_null()).map(|old| values::value(old, schema)).transpose(),
        ) else {
            return Ok(());
        };
        scope.rules.iter().try_for_each(|rule| self.rule(rule, teller, &own, old.as_ref()))
    }

    fn rule<'d>(
        &mut self,
        compiled: &'d Compiled,
        teller: Teller<'_, '_, 'd>,
        own: &Value<'d>,
        old: Option<&Value<'d>>,
    ) -> Result<(), Stop> {
        let rule = &compiled.rule;
        let program = match &compiled.program {
            Ok(Some(program)) => program,
            Ok(None) => return Ok(()),
            Err(error) => {
                self.causes.push(teller.invalid(&format!("rule compile error: {error}")));
                return Ok(());
            }
        };
        // a transition is judged where there is something that it comes from
        if compiled.uses_old_self && old.is_none() && !rule.optional_old_self {
            return Ok(());
        }
        if let Some(error) = values::unreadable(teller.at.node, teller.schema)
            && program.reads().any(|name| name == "self")
        {
            self.causes.push(teller.invalid(&format!("{error} evaluating rule: {}", named(rule))));
            return Ok(());
        }
        let mut activation = Activation::new();
        activation.bind("self", own.clone());
        if rule.optional_old_self {
            activation.bind("oldSelf", old.map_or(Value::Optional(None), |old| Value::some(old.clone())));
        } else if let Some(old) = old {
            activation.bind("oldSelf", old.clone());
        }
        let outcome = evaluate(program, &activation);
        match self.left.checked_sub(outcome.cost) {
            Some(left) => self.left = left,
            None => {
                self.causes.push(teller.invalid(OUT_OF_BUDGET));
                return Err(Stop);
            }
        }
        match outcome.result {
            Ok(value) if value.as_bool() == Some(true) => Ok(()),
            Ok(_) => self.failed(compiled, teller, &activation),
            Err(failure) => self.erred(&failure, rule, teller),
        }
    }

    fn erred(
        &mut self,
        failure: &Failure,
        rule: &ValidationRule,
        teller: Teller<'_, '_, '_>,
    ) -> Result<(), Stop> {
        let (error, rule) = (failure.to_string(), named(rule));
        if error.starts_with("no such overload") {
            self.causes.push(teller.invalid(&format!(
                "'{error}': call arguments did not match a supported operator, function or macro signature for rule: {rule}"
            )));
            return Ok(());
        }
        if matches!(failure, Failure::Error(EvalError::CostLimit)) {
            self.causes.push(teller.invalid(&format!(
                "'{error}': no further validation rules will be run due to call cost exceeds limit for rule: {rule}"
            )));
            return Err(Stop);
        }
        self.causes.push(teller.invalid(&format!("{error} evaluating rule: {rule}")));
        Ok(())
    }

    /// The rule does not hold.
    fn failed<'d>(
        &mut self,
        compiled: &'d Compiled,
        teller: Teller<'_, '_, 'd>,
        activation: &Activation<'_, 'd>,
    ) -> Result<(), Stop> {
        let rule = &compiled.rule;
        let ratcheted = !compiled.uses_old_self && teller.at.ratchet.is_unchanged();
        let field = compiled.field.as_deref();
        let detail = match compiled.message.as_ref().ok().and_then(Option::as_ref) {
            None => None,
            Some(program) => match self.message(program, &rule.message_expression, activation) {
                Ok(text) => text,
                Err(text) => {
                    if !ratcheted {
                        self.causes.push(Cause { field: teller.path(field), ..teller.invalid(&text) });
                    }
                    return Err(Stop);
                }
            },
        };
        if !ratcheted {
            let detail = detail.unwrap_or_else(|| match rule.message.is_empty() {
                true => format!("failed rule: {}", named(rule)),
                false => rule.message.trim().to_owned(),
            });
            self.causes.push(teller.broken(rule, field, &detail));
        }
        Ok(())
    }

    /// The text of `messageExpression`, unless it fails or makes no proper message.
    fn message<'d>(
        &mut self,
        program: &'d Program,
        source: &str,
        activation: &Activation<'_, 'd>,
    ) -> Result<Option<String>, String> {
        let outcome = evaluate(program, activation);
        self.left = self.left.checked_sub(outcome.cost).ok_or(
            "messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run",
        )?;
        if matches!(outcome.result, Err(Failure::Error(EvalError::CostLimit))) {
            return Err(format!(
                "no further validation rules will be run due to call cost exceeds limit for messageExpression: {}",
                go_quote(source)
            ));
        }
        let text = outcome.result.ok().and_then(|value| value.as_str().map(|text| text.trim().to_owned()));
        Ok(text.filter(|text| !text.is_empty() && text.len() <= LONGEST_MESSAGE && !text.contains('\n')))
    }
}

fn evaluate<'d>(program: &'d Program, activation: &Activation<'_, 'd>) -> Outcome<'d> {
    program.evaluate(activation, &mut Variables::none(), &mut Budget::new(BUDGET))
}

/// `ruleErrorString`
fn named(rule: &ValidationRule) -> &str {
    if rule.message.is_empty() { rule.rule.trim() } else { rule.message.trim() }
}

/// Makes the causes of one value.
#[derive(Clone, Copy)]
struct Teller<'p, 's, 'd> {
    schema: &'s Schema,
    at: At<'p, 's, 'd>,
}

impl Teller<'_, '_, '_> {
    fn path(self, field: Option<&str>) -> String {
        match field {
            None => self.at.place.to_string(),
            Some(field) if self.at.place.is_root() => field.to_owned(),
            Some(field) => format!("{}.{field}", self.at.place),
        }
    }

    /// The value is named by its type.
    fn invalid(self, detail: &str) -> Cause {
        let kind = go_quote(self.schema.kind.map_or("", Type::name));
        Cause {
            field: self.path(None),
            reason: Reason::Invalid,
            message: message(Reason::Invalid, Some(&kind), detail),
            node: Some(self.at.node.id()),
        }
    }

    fn broken(self, rule: &ValidationRule, field: Option<&str>, detail: &str) -> Cause {
        let value = match self.schema.kind {
            Some(Type::Object | Type::Array) => None,
            _ => Some(shown(self.at.node)),
        };
        let (reason, value, detail) = match rule.reason.as_deref() {
            Some("FieldValueForbidden") => (Reason::Forbidden, None, detail),
            Some("FieldValueRequired") => (Reason::Required, None, detail),
            Some("FieldValueDuplicate") => (Reason::Duplicate, value, ""),
            _ => (Reason::Invalid, value, detail),
        };
        Cause {
            field: self.path(field),
            reason,
            message: message(reason, value.as_deref(), detail),
            node: Some(self.at.node.id()),
        }
    }
}

//! What is checked of literals once the types are right: cel-go's AST validators that Kubernetes switches on
//! (k8s.io/apiserver `pkg/cel/environment/base.go`).

mod format;

use super::ast::{Expr, ExprId, Literal, MapEntry};
use super::checker::{Checked, Reference};
use super::issue::Issue;
use super::library::regex::Regex;
use super::library::time::{Duration, Timestamp};
use super::types::Type;

/// Every misused literal.
pub(super) fn validate(checked: &Checked) -> Vec<Issue> {
    if !checked.ast.nodes.iter().any(is_looked_at) {
        return Vec::new();
    }
    let mut validator = Validator { checked, issues: Vec::new() };
    let mut steps = vec![(checked.ast.root(), false)];
    let mut seen = vec![false; checked.ast.len()];
    while let Some((id, in_format)) = steps.pop() {
        if std::mem::replace(&mut seen[id.index()], true) {
            continue;
        }
        let in_format = validator.visit(id, in_format) || in_format;
        children(&checked.ast[id], |child| steps.push((child, in_format)));
    }
    validator.issues
}

/// Whether anything may be wrong with a node: with most expressions nothing can be.
fn is_looked_at(expr: &Expr) -> bool {
    match expr {
        // a namespaced function is called by a part of its name
        Expr::Call { function, .. } => ["duration", "timestamp", "matches", "format"]
            .into_iter()
            .any(|looked_at| function.ends_with(looked_at)),
        Expr::List { elements, .. } => elements.len() > 1,
        Expr::Map(entries) => entries.len() > 1,
        _ => false,
    }
}

struct Validator<'c> {
    checked: &'c Checked,
    issues: Vec<Issue>,
}

impl Validator<'_> {
    /// Looks at one node; whether what is below it stands in a call of `format`, where literals may mix types.
    fn visit(&mut self, id: ExprId, in_format: bool) -> bool {
        match &self.checked.ast[id] {
            Expr::Call { target, function, args } => {
                let function = match self.checked.reference(id) {
                    Reference::Overloads { function, .. } => function,
                    _ => function,
                };
                self.literal_argument(function, args);
                if function != "format" {
                    return false;
                }
                self.format_call(id, *target, args);
                return true;
            }
            Expr::List { elements, optional } if !in_format => self.homogeneous_list(elements, optional),
            Expr::Map(entries) if !in_format => self.homogeneous_map(entries),
            _ => {}
        }
        false
    }

    /// The first argument of a member `matches` is its pattern; that of the global one is the text, and is looked at all
    /// the same.
    fn literal_argument(&mut self, function: &str, args: &[ExprId]) {
        let Some(first) = args.first() else { return };
        let Expr::Literal(literal) = &self.checked.ast[*first] else { return };
        let valid = match (function, literal) {
            ("duration", Literal::String(text)) => Duration::parse(text).is_ok(),
            ("timestamp", Literal::String(text)) => Timestamp::parse(text).is_ok(),
            ("timestamp", Literal::Int(seconds)) => Timestamp::from_unix(*seconds).is_ok(),
            ("duration" | "timestamp", _) => false,
            ("matches", Literal::String(pattern)) => Regex::compile(pattern).is_ok(),
            _ => true,
        };
        if !valid {
            self.report(*first, format!("invalid {function} argument"));
        }
    }

    fn format_call(&mut self, id: ExprId, target: Option<ExprId>, args: &[ExprId]) {
        let Reference::Overloads { overloads, .. } = self.checked.reference(id) else { return };
        let (Some(target), [args]) = (target, args) else { return };
        if !overloads.contains(&"string_format") {
            return;
        }
        let (Expr::Literal(Literal::String(text)), Expr::List { elements, .. }) =
            (&self.checked.ast[target], &self.checked.ast[*args])
        else {
            return;
        };
        if let Err(wrong) = format::validate(self.checked, text, elements) {
            self.report(wrong.at.unwrap_or(id), wrong.message);
        }
    }

    /// Only the first element that differs is reported.
    fn homogeneous_list(&mut self, elements: &[ExprId], optional: &[u32]) {
        let Some(first) = elements.first() else { return };
        let ty =
            |index: usize, id: ExprId| self.unwrapped(id, optional.binary_search(&(index as u32)).is_ok());
        let expected = ty(0, *first);
        let differs = elements.iter().enumerate().find(|(index, id)| !ty(*index, **id).is_exactly(expected));
        if let Some((index, id)) = differs {
            let message = mismatch(expected, ty(index, *id));
            self.report(*id, message);
        }
    }

    fn homogeneous_map(&mut self, entries: &[MapEntry]) {
        let Some((first, rest)) = entries.split_first() else { return };
        let (key, value) = (self.checked.type_of(first.key), self.unwrapped(first.value, first.optional));
        let mut issues = Vec::new();
        for entry in rest {
            let (its_key, its_value) =
                (self.checked.type_of(entry.key), self.unwrapped(entry.value, entry.optional));
            if !its_key.is_exactly(key) {
                issues.push((entry.key, mismatch(key, its_key)));
            }
            if !its_value.is_exactly(value) {
                issues.push((entry.value, mismatch(value, its_value)));
            }
        }
        issues.into_iter().for_each(|(id, message)| self.report(id, message));
    }

    fn unwrapped(&self, id: ExprId, optional: bool) -> &Type {
        match self.checked.type_of(id) {
            Type::Optional(value) if optional => value,
            ty => ty,
        }
    }

    fn report(&mut self, id: ExprId, message: String) {
        self.issues.push(Issue { offset: Some(self.checked.ast.place(id).offset), message });
    }
}

fn mismatch(expected: &Type, actual: &Type) -> String {
    format!("expected type '{}' but found '{}'", expected.in_errors(), actual.in_errors())
}

fn children(expr: &Expr, mut each: impl FnMut(ExprId)) {
    match expr {
        Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Select { operand, .. } => each(*operand),
        Expr::Call { target, args, .. } => target.iter().chain(args).for_each(|id| each(*id)),
        Expr::List { elements, .. } => elements.iter().for_each(|id| each(*id)),
        Expr::Map(entries) => entries.iter().for_each(|entry| {
            each(entry.key);
            each(entry.value);
        }),
        Expr::Struct { fields, .. } => fields.iter().for_each(|field| each(field.value)),
        Expr::Comprehension(fold) => {
            [fold.iter_range, fold.accu_init, fold.loop_condition, fold.loop_step, fold.result]
                .into_iter()
                .for_each(each);
        }
    }
}

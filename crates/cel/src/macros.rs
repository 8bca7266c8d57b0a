//! Macros, expanded into the comprehensions that cel-go makes of them.

use std::borrow::Cow;

use super::ast::{Comprehension, Expr, ExprId, Literal, MacroCall, Name, NodeSpan, operator};

/// The accumulator of every fold. No expression can name it.
pub const ACCUMULATOR: &str = "@result";

/// What the accumulator was called before it was hidden; still refused as an iteration variable.
const FORMER_ACCUMULATOR: &str = "__result__";

/// The iteration variable of a comprehension that only binds a name.
pub const UNUSED: &str = "#unused";

/// The name under which `sortBy` keeps its list.
pub const SORT_BY_INPUT: &str = "@__sortBy_input__";

/// The tree under construction.
pub(super) struct Builder {
    nodes: Vec<Expr>,
    places: Vec<NodeSpan>,
    /// How many nodes that count against the recursion limit stand on the deepest path to a leaf.
    heights: Vec<u16>,
    macro_calls: Vec<MacroCall>,
    too_deep: bool,
}

/// Why a macro's arguments do not fit.
pub(super) struct Misuse {
    pub(super) offset: u32,
    pub(super) message: Cow<'static, str>,
}

type Expansion = Result<ExprId, Misuse>;

impl Builder {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            nodes: Vec::with_capacity(capacity),
            places: Vec::with_capacity(capacity),
            heights: Vec::with_capacity(capacity),
            macro_calls: Vec::new(),
            too_deep: false,
        }
    }

    /// What was built.
    pub(super) fn into_parts(self) -> (Vec<Expr>, Vec<NodeSpan>, Vec<MacroCall>) {
        (self.nodes, self.places, self.macro_calls)
    }

    /// A node stands deeper than the limit allows.
    pub(super) fn too_deep(&self) -> bool {
        self.too_deep
    }

    pub(super) fn push(&mut self, expr: Expr, place: NodeSpan, height: u16) -> ExprId {
        let id = ExprId(self.nodes.len() as u32);
        self.too_deep |= height > super::parser::MAX_RECURSION;
        self.nodes.push(expr);
        self.places.push(place);
        // stays where it cannot overflow; the verdict is already `too_deep`
        self.heights.push(height.min(super::parser::MAX_RECURSION + 1));
        id
    }

    /// Gives a node the parentheses around it.
    pub(super) fn widen(&mut self, id: ExprId, start: u32, end: u32) {
        let place = &mut self.places[id.index()];
        (place.start, place.end) = (start, end);
    }

    pub(super) fn place(&self, id: ExprId) -> NodeSpan {
        self.places[id.index()]
    }

    pub(super) fn height(&self, id: ExprId) -> u16 {
        self.heights[id.index()]
    }

    pub(super) fn record_macro(
        &mut self,
        expansion: ExprId,
        function: Name,
        target: Option<ExprId>,
        args: Vec<ExprId>,
    ) {
        self.macro_calls.push(MacroCall { expansion, function, target, args: args.into() });
    }

    /// Expands the call if its name, its receiver and the number of its arguments are a macro's.
    pub(super) fn expand_macro(
        &mut self,
        function: &str,
        target: Option<ExprId>,
        args: &[ExprId],
        place: NodeSpan,
        height: u16,
    ) -> Option<Expansion> {
        let mut expand = Expand { build: self, place, height };
        Some(match (function, target, args) {
            ("has", None, [field]) => expand.has(*field),
            ("all", Some(range), [var, test]) => expand.quantifier(Quantifier::All, range, &[*var], *test),
            ("all", Some(range), [one, two, test]) => {
                expand.quantifier(Quantifier::All, range, &[*one, *two], *test)
            }
            ("exists", Some(range), [var, test]) => {
                expand.quantifier(Quantifier::Exists, range, &[*var], *test)
            }
            ("exists", Some(range), [one, two, test]) => {
                expand.quantifier(Quantifier::Exists, range, &[*one, *two], *test)
            }
            ("exists_one", Some(range), [var, test]) => {
                expand.quantifier(Quantifier::One, range, &[*var], *test)
            }
            ("exists_one" | "existsOne", Some(range), [one, two, test]) => {
                expand.quantifier(Quantifier::One, range, &[*one, *two], *test)
            }
            ("map", Some(range), [var, value]) => expand.map(range, *var, None, *value),
            ("map", Some(range), [var, test, value]) => expand.map(range, *var, Some(*test), *value),
            ("filter", Some(range), [var, test]) => expand.map(range, *var, Some(*test), *var),
            ("transformList", Some(range), [one, two, value]) => {
                expand.transform(Transform::List, range, [*one, *two], None, *value)
            }
            ("transformList", Some(range), [one, two, test, value]) => {
                expand.transform(Transform::List, range, [*one, *two], Some(*test), *value)
            }
            ("transformMap", Some(range), [one, two, value]) => {
                expand.transform(Transform::Map, range, [*one, *two], None, *value)
            }
            ("transformMap", Some(range), [one, two, test, value]) => {
                expand.transform(Transform::Map, range, [*one, *two], Some(*test), *value)
            }
            ("transformMapEntry", Some(range), [one, two, entry]) => {
                expand.transform(Transform::Entry, range, [*one, *two], None, *entry)
            }
            ("transformMapEntry", Some(range), [one, two, test, entry]) => {
                expand.transform(Transform::Entry, range, [*one, *two], Some(*test), *entry)
            }
            ("optMap", Some(optional), [var, value]) => expand.opt_map("optMap", optional, *var, *value),
            ("optFlatMap", Some(optional), [var, value]) => {
                expand.opt_map("optFlatMap", optional, *var, *value)
            }
            ("sortBy", Some(list), [var, key]) => expand.sort_by(list, *var, *key),
            _ => return None,
        })
    }
}

#[derive(Clone, Copy)]
enum Quantifier {
    All,
    Exists,
    One,
}

#[derive(Clone, Copy)]
enum Transform {
    List,
    Map,
    Entry,
}

/// One expansion: every new node stands where the macro's parenthesis opens.
struct Expand<'b> {
    build: &'b mut Builder,
    place: NodeSpan,
    height: u16,
}

impl Expand<'_> {
    fn has(&mut self, field: ExprId) -> Expansion {
        match &self.build.nodes[field.index()] {
            Expr::Select { operand, field, .. } => {
                let presence = Expr::Select { operand: *operand, field: field.clone(), test_only: true };
                Ok(self.push(presence))
            }
            _ => Err(self.misuse(field, "invalid argument to has() macro")),
        }
    }

    fn quantifier(&mut self, kind: Quantifier, range: ExprId, vars: &[ExprId], test: ExprId) -> Expansion {
        let vars = self.iteration_variables(vars, "argument must be a simple name")?;
        let (init, condition, step, result);
        match kind {
            Quantifier::All => {
                init = self.literal(Literal::Bool(true));
                let accumulator = self.accumulator();
                condition = self.call(operator::NOT_STRICTLY_FALSE, &[accumulator]);
                let accumulator = self.accumulator();
                step = self.call(operator::AND, &[accumulator, test]);
                result = self.accumulator();
            }
            Quantifier::Exists => {
                init = self.literal(Literal::Bool(false));
                let accumulator = self.accumulator();
                let not = self.call(operator::NOT, &[accumulator]);
                condition = self.call(operator::NOT_STRICTLY_FALSE, &[not]);
                let accumulator = self.accumulator();
                step = self.call(operator::OR, &[accumulator, test]);
                result = self.accumulator();
            }
            Quantifier::One => {
                init = self.literal(Literal::Int(0));
                condition = self.literal(Literal::Bool(true));
                let (count, one) = (self.accumulator(), self.literal(Literal::Int(1)));
                let more = self.call(operator::ADD, &[count, one]);
                let same = self.accumulator();
                step = self.call(operator::CONDITIONAL, &[test, more, same]);
                let (count, one) = (self.accumulator(), self.literal(Literal::Int(1)));
                result = self.call(operator::EQUALS, &[count, one]);
            }
        }
        Ok(self.fold(range, vars, init, condition, step, result))
    }

    /// `map` with and without a test, and `filter`, which maps to the variable itself.
    fn map(&mut self, range: ExprId, var: ExprId, test: Option<ExprId>, value: ExprId) -> Expansion {
        let vars = self.iteration_variables(&[var], "argument is not an identifier")?;
        Ok(self.collect(range, vars, test, value))
    }

    fn transform(
        &mut self,
        kind: Transform,
        range: ExprId,
        vars: [ExprId; 2],
        test: Option<ExprId>,
        value: ExprId,
    ) -> Expansion {
        let vars = self.iteration_variables(&vars, "argument must be a simple name")?;
        if let Transform::List = kind {
            return Ok(self.collect(range, vars, test, value));
        }
        let init = self.push(Expr::Map(Box::default()));
        let accumulator = self.accumulator();
        let insert = match kind {
            Transform::Map => {
                let key = self.push(Expr::Ident(vars.0.clone()));
                self.call(operator::MAP_INSERT, &[accumulator, key, value])
            }
            _ => self.call(operator::MAP_INSERT, &[accumulator, value]),
        };
        Ok(self.fold_all(range, vars, init, test, insert))
    }

    fn collect(&mut self, range: ExprId, vars: Variables, test: Option<ExprId>, value: ExprId) -> ExprId {
        let init = self.list(&[]);
        let (accumulator, element) = (self.accumulator(), self.list(&[value]));
        let append = self.call(operator::ADD, &[accumulator, element]);
        self.fold_all(range, vars, init, test, append)
    }

    /// A fold that looks at every element, and steps where the test holds.
    fn fold_all(
        &mut self,
        range: ExprId,
        vars: Variables,
        init: ExprId,
        test: Option<ExprId>,
        step: ExprId,
    ) -> ExprId {
        let condition = self.literal(Literal::Bool(true));
        let step = match test {
            None => step,
            Some(test) => {
                let same = self.accumulator();
                self.call(operator::CONDITIONAL, &[test, step, same])
            }
        };
        let result = self.accumulator();
        self.fold(range, vars, init, condition, step, result)
    }

    /// `o.hasValue() ? optional.of(let var = o.value() in value) : optional.none()`; the operand stands there twice.
    fn opt_map(&mut self, function: &str, optional: ExprId, var: ExprId, value: ExprId) -> Expansion {
        let Expr::Ident(name) = &self.build.nodes[var.index()] else {
            return Err(self.misuse(var, format!("{function}() variable name must be a simple identifier")));
        };
        let name = name.clone();
        let has_value = self.member_call(optional, "hasValue", &[]);
        let unwrapped = self.member_call(optional, "value", &[]);
        let bound = self.bind(name, unwrapped, value);
        let some = if function == "optMap" { self.call("optional.of", &[bound]) } else { bound };
        let none = self.call("optional.none", &[]);
        Ok(self.call(operator::CONDITIONAL, &[has_value, some, none]))
    }

    /// `let input = list in input.@sortByAssociatedKeys(input.map(var, key))`
    fn sort_by(&mut self, list: ExprId, var: ExprId, key: ExprId) -> Expansion {
        let sortable = matches!(
            &self.build.nodes[list.index()],
            Expr::List { .. }
                | Expr::Select { .. }
                | Expr::Ident(_)
                | Expr::Comprehension(_)
                | Expr::Call { .. }
        );
        if !sortable {
            let message =
                "sortBy can only be applied to a list, identifier, comprehension, call or select expression";
            return Err(self.misuse(list, message));
        }
        let input = self.push(Expr::Ident(Cow::Borrowed(SORT_BY_INPUT)));
        let keys = self.map(input, var, None, key)?;
        let input = self.push(Expr::Ident(Cow::Borrowed(SORT_BY_INPUT)));
        let sorted = self.member_call(input, operator::SORT_BY_KEYS, &[keys]);
        Ok(self.bind(Cow::Borrowed(SORT_BY_INPUT), list, sorted))
    }

    /// `let name = value in result`, written as a fold over nothing.
    fn bind(&mut self, name: Name, value: ExprId, result: ExprId) -> ExprId {
        let iter_range = self.list(&[]);
        let loop_condition = self.literal(Literal::Bool(false));
        let loop_step = self.push(Expr::Ident(name.clone()));
        self.push(Expr::Comprehension(Box::new(Comprehension {
            iter_range,
            iter_var: Cow::Borrowed(UNUSED),
            iter_var2: None,
            accu_var: name,
            accu_init: value,
            loop_condition,
            loop_step,
            result,
        })))
    }

    fn fold(
        &mut self,
        iter_range: ExprId,
        vars: Variables,
        accu_init: ExprId,
        loop_condition: ExprId,
        loop_step: ExprId,
        result: ExprId,
    ) -> ExprId {
        self.push(Expr::Comprehension(Box::new(Comprehension {
            iter_range,
            iter_var: vars.0,
            iter_var2: vars.1,
            accu_var: Cow::Borrowed(ACCUMULATOR),
            accu_init,
            loop_condition,
            loop_step,
            result,
        })))
    }

    fn iteration_variables(&self, args: &[ExprId], no_name: &'static str) -> Result<Variables, Misuse> {
        let names = args
            .iter()
            .map(|arg| match &self.build.nodes[arg.index()] {
                Expr::Ident(name) => Ok((*arg, name)),
                _ => Err(self.misuse(*arg, no_name)),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if let [(_, one), (second, two)] = &names[..]
            && one == two
        {
            return Err(self.misuse(*second, format!("duplicate variable name: {one}")));
        }
        for (arg, name) in &names {
            if *name == ACCUMULATOR || *name == FORMER_ACCUMULATOR {
                return Err(self.misuse(*arg, "iteration variable overwrites accumulator variable"));
            }
        }
        let mut names = names.into_iter().map(|(_, name)| name.clone());
        Ok((names.next().unwrap_or_default(), names.next()))
    }

    fn misuse(&self, at: ExprId, message: impl Into<Cow<'static, str>>) -> Misuse {
        Misuse { offset: self.build.place(at).offset, message: message.into() }
    }

    fn accumulator(&mut self) -> ExprId {
        self.push(Expr::Ident(Cow::Borrowed(ACCUMULATOR)))
    }

    fn literal(&mut self, literal: Literal) -> ExprId {
        self.push(Expr::Literal(literal))
    }

    fn list(&mut self, elements: &[ExprId]) -> ExprId {
        self.push(Expr::List { elements: elements.into(), optional: Box::default() })
    }

    fn call(&mut self, function: &'static str, args: &[ExprId]) -> ExprId {
        self.push(Expr::Call { target: None, function: Cow::Borrowed(function), args: args.into() })
    }

    fn member_call(&mut self, target: ExprId, function: &'static str, args: &[ExprId]) -> ExprId {
        self.push(Expr::Call { target: Some(target), function: Cow::Borrowed(function), args: args.into() })
    }

    fn push(&mut self, expr: Expr) -> ExprId {
        self.build.push(expr, self.place, self.height)
    }
}

/// The first and, in two-variable macros, the second iteration variable.
type Variables = (Name, Option<Name>);

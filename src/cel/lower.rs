//! Turns a checked expression into a [`Plan`].
//!
//! Follows cel-go's `interpreter/planner.go` with its `OptOptimize` decorators (`interpreter/decorators.go`): which nodes
//! become attributes and which constants decides costs and errors.

use std::collections::HashMap;
use std::sync::Arc;

use super::arithmetic::Operator;
use super::ast::{Ast, Comprehension, Expr, ExprId, Literal, MapEntry, Name, StructField, operator};
use super::checker::{Checked, OverloadId, Reference};
use super::cost;
use super::declarations::{Env, Overload};
use super::dispatch::{self, Pattern};
use super::error::EvalError;
use super::eval;
use super::plan::{
    Attribute, Base, Call, ConstSet, Fold, FoldKind, Implementation, InsertEntry, Node, NodeId, Order, Plan,
    Qualifier, Slot, Step, Target, VariableIndex,
};
use super::stack;
use super::types::Type;
use super::value::{Value, View};

mod fold;

/// Why a checked expression cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A constant part fails.
    #[error(transparent)]
    Constant(#[from] EvalError),
    /// A constant regular expression is none.
    #[error("{0}")]
    Regex(String),
    /// The name of a type that has no value.
    #[error("reference to undefined type: {0}")]
    UndefinedType(Arc<str>),
    /// A function that is declared but not implemented.
    #[error("no such overload: {0}")]
    NoImplementation(Arc<str>),
}

type Planned<T> = Result<T, PlanError>;

/// Lowers the expression. `variables` are the composited variables it may read, by name.
pub(super) fn lower(env: &Env, checked: &Checked, variables: &VariableIndex) -> Planned<Plan> {
    let depth = expression_depth(checked.ast());
    let run = || {
        let mut lowering = Lowering::new(env, checked, variables);
        let root = lowering.node(checked.ast().root())?;
        let Lowering { nodes, sources, depths, globals, locals, .. } = lowering;
        let depth = depths[root.0 as usize];
        Ok(Plan { nodes, root, sources, globals, locals, depth })
    };
    stack::with_room(depth.saturating_mul(2), run)?
}

/// The longest path through the tree.
fn expression_depth(ast: &Ast) -> u32 {
    let mut depths = vec![0_u32; ast.len()];
    let mut pending = vec![(ast.root(), false)];
    let mut children = Vec::new();
    while let Some((id, visited)) = pending.pop() {
        if depths[id.index()] != 0 {
            continue;
        }
        children.clear();
        push_children(&ast[id], &mut children);
        if visited {
            depths[id.index()] = 1 + children.iter().map(|child| depths[child.index()]).max().unwrap_or(0);
        } else {
            pending.push((id, true));
            pending.extend(children.iter().map(|child| (*child, false)));
        }
    }
    depths[ast.root().index()]
}

fn push_children(expr: &Expr, children: &mut Vec<ExprId>) {
    match expr {
        Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Select { operand, .. } => children.push(*operand),
        Expr::Call { target, args, .. } => {
            children.extend(*target);
            children.extend(args);
        }
        Expr::List { elements, .. } => children.extend(elements),
        Expr::Map(entries) => children.extend(entries.iter().flat_map(|entry| [entry.key, entry.value])),
        Expr::Struct { fields, .. } => children.extend(fields.iter().map(|field| field.value)),
        Expr::Comprehension(fold) => children.extend([
            fold.iter_range,
            fold.accu_init,
            fold.loop_condition,
            fold.loop_step,
            fold.result,
        ]),
    }
}

struct Lowering<'c> {
    env: &'c Env,
    checked: &'c Checked,
    ast: &'c Ast,
    variables: &'c VariableIndex,
    nodes: Vec<Node>,
    sources: Vec<ExprId>,
    depths: Vec<u32>,
    globals: Vec<Arc<str>>,
    locals: u32,
    /// Names bound by comprehensions, innermost last.
    scope: Vec<(Name, Slot)>,
    /// A number per set of bound names: the same expression in the same scope is lowered once.
    scope_id: u32,
    scopes: u32,
    done: HashMap<(ExprId, u32), NodeId>,
}

impl<'c> Lowering<'c> {
    fn new(env: &'c Env, checked: &'c Checked, variables: &'c VariableIndex) -> Self {
        Self {
            env,
            checked,
            ast: checked.ast(),
            variables,
            nodes: Vec::new(),
            sources: Vec::new(),
            depths: Vec::new(),
            globals: Vec::new(),
            locals: 0,
            scope: Vec::new(),
            scope_id: 0,
            scopes: 0,
            done: HashMap::new(),
        }
    }

    fn push(&mut self, source: ExprId, mut node: Node) -> NodeId {
        if let Node::Attribute(attribute) = &mut node {
            let plain = |step: &Qualifier| !step.optional && matches!(step.step, Step::Field(_));
            attribute.plain = attribute.path.iter().all(plain);
        }
        let id = NodeId(self.nodes.len() as u32);
        let depth = 1 + self.children_depth(&node);
        self.nodes.push(node);
        self.sources.push(source);
        self.depths.push(depth);
        id
    }

    fn depth(&self, id: NodeId) -> u32 {
        self.depths[id.0 as usize]
    }

    fn deepest<'n>(&self, ids: impl IntoIterator<Item = &'n NodeId>) -> u32 {
        ids.into_iter().map(|id| self.depth(*id)).max().unwrap_or(0)
    }

    fn attribute_depth(&self, attribute: &Attribute) -> u32 {
        let base = match &attribute.base {
            Base::Value(node) => self.depth(*node),
            Base::Conditional { condition, then, otherwise } => {
                1 + self
                    .depth(*condition)
                    .max(self.attribute_depth(then))
                    .max(self.attribute_depth(otherwise))
            }
            _ => 0,
        };
        let path = attribute.path.iter().map(|qualifier| match &qualifier.step {
            Step::Computed { index, .. } => 1 + self.attribute_depth(index),
            _ => 0,
        });
        path.max().unwrap_or(0).max(base) + 1
    }

    fn children_depth(&self, node: &Node) -> u32 {
        match node {
            Node::Const(_) => 0,
            Node::Attribute(attribute) => self.attribute_depth(attribute),
            Node::Not(a) | Node::Negate(a) | Node::NotStrictlyFalse(a) => self.depth(*a),
            Node::And(terms) | Node::Or(terms) => self.deepest(terms),
            Node::Equal { left, right, .. }
            | Node::Order { left, right, .. }
            | Node::Arithmetic { left, right, .. }
            | Node::OptionalOr { left, right }
            | Node::OptionalOrValue { left, right } => self.deepest([left, right]),
            Node::Append { item, .. } | Node::InSet { item, .. } => self.depth(*item),
            Node::Insert { entry: InsertEntry::Pair(a, b), .. } => self.deepest([a, b]),
            Node::Insert { entry: InsertEntry::Map(a), .. } => self.depth(*a),
            Node::In { item, container, .. } => self.deepest([item, container]),
            Node::Call(call) => self.deepest(&call.args),
            Node::List { items, .. } => self.deepest(items),
            Node::Map(entries) => self.deepest(entries.iter().flat_map(|(key, value, _)| [key, value])),
            Node::Struct { fields, .. } => self.deepest(fields.iter().map(|(_, value, _)| value)),
            Node::Fold(fold) => {
                let inner = match &fold.kind {
                    FoldKind::All(test) | FoldKind::Exists(test) => self.depth(*test),
                    FoldKind::General { condition, step, result } => {
                        self.deepest(condition.iter().chain([step, result]))
                    }
                    FoldKind::Bind { result } => self.depth(*result),
                };
                // the initial value may be computed where the accumulator is read
                self.depth(fold.range).max(inner + self.depth(fold.init))
            }
        }
    }

    fn constant(&self, id: NodeId) -> Option<&Value<'static>> {
        match &self.nodes[id.0 as usize] {
            Node::Const(value) => Some(value),
            _ => None,
        }
    }

    fn node(&mut self, id: ExprId) -> Planned<NodeId> {
        if let Some(done) = self.done.get(&(id, self.scope_id)) {
            return Ok(*done);
        }
        let ast = self.ast;
        let node = match &ast[id] {
            Expr::Literal(literal) => self.push(id, Node::Const(literal_value(literal))),
            Expr::Ident(name) => self.ident(id, name)?,
            Expr::Select { operand, field, test_only } => self.select(id, *operand, field, *test_only)?,
            Expr::Call { target, function, args } => self.call(id, *target, function, args)?,
            Expr::List { elements, optional } => self.list(id, elements, optional)?,
            Expr::Map(entries) => self.map(id, entries)?,
            Expr::Struct { type_name, fields } => self.structure(id, type_name, fields)?,
            Expr::Comprehension(fold) => self.comprehension(id, fold)?,
        };
        self.done.insert((id, self.scope_id), node);
        Ok(node)
    }

    fn ident(&mut self, id: ExprId, written: &Name) -> Planned<NodeId> {
        let local = self.scope.iter().rev().find(|(bound, _)| bound == written).map(|(_, slot)| *slot);
        if let Some(slot) = local {
            // upstream takes every name whose type is a type for the name of one
            if let Type::Type(_) = self.checked.type_of(id) {
                return Err(PlanError::UndefinedType(written.as_ref().into()).into());
            }
            let attribute = Attribute::new(Base::Local(slot));
            return Ok(self.push(id, Node::Attribute(attribute)));
        }
        let name = match self.checked.reference(id) {
            Reference::Ident { name, value: Some(literal) } => {
                let _ = name;
                return Ok(self.push(id, Node::Const(literal_value(literal))));
            }
            Reference::Ident { name, value: None } => name.clone(),
            _ => Name::Owned(written.trim_start_matches('.').to_owned()),
        };
        self.named(id, &name)
    }

    /// A variable of the environment, or a type as a value.
    fn named(&mut self, id: ExprId, name: &str) -> Planned<NodeId> {
        if let Type::Type(_) = self.checked.type_of(id) {
            let value = type_value(name).ok_or_else(|| PlanError::UndefinedType(name.into()))?;
            return Ok(self.push(id, Node::Const(value)));
        }
        let base = if name == "variables" { Base::Variables } else { Base::Global(self.global(name)) };
        Ok(self.push(id, Node::Attribute(Attribute::new(base))))
    }

    fn global(&mut self, name: &str) -> u32 {
        let known = self.globals.iter().position(|known| **known == *name);
        known.unwrap_or_else(|| {
            self.globals.push(name.into());
            self.globals.len() - 1
        }) as u32
    }

    fn select(&mut self, id: ExprId, operand: ExprId, field: &Name, presence: bool) -> Planned<NodeId> {
        match self.checked.reference(id) {
            Reference::Ident { value: Some(literal), .. } => {
                return Ok(self.push(id, Node::Const(literal_value(literal))));
            }
            Reference::Ident { name, value: None } => return self.named(id, name),
            _ => {}
        }
        let operand = self.node(operand)?;
        let mut attribute = self.as_attribute(operand);
        let step = Step::Field(Arc::from(field.as_ref()));
        self.qualify(&mut attribute, &Qualifier { step, optional: false }, presence);
        Ok(self.push(id, Node::Attribute(attribute)))
    }

    /// The node as something to be qualified: its own path, or a path that starts at its value.
    fn as_attribute(&self, node: NodeId) -> Attribute {
        match &self.nodes[node.0 as usize] {
            Node::Attribute(attribute) => attribute.clone(),
            _ => Attribute::new(Base::Value(node)),
        }
    }

    fn qualify(&self, attribute: &mut Attribute, qualifier: &Qualifier, presence: bool) {
        attribute.presence = presence;
        match &mut attribute.base {
            Base::Conditional { then, otherwise, .. } => {
                self.qualify(then, qualifier, presence);
                self.qualify(otherwise, qualifier, presence);
            }
            base => {
                if let (Base::Variables, Step::Field(name)) = (&*base, &qualifier.step)
                    && let Some(index) = self.variables.get(&**name)
                {
                    *base = Base::Variable(*index);
                }
                attribute.path.push(qualifier.clone());
            }
        }
    }

    fn index(&mut self, id: ExprId, operand: NodeId, index: NodeId, optional: bool) -> Planned<NodeId> {
        let mut attribute = self.as_attribute(operand);
        let step = match &self.nodes[index.0 as usize] {
            Node::Const(value) => match value.view() {
                View::Str(text) => Step::Field(text.into()),
                View::Int(_) | View::Uint(_) | View::Bool(_) | View::Double(_) => Step::Index(value.clone()),
                other => return Err(EvalError::QualifierType(other.go_type()).into()),
            },
            Node::Attribute(inner) => Step::Computed { index: Box::new(inner.clone()) },
            _ => {
                let inner = Attribute::new(Base::Value(index));
                Step::Computed { index: Box::new(inner) }
            }
        };
        self.qualify(&mut attribute, &Qualifier { step, optional }, false);
        Ok(self.push(id, Node::Attribute(attribute)))
    }

    fn call(
        &mut self,
        id: ExprId,
        target: Option<ExprId>,
        written: &Name,
        args: &[ExprId],
    ) -> Planned<NodeId> {
        let (function, overloads, namespaced) = match self.checked.reference(id) {
            Reference::Overloads { function, overloads, namespaced } => {
                (function.clone(), &overloads[..], *namespaced)
            }
            _ => (written.clone(), &[][..], false),
        };
        if let (operator::AND | operator::OR, None) = (&*function, target) {
            return self.logic(id, &function, args);
        }
        let mut nodes = Vec::with_capacity(args.len() + 1);
        if let (Some(target), false) = (target, namespaced) {
            nodes.push(self.node(target)?);
        }
        for arg in args {
            nodes.push(self.node(*arg)?);
        }
        let overload = match overloads {
            [one] => Some(*one),
            _ => None,
        };
        if let Some(node) = self.operator(id, &function, overload, &nodes)? {
            return Ok(node);
        }
        self.function(id, function, overload, nodes)
    }

    /// `a && b && c` is one step over all its terms.
    fn logic(&mut self, id: ExprId, function: &Name, args: &[ExprId]) -> Planned<NodeId> {
        let mut terms = Vec::new();
        let mut pending: Vec<ExprId> = args.iter().rev().copied().collect();
        while let Some(term) = pending.pop() {
            match &self.ast[term] {
                Expr::Call { target: None, function: inner, args } if inner == function => {
                    pending.extend(args.iter().rev());
                }
                _ => terms.push(self.node(term)?),
            }
        }
        let terms = terms.into();
        Ok(self.push(id, if &**function == operator::AND { Node::And(terms) } else { Node::Or(terms) }))
    }

    fn operator(
        &mut self,
        id: ExprId,
        function: &str,
        overload: Option<OverloadId>,
        nodes: &[NodeId],
    ) -> Planned<Option<NodeId>> {
        let rule = cost::rule(function, overload, nodes.len());
        let node = match (function, nodes) {
            (operator::CONDITIONAL, [condition, then, otherwise]) => {
                let branch = |node: &NodeId| Box::new(self.as_attribute(*node));
                let base = Base::Conditional {
                    condition: *condition,
                    then: branch(then),
                    otherwise: branch(otherwise),
                };
                Node::Attribute(Attribute::new(base))
            }
            (operator::INDEX, [operand, index]) => return self.index(id, *operand, *index, false).map(Some),
            (operator::OPT_INDEX | operator::OPT_SELECT, [operand, index]) => {
                return self.index(id, *operand, *index, true).map(Some);
            }
            (operator::NOT, [a]) => Node::Not(*a),
            (operator::NEGATE, [a]) => Node::Negate(*a),
            (operator::NOT_STRICTLY_FALSE, [a]) => Node::NotStrictlyFalse(*a),
            (operator::EQUALS, [left, right]) => Node::Equal { left: *left, right: *right, negated: false },
            (operator::NOT_EQUALS, [left, right]) => {
                Node::Equal { left: *left, right: *right, negated: true }
            }
            (operator::IN, [item, container]) => {
                return Ok(Some(self.membership(id, *item, *container, overload)));
            }
            ("or", [left, right]) => Node::OptionalOr { left: *left, right: *right },
            ("orValue", [left, right]) => Node::OptionalOrValue { left: *left, right: *right },
            (operator::MAP_INSERT, [accumulator, rest @ ..]) if self.accumulator(*accumulator).is_some() => {
                let Some(accumulator) = self.accumulator(*accumulator) else { return Ok(None) };
                match rest {
                    [key, value] => Node::Insert { accumulator, entry: InsertEntry::Pair(*key, *value) },
                    [map] => Node::Insert { accumulator, entry: InsertEntry::Map(*map) },
                    _ => return Ok(None),
                }
            }
            (operator::ADD, [accumulator, list]) if self.appends(*accumulator, *list).is_some() => {
                let Some((accumulator, item)) = self.appends(*accumulator, *list) else { return Ok(None) };
                Node::Append { accumulator, item }
            }
            (name, [left, right]) => match (order_of(name), arithmetic_of(name)) {
                (Some(order), _) => Node::Order { order, left: *left, right: *right, rule },
                (_, Some(operator)) => Node::Arithmetic { operator, left: *left, right: *right, rule },
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(self.push(id, node)))
    }

    /// The node as a comprehension's own accumulator.
    fn accumulator(&self, node: NodeId) -> Option<Slot> {
        let Node::Attribute(Attribute { base: Base::Local(slot), path, presence: false, .. }) =
            &self.nodes[node.0 as usize]
        else {
            return None;
        };
        let hidden = |(name, bound): &(Name, Slot)| bound == slot && name == super::macros::ACCUMULATOR;
        (path.is_empty() && self.scope.iter().any(hidden)).then_some(*slot)
    }

    /// `accumulator + [item]`
    fn appends(&self, accumulator: NodeId, list: NodeId) -> Option<(Slot, NodeId)> {
        let slot = self.accumulator(accumulator)?;
        match &self.nodes[list.0 as usize] {
            Node::List { items, optional } if items.len() == 1 && optional.is_empty() => {
                Some((slot, items[0]))
            }
            _ => None,
        }
    }

    fn function(
        &mut self,
        id: ExprId,
        function: Name,
        overload: Option<OverloadId>,
        nodes: Vec<NodeId>,
    ) -> Planned<NodeId> {
        let rule = cost::rule(&function, overload, nodes.len());
        let regex = self.constant_regex(&function, &nodes)?;
        let target = self.target(&function, overload, nodes.len())?;
        let call = Call { function, args: nodes.into(), target, rule, regex };
        if dispatch::is_conversion(&call.function)
            && let [argument] = &call.args[..]
            && let Some(argument) = self.constant(*argument)
        {
            let value = eval::constant_call(self.checked.profile(), &call, argument)?;
            return Ok(self.push(id, Node::Const(value)));
        }
        Ok(self.push(id, Node::Call(Box::new(call))))
    }

    fn constant_regex(&self, function: &str, nodes: &[NodeId]) -> Planned<Option<Pattern>> {
        let ("matches" | "find" | "findAll", [_, pattern, ..]) = (function, nodes) else { return Ok(None) };
        match self.constant(*pattern) {
            Some(pattern) => match pattern.as_str() {
                Some(text) => Pattern::compile(text).map(Some).map_err(PlanError::Regex),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }

    fn target(&self, function: &str, overload: Option<OverloadId>, arguments: usize) -> Planned<Target> {
        if let Some(native) = dispatch::untested(function) {
            return Ok(Target::Any(native));
        }
        let missing = || PlanError::NoImplementation(function.into());
        let declared = self.env.overloads(function).unwrap_or_default();
        let implementation = |overload: &Overload| Implementation {
            id: overload.id,
            native: dispatch::native(overload.id),
            params: overload.params.clone(),
        };
        if let Some(id) = overload {
            let overload = declared.iter().find(|declared| declared.id == id).ok_or_else(missing)?;
            return Ok(Target::One(implementation(overload)));
        }
        let fitting = declared.iter().filter(|declared| declared.params.len() == arguments);
        Ok(Target::First(fitting.map(implementation).collect()))
    }

    fn structure(&mut self, id: ExprId, written: &Name, fields: &[StructField]) -> Planned<NodeId> {
        let type_name = match self.checked.reference(id) {
            Reference::Ident { name, .. } => Arc::from(&**name),
            _ => Arc::from(written.trim_start_matches('.')),
        };
        let fields = fields
            .iter()
            .map(|field| Ok((field.name.clone(), self.node(field.value)?, field.optional)))
            .collect::<Planned<_>>()?;
        Ok(self.push(id, Node::Struct { type_name, fields }))
    }

    fn bind(&mut self, name: &Name) -> Slot {
        let slot = Slot(self.locals);
        self.locals += 1;
        self.scope.push((name.clone(), slot));
        self.scopes += 1;
        self.scope_id = self.scopes;
        slot
    }

    fn comprehension(&mut self, id: ExprId, fold: &Comprehension) -> Planned<NodeId> {
        let init = self.node(fold.accu_init)?;
        let range = self.node(fold.iter_range)?;
        let (outer, outer_id) = (self.scope.len(), self.scope_id);
        let accumulator = self.bind(&fold.accu_var);
        let inner_id = self.scope_id;
        let iter = self.bind(&fold.iter_var);
        let iter2 = fold.iter_var2.as_ref().map(|name| self.bind(name));
        let kind = self.fold_kind(fold)?;
        let kind = match kind {
            Some(kind) => kind,
            None => {
                let condition = self.node(fold.loop_condition)?;
                let condition = Some(condition)
                    .filter(|condition| !matches!(self.constant(*condition), Some(Value::Bool(true))));
                let never = condition.is_some_and(|c| matches!(self.constant(c), Some(Value::Bool(false))));
                let step = self.node(fold.loop_step)?;
                self.scope.truncate(outer + 1);
                self.scope_id = inner_id;
                let result = self.node(fold.result)?;
                let empty = self
                    .constant(range)
                    .is_some_and(|range| matches!(range.view(), View::List(list) if list.is_empty()));
                if never && empty {
                    FoldKind::Bind { result }
                } else {
                    FoldKind::General { condition, step, result }
                }
            }
        };
        self.scope.truncate(outer);
        self.scope_id = outer_id;
        Ok(self.push(id, Node::Fold(Box::new(Fold { range, accumulator, init, iter, iter2, kind }))))
    }

    /// The shapes of `all` and `exists`, which need no general loop.
    fn fold_kind(&mut self, fold: &Comprehension) -> Planned<Option<FoldKind>> {
        let ast = self.ast;
        let is_accumulator = |id: ExprId| matches!(&ast[id], Expr::Ident(name) if *name == fold.accu_var);
        let call = |id: ExprId| match &ast[id] {
            Expr::Call { target: None, function, args } => Some((&**function, &args[..])),
            _ => None,
        };
        if fold.accu_var != super::macros::ACCUMULATOR || !is_accumulator(fold.result) {
            return Ok(None);
        }
        let Some((operator::NOT_STRICTLY_FALSE, [condition])) = call(fold.loop_condition) else {
            return Ok(None);
        };
        let Some((step, [accumulator, test])) = call(fold.loop_step) else { return Ok(None) };
        if !is_accumulator(*accumulator) {
            return Ok(None);
        }
        let negated = matches!(call(*condition), Some((operator::NOT, [inner])) if is_accumulator(*inner));
        match (step, &ast[fold.accu_init]) {
            (operator::AND, Expr::Literal(Literal::Bool(true))) if is_accumulator(*condition) => {
                Ok(Some(FoldKind::All(self.node(*test)?)))
            }
            (operator::OR, Expr::Literal(Literal::Bool(false))) if negated => {
                Ok(Some(FoldKind::Exists(self.node(*test)?)))
            }
            _ => Ok(None),
        }
    }
}

fn order_of(function: &str) -> Option<Order> {
    Some(match function {
        operator::LESS => Order::Less,
        operator::LESS_EQUALS => Order::LessEquals,
        operator::GREATER => Order::Greater,
        operator::GREATER_EQUALS => Order::GreaterEquals,
        _ => return None,
    })
}

fn arithmetic_of(function: &str) -> Option<Operator> {
    Some(match function {
        operator::ADD => Operator::Add,
        operator::SUBTRACT => Operator::Subtract,
        operator::MULTIPLY => Operator::Multiply,
        operator::DIVIDE => Operator::Divide,
        operator::MODULO => Operator::Modulo,
        _ => return None,
    })
}

fn literal_value(literal: &Literal) -> Value<'static> {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Int(value) => Value::Int(*value),
        Literal::Uint(value) => Value::Uint(*value),
        Literal::Double(value) => Value::Double(*value),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Bytes(bytes) => Value::Bytes(bytes.clone()),
    }
}

/// Types that are values. Messages and wrappers are none: upstream nobody registers them.
fn type_value(name: &str) -> Option<Value<'static>> {
    const KNOWN: [&str; 24] = [
        "bool",
        "bytes",
        "double",
        "int",
        "list",
        "map",
        "null_type",
        "optional_type",
        "string",
        "type",
        "uint",
        "google.protobuf.Duration",
        "google.protobuf.Timestamp",
        "kubernetes.Quantity",
        "kubernetes.Semver",
        "kubernetes.URL",
        "kubernetes.NamedFormat",
        "kubernetes.authorization.Authorizer",
        "kubernetes.authorization.PathCheck",
        "kubernetes.authorization.GroupCheck",
        "kubernetes.authorization.ResourceCheck",
        "kubernetes.authorization.Decision",
        "net.IP",
        "net.CIDR",
    ];
    KNOWN.contains(&name).then(|| Value::Type(name.into()))
}

impl ConstSet {
    /// The members, unless one of them is no scalar.
    fn new(items: &[Value<'static>]) -> Option<Self> {
        let mut set = Self::default();
        for item in items {
            match item.view() {
                View::Str(text) => {
                    set.strings.insert(text.into());
                }
                View::Bool(value) => set.bools[usize::from(value)] = true,
                View::Int(value) => {
                    set.ints.insert(value);
                    set.doubles.insert(canonical(value as f64));
                    set.uints.extend(u64::try_from(value));
                }
                View::Uint(value) => {
                    set.uints.insert(value);
                    set.doubles.insert(canonical(value as f64));
                    set.ints.extend(i64::try_from(value));
                }
                View::Double(value) => {
                    if !value.is_nan() {
                        set.doubles.insert(canonical(value));
                    }
                    set.ints.extend(super::compare::lossless_int(value));
                    set.uints.extend(super::compare::lossless_uint(value));
                }
                _ => return None,
            }
        }
        Some(set)
    }

    /// Whether the value is a member.
    pub(super) fn contains(&self, item: View<'_, '_>) -> Result<bool, EvalError> {
        Ok(match item {
            View::Str(text) => self.strings.contains(text),
            View::Bool(value) => self.bools[usize::from(value)],
            View::Int(value) => self.ints.contains(&value),
            View::Uint(value) => self.uints.contains(&value),
            View::Double(value) => self.doubles.contains(&canonical(value)),
            View::Bytes(_) => {
                return Err(EvalError::Internal(
                    "runtime error: hash of unhashable type types.Bytes".to_owned(),
                ));
            }
            _ => false,
        })
    }
}

/// The bits of a double with one zero; NaN is no member, which [`ConstSet::new`] sees to.
fn canonical(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

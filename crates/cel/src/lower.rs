//! Turns a checked expression into a [`Plan`].
//!
//! Follows cel-go's `interpreter/planner.go` with its `OptOptimize` decorators (`interpreter/decorators.go`): which nodes
//! become attributes and which constants decides costs and errors.

use std::sync::Arc;

use super::arithmetic::Operator;
use super::ast::{Ast, Comprehension, Expr, ExprId, Literal, MapEntry, Name, StructField, operator};
use super::checker::{Checked, Reference};
use super::cost::{Cost, CostRule};
use super::declarations::{Env, Named, Overload};
use super::dispatch::{self, Code, Pattern};
use super::error::EvalError;
use super::eval;
use super::plan::{
    Attribute, Base, Call, ConstSet, Fold, FoldKind, Implementation, InsertEntry, Node, NodeId, Order, Plan,
    Qualifier, QualifierKind, Slot, Target, VariableIndex,
};
use super::profile::Profile;
use super::stack;
use super::types::Type;
use super::value::{Value, View};

mod call;
mod depth;
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
    let ast = checked.ast();
    // a small tree is no deeper than it has nodes
    let small = u32::try_from(ast.len()).ok().filter(|nodes| nodes.saturating_mul(2) <= stack::SHALLOW);
    let depth = small.unwrap_or_else(|| depth::of_expression(ast));
    let run = || {
        let mut lowering = Lowering::new(env, checked, variables);
        let root = lowering.node(checked.ast().root())?;
        let Lowering { mut nodes, mut sources, depths, mut globals, locals, .. } = lowering;
        nodes.shrink_to_fit();
        sources.shrink_to_fit();
        globals.shrink_to_fit();
        let depth = depths[root.0 as usize];
        Ok(Plan { nodes, root, sources, globals, locals, depth })
    };
    stack::with_room(depth.saturating_mul(2), run)?
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
    done: Done,
}

/// What expressions were lowered to, each in its scope.
struct Done {
    /// In the scope in which each was lowered first.
    first: Vec<Option<(u32, NodeId)>>,
    /// In further ones: few expressions stand in several.
    others: Named<(ExprId, u32), NodeId>,
}

impl Done {
    fn new(expressions: usize) -> Self {
        Self { first: vec![None; expressions], others: Named::default() }
    }

    fn get(&self, id: ExprId, scope: u32) -> Option<NodeId> {
        let (first, node) = self.first[id.index()]?;
        if first == scope {
            return Some(node);
        }
        self.others.get(&(id, scope)).copied()
    }

    fn insert(&mut self, id: ExprId, scope: u32, node: NodeId) {
        match &mut self.first[id.index()] {
            Some(_) => _ = self.others.insert((id, scope), node),
            first => *first = Some((scope, node)),
        }
    }
}

impl<'c> Lowering<'c> {
    fn new(env: &'c Env, checked: &'c Checked, variables: &'c VariableIndex) -> Self {
        Self {
            env,
            checked,
            ast: checked.ast(),
            variables,
            nodes: Vec::with_capacity(checked.ast().len()),
            sources: Vec::with_capacity(checked.ast().len()),
            depths: Vec::with_capacity(checked.ast().len()),
            globals: Vec::new(),
            locals: 0,
            scope: Vec::new(),
            scope_id: 0,
            scopes: 0,
            done: Done::new(checked.ast().len()),
        }
    }

    fn push(&mut self, source: ExprId, mut node: Node) -> NodeId {
        if let Node::Attribute(attribute) = &mut node {
            let plain = |step: &Qualifier| !step.optional && matches!(step.step, QualifierKind::Field(_));
            attribute.plain = attribute.path.iter().all(plain);
            attribute.path.shrink_to_fit();
        }
        let id = NodeId(self.nodes.len() as u32);
        let depth = 1 + self.children_depth(&node);
        self.nodes.push(node);
        self.sources.push(source);
        self.depths.push(depth);
        id
    }

    fn constant(&self, id: NodeId) -> Option<&Value<'static>> {
        match &self.nodes[id.0 as usize] {
            Node::Const(value) => Some(value),
            _ => None,
        }
    }

    fn node(&mut self, id: ExprId) -> Planned<NodeId> {
        if let Some(done) = self.done.get(id, self.scope_id) {
            return Ok(done);
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
        self.done.insert(id, self.scope_id, node);
        Ok(node)
    }

    fn ident(&mut self, id: ExprId, written: &Name) -> Planned<NodeId> {
        // until cel-go 0.27 a leading dot did not look past the variables of a comprehension
        let bound_as = match written.strip_prefix('.') {
            Some(rest) if self.checked.profile() == Profile::V1_36 => rest,
            _ => written,
        };
        let local = self.scope.iter().rev().find(|(bound, _)| **bound == *bound_as).map(|(_, slot)| *slot);
        if let Some(slot) = local {
            // upstream takes every name whose type is a type for the name of one
            if let Type::Type(_) = self.checked.type_of(id) {
                return Err(PlanError::UndefinedType(written.as_ref().into()));
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
        let step = match self.checked.type_of(operand) {
            Type::Struct(name) if &**name == "Object" || name.starts_with("Object.") => QualifierKind::Member,
            _ => QualifierKind::Field,
        };
        let step = step(Arc::from(field.as_ref()));
        let operand = self.node(operand)?;
        let mut attribute = self.as_attribute(operand);
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
                if let (Base::Variables, QualifierKind::Field(name)) = (&*base, &qualifier.step)
                    && let Some(index) = self.variables.get(&**name)
                {
                    *base = Base::Variable(*index);
                }
                // most paths are not extended again
                attribute.path.reserve_exact(1);
                attribute.path.push(qualifier.clone());
            }
        }
    }

    fn index(&mut self, id: ExprId, operand: NodeId, index: NodeId, optional: bool) -> Planned<NodeId> {
        let mut attribute = self.as_attribute(operand);
        let step = match &self.nodes[index.0 as usize] {
            Node::Const(value) => match value.view() {
                View::Str(text) => QualifierKind::Field(text.into()),
                View::Int(_) | View::Uint(_) | View::Bool(_) | View::Double(_) => {
                    QualifierKind::Index(value.clone())
                }
                other => return Err(EvalError::QualifierType(other.go_type()).into()),
            },
            Node::Attribute(inner) => QualifierKind::Computed { index: Box::new(inner.clone()) },
            _ => {
                let inner = Attribute::new(Base::Value(index));
                QualifierKind::Computed { index: Box::new(inner) }
            }
        };
        self.qualify(&mut attribute, &Qualifier { step, optional }, false);
        Ok(self.push(id, Node::Attribute(attribute)))
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

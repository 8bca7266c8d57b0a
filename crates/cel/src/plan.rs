//! The lowered form of an expression: what the evaluator walks.
//!
//! Names are slots, attribute paths are one step, overloads are chosen where the types are known, constants are folded
//! exactly as cel-go folds them (cost and the class of errors depend on it). The tree is an arena, so dropping it does not
//! recurse; how deep it is, is known beforehand.

use std::sync::Arc;

use super::arithmetic::Operator;
use super::ast::Name;
use super::cost::CostRule;
use super::declarations::Overload;
use super::dispatch::{Code, Native};
use super::value::Value;

mod const_set;

pub(super) use const_set::ConstSet;

/// A node's place in its [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NodeId(pub(super) u32);

/// A local variable's place in the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(pub(super) u32);

/// One step of evaluation.
#[derive(Debug)]
pub(super) enum Node {
    Const(Value<'static>),
    Attribute(Attribute),
    /// `!a`
    Not(NodeId),
    /// `-a`
    Negate(NodeId),
    /// Anything but false goes on.
    NotStrictlyFalse(NodeId),
    And(Box<[NodeId]>),
    Or(Box<[NodeId]>),
    /// `a == b`, or `a != b`.
    Equal {
        left: NodeId,
        right: NodeId,
        negated: bool,
    },
    Order {
        order: Order,
        left: NodeId,
        right: NodeId,
        rule: CostRule,
    },
    Arithmetic {
        operator: Operator,
        left: NodeId,
        right: NodeId,
        rule: CostRule,
    },
    /// `accumulator + [item]`, which owns the accumulator while it runs.
    Append {
        accumulator: Slot,
        item: NodeId,
        /// The list is a constant, which making costs nothing.
        folded: bool,
    },
    /// `cel.@mapInsert(accumulator, ...)`, likewise.
    Insert {
        accumulator: Slot,
        entry: InsertEntry,
    },
    /// `x in` a constant list of scalars.
    InSet {
        item: NodeId,
        set: Box<ConstSet>,
    },
    In {
        item: NodeId,
        container: NodeId,
        rule: CostRule,
    },
    /// `a.or(b)`
    OptionalOr {
        left: NodeId,
        right: NodeId,
    },
    /// `a.orValue(b)`
    OptionalOrValue {
        left: NodeId,
        right: NodeId,
    },
    Call(Box<Call>),
    List {
        items: Box<[NodeId]>,
        optional: Box<[u32]>,
    },
    Map(Box<[(NodeId, NodeId, bool)]>),
    Struct {
        type_name: Arc<str>,
        fields: Box<[(Name, NodeId, bool)]>,
    },
    Fold(Box<Fold>),
}

/// The entry that a map comprehension adds.
#[derive(Debug, Clone, Copy)]
pub(super) enum InsertEntry {
    Pair(NodeId, NodeId),
    Map(NodeId),
}

/// `<` and its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Less,
    LessEquals,
    Greater,
    GreaterEquals,
}

impl Order {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Less => "_<_",
            Self::LessEquals => "_<=_",
            Self::Greater => "_>_",
            Self::GreaterEquals => "_>=_",
        }
    }

    pub(super) fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Self::Less => ordering.is_lt(),
            Self::LessEquals => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterEquals => ordering.is_ge(),
        }
    }
}

/// A value and a path down from it, evaluated in one step as cel-go's attributes are.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    pub(super) base: Base,
    pub(super) path: Vec<Qualifier>,
    /// `has(...)`: the last step asks for presence.
    pub(super) presence: bool,
    /// The path has fields only, none of them optional.
    pub(super) plain: bool,
}

impl Attribute {
    /// A path without steps yet.
    pub(super) fn new(base: Base) -> Self {
        Self { base, path: Vec::new(), presence: false, plain: false }
    }
}

/// Where an attribute starts.
#[derive(Clone, Debug)]
pub(super) enum Base {
    Local(Slot),
    /// An index into [`Plan::globals`].
    Global(u32),
    /// `variables` as such.
    Variables,
    /// `variables.name`: the composited variable, and the first step of the path is its name.
    Variable(u32),
    /// What an expression gives.
    Value(NodeId),
    /// `(condition ? a : b).path`: the path is on both branches already.
    Conditional {
        condition: NodeId,
        then: Box<Attribute>,
        otherwise: Box<Attribute>,
    },
}

/// A step down.
#[derive(Clone, Debug)]
pub(super) struct Qualifier {
    pub(super) step: QualifierKind,
    /// `.?field` or `[?index]`
    pub(super) optional: bool,
}

#[derive(Clone, Debug)]
pub(super) enum QualifierKind {
    Field(Arc<str>),
    /// A field of what the checker knows to be an `Object`: upstream such values have their fields only there.
    Member(Arc<str>),
    Index(Value<'static>),
    /// An index that is computed. Upstream a conditional is an attribute that costs nothing itself.
    Computed {
        index: Box<Attribute>,
    },
}

/// A function call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) function: Name,
    pub(super) args: Box<[NodeId]>,
    pub(super) target: Target,
    pub(super) rule: CostRule,
    /// Arguments are evaluated up to the first that fails: upstream such a call goes through a function of any number of
    /// them.
    pub(super) lazy: bool,
    /// The regular expression, where it is a constant.
    pub(super) regex: Option<super::dispatch::Pattern>,
}

/// What a call runs.
#[derive(Debug)]
pub(super) enum Target {
    /// One overload, the arguments' types tested at run time.
    One(Implementation),
    /// One implementation for every overload; it tests by itself.
    Any(Native),
    /// The first overload whose parameters fit at run time.
    First(Box<[Implementation]>),
}

/// What runs an overload, and the row that it is from.
#[derive(Debug)]
pub(super) struct Implementation {
    pub(super) code: Code,
    pub(super) overload: Arc<Overload>,
}

impl Implementation {
    pub(super) fn of(overload: &Arc<Overload>) -> Self {
        Self { code: overload.code, overload: Arc::clone(overload) }
    }
}

/// A comprehension.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) range: NodeId,
    pub(super) accumulator: Slot,
    pub(super) init: NodeId,
    pub(super) iter: Slot,
    pub(super) iter2: Option<Slot>,
    pub(super) kind: FoldKind,
}

/// What a comprehension does at each element.
#[derive(Debug)]
pub(super) enum FoldKind {
    All(NodeId),
    Exists(NodeId),
    /// `condition` is `None` where it is constantly true.
    General {
        condition: Option<NodeId>,
        step: NodeId,
        result: NodeId,
    },
    /// `let accumulator = init in result`
    Bind {
        result: NodeId,
    },
}

/// A lowered expression.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    /// The expression node each came from, for explanations.
    pub(super) sources: Vec<super::ast::ExprId>,
    /// Variables from outside, by name.
    pub(super) globals: Vec<Arc<str>>,
    pub(super) locals: u32,
    /// The longest path through `nodes`.
    pub(super) depth: u32,
}

impl Plan {
    pub(super) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

/// How composited variables are found while planning.
pub(super) type VariableIndex = super::declarations::Named<Name, u32>;

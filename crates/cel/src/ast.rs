//! The expression tree: one arena per expression, addressed by [`ExprId`].
//!
//! Macros are already expanded, exactly into the comprehensions that cel-go makes of them: cost, error behaviour and
//! constant folding depend on the expanded shape. What was written is kept beside it in [`Ast::macro_calls`].
//!
//! A node may have more than one parent (a macro may use an argument twice), so this is a DAG; there are no cycles.
//! Trees can be deep (some 3,000 levels for hostile text within the parser's limits): walk them with a stack of your own.

use std::borrow::Cow;
use std::ops::{Index, Range};
use std::sync::Arc;

/// A name in an expression; operators and hidden variables are static, the rest owned.
pub type Name = Cow<'static, str>;

/// A name of the text. Those that most expressions have are not copied: the variables of admission, the fields of every object,
/// macros, and the functions that are called most.
pub(super) fn name(text: &str) -> Name {
    macro_rules! known {
        ($($known:literal)*) => {
            match text {
                $($known => Name::Borrowed($known),)*
                _ => Name::Owned(text.to_owned()),
            }
        };
    }
    known! {
        "all" "annotations" "apiVersion" "authorizer" "c" "containers" "contains" "e" "endsWith" "exists" "filter" "flatten"
        "has" "hasValue" "index" "item" "k" "key" "kind" "labels" "m" "map" "matches" "metadata" "name" "namespace" "object"
        "oldObject" "oldSelf" "orValue" "params" "p" "request" "self" "size" "spec" "startsWith" "string" "template" "type" "v"
        "value" "variables"
    }
}

/// A node's place in its [`Ast`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub(crate) u32);

impl ExprId {
    /// The index into tables kept beside the arena.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A constant as written.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Arc<str>),
    Bytes(Arc<[u8]>),
}

/// One node.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A constant.
    Literal(Literal),
    /// A variable, type or constant by name; a leading dot is kept (`.a`).
    Ident(Name),
    /// `operand.field`, or `has(operand.field)` when `test_only`.
    Select {
        /// What is selected from.
        operand: ExprId,
        /// The field or map key.
        field: Name,
        /// Presence is asked, not the value.
        test_only: bool,
    },
    /// A function, member function or operator (see [`operator`]).
    Call {
        /// The receiver of `target.function(...)`. It may be a namespace (`optional.of`), which only the checker knows.
        target: Option<ExprId>,
        /// The function's name.
        function: Name,
        /// Arguments without the target.
        args: Box<[ExprId]>,
    },
    /// `[a, ?b]`
    List {
        /// The elements.
        elements: Box<[ExprId]>,
        /// Indices of the elements written with `?`, ascending.
        optional: Box<[u32]>,
    },
    /// `{k: v, ?k: v}`
    Map(Box<[MapEntry]>),
    /// `Type{field: value, ?field: value}`
    Struct {
        /// The type's name as written, possibly dotted.
        type_name: Name,
        /// The fields in order.
        fields: Box<[StructField]>,
    },
    /// What macros expand to.
    Comprehension(Box<Comprehension>),
}

/// An entry of a map literal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapEntry {
    /// What the entry is found by.
    pub key: ExprId,
    /// What the entry holds.
    pub value: ExprId,
    /// Written `?key: value`: left out when the value is `optional.none()`.
    pub optional: bool,
    /// Byte offset of the colon.
    pub offset: u32,
}

/// A field of a message literal.
#[derive(Clone, Debug, PartialEq)]
pub struct StructField {
    /// The field's name.
    pub name: Name,
    /// What the field is set to.
    pub value: ExprId,
    /// Written `?name: value`.
    pub optional: bool,
    /// Byte offset of the colon.
    pub offset: u32,
}

/// A fold over a list or map: `accu = init; for iter in range { if !condition {break}; accu = step }; result`.
#[derive(Clone, Debug, PartialEq)]
pub struct Comprehension {
    /// The list or map that is walked.
    pub iter_range: ExprId,
    /// The element, or the map's key; with two variables the list's index or the map's key.
    pub iter_var: Name,
    /// Two-variable macros: the list's element or the map's value.
    pub iter_var2: Option<Name>,
    /// The accumulator's hidden name.
    pub accu_var: Name,
    /// The accumulator's first value.
    pub accu_init: ExprId,
    /// Checked before each step.
    pub loop_condition: ExprId,
    /// The accumulator's next value.
    pub loop_step: ExprId,
    /// The value of the whole; sees the accumulator only.
    pub result: ExprId,
}

/// A macro as it was written, for explanations.
#[derive(Clone, Debug, PartialEq)]
pub struct MacroCall {
    /// The node it expanded to.
    pub expansion: ExprId,
    /// `has`, `all`, `map`, ...
    pub function: Name,
    /// What the macro was called on.
    pub target: Option<ExprId>,
    /// The arguments as written.
    pub args: Box<[ExprId]>,
}

/// Where a node stands in the text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeSpan {
    /// The position cel-go reports: the operator, the opening bracket, the dot.
    pub offset: u32,
    /// First byte of the node's text.
    pub start: u32,
    /// One past the last byte of the node's text.
    pub end: u32,
}

/// A parsed expression.
#[derive(Clone, Debug)]
pub struct Ast {
    pub(crate) nodes: Vec<Expr>,
    pub(crate) places: Vec<NodeSpan>,
    pub(crate) root: ExprId,
    pub(crate) source: Arc<str>,
    pub(crate) macro_calls: Vec<MacroCall>,
}

impl Ast {
    /// The node that is the whole expression.
    #[must_use]
    pub fn root(&self) -> ExprId {
        self.root
    }

    /// The expression's text.
    #[must_use]
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// How many nodes there are; ids are below this.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Never true for a parsed expression.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Every node's id. Children come before their parents, except below macros.
    pub fn ids(&self) -> impl Iterator<Item = ExprId> + use<> {
        (0..self.nodes.len() as u32).map(ExprId)
    }

    /// Where the node stands in the text. Nodes that a macro made stand where the macro does.
    #[must_use]
    pub fn place(&self, id: ExprId) -> NodeSpan {
        self.places[id.index()]
    }

    /// The node's text; that of a node a macro made is the whole macro call.
    #[must_use]
    pub fn text(&self, id: ExprId) -> &str {
        let place = self.place(id);
        let range: Range<usize> = place.start as usize..place.end as usize;
        self.source.get(range).unwrap_or_default()
    }

    /// The macros that were expanded, inner ones first.
    #[must_use]
    pub fn macro_calls(&self) -> &[MacroCall] {
        &self.macro_calls
    }

    /// The macro that expanded to this node.
    #[must_use]
    pub fn macro_call(&self, expansion: ExprId) -> Option<&MacroCall> {
        self.macro_calls.iter().find(|call| call.expansion == expansion)
    }
}

impl Index<ExprId> for Ast {
    type Output = Expr;

    fn index(&self, id: ExprId) -> &Expr {
        &self.nodes[id.index()]
    }
}

/// The function names that operators become.
#[allow(missing_docs)]
pub mod operator {
    pub const CONDITIONAL: &str = "_?_:_";
    pub const AND: &str = "_&&_";
    pub const OR: &str = "_||_";
    pub const NOT: &str = "!_";
    pub const EQUALS: &str = "_==_";
    pub const NOT_EQUALS: &str = "_!=_";
    pub const LESS: &str = "_<_";
    pub const LESS_EQUALS: &str = "_<=_";
    pub const GREATER: &str = "_>_";
    pub const GREATER_EQUALS: &str = "_>=_";
    pub const ADD: &str = "_+_";
    pub const SUBTRACT: &str = "_-_";
    pub const MULTIPLY: &str = "_*_";
    pub const DIVIDE: &str = "_/_";
    pub const MODULO: &str = "_%_";
    pub const NEGATE: &str = "-_";
    pub const INDEX: &str = "_[_]";
    pub const OPT_INDEX: &str = "_[?_]";
    pub const OPT_SELECT: &str = "_?._";
    pub const IN: &str = "@in";
    pub const NOT_STRICTLY_FALSE: &str = "@not_strictly_false";
    pub const MAP_INSERT: &str = "cel.@mapInsert";
    pub const SORT_BY_KEYS: &str = "@sortByAssociatedKeys";
}

//! Types every node of an expression, as cel-go's checker does.

use std::sync::Arc;

use super::ast::{Ast, ExprId, Literal, Name};
use super::profile::Profile;
use super::types::Type;

/// Identifies one overload of a function; the text is Kubernetes' (`add_int64`, `string_to_quantity`).
pub type OverloadId = &'static str;

/// What a node of a checked expression refers to.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// Nothing: a literal, an aggregate, a field selection.
    None,
    /// A variable, type name or constant. A dotted variable (`authorizer.requestResource`) is one reference on the
    /// outermost select node; the nodes below it are not checked and carry [`Type::Error`].
    Ident {
        /// The resolved name, without a leading dot.
        name: Name,
        /// The value of a constant (`google.protobuf.NullValue.NULL_VALUE`).
        value: Option<Literal>,
    },
    /// A call: the overloads that fit the static types, in declared order; more than one when an argument is `dyn`.
    Overloads {
        /// The function's resolved name. A call with a namespace for a target (`optional.of(1)`) has the full name here,
        /// and its target is not to be evaluated.
        function: Name,
        /// The overloads' ids.
        overloads: Box<[OverloadId]>,
        /// The call's target is part of the name.
        namespaced: bool,
    },
}

/// A checked expression: the tree, and a type and reference per node.
#[derive(Clone, Debug)]
pub struct Checked {
    pub(super) ast: Arc<Ast>,
    pub(super) types: Vec<Type>,
    pub(super) references: Vec<Reference>,
    pub(super) profile: Profile,
}

impl Checked {
    /// The tree.
    #[must_use]
    pub fn ast(&self) -> &Arc<Ast> {
        &self.ast
    }

    /// The type of a node. Nodes that were not visited have [`Type::Error`].
    #[must_use]
    pub fn type_of(&self, id: ExprId) -> &Type {
        &self.types[id.index()]
    }

    /// What a node refers to.
    #[must_use]
    pub fn reference(&self, id: ExprId) -> &Reference {
        &self.references[id.index()]
    }

    /// The type of the whole expression.
    #[must_use]
    pub fn output_type(&self) -> &Type {
        self.type_of(self.ast.root())
    }

    /// The CEL that was spoken.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }
}

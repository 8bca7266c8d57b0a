//! How tightly operators bind, and the functions they stand for.

use super::super::ast::operator;
use super::super::lexer::Kind;

#[derive(Clone, Copy)]
pub(super) enum Logic {
    Or,
    And,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Precedence {
    Relation,
    Sum,
    Product,
    Operand,
}

impl Precedence {
    /// What the operand on the right is made of.
    pub(super) fn tighter(self) -> Self {
        match self {
            Self::Relation => Self::Sum,
            Self::Sum => Self::Product,
            Self::Product | Self::Operand => Self::Operand,
        }
    }
}

pub(super) fn binary_operator(kind: Kind) -> Option<(Precedence, &'static str)> {
    Some(match kind {
        Kind::Equals => (Precedence::Relation, operator::EQUALS),
        Kind::NotEquals => (Precedence::Relation, operator::NOT_EQUALS),
        Kind::Less => (Precedence::Relation, operator::LESS),
        Kind::LessEquals => (Precedence::Relation, operator::LESS_EQUALS),
        Kind::Greater => (Precedence::Relation, operator::GREATER),
        Kind::GreaterEquals => (Precedence::Relation, operator::GREATER_EQUALS),
        Kind::In => (Precedence::Relation, operator::IN),
        Kind::Plus => (Precedence::Sum, operator::ADD),
        Kind::Minus => (Precedence::Sum, operator::SUBTRACT),
        Kind::Star => (Precedence::Product, operator::MULTIPLY),
        Kind::Slash => (Precedence::Product, operator::DIVIDE),
        Kind::Percent => (Precedence::Product, operator::MODULO),
        _ => return None,
    })
}

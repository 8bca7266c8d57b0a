//! What can come next: sets of tokens, and how errors write them.

use super::super::super::lexer::Kind;

/// A set of kinds of token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn of(kinds: &[Kind]) -> Self {
        let (mut bits, mut index) = (0, 0);
        while index < kinds.len() {
            bits |= 1 << kinds[index] as u8;
            index += 1;
        }
        Self(bits)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

pub(super) const RELATIONS: Set = Set::of(&[
    Kind::Less,
    Kind::LessEquals,
    Kind::GreaterEquals,
    Kind::Greater,
    Kind::Equals,
    Kind::NotEquals,
    Kind::In,
]);
pub(super) const PRODUCTS: Set = Set::of(&[Kind::Star, Kind::Slash, Kind::Percent]);
pub(super) const SUMS: Set = Set::of(&[Kind::Plus, Kind::Minus]);
/// What a literal, and so a primary and a member, may begin with.
pub(super) const MEMBER: Set = Set::of(&[
    Kind::LeftBracket,
    Kind::LeftBrace,
    Kind::LeftParen,
    Kind::Dot,
    Kind::Minus,
    Kind::True,
    Kind::False,
    Kind::Null,
    Kind::Float,
    Kind::Int,
    Kind::Uint,
    Kind::String,
    Kind::Bytes,
    Kind::Identifier,
]);
pub(super) const EXPR: Set = MEMBER.and(Set::of(&[Kind::Exclamation]));
pub(super) const OPT_EXPR: Set = EXPR.and(Set::of(&[Kind::Question]));
pub(super) const FIELD_NAME: Set = Set::of(&[Kind::Identifier, Kind::QuotedIdentifier]);
pub(super) const OPT_FIELD: Set = FIELD_NAME.and(Set::of(&[Kind::Question]));
pub(super) const MEMBER_GOES_ON: Set = Set::of(&[Kind::Dot, Kind::LeftBracket]);
pub(super) const NUMBER: Set = Set::of(&[Kind::Int, Kind::Float]);

/// The tokens that can come next within a rule, and whether the rule may also end.
#[derive(Clone, Copy)]
pub(super) struct Next {
    pub(super) tokens: Set,
    pub(super) may_end: bool,
}

pub(super) const fn then(kinds: &[Kind]) -> Next {
    Next { tokens: Set::of(kinds), may_end: false }
}

pub(super) const fn maybe(tokens: Set) -> Next {
    Next { tokens, may_end: true }
}

pub(super) const END: Next = maybe(Set::NONE);

/// The tokens in ANTLR's order; several stand in braces.
pub(super) fn names(set: Set) -> String {
    const NAMES: [(Kind, &str); 36] = [
        (Kind::End, "<EOF>"),
        (Kind::Equals, "'=='"),
        (Kind::NotEquals, "'!='"),
        (Kind::In, "'in'"),
        (Kind::Less, "'<'"),
        (Kind::LessEquals, "'<='"),
        (Kind::GreaterEquals, "'>='"),
        (Kind::Greater, "'>'"),
        (Kind::And, "'&&'"),
        (Kind::Or, "'||'"),
        (Kind::LeftBracket, "'['"),
        (Kind::RightBracket, "']'"),
        (Kind::LeftBrace, "'{'"),
        (Kind::RightBrace, "'}'"),
        (Kind::LeftParen, "'('"),
        (Kind::RightParen, "')'"),
        (Kind::Dot, "'.'"),
        (Kind::Comma, "','"),
        (Kind::Minus, "'-'"),
        (Kind::Exclamation, "'!'"),
        (Kind::Question, "'?'"),
        (Kind::Colon, "':'"),
        (Kind::Plus, "'+'"),
        (Kind::Star, "'*'"),
        (Kind::Slash, "'/'"),
        (Kind::Percent, "'%'"),
        (Kind::True, "'true'"),
        (Kind::False, "'false'"),
        (Kind::Null, "'null'"),
        (Kind::Float, "NUM_FLOAT"),
        (Kind::Int, "NUM_INT"),
        (Kind::Uint, "NUM_UINT"),
        (Kind::String, "STRING"),
        (Kind::Bytes, "BYTES"),
        (Kind::Identifier, "IDENTIFIER"),
        (Kind::QuotedIdentifier, "ESC_IDENTIFIER"),
    ];
    let names: Vec<&str> = NAMES.iter().filter(|(kind, _)| set.has(*kind)).map(|(_, name)| *name).collect();
    match &names[..] {
        [name] => (*name).to_owned(),
        names => format!("{{{}}}", names.join(", ")),
    }
}

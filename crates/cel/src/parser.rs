//! Text to tree: cel-go's grammar, limits and error positions, written by hand.
//!
//! ```text
//! expr ─▶ logic (||, &&) ─▶ relation ─▶ calc (+ -, * / %) ─▶ unary ─▶ member (.f, .?f, .f(), [i]) ─▶ primary ─▶ expr
//! ```
//!
//! Recursion goes through `expr` only and is bounded by cel-go's limit of 250, so the stack is bounded too; chains are loops.

mod literal;
mod operators;
mod recovery;

use std::borrow::Cow;
use std::sync::Arc;

use super::ast::{Ast, Expr, ExprId, Literal, MapEntry, Name, NodeSpan, StructField, name, operator};
use super::issue::{Issue, Issues, Stage};
use super::lexer::{Kind, Lexed, Token, lex};
use super::macros::Builder;
use super::profile::Profile;
use operators::{Logic, Precedence, binary_operator};

/// cel-go's default, in code points.
pub const MAX_CODE_POINTS: usize = 100_000;

/// cel-go's default: how deep expressions nest, and how many operators, selections and calls stand above one another.
pub const MAX_RECURSION: u16 = 250;

/// Parses an expression.
///
/// # Errors
/// Everything that is wrong with the text, the first error where cel-go has its first.
pub fn parse(source: &str, profile: Profile) -> Result<Ast, Issues> {
    let shared: Arc<str> = source.into();
    if source.len() > MAX_CODE_POINTS {
        let size = source.chars().count();
        if size > MAX_CODE_POINTS {
            let message =
                format!("expression code point size exceeds limit: size: {size}, limit {MAX_CODE_POINTS}");
            return Err(Issues::new(Stage::Parse, shared, vec![Issue { offset: None, message }]));
        }
    }
    let Lexed { tokens, unrecognized } = lex(source);
    let mut parser = Parser {
        source,
        profile,
        tokens: &tokens,
        at: 0,
        depths: Depths::default(),
        build: Builder::new(source.len() / 3),
        issues: vec![],
    };
    let root = parser.start();
    let Parser { build, issues, .. } = parser;
    if unrecognized.is_empty()
        && issues.is_empty()
        && !build.too_deep()
        && let Ok(root) = root
    {
        let (nodes, places, macro_calls) = build.into_parts();
        return Ok(Ast { nodes, places, root, source: shared, macro_calls });
    }
    let (mut all, gave_up) = recovery::syntax_issues(source, &tokens, &unrecognized);
    if !gave_up {
        if build.too_deep() {
            all.push(Issue { offset: None, message: "max recursion depth exceeded".to_owned() });
        }
        all.extend(issues);
    }
    Err(Issues::new(Stage::Parse, shared, all))
}

/// Why parsing cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    /// The text is not in the grammar; [`recovery`] says where and how.
    Syntax,
    /// Nested too deep.
    Recursion,
}

type Parsed<T> = Result<T, Stop>;

struct Parser<'s> {
    source: &'s str,
    profile: Profile,
    tokens: &'s [Token],
    at: usize,
    depths: Depths,
    build: Builder,
    issues: Vec<Issue>,
}

/// Words that cannot be variables, though they can be fields. (`in`, `true`, `false` and `null` are tokens of their own.)
const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];

impl Parser<'_> {
    fn start(&mut self) -> Parsed<ExprId> {
        let root = self.expr()?;
        self.expect(Kind::End)?;
        Ok(root)
    }

    /// `or ('?' or ':' expr)?`
    fn expr(&mut self) -> Parsed<ExprId> {
        enter(&mut self.depths.expr)?;
        let condition = self.logic(Logic::Or)?;
        let expr = match self.take(Kind::Question) {
            None => condition,
            Some(question) => {
                let then = self.logic(Logic::Or)?;
                self.expect(Kind::Colon)?;
                let otherwise = self.expr()?;
                self.call(question.start, operator::CONDITIONAL, &[condition, then, otherwise], true)
            }
        };
        self.depths.expr -= 1;
        Ok(expr)
    }

    /// A chain of `||`, or of `&&` within one. cel-go balances chains, which shows in the order of evaluation costs.
    fn logic(&mut self, logic: Logic) -> Parsed<ExprId> {
        let (kind, function) = match logic {
            Logic::Or => (Kind::Or, operator::OR),
            Logic::And => (Kind::And, operator::AND),
        };
        let term = |parser: &mut Self| match logic {
            Logic::Or => parser.logic(Logic::And),
            Logic::And => parser.relation(),
        };
        let first = term(self)?;
        let Some(mut operator) = self.take(kind) else { return Ok(first) };
        let (mut terms, mut operators) = (vec![first], Vec::new());
        loop {
            operators.push(operator.start);
            terms.push(term(self)?);
            match self.take(kind) {
                Some(next) => operator = next,
                None => return Ok(self.balance(function, &terms, &operators)),
            }
        }
    }

    /// The recursion is as deep as the logarithm of the chain's length.
    fn balance(&mut self, function: &'static str, terms: &[ExprId], operators: &[u32]) -> ExprId {
        let middle = operators.len() / 2;
        let side = |parser: &mut Self, terms: &[ExprId], operators: &[u32]| match terms {
            [term] => *term,
            _ => parser.balance(function, terms, operators),
        };
        let left = side(self, &terms[..=middle], &operators[..middle]);
        let right = side(self, &terms[middle + 1..], &operators[middle + 1..]);
        self.call(operators[middle], function, &[left, right], false)
    }

    /// `calc (operator calc)*`. The grammar has a rule within a rule on the right, which counts against its limit.
    fn relation(&mut self) -> Parsed<ExprId> {
        enter(&mut self.depths.relation)?;
        let mut left = self.calc(Precedence::Sum)?;
        while let Some((Precedence::Relation, function)) = binary_operator(self.peek()) {
            let operator = self.advance();
            enter(&mut self.depths.relation)?;
            let right = self.calc(Precedence::Sum)?;
            self.depths.relation -= 1;
            left = self.call(operator.start, function, &[left, right], true);
        }
        self.depths.relation -= 1;
        Ok(left)
    }

    /// Left-associative operators that bind at least as tightly as `least`.
    fn calc(&mut self, least: Precedence) -> Parsed<ExprId> {
        enter(&mut self.depths.calc)?;
        let mut left = self.unary()?;
        while let Some((precedence, function)) = binary_operator(self.peek())
            && precedence >= least
        {
            let operator = self.advance();
            let right = self.calc(precedence.tighter())?;
            left = self.call(operator.start, function, &[left, right], true);
        }
        self.depths.calc -= 1;
        Ok(left)
    }

    /// `'!'+ member | '-'+ member | member`; an even number of signs cancels out. A single minus before a number is
    /// part of the literal.
    fn unary(&mut self) -> Parsed<ExprId> {
        let first = self.token();
        let function = match first.kind {
            Kind::Exclamation => operator::NOT,
            Kind::Minus if !matches!(self.peek_at(1), Kind::Int | Kind::Float) => operator::NEGATE,
            _ => return self.member(),
        };
        let mut count = 0_usize;
        while self.take(first.kind).is_some() {
            count += 1;
        }
        let operand = self.member()?;
        if count.is_multiple_of(2) {
            return Ok(operand);
        }
        Ok(self.call(first.start, function, &[operand], false))
    }

    /// `primary ('.' '?'? field | '.' name '(' args ')' | '[' '?'? expr ']')*`
    fn member(&mut self) -> Parsed<ExprId> {
        let mut operand = self.primary()?;
        loop {
            let token = self.token();
            operand = match token.kind {
                Kind::Dot => self.after_dot(operand)?,
                Kind::LeftBracket => {
                    self.advance();
                    let function = if self.take(Kind::Question).is_some() {
                        operator::OPT_INDEX
                    } else {
                        operator::INDEX
                    };
                    let index = self.expr()?;
                    self.expect(Kind::RightBracket)?;
                    self.call(token.start, function, &[operand, index], true)
                }
                _ => return Ok(operand),
            };
        }
    }

    fn after_dot(&mut self, operand: ExprId) -> Parsed<ExprId> {
        let dot = self.advance();
        let optional = self.take(Kind::Question).is_some();
        let token = self.token();
        let field = self.field_name(token.start)?;
        if optional {
            let name =
                self.node(token.start, token.start, Expr::Literal(Literal::String(field.as_ref().into())));
            return Ok(self.call(dot.start, operator::OPT_SELECT, &[operand, name], true));
        }
        if token.kind == Kind::Identifier
            && let Some(open) = self.take(Kind::LeftParen)
        {
            let args = self.arguments()?;
            let start = self.build.place(operand).start;
            return Ok(self.call_or_macro(open.start, start, field, Some(operand), args));
        }
        let place = self.place(dot.start, self.build.place(operand).start);
        let select = Expr::Select { operand, field, test_only: false };
        Ok(self.build.push(select, place, self.build.height(operand) + 1))
    }

    /// What may follow a dot or stand before a field's colon. What is wrong with it is reported at the offset.
    fn field_name(&mut self, at: u32) -> Parsed<Name> {
        let token = self.token();
        let text = self.text(token);
        let name = match token.kind {
            Kind::Identifier => name(text),
            Kind::QuotedIdentifier => {
                let unquoted = text[1..text.len() - 1].to_owned();
                if !self.profile.quoted_identifiers() {
                    self.report(at, "unsupported syntax: '`'");
                }
                Cow::Owned(unquoted)
            }
            _ => return Err(Stop::Syntax),
        };
        self.advance();
        Ok(name)
    }

    fn primary(&mut self) -> Parsed<ExprId> {
        let token = self.token();
        match token.kind {
            Kind::Identifier => self.named(token),
            Kind::Dot if self.peek_at(1) == Kind::Identifier => self.named(token),
            Kind::Dot => {
                // the dot itself is a fair beginning
                self.advance();
                Err(Stop::Syntax)
            }
            Kind::LeftParen => {
                self.advance();
                let expr = self.expr()?;
                let close = self.expect(Kind::RightParen)?;
                self.build.widen(expr, token.start, close.end);
                Ok(expr)
            }
            Kind::LeftBracket => self.list(token),
            Kind::LeftBrace => self.map(token),
            _ => self.literal(token),
        }
    }

    /// A variable, a call or a message, with or without a leading dot.
    fn named(&mut self, first: Token) -> Parsed<ExprId> {
        if let Some(brace) = self.message_brace() {
            return self.message(first, brace);
        }
        let leading_dot = self.take(Kind::Dot).is_some();
        let token = self.advance();
        let text = self.text(token);
        let reserved = RESERVED.contains(&text);
        let name: Name = if leading_dot { Cow::Owned(format!(".{text}")) } else { name(text) };
        if reserved {
            self.report(first.start, &format!("reserved identifier: {text}"));
        }
        match self.take(Kind::LeftParen) {
            Some(open) => {
                let args = self.arguments()?;
                if reserved {
                    return Ok(self.failed(open.start));
                }
                Ok(self.call_or_macro(open.start, first.start, name, None, args))
            }
            None if reserved => Ok(self.failed(first.start)),
            None => Ok(self.node(token.start, first.start, Expr::Ident(name))),
        }
    }

    /// The index of the brace if a dotted name and a brace stand here: then it is a message.
    fn message_brace(&self) -> Option<usize> {
        let mut at = self.at + usize::from(self.peek() == Kind::Dot);
        loop {
            let after = |offset: usize| self.tokens.get(at + offset).map(|token| token.kind);
            match (after(0)?, after(1)?) {
                (Kind::Identifier, Kind::LeftBrace) => return Some(at + 1),
                (Kind::Identifier, Kind::Dot) => at += 2,
                _ => return None,
            }
        }
    }

    fn message(&mut self, first: Token, brace: usize) -> Parsed<ExprId> {
        let mut name = String::new();
        while self.at < brace {
            let token = self.advance();
            name.push_str(self.text(token));
        }
        let open = self.advance();
        let first_field = self.token().start;
        let (mut fields, mut height) = (Vec::new(), 0);
        while self.peek() != Kind::RightBrace && !self.lone_comma(&fields) {
            let optional = self.take(Kind::Question).is_some();
            let name = self.field_name(first_field)?;
            let colon = self.expect(Kind::Colon)?;
            let value = self.expr()?;
            height = height.max(self.build.height(value));
            fields.push(StructField { name, value, optional, offset: colon.start });
            if self.peek() == Kind::RightBrace || !self.separator(Kind::RightBrace)? {
                break;
            }
        }
        self.take(Kind::Comma);
        self.expect(Kind::RightBrace)?;
        let place = self.place(open.start, first.start);
        let message = Expr::Struct { type_name: Cow::Owned(name), fields: fields.into() };
        Ok(self.build.push(message, place, height))
    }

    fn list(&mut self, open: Token) -> Parsed<ExprId> {
        self.advance();
        let (mut elements, mut optional, mut height) = (Vec::new(), Vec::new(), 0);
        while self.peek() != Kind::RightBracket && !self.lone_comma(&elements) {
            if self.take(Kind::Question).is_some() {
                optional.push(elements.len() as u32);
            }
            let element = self.expr()?;
            height = height.max(self.build.height(element));
            elements.push(element);
            if self.peek() == Kind::RightBracket || !self.separator(Kind::RightBracket)? {
                break;
            }
        }
        self.take(Kind::Comma);
        self.expect(Kind::RightBracket)?;
        let place = self.place(open.start, open.start);
        let list = Expr::List { elements: elements.into(), optional: optional.into() };
        Ok(self.build.push(list, place, height))
    }

    fn map(&mut self, open: Token) -> Parsed<ExprId> {
        self.advance();
        let (mut entries, mut height) = (Vec::new(), 0);
        while self.peek() != Kind::RightBrace && !self.lone_comma(&entries) {
            let optional = self.take(Kind::Question).is_some();
            let key = self.expr()?;
            let colon = self.expect(Kind::Colon)?;
            let value = self.expr()?;
            height = height.max(self.build.height(key)).max(self.build.height(value));
            entries.push(MapEntry { key, value, optional, offset: colon.start });
            if self.peek() == Kind::RightBrace || !self.separator(Kind::RightBrace)? {
                break;
            }
        }
        self.take(Kind::Comma);
        self.expect(Kind::RightBrace)?;
        let place = self.place(open.start, open.start);
        Ok(self.build.push(Expr::Map(entries.into()), place, height))
    }

    /// `[,]` and `{,}` are empty aggregates.
    fn lone_comma<T>(&self, so_far: &[T]) -> bool {
        so_far.is_empty() && self.peek() == Kind::Comma
    }

    /// Takes the comma before a further element; a comma before the closing bracket is left.
    fn separator(&mut self, close: Kind) -> Parsed<bool> {
        if self.peek() != Kind::Comma {
            return Err(Stop::Syntax);
        }
        if self.peek_at(1) == close {
            return Ok(false);
        }
        self.advance();
        Ok(true)
    }

    /// The arguments after the opening parenthesis, and the closing one.
    fn arguments(&mut self) -> Parsed<Vec<ExprId>> {
        let mut args = Vec::new();
        if self.take(Kind::RightParen).is_some() {
            return Ok(args);
        }
        loop {
            args.push(self.expr()?);
            if self.take(Kind::Comma).is_none() {
                self.expect(Kind::RightParen)?;
                return Ok(args);
            }
        }
    }

    fn literal(&mut self, first: Token) -> Parsed<ExprId> {
        let negative = first.kind == Kind::Minus && matches!(self.peek_at(1), Kind::Int | Kind::Float);
        let token = if negative { self.tokens[self.at + 1] } else { first };
        let text = self.text(token);
        let value = match token.kind {
            Kind::Int => literal::int(text, negative).map(Literal::Int),
            Kind::Uint => literal::uint(text).map(Literal::Uint),
            Kind::Float => literal::double(text, negative).map(Literal::Double),
            Kind::String => literal::string(text).map(|value| Literal::String(value.into())),
            Kind::Bytes => literal::bytes(&text[1..]).map(|value| Literal::Bytes(value.into())),
            Kind::True => Ok(Literal::Bool(true)),
            Kind::False => Ok(Literal::Bool(false)),
            Kind::Null => Ok(Literal::Null),
            _ => return Err(Stop::Syntax),
        };
        self.at += 1 + usize::from(negative);
        match value {
            Ok(value) => Ok(self.node(first.start, first.start, Expr::Literal(value))),
            Err(message) => {
                self.report(first.start, message);
                Ok(self.failed(first.start))
            }
        }
    }

    fn call_or_macro(
        &mut self,
        open: u32,
        start: u32,
        name: Name,
        target: Option<ExprId>,
        args: Vec<ExprId>,
    ) -> ExprId {
        let place = self.place(open, start);
        let deepest = target.iter().chain(&args).map(|id| self.build.height(*id)).max().unwrap_or(0);
        let height = deepest + u16::from(target.is_some());
        match self.build.expand_macro(&name, target, &args, place, height) {
            None => self.build.push(Expr::Call { target, function: name, args: args.into() }, place, height),
            Some(Ok(expansion)) => {
                self.build.record_macro(expansion, name, target, args);
                expansion
            }
            Some(Err(wrong)) => {
                self.report(wrong.offset, &wrong.message);
                self.failed(open)
            }
        }
    }

    /// An operator; those that cel-go counts against its limit raise the height.
    fn call(&mut self, offset: u32, function: &'static str, args: &[ExprId], counts: bool) -> ExprId {
        let start = args.iter().map(|id| self.build.place(*id).start).min().unwrap_or(offset).min(offset);
        let height = args.iter().map(|id| self.build.height(*id)).max().unwrap_or(0) + u16::from(counts);
        let place = self.place(offset, start);
        let call = Expr::Call { target: None, function: Cow::Borrowed(function), args: args.into() };
        self.build.push(call, place, height)
    }

    fn node(&mut self, offset: u32, start: u32, expr: Expr) -> ExprId {
        let place = self.place(offset, start);
        self.build.push(expr, place, 0)
    }

    /// Stands where something was reported, so that parsing can go on.
    fn failed(&mut self, offset: u32) -> ExprId {
        self.node(offset, offset, Expr::Literal(Literal::Null))
    }

    fn place(&self, offset: u32, start: u32) -> NodeSpan {
        let end = self.at.checked_sub(1).map_or(0, |last| self.tokens[last].end);
        NodeSpan { offset, start, end }
    }

    fn report(&mut self, offset: u32, message: &str) {
        self.issues.push(Issue { offset: Some(offset), message: message.to_owned() });
    }

    fn token(&self) -> Token {
        self.tokens[self.at]
    }

    fn peek(&self) -> Kind {
        self.tokens[self.at].kind
    }

    fn peek_at(&self, offset: usize) -> Kind {
        self.tokens.get(self.at + offset).map_or(Kind::End, |token| token.kind)
    }

    /// Steps over a token; the last one, [`Kind::End`], stays.
    fn advance(&mut self) -> Token {
        let token = self.token();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn take(&mut self, kind: Kind) -> Option<Token> {
        (self.peek() == kind).then(|| self.advance())
    }

    fn expect(&mut self, kind: Kind) -> Parsed<Token> {
        self.take(kind).ok_or(Stop::Syntax)
    }
}

impl<'s> Parser<'s> {
    fn text(&self, token: Token) -> &'s str {
        &self.source[token.start as usize..token.end as usize]
    }
}

/// How deep the rules of the grammar stand in themselves. Only these can be deeper than the limit.
#[derive(Default)]
struct Depths {
    expr: u16,
    relation: u16,
    calc: u16,
}

fn enter(depth: &mut u16) -> Parsed<()> {
    *depth += 1;
    if *depth > MAX_RECURSION { Err(Stop::Recursion) } else { Ok(()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

//! The grammar, rule by rule, with the look-ahead that ANTLR's prediction comes to.
//!
//! `self.state = n` marks the places where an error can be met again without progress.

use super::super::super::lexer::Kind;
use super::expected::*;
use super::{Fail, Limited, Matched, Recovered, Recovery};

impl Recovery<'_> {
    pub(super) fn start(&mut self) -> Recovered {
        let body = |parser: &mut Self| {
            parser.expr(then(&[Kind::End]))?;
            parser.state = 1;
            parser.expect(Kind::End, END)
        };
        match body(self) {
            Ok(()) => Ok(()),
            Err(fail) => self.caught(fail),
        }
    }

    pub(super) fn expr(&mut self, follow: Next) -> Recovered {
        self.limited(Limited::Expr, follow, |parser| {
            parser.or(maybe(Set::of(&[Kind::Question])))?;
            if parser.peek() == Kind::Question {
                parser.state = 2;
                parser.expect(Kind::Question, Next { tokens: EXPR, may_end: false })?;
                parser.or(then(&[Kind::Colon]))?;
                parser.state = 3;
                parser.expect(Kind::Colon, Next { tokens: EXPR, may_end: false })?;
                parser.expr(END)?;
            }
            Ok(())
        })
    }

    pub(super) fn or(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.and(maybe(Set::of(&[Kind::Or])))?;
            while parser.peek() == Kind::Or {
                parser.advance_matched();
                parser.and(maybe(Set::of(&[Kind::Or])))?;
            }
            Ok(())
        })
    }

    pub(super) fn and(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.relation(maybe(Set::of(&[Kind::And])), true)?;
            while parser.peek() == Kind::And {
                parser.advance_matched();
                parser.relation(maybe(Set::of(&[Kind::And])), true)?;
            }
            Ok(())
        })
    }

    pub(super) fn relation(&mut self, follow: Next, chains: bool) -> Recovered {
        self.limited(Limited::Relation, follow, |parser| {
            parser.calc(maybe(RELATIONS), 1)?;
            while chains && RELATIONS.has(parser.peek()) {
                parser.advance_matched();
                parser.relation(maybe(RELATIONS), false)?;
            }
            Ok(())
        })
    }

    pub(super) fn calc(&mut self, follow: Next, least: u8) -> Recovered {
        self.limited(Limited::Calc, follow, |parser| {
            let operators = PRODUCTS.and(SUMS);
            parser.unary(maybe(operators))?;
            loop {
                let precedence = match parser.peek() {
                    kind if PRODUCTS.has(kind) => 2,
                    kind if SUMS.has(kind) => 1,
                    _ => return Ok(()),
                };
                if precedence < least {
                    return Ok(());
                }
                parser.advance_matched();
                parser.calc(maybe(operators), precedence + 1)?;
            }
        })
    }

    pub(super) fn unary(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.state = 10;
            parser.sync(EXPR)?;
            match parser.peek() {
                Kind::Exclamation => {
                    while parser.peek() == Kind::Exclamation {
                        parser.advance_matched();
                        parser.state = 11;
                        parser.sync_loop(EXPR);
                    }
                    parser.member(END)?;
                }
                Kind::Minus if !NUMBER.has(parser.peek_at(1)) => {
                    if !MEMBER.has(parser.peek_at(1)) {
                        return Err(Fail::NoAlternative(parser.at, parser.at + 1));
                    }
                    parser.minuses()?;
                    parser.member(END)?;
                }
                kind if MEMBER.has(kind) => parser.member(END)?,
                _ => return Err(Fail::NoAlternative(parser.at, parser.at)),
            }
            Ok(())
        })
    }

    /// `'-'+`; a sign before a number is one of these too if it is not the only one.
    pub(super) fn minuses(&mut self) -> Matched {
        loop {
            self.advance_matched();
            self.state = 12;
            self.sync_loop(MEMBER);
            match self.peek() {
                Kind::Minus if MEMBER.has(self.peek_at(1)) => {}
                Kind::Minus => return Err(Fail::NoAlternative(self.at, self.at + 1)),
                kind if MEMBER.has(kind) => return Ok(()),
                _ => return Err(Fail::NoAlternative(self.at, self.at)),
            }
        }
    }

    pub(super) fn member(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.primary(maybe(MEMBER_GOES_ON))?;
            loop {
                match parser.peek() {
                    Kind::Dot => parser.after_dot()?,
                    Kind::LeftBracket => {
                        parser.advance_matched();
                        parser.state = 20;
                        parser.sync(OPT_EXPR)?;
                        parser.take(Kind::Question);
                        parser.expr(then(&[Kind::RightBracket]))?;
                        parser.state = 21;
                        parser.expect(Kind::RightBracket, maybe(MEMBER_GOES_ON))?;
                    }
                    _ => return Ok(()),
                }
            }
        })
    }

    pub(super) fn after_dot(&mut self) -> Matched {
        match (self.peek_at(1), self.peek_at(2)) {
            (Kind::Identifier, Kind::LeftParen) => {
                self.advance_matched();
                self.advance_matched();
                self.advance_matched();
                self.state = 22;
                self.call_arguments(maybe(MEMBER_GOES_ON))
            }
            (kind, _) if OPT_FIELD.has(kind) => {
                self.advance_matched();
                self.take(Kind::Question);
                self.field_name(maybe(MEMBER_GOES_ON))?;
                if let Some(offset) = self.no_name.take() {
                    self.nameless.push(offset);
                }
                Ok(())
            }
            _ => Err(Fail::NoAlternative(self.at, self.at + 1)),
        }
    }

    /// The arguments and the parenthesis that closes them; the state is the caller's.
    pub(super) fn call_arguments(&mut self, after: Next) -> Matched {
        self.sync(EXPR.and(Set::of(&[Kind::RightParen])))?;
        if EXPR.has(self.peek()) {
            self.expr_list(then(&[Kind::RightParen]))?;
        }
        self.state += 1;
        self.expect(Kind::RightParen, after)
    }

    pub(super) fn field_name(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.state = 30;
            parser.no_name = Some(parser.tokens[parser.at].start);
            parser.sync(FIELD_NAME)?;
            if !FIELD_NAME.has(parser.peek()) {
                return Err(Fail::NoAlternative(parser.at, parser.at));
            }
            parser.no_name = None;
            parser.advance_matched();
            Ok(())
        })
    }

    pub(super) fn primary(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.state = 40;
            parser.sync(MEMBER)?;
            match parser.peek() {
                Kind::LeftParen => {
                    parser.advance_matched();
                    parser.expr(then(&[Kind::RightParen]))?;
                    parser.state = 41;
                    parser.expect(Kind::RightParen, END)
                }
                Kind::LeftBracket => parser.aggregate(Kind::RightBracket, OPT_EXPR, 42, Self::list),
                Kind::LeftBrace => parser.aggregate(Kind::RightBrace, OPT_EXPR, 45, Self::map),
                Kind::Identifier => parser.named(),
                Kind::Dot if parser.peek_at(1) == Kind::Identifier => parser.named(),
                Kind::Dot => Err(Fail::NoAlternative(parser.at, parser.at + 1)),
                kind if MEMBER.has(kind) => Ok(parser.literal(END)?),
                _ => Err(Fail::NoAlternative(parser.at, parser.at)),
            }
        })
    }

    /// A name, a call, or a message, whose brace is looked for however far away.
    pub(super) fn named(&mut self) -> Matched {
        self.take(Kind::Dot);
        let mut segments = 0;
        while self.peek_at(2 * segments) == Kind::Identifier && self.peek_at(2 * segments + 1) == Kind::Dot {
            segments += 1;
        }
        let message = self.peek_at(2 * segments) == Kind::Identifier
            && self.peek_at(2 * segments + 1) == Kind::LeftBrace;
        if message {
            (0..=2 * segments).for_each(|_| self.advance_matched());
            return self.aggregate(Kind::RightBrace, OPT_FIELD, 48, Self::fields);
        }
        self.advance_matched();
        if self.peek() == Kind::LeftParen {
            self.advance_matched();
            self.state = 51;
            return self.call_arguments(END);
        }
        Ok(())
    }

    /// An opening bracket, perhaps something, perhaps a comma, and the closing bracket.
    pub(super) fn aggregate(
        &mut self,
        close: Kind,
        first: Set,
        state: u8,
        content: fn(&mut Self, Next) -> Recovered,
    ) -> Matched {
        let end = Set::of(&[Kind::Comma, close]);
        self.advance_matched();
        self.state = state;
        self.sync(first.and(end))?;
        if first.has(self.peek()) {
            content(self, Next { tokens: end, may_end: false })?;
        }
        self.state = state + 1;
        self.sync(end)?;
        self.take(Kind::Comma);
        self.state = state + 2;
        self.expect(close, END)
    }

    pub(super) fn literal(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.state = 60;
            if parser.peek() == Kind::Minus {
                if !NUMBER.has(parser.peek_at(1)) {
                    return Err(Fail::NoAlternative(parser.at, parser.at + 1));
                }
                parser.advance_matched();
            }
            parser.advance_matched();
            Ok(())
        })
    }

    pub(super) fn expr_list(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.expr(maybe(Set::of(&[Kind::Comma])))?;
            while parser.peek() == Kind::Comma {
                parser.advance_matched();
                parser.expr(maybe(Set::of(&[Kind::Comma])))?;
            }
            Ok(())
        })
    }

    pub(super) fn list(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.opt_expr(maybe(Set::of(&[Kind::Comma])))?;
            while parser.another(OPT_EXPR) {
                parser.advance_matched();
                parser.opt_expr(maybe(Set::of(&[Kind::Comma])))?;
            }
            Ok(())
        })
    }

    pub(super) fn map(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            loop {
                parser.opt_expr(then(&[Kind::Colon]))?;
                parser.state = 61;
                parser.expect(Kind::Colon, Next { tokens: EXPR, may_end: false })?;
                parser.expr(maybe(Set::of(&[Kind::Comma])))?;
                if !parser.another(OPT_EXPR) {
                    return Ok(());
                }
                parser.advance_matched();
            }
        })
    }

    pub(super) fn fields(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            let first = parser.tokens[parser.at].start;
            loop {
                parser.opt_field(then(&[Kind::Colon]))?;
                let no_name = parser.no_name.take();
                parser.state = 62;
                parser.expect(Kind::Colon, Next { tokens: EXPR, may_end: false })?;
                parser.expr(maybe(Set::of(&[Kind::Comma])))?;
                parser.nameless.extend(no_name.map(|_| first));
                if !parser.another(OPT_FIELD) {
                    return Ok(());
                }
                parser.advance_matched();
            }
        })
    }

    /// A comma with something after it; else the comma is the one that may stand at the end.
    pub(super) fn another(&self, first: Set) -> bool {
        self.peek() == Kind::Comma && first.has(self.peek_at(1))
    }

    pub(super) fn opt_expr(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.state = 63;
            parser.sync(OPT_EXPR)?;
            parser.take(Kind::Question);
            Ok(parser.expr(END)?)
        })
    }

    pub(super) fn opt_field(&mut self, follow: Next) -> Recovered {
        self.rule(follow, |parser| {
            parser.state = 64;
            parser.sync(OPT_FIELD)?;
            parser.take(Kind::Question);
            Ok(parser.field_name(END)?)
        })
    }
}

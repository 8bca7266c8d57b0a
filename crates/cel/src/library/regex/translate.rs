//! Go's regular expression grammar (`regexp/syntax`, flags `Perl`), written out for the `regex` crate.
//!
//! The output is made from left to right. What Go's limits need to know of a subexpression, its height, its
//! size and the product of its repeat counts, is kept on a stack beside it. Groups capture nothing: CEL
//! never asks, and Go allows names that the crate does not.

use std::fmt::Write as _;

use super::need::Need;
use super::sets::{NEVER, named_set, posix_set, read_class_character, read_escape};

/// `maxHeight`: levels of a parse tree.
pub(super) const MAX_HEIGHT: u32 = 1000;
/// `maxSize`: instructions of a compiled program.
const MAX_SIZE: u64 = (128 << 20) / 40;
/// `maxRepeat`: of a single count, and of the product of nested ones.
const MAX_REPEAT: u64 = 1000;

/// Why a pattern is none. Display is Go's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {code}: `{part}`")]
pub struct RegexError {
    code: Code,
    part: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Code {
    #[error("invalid character class range")]
    CharRange,
    #[error("invalid escape sequence")]
    Escape,
    #[error("invalid named capture")]
    NamedCapture,
    #[error("invalid or unsupported Perl syntax")]
    PerlOp,
    #[error("invalid nested repetition operator")]
    RepeatOp,
    #[error("invalid repeat count")]
    RepeatSize,
    #[error("missing closing ]")]
    MissingBracket,
    #[error("missing closing )")]
    MissingParen,
    #[error("missing argument to repetition operator")]
    MissingRepeatArgument,
    #[error("trailing backslash at end of expression")]
    TrailingBackslash,
    #[error("unexpected )")]
    UnexpectedParen,
    #[error("expression nests too deeply")]
    NestingDepth,
    #[error("expression too large")]
    Large,
}

impl RegexError {
    pub(super) fn new(code: Code, part: &str) -> Self {
        Self { code, part: part.to_owned() }
    }

    /// For programs that Go would still compile and this implementation will not.
    pub(super) fn too_large(pattern: &str) -> Self {
        Self::new(Code::Large, pattern)
    }
}

/// A pattern of Go as the `regex` crate has it.
#[derive(Debug)]
pub(super) struct Pattern {
    /// How it is written there.
    pub(super) text: String,
    /// Of how many instructions Go's program is.
    pub(super) size: u64,
    /// What it matches only with.
    pub(super) need: Need,
}

/// Writes a pattern of Go for the `regex` crate.
pub(super) fn translate(pattern: &str) -> Result<Pattern, RegexError> {
    let mut translator = Translator {
        pattern,
        rest: pattern,
        out: String::with_capacity(pattern.len() * 2),
        flags: Flags::default(),
        groups: Vec::new(),
        group: Group::new(0, Flags::default(), Kind::Whole),
    };
    translator.run()?;
    translator.group.end_alternative();
    let Translator { out, group, .. } = translator;
    Ok(Pattern { text: out, size: group.measure.size, need: group.need.unwrap_or_default() })
}

#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_newline: bool,
    lazy: bool,
}

/// What Go's limits look at.
#[derive(Debug, Clone, Copy)]
struct Measure {
    height: u32,
    size: u64,
    /// Largest product of nested repeat counts.
    repeats: u64,
}

const LEAF: Measure = Measure { height: 1, size: 1, repeats: 1 };

/// One piece of a concatenation.
#[derive(Debug)]
struct Piece {
    measure: Measure,
    shape: Shape,
    need: Need,
    /// Where it begins in the output.
    start: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Literal,
    /// Anything else that can be repeated as it stands.
    Atom,
    Repeated,
    Concat,
    Alternate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    Plain,
    Capture,
}

/// An open group: the pieces since the last `|`, and a summary of the alternatives before it.
#[derive(Debug)]
struct Group {
    start: usize,
    outer: Flags,
    kind: Kind,
    pieces: Vec<Piece>,
    /// Number of alternatives before the last `|`, and their measures together.
    alternatives: u64,
    measure: Measure,
    need: Option<Need>,
}

impl Group {
    fn new(start: usize, outer: Flags, kind: Kind) -> Self {
        let measure = Measure { height: 0, size: 0, repeats: 1 };
        Self { start, outer, kind, pieces: Vec::new(), alternatives: 0, measure, need: None }
    }

    /// The pieces since the last `|` as one.
    fn concat(&mut self) -> Piece {
        let mut pieces = std::mem::take(&mut self.pieces);
        if pieces.len() == 1
            && let Some(only) = pieces.pop()
        {
            return only;
        }
        let literal = !pieces.is_empty() && pieces.iter().all(|piece| piece.shape == Shape::Literal);
        let flat = |piece: &Piece| piece.measure.height - u32::from(piece.shape == Shape::Concat);
        let deepest = pieces.iter().map(flat).max().unwrap_or(0);
        let measure = Measure {
            height: if literal { 1 } else { deepest + 1 },
            size: pieces.iter().map(|piece| piece.measure.size).sum::<u64>().max(1),
            repeats: pieces.iter().map(|piece| piece.measure.repeats).max().unwrap_or(1),
        };
        let need = Need::of_all(pieces.into_iter().map(|piece| piece.need));
        Piece { measure, shape: Shape::Concat, need, start: self.start }
    }

    /// Moves the pieces since the last `|` into the alternatives.
    fn end_alternative(&mut self) {
        let Piece { measure, shape, need, .. } = self.concat();
        self.need = Some(match self.need.take() {
            Some(before) => before.or(need),
            None => need,
        });
        self.alternatives += 1;
        let height = measure.height - u32::from(shape == Shape::Alternate);
        self.measure.height = self.measure.height.max(height);
        self.measure.size = self.measure.size.saturating_add(measure.size);
        self.measure.repeats = self.measure.repeats.max(measure.repeats);
    }
}

struct Translator<'p> {
    pattern: &'p str,
    rest: &'p str,
    out: String,
    flags: Flags,
    groups: Vec<Group>,
    group: Group,
}

pub(super) type Translated<T = ()> = Result<T, RegexError>;

impl<'p> Translator<'p> {
    fn run(&mut self) -> Translated {
        let mut last_repeat: Option<&'p str> = None;
        while let Some(next) = self.rest.chars().next() {
            let before = self.rest;
            let mut repeated = None;
            match next {
                '(' if before.starts_with("(?") => self.perl_flags()?,
                '(' => {
                    self.rest = &before[1..];
                    self.open(Kind::Capture);
                }
                '|' => {
                    self.rest = &before[1..];
                    self.group.end_alternative();
                    self.out.push('|');
                }
                ')' => {
                    self.rest = &before[1..];
                    self.close()?;
                }
                '^' => self.atom(1, if self.flags.multi_line { "(?m:^)" } else { r"\A" })?,
                '$' => self.atom(1, if self.flags.multi_line { "(?m:$)" } else { r"\z" })?,
                '.' => self.atom(1, if self.flags.dot_newline { "(?s:.)" } else { r"[^\n]" })?,
                '[' => self.class()?,
                '*' | '+' | '?' => {
                    self.rest = &before[1..];
                    let (least, most) = match next {
                        '*' => (0, None),
                        '+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(before, &before[..1], least, most, last_repeat)?;
                    repeated = Some(before);
                }
                '{' => match read_counts(before) {
                    None => {
                        self.rest = &before[1..];
                        self.literal('{')?;
                    }
                    Some(counts) => {
                        self.rest = counts.after;
                        self.counted(before, &counts, last_repeat)?;
                        repeated = Some(before);
                    }
                },
                '\\' => self.escape()?,
                character => {
                    self.rest = &before[character.len_utf8()..];
                    self.literal(character)?;
                }
            }
            last_repeat = repeated;
        }
        if self.groups.is_empty() { Ok(()) } else { Err(RegexError::new(Code::MissingParen, self.pattern)) }
    }

    fn push(&mut self, piece: Piece) -> Translated {
        self.check(piece.measure)?;
        self.group.pieces.push(piece);
        Ok(())
    }

    fn check(&self, measure: Measure) -> Translated {
        if measure.height > MAX_HEIGHT {
            return Err(RegexError::new(Code::NestingDepth, self.pattern));
        }
        if measure.size > MAX_SIZE {
            return Err(RegexError::too_large(self.pattern));
        }
        Ok(())
    }

    fn atom(&mut self, length: usize, text: &str) -> Translated {
        let start = self.out.len();
        self.out.push_str(text);
        self.rest = &self.rest[length..];
        self.push(Piece { measure: LEAF, shape: Shape::Atom, need: Need::Unknown, start })
    }

    fn literal(&mut self, character: char) -> Translated {
        let start = self.out.len();
        let folded = self.flags.fold && (!character.is_ascii() || character.is_ascii_alphabetic());
        if folded {
            self.out.push_str("(?i:");
        }
        push_character(&mut self.out, character);
        if folded {
            self.out.push(')');
        }
        self.push(Piece { measure: LEAF, shape: Shape::Literal, need: Need::of(character), start })
    }

    /// A code point, which need not be a character.
    fn code_point(&mut self, value: u32) -> Translated {
        match char::from_u32(value) {
            Some(character) => self.literal(character),
            None => self.atom(0, NEVER),
        }
    }

    fn open(&mut self, kind: Kind) {
        let group = Group::new(self.out.len(), self.flags, kind);
        self.groups.push(std::mem::replace(&mut self.group, group));
        self.out.push_str("(?:");
    }

    fn close(&mut self) -> Translated {
        let Some(parent) = self.groups.pop() else {
            return Err(RegexError::new(Code::UnexpectedParen, self.pattern));
        };
        let mut group = std::mem::replace(&mut self.group, parent);
        self.flags = group.outer;
        let single = match group.pieces.as_slice() {
            [only] if group.alternatives == 0 => matches!(only.shape, Shape::Literal | Shape::Atom),
            _ => false,
        };
        let Piece { mut measure, mut shape, need, .. } = if group.alternatives == 0 {
            group.concat()
        } else {
            group.end_alternative();
            let Measure { height, size, repeats } = group.measure;
            let measure = Measure { height: height + 1, size: size + group.alternatives - 1, repeats };
            let need = group.need.take().unwrap_or_default();
            Piece { measure, shape: Shape::Alternate, need, start: group.start }
        };
        if group.kind == Kind::Capture {
            measure = Measure { height: measure.height + 1, size: measure.size + 2, ..measure };
            shape = Shape::Atom;
        }
        if single {
            // `(?:` around what needs no group: gone, so that nesting costs nothing
            self.out.replace_range(group.start..group.start + 3, "");
        } else {
            self.out.push(')');
        }
        if shape == Shape::Repeated {
            shape = Shape::Atom;
        }
        self.push(Piece { measure, shape, need, start: group.start })
    }

    fn counted(&mut self, before: &'p str, counts: &Counts<'p>, last: Option<&'p str>) -> Translated {
        let Counts { least, most, after } = *counts;
        let written = &before[..before.len() - after.len()];
        let (Some(least), Some(most)) = (least, most) else {
            return Err(RegexError::new(Code::RepeatSize, written));
        };
        let wrong = |count: u64| count > MAX_REPEAT;
        if wrong(least) || most.is_some_and(|most| wrong(most) || least > most) {
            return Err(RegexError::new(Code::RepeatSize, written));
        }
        self.repeat(before, written, least, most, last)
    }

    /// Repeats the piece before. `before` begins at the operator and `self.rest` after it.
    fn repeat(
        &mut self,
        before: &'p str,
        operator: &str,
        least: u64,
        most: Option<u64>,
        last: Option<&'p str>,
    ) -> Translated {
        let mut lazy = self.flags.lazy;
        if let Some(after) = self.rest.strip_prefix('?') {
            self.rest = after;
            lazy = !lazy;
        }
        let up_to_here = |from: &'p str| &from[..from.len() - self.rest.len()];
        if let Some(last) = last {
            return Err(RegexError::new(Code::RepeatOp, up_to_here(last)));
        }
        let Some(piece) = self.group.pieces.pop() else {
            return Err(RegexError::new(Code::MissingRepeatArgument, up_to_here(before)));
        };
        let Measure { height, size, repeats } = piece.measure;
        let counted = operator.starts_with('{');
        let size = match (counted, least, most) {
            (false, 0, None) => size + 2,
            (false, _, _) => size + 1,
            (true, 0, None) => size + 2,
            (true, least, None) => 1 + least.saturating_mul(size),
            (true, least, Some(most)) => (most.saturating_mul(size) + most - least).max(1),
        };
        let repeats = match (counted, most) {
            (false, _) => repeats,
            (true, Some(0)) => 1,
            (true, most) => most.unwrap_or(least).max(1).saturating_mul(repeats),
        };
        let measure = Measure { height: height + 1, size, repeats };
        self.check(measure)?;
        if counted && (least >= 2 || most.is_some_and(|most| most >= 2)) && repeats > MAX_REPEAT {
            return Err(RegexError::new(Code::RepeatSize, up_to_here(before)));
        }
        self.out.push_str(operator);
        if lazy {
            self.out.push('?');
        }
        let need = if least == 0 { Need::Unknown } else { piece.need.repeated() };
        self.push(Piece { measure, shape: Shape::Repeated, need, start: piece.start })
    }

    /// `(?…`: flags, a group with or without them, or a named group.
    fn perl_flags(&mut self) -> Translated {
        let before = self.rest;
        let named = before
            .strip_prefix("(?P<")
            .filter(|name| !name.is_empty())
            .or_else(|| before.strip_prefix("(?<").filter(|name| !name.is_empty()));
        if let Some(name) = named {
            let Some(end) = before.find('>') else {
                return Err(RegexError::new(Code::NamedCapture, before));
            };
            let name = &before[before.len() - name.len()..end];
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(RegexError::new(Code::NamedCapture, &before[..=end]));
            }
            self.rest = &before[end + 1..];
            self.open(Kind::Capture);
            return Ok(());
        }
        let (mut flags, mut on, mut seen) = (self.flags, true, false);
        let mut rest = &before[2..];
        while let Some(next) = rest.chars().next() {
            rest = &rest[next.len_utf8()..];
            match next {
                'i' => flags.fold = on,
                'm' => flags.multi_line = on,
                's' => flags.dot_newline = on,
                'U' => flags.lazy = on,
                '-' if on => {
                    (on, seen) = (false, false);
                    continue;
                }
                ':' | ')' if on || seen => {
                    self.rest = rest;
                    if next == ':' {
                        self.open(Kind::Plain);
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            seen = true;
        }
        Err(RegexError::new(Code::PerlOp, &before[..before.len() - rest.len()]))
    }

    fn escape(&mut self) -> Translated {
        let before = self.rest;
        match before.as_bytes().get(1) {
            Some(b'A') => return self.atom(2, r"\A"),
            Some(b'z') => return self.atom(2, r"\z"),
            Some(b'b') => return self.atom(2, r"(?-u:\b)"),
            Some(b'B') => return self.atom(2, r"(?-u:\B)"),
            Some(b'C') => return Err(RegexError::new(Code::Escape, &before[..2])),
            Some(b'Q') => {
                let quoted = &before[2..];
                let (quoted, after) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                self.rest = after;
                return quoted.chars().try_for_each(|character| self.literal(character));
            }
            _ => {}
        }
        if let Some((set, after)) = named_set(before)? {
            let start = self.out.len();
            let open = if self.flags.fold { "(?i:" } else { "(?:" };
            let _ = write!(self.out, "{open}{set})");
            self.rest = after;
            return self.push(Piece { measure: LEAF, shape: Shape::Atom, need: Need::Unknown, start });
        }
        let (value, after) = read_escape(before)?;
        self.rest = after;
        self.code_point(value)
    }

    /// `[…]`
    fn class(&mut self) -> Translated {
        let whole = self.rest;
        let start = self.out.len();
        self.out.push_str(if self.flags.fold { "(?i:[" } else { "[" });
        let mut rest = &whole[1..];
        let negated = rest.strip_prefix('^');
        if let Some(after) = negated {
            self.out.push('^');
            rest = after;
        }
        let (mut first, inner) = (true, self.out.len());
        // looked for once only: a long class of `[:` would be searched again and again
        let mut named = true;
        while first || !rest.starts_with(']') {
            first = false;
            if named && rest.len() > 2 && rest.starts_with("[:") {
                let Some(end) = rest[2..].find(":]") else {
                    named = false;
                    continue;
                };
                let (name, after) = rest.split_at(end + 4);
                let set = posix_set(name).ok_or_else(|| RegexError::new(Code::CharRange, name))?;
                self.out.push_str(&set);
                rest = after;
                continue;
            }
            if let Some((set, after)) = named_set(rest)? {
                self.out.push_str(&set);
                rest = after;
                continue;
            }
            let range = rest;
            let (low, after) = read_class_character(rest, whole)?;
            let mut high = low;
            rest = after;
            if rest.starts_with('-') && rest.len() >= 2 && !rest[1..].starts_with(']') {
                (high, rest) = read_class_character(&rest[1..], whole)?;
                if high < low {
                    return Err(RegexError::new(Code::CharRange, &range[..range.len() - rest.len()]));
                }
            }
            push_range(&mut self.out, low, high);
        }
        if self.out.len() == inner {
            // nothing in it but what is no character: a class may not be empty
            self.out.push_str(NEVER);
        }
        self.out.push_str(if self.flags.fold { "])" } else { "]" });
        self.rest = &rest[1..];
        self.push(Piece { measure: LEAF, shape: Shape::Atom, need: Need::Unknown, start })
    }
}

fn push_character(out: &mut String, character: char) {
    if character.is_alphanumeric() {
        out.push(character);
    } else {
        push_number(out, character as u32);
    }
}

/// A code point by its number; `write!` would take ten times as long, and patterns of policies are classes for a third.
fn push_number(out: &mut String, value: u32) {
    out.push_str("\\x{");
    let digits = (8 - value.leading_zeros() / 4).max(1);
    for digit in (0..digits).rev() {
        out.push(char::from_digit(value >> (4 * digit) & 0xf, 16).unwrap_or('0').to_ascii_uppercase());
    }
    out.push('}');
}

/// A code point in a class.
fn push_in_class(out: &mut String, value: u32) {
    match char::from_u32(value) {
        Some(character) if character.is_ascii_alphanumeric() => out.push(character),
        _ => push_number(out, value),
    }
}

/// A range without the surrogates, which are no characters.
fn push_range(out: &mut String, low: u32, high: u32) {
    let surrogate = |value: u32| (0xd800..0xe000).contains(&value);
    let low = if surrogate(low) { 0xe000 } else { low };
    let high = if surrogate(high) { 0xd7ff } else { high };
    if low <= high {
        push_in_class(out, low);
        if low < high {
            out.push('-');
            push_in_class(out, high);
        }
    }
}

struct Counts<'p> {
    /// `None` for a number beyond 1e8.
    least: Option<u64>,
    /// `None` for a number beyond 1e8, `Some(None)` for no upper bound.
    most: Option<Option<u64>>,
    after: &'p str,
}

/// `{n}`, `{n,}` or `{n,m}`; anything else is literal.
fn read_counts(text: &str) -> Option<Counts<'_>> {
    let (least, rest) = read_count(&text[1..])?;
    let (most, rest) = match rest.strip_prefix(',') {
        None => (least.map(Some), rest),
        Some(rest) if rest.starts_with('}') => (Some(None), rest),
        Some(rest) => {
            let (most, rest) = read_count(rest)?;
            (most.map(Some), rest)
        }
    };
    Some(Counts { least, most, after: rest.strip_prefix('}')? })
}

fn read_count(text: &str) -> Option<(Option<u64>, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    if digits == 0 || digits > 1 && number.starts_with('0') {
        return None;
    }
    Some((number.parse().ok().filter(|number| *number < 1_000_000_000), rest))
}

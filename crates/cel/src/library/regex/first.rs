//! What tells the first few texts of a pattern: most patterns of policies are asked about no more in a short run.
//!
//! A program of the `regex` crate is several automata, and of classes like `[^@]` each knows all of UTF-8: making one takes as long
//! as some thousand matches. Names, images and quantities are ASCII, and short: for these one automaton over bytes does.

use regex_automata::nfa::thompson::backtrack::BoundedBacktracker;
use regex_automata::nfa::thompson::{Compiler, Config, WhichCaptures};
use regex_automata::util::syntax;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};

/// Texts up to this are short.
const LONGEST_TEXT: usize = 512;
/// Patterns up to this are no deeper than the stack.
const LONGEST_PATTERN: usize = 1_024;
/// Of an automaton, in bytes.
const LARGEST: usize = 1 << 16;

/// Matches texts of ASCII.
#[derive(Debug)]
pub(super) struct First(BoundedBacktracker);

impl First {
    /// Of a pattern as the `regex` crate writes it; `None` where it is too large.
    pub(super) fn of(translated: &str) -> Option<Self> {
        if translated.len() > LONGEST_PATTERN {
            return None;
        }
        let pattern = syntax::parse_with(translated, &super::syntax()).ok()?;
        let limits = Config::new().nfa_size_limit(Some(LARGEST)).which_captures(WhichCaptures::None);
        let automaton = Compiler::new().configure(limits).build_from_hir(&of_ascii(&pattern)).ok()?;
        BoundedBacktracker::new_from_nfa(automaton).ok().map(Self)
    }

    /// Whether it is for texts like this one.
    pub(super) fn can_tell(text: &str) -> bool {
        text.len() <= LONGEST_TEXT && text.is_ascii()
    }

    /// Whether a text matches that it can tell of; `None` where that takes more room than it is worth.
    pub(super) fn is_match(&self, text: &str) -> Option<bool> {
        self.0.try_is_match(&mut self.0.create_cache(), text).ok()
    }
}

/// What matches the same texts of ASCII, with classes of bytes, and without groups.
fn of_ascii(pattern: &Hir) -> Hir {
    match pattern.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            class.intersect(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')]));
            Hir::class(class.to_byte_class().map_or(Class::Unicode(class), Class::Bytes))
        }
        HirKind::Look(look) => Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordUnicodeNegate => Look::WordAsciiNegate,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            Look::WordStartHalfUnicode => Look::WordStartHalfAscii,
            Look::WordEndHalfUnicode => Look::WordEndHalfAscii,
            look => *look,
        }),
        HirKind::Repetition(Repetition { min, max, greedy, sub }) => {
            let (min, max, greedy, sub) = (*min, *max, *greedy, Box::new(of_ascii(sub)));
            Hir::repetition(Repetition { min, max, greedy, sub })
        }
        HirKind::Capture(group) => of_ascii(&group.sub),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(of_ascii).collect()),
        HirKind::Alternation(parts) => Hir::alternation(parts.iter().map(of_ascii).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(Class::Bytes(_)) => pattern.clone(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::Regex;
    use super::*;

    #[test]
    fn tells_what_the_program_tells() {
        let patterns = [
            "^$|:latest$|^[^:]+$|/[^:/]*$",
            r"(?i)(pass|k)wd?\b|\Bs",
            "[[:space:]]|\\pL{2}x|é",
            "^(a|b*)*c{2,3}$",
            ".x|\\d+?y",
            "(?s).z|(?m)^q$",
        ];
        let texts = [
            "", ":latest", "a/b", "a:b/c", "PASSW", "kwd", "Kw s", "as", " ", "abx", "abbacc", "cccc", "9x",
            "\nx", "\nz", "p\nq\nr",
        ];
        let mut matched = 0;
        for pattern in patterns {
            let regex = Regex::compile(pattern).unwrap();
            let first = First::of(regex.parts().0).unwrap();
            for text in texts {
                let expected = regex.program().unwrap().is_match(text);
                assert_eq!(first.is_match(text), Some(expected), "{pattern} {text:?}");
                matched += usize::from(expected);
            }
        }
        assert!(matched > 15, "{matched} matches");
    }

    #[test]
    fn what_is_large_is_for_the_program() {
        assert!(First::of(&"(".repeat(2_000)).is_none());
        assert!(First::of("((a{50}){50}){50}").is_none());
        assert!(!First::can_tell("é") && !First::can_tell(&"a".repeat(513)) && First::can_tell("a"));
    }
}

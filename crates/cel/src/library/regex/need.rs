//! What a text must hold for a pattern to match: one of some literals.
//!
//! Making the program of a large pattern takes a thousand times as long as looking for a few words in a short text, and most
//! patterns of policies are asked about a few short texts that hold none of them.

/// So many literals are looked for; of a pattern with more nothing is told.
const MOST: usize = 32;
/// In longer texts nothing is looked for.
const LONGEST: usize = 4096;

/// What a piece of a pattern matches only with. Literals are in lower case, whatever the pattern thinks of case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Need {
    /// That is not known.
    #[default]
    Unknown,
    /// It is this character, in either case.
    Character(char),
    /// One of these is in what it matches.
    AnyOf(Vec<String>),
}

impl Need {
    /// Of a character of the pattern.
    pub(super) fn of(character: char) -> Self {
        if character.is_ascii() { Self::Character(character.to_ascii_lowercase()) } else { Self::Unknown }
    }

    /// Of pieces that follow each other: what one of them needs, or characters side by side together; the longest.
    pub(super) fn of_all(pieces: impl Iterator<Item = Self>) -> Self {
        let mut best = Self::Unknown;
        let mut run = String::new();
        for piece in pieces {
            if let Self::Character(character) = piece {
                run.push(character);
                continue;
            }
            best = best.better(std::mem::take(&mut run).into()).better(piece);
        }
        best.better(run.into())
    }

    /// Of a piece that is there once or more often.
    pub(super) fn repeated(self) -> Self {
        match self {
            // others of its kind may stand between it and what is beside it
            Self::Character(character) => String::from(character).into(),
            need => need,
        }
    }

    /// Of two pieces one of which is there.
    pub(super) fn or(self, other: Self) -> Self {
        match (self.repeated(), other.repeated()) {
            (Self::AnyOf(mut all), Self::AnyOf(others)) if all.len() + others.len() <= MOST => {
                all.extend(others);
                Self::AnyOf(all)
            }
            _ => Self::Unknown,
        }
    }

    /// Which of two is less likely to be met by accident.
    fn better(self, other: Self) -> Self {
        let weight = |need: &Self| match need {
            Self::Unknown | Self::Character(_) => (0, 0),
            Self::AnyOf(all) => (all.iter().map(String::len).min().unwrap_or(0), MOST - all.len().min(MOST)),
        };
        if weight(&other) > weight(&self) { other } else { self }
    }

    /// The literals; none where it is not known.
    pub(super) fn literals(self) -> Box<[String]> {
        match self.repeated() {
            Self::AnyOf(all) => all.into(),
            _ => Box::default(),
        }
    }
}

impl From<String> for Need {
    fn from(literal: String) -> Self {
        if literal.is_empty() { Self::Unknown } else { Self::AnyOf(vec![literal]) }
    }
}

/// Whether a text surely holds none of the literals. Beyond ASCII there are letters that are others in lower case.
pub(super) fn holds_none(literals: &[String], text: &str) -> bool {
    if literals.is_empty() || text.len() > LONGEST || !text.is_ascii() {
        return false;
    }
    let text = text.to_ascii_lowercase();
    !literals.iter().any(|literal| text.contains(literal.as_str()))
}

#[cfg(test)]
mod tests {
    use super::super::translate::translate;
    use super::*;

    #[test]
    fn what_a_pattern_cannot_match_without() {
        for (pattern, literals) in [
            ("abc", &["abc"][..]),
            ("(?i)AbC", &["abc"]),
            ("a|bc", &["a", "bc"]),
            ("a(bc|de)f", &["bc", "de"]),
            ("ab+c", &["a"]),
            ("ab?cde", &["cde"]),
            ("ab*c|d", &["a", "d"]),
            ("(pass|pwd)([_-]?[0-9]+)?$|[a-z]Key", &["pass", "pwd", "key"]),
            ("^--BEGIN [A-Z ]*PRIVATE KEY", &["private key"]),
            ("[a-z]+", &[]),
            ("a|[a-z]", &[]),
            ("a|", &[]),
            ("", &[]),
            ("(a)(b)c", &["abc"]),
            ("x{0}", &[]),
            ("(?:ab){2}", &["ab"]),
            ("straße", &["stra"]),
            (r"a\.b", &["a.b"]),
            (r"\Qa+b\E", &["a+b"]),
        ] {
            let translated = translate(pattern).expect("a pattern");
            assert_eq!(*translated.need.literals(), *literals, "{pattern}");
        }
    }

    #[test]
    fn texts_without_them() {
        let literals = ["key".to_owned(), "pass".to_owned()];
        for (text, none) in
            [("LOG_LEVEL", true), ("apiKey", false), ("PASSWORD", false), ("\u{212a}ey", false), ("", true)]
        {
            assert_eq!(holds_none(&literals, text), none, "{text}");
        }
        assert!(!holds_none(&[], "x"));
    }
}

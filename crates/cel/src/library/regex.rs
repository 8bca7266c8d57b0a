//! Go's `regexp` (RE2 syntax) on the engines of the `regex` crate.
//!
//! A pattern is read by Go's grammar and written again in the crate's ([`translate`]), so what Go refuses is
//! refused with Go's words, and `\w`, `[a&&b]` or `{` mean what they mean there. Matching is linear in both.

mod first;
mod need;
mod sets;
mod translate;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use regex_automata::meta::Regex as Program;
use regex_automata::util::syntax;

use first::First;
use need::holds_none;
use translate::{Pattern, translate};

pub use translate::RegexError;

/// Compiled programs beyond this are refused; it takes up to 0.3 s to find out. Go counts a class as one
/// instruction and allows `\pL{1000}`, which is beyond.
const LARGEST: usize = 16 << 20;
/// Programs up to this are kept in the cache.
const CACHED: usize = 1 << 20;
const CACHE_ENTRIES: usize = 64;
/// Working memory of one program, per thread.
const SCRATCH: usize = 1 << 18;

type Cache = Mutex<HashMap<String, Result<Arc<Regex>, RegexError>>>;

/// A pattern of so many of Go's instructions is never beyond [`LARGEST`]: with classes of Unicode, and without.
const SURELY_SMALL: [u64; 2] = [200, 4_000];

/// After so many texts without any of its literals a pattern's program pays off.
const PAYS_OFF: u32 = 500;

/// So many short texts are told by [`First`]: over more a program pays off.
const FIRST: u32 = 100;

/// A pattern that is sound, and its program once many texts were looked at, or a long one: most constants of policies meet none.
#[derive(Debug)]
pub struct Regex {
    translated: Box<str>,
    /// One of these is in every text that matches, in whatever case; none where that is not known.
    literals: Box<[String]>,
    /// How many texts were told by these.
    told: AtomicU32,
    /// How many texts `first` was asked about.
    asked: AtomicU32,
    /// `None` where none can be made.
    first: OnceLock<Option<Box<First>>>,
    /// Of how many bytes a program is kept.
    kept: usize,
    program: OnceLock<Result<Program, RegexError>>,
}

/// A program, which is kept where it is not too large for that.
enum Made<'r> {
    Kept(&'r Program),
    Once(Box<Program>),
}

impl Deref for Made<'_> {
    type Target = Program;

    fn deref(&self) -> &Program {
        match self {
            Self::Kept(program) => program,
            Self::Once(program) => program,
        }
    }
}

impl Regex {
    /// Compiles a pattern as `regexp.Compile` does. For constants; see [`Regex::cached`] for the rest.
    ///
    /// # Errors
    /// What `regexp.Compile` refuses, in its words.
    pub fn compile(pattern: &str) -> Result<Self, RegexError> {
        Self::read(pattern, LARGEST)
    }

    /// What [`Regex::of_parts`] takes.
    pub(crate) fn parts(&self) -> (&str, &[String]) {
        (&self.translated, &self.literals)
    }

    /// A pattern that was compiled before.
    pub(crate) fn of_parts(translated: Box<str>, literals: Box<[String]>) -> Self {
        Self {
            translated,
            literals,
            told: AtomicU32::new(0),
            asked: AtomicU32::new(0),
            first: OnceLock::new(),
            kept: LARGEST,
            program: OnceLock::new(),
        }
    }

    /// A pattern whose program is kept where it takes no more than `kept`.
    fn read(pattern: &str, kept: usize) -> Result<Self, RegexError> {
        let Pattern { text, size, need } = translate(pattern)?;
        let regex = Self { kept, ..Self::of_parts(text.into(), need.literals()) };
        let [with_classes, without] = SURELY_SMALL;
        if size > if pattern.contains(r"\p") || pattern.contains(r"\P") { with_classes } else { without } {
            regex.program()?;
        }
        Ok(regex)
    }

    fn program(&self) -> Result<Made<'_>, RegexError> {
        match self.program.get_or_init(|| build(&self.translated, self.kept)) {
            Ok(program) => Ok(Made::Kept(program)),
            Err(_) if self.kept < LARGEST => build(&self.translated, LARGEST).map(Box::new).map(Made::Once),
            Err(error) => Err(error.clone()),
        }
    }

    /// A pattern from a bounded cache, for those that come with the request.
    ///
    /// # Errors
    /// Those of [`Self::compile`].
    pub fn cached(pattern: &str) -> Result<Arc<Self>, RegexError> {
        static CACHE: LazyLock<Cache> = LazyLock::new(Mutex::default);
        let lock = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(pattern) {
            return found.clone();
        }
        let outcome = Self::read(pattern, CACHED).map(Arc::new);
        if pattern.len() <= CACHED {
            let mut cache = lock();
            if cache.len() >= CACHE_ENTRIES {
                cache.clear();
            }
            cache.insert(pattern.to_owned(), outcome.clone());
        }
        outcome
    }

    /// `matches`: anywhere in the text.
    ///
    /// # Errors
    /// A program that is too large.
    pub fn is_match(&self, text: &str) -> Result<bool, RegexError> {
        let is_made = self.program.get().is_some();
        if !is_made && holds_none(&self.literals, text) && self.told.fetch_add(1, Relaxed) < PAYS_OFF {
            return Ok(false);
        }
        if !is_made
            && First::can_tell(text)
            && self.asked.fetch_add(1, Relaxed) < FIRST
            && let Some(first) = self.first.get_or_init(|| First::of(&self.translated).map(Box::new))
            && let Some(is_match) = first.is_match(text)
        {
            return Ok(is_match);
        }
        Ok(self.program()?.is_match(text))
    }

    /// `find`: the first match, empty where there is none.
    ///
    /// # Errors
    /// A program that is too large.
    pub fn find<'t>(&self, text: &'t str) -> Result<&'t str, RegexError> {
        Ok(self.program()?.find(text).map_or("", |found| &text[found.range()]))
    }

    /// `findAll`: all matches that do not overlap; an empty one right after another is left out. A negative
    /// `limit` is none.
    ///
    /// # Errors
    /// A program that is too large.
    pub fn find_all<'t>(&self, text: &'t str, limit: i64) -> Result<Vec<&'t str>, RegexError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self.program()?.find_iter(text).take(limit).map(|found| &text[found.range()]).collect())
    }
}

fn build(translated: &str, size: usize) -> Result<Program, RegexError> {
    // which literals a match begins with takes most of the time to build one that disregards case, and spares little
    let prefilter = !translated.contains("(?i");
    let limits =
        Program::config().nfa_size_limit(Some(size)).hybrid_cache_capacity(SCRATCH).auto_prefilter(prefilter);
    let mut builder = Program::builder();
    builder
        .configure(limits)
        .syntax(syntax())
        .build(translated)
        .map_err(|_| RegexError::too_large(translated))
}

fn syntax() -> syntax::Config {
    syntax::Config::new().nest_limit(translate::MAX_HEIGHT * 3)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn find<'t>(pattern: &str, text: &'t str) -> Option<&'t str> {
        let regex = Regex::compile(pattern)
            .unwrap_or_else(|error| panic!("{pattern}: {error} {:?}", translate(pattern)));
        regex.program().unwrap().find(text).map(|found| &text[found.range()])
    }

    #[test]
    fn a_text_without_the_literals_does_not_match() {
        let patterns = [
            r"(?i)(passw(or)?d|secret|(api|access)[_.-]?key|(^|[_.-])(pass|pwd))([_.-]?[0-9]+)?$|(?-i:[a-z](Pass|Pwd))$",
            r"^(ghp_[A-Za-z0-9]{3,}|AKIA[0-9A-Z]{2})$",
            r"(a|bc)+d?|x{2}y",
            r"(?i)k|s",
        ];
        let texts = [
            "",
            "LOG_LEVEL",
            "APIKEY",
            "api.key2",
            "pwd",
            "db-PASS",
            "dbPwd",
            "DBPWD",
            "ghp_abc",
            "GHP_ABC",
            "AKIA12",
            "bcbcd",
            "xxy",
            "xy",
            "\u{212a}",
            "\u{17f}",
            "no",
            "a",
        ];
        for pattern in patterns {
            for text in texts {
                let told = Regex::compile(pattern).unwrap().is_match(text).unwrap();
                let regex = Regex::compile(pattern).unwrap();
                assert_eq!(told, regex.program().unwrap().is_match(text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn after_many_texts_the_program_is_made() {
        let regex = Regex::compile("secret").unwrap();
        for _ in 0..PAYS_OFF {
            assert!(!regex.is_match("plain").unwrap());
            assert!(regex.program.get().is_none());
        }
        assert!(!regex.is_match("plain").unwrap());
        assert!(regex.first.get().is_some() && regex.program.get().is_none());
        for _ in 1..FIRST {
            assert!(regex.is_match("a secret").unwrap());
            assert!(regex.program.get().is_none());
        }
        assert!(regex.is_match("a secret").unwrap());
        assert!(regex.program.get().is_some());
        let regex = Regex::compile("secret").unwrap();
        assert!(regex.is_match(&"a secret ".repeat(1_000)).unwrap());
        assert!(regex.program.get().is_some(), "a long text");
    }

    #[test]
    fn means_what_go_means() {
        for (pattern, text, found) in [
            (r"\w+", "über_9", Some("ber_9")),
            (r"\W", "é", Some("é")),
            (r"\bb", "éb", Some("b")),
            (r"\Bb", "ab", Some("b")),
            (r"[\d\-x&&y]+", "7-&xy", Some("7-&xy")),
            (r"[[:^digit:]a]+", "1b1", Some("b")),
            (r"a{,2}", "aa{,2}", Some("a{,2}")),
            (r"x{02}", "x{02}", Some("x{02}")),
            (r"\Qa*\E+", "a***", Some("a***")),
            (r"(?U)a+?", "aaa", Some("aaa")),
            (r"(?U:a+)a", "aaa", Some("aa")),
            (r"(?i)stra(?-i:ß)E", "STRAße", Some("STRAße")),
            (r"(?i)[^k]", "\u{212a}", None),
            (r"(?i)\w", "\u{17f}", Some("\u{17f}")),
            (r"(?i)\W", "\u{17f}", None),
            (r"(?s)(.)(?-s:.)", "\n\nx", Some("\nx")),
            (r"(?m)^$", "a\n", Some("")),
            (r"^b", "a\nb", None),
            (r"\pN\PN", "a1b", Some("1b")),
            (r"[^\p{^Greek}]", "aβ", Some("β")),
            (r"\x{1F600}\101", "😀A", Some("😀A")),
            (r"(?P<9>x)(?<9>y)", "xy", Some("xy")),
            (r"[]-a]+", "^_`a", Some("^_`a")),
            (r"\x{d800}|b", "ab", Some("b")),
            (r"a#b c", "a#b c", Some("a#b c")),
            (r"(|a)+", "aaa", Some("")),
            ("", "x", Some("")),
            (r"\p{Cs}|[\x{d7ff}-\x{e000}]", "\u{e000}", Some("\u{e000}")),
        ] {
            assert_eq!(find(pattern, text), found, "{pattern}");
            let regex = Regex::compile(pattern).unwrap();
            assert_eq!(regex.is_match(text).unwrap(), found.is_some(), "{pattern}");
            if text.is_ascii() {
                let first = First::of(&regex.translated).unwrap();
                assert_eq!(first.is_match(text), Some(found.is_some()), "{pattern}");
            }
        }
    }

    #[test]
    fn refusals() {
        for (pattern, message) in [
            (r"a\", "trailing backslash at end of expression: ``"),
            (r"(?i-)a", "invalid or unsupported Perl syntax: `(?i-)`"),
            (r"{1}", "missing argument to repetition operator: `{1}`"),
            (r"x{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            (r"x*??", "invalid nested repetition operator: `*??`"),
            (r"x{1000000000}", "invalid repeat count: `{1000000000}`"),
            (r"((x{10}y){10}){11}", "invalid repeat count: `{11}`"),
            (r"[x", "missing closing ]: `[x`"),
            (r"[\b]", r"invalid escape sequence: `\b`"),
            (r"(a|b", "missing closing ): `(a|b`"),
            (r"a)b", "unexpected ): `a)b`"),
            (r"(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"),
            (r"(?Px)", "invalid or unsupported Perl syntax: `(?P`"),
            (r"\p{Alphabetic}", r"invalid character class range: `\p{Alphabetic}`"),
            (r"\p{Grek}", r"invalid character class range: `\p{Grek}`"),
            (r"\xz1", r"invalid escape sequence: `\xz1`"),
        ] {
            let error = Regex::compile(pattern).err().map(|error| error.to_string()).unwrap_or_default();
            let expected =
                if message.is_empty() { String::new() } else { format!("error parsing regexp: {message}") };
            assert_eq!(error, expected, "{pattern}");
        }
    }

    /// What is built when it is first used is never refused then.
    #[test]
    fn small_patterns_are_not_too_large() {
        let of_unicode = [r"\pL", r"\PL", r"\pN", r"\p{Lo}", r"\PM", r"(?i:\pL)", r"[^\pL\pN]"];
        let others = ["[^a]", ".", r"\W", r"(?i:[^k])", r"[^\x{1000}-\x{20000}\x{30000}a-z0-9ßéü]"];
        for (classes, size) in [(&of_unicode[..], SURELY_SMALL[0]), (&others[..], SURELY_SMALL[1])] {
            for class in classes {
                // Go repeats at most a thousand times
                let times = size / 4 - 1;
                let pattern = format!("{class}{{{times}}}").repeat(4);
                let regex = Regex::compile(&pattern).unwrap();
                assert!(regex.program.get().is_none() && regex.program().is_ok(), "{pattern}");
            }
        }
        let Pattern { size, .. } = translate(r"(?:\pL{100}|a){2}b").unwrap();
        assert!((200..300).contains(&size), "{size}");
        assert!(Regex::compile(r"\pL{201}").unwrap().program.get().is_some());
    }

    #[test]
    fn hostile_patterns_end_on_a_small_stack() {
        let work = || {
            let deep = |open: &str, inner: &str, close: &str, times: usize| {
                Regex::compile(&(open.repeat(times) + inner + &close.repeat(times)))
            };
            assert!(deep("(?:", "x", ")", 20_000).is_ok());
            assert!(deep("(", "x", ")", 999).is_ok());
            let error = deep("(", "x", ")", 1001).unwrap_err().to_string();
            assert!(error.starts_with("error parsing regexp: expression nests too deeply: `(((("), "{error}");
            let _ = deep("(?:a|b", "x", "c)*", 490);
            let _ = deep("(?:(?:a|b", "x", ")?c)*", 330);
            assert!(deep("(", "", "", 100_000).is_err());
            assert!(Regex::compile(r"(?:\pL{100}\pN{100}){10}").is_err());
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn finding_all() {
        let all = |pattern, text: &'static str, limit| {
            Regex::cached(pattern).unwrap().find_all(text, limit).unwrap()
        };
        assert_eq!(all("a*", "baac", -1), ["", "aa", ""]);
        assert_eq!(all("[0-9]", "123", 2), ["1", "2"]);
        assert_eq!(all("[0-9]", "123", 0), [""; 0]);
        assert_eq!(Regex::cached("x|y").unwrap().find("ayx").unwrap(), "y");
    }
}

//! Rewriting image references to other registries, by a table of prefixes.
//!
//! ```text
//! text ─▶ canonical name ─▶ under some `to`?       ─▶ left alone (so twice is the same as once)
//!                        └▶ longest `from` above it ─▶ `to` + what is left + tag and digest as written
//! ```
//!
//! A prefix covers whole segments, counted from the registry, `library/` of Docker Hub included: `from: docker.io` takes
//! `nginx` as `docker.io/library/nginx`, and `to: mirror.example.com/hub` gives `mirror.example.com/hub/library/nginx`,
//! which is what pull-through caches serve. A `from` or `to` whose first segment is no host means Docker Hub.
//!
//! Whatever would make the order of rules or a second run matter is refused when the table is made, by the names of
//! both rules; what merely looks like a mistake is told as [`Advice`].
//!
//! A look-up costs one hash per segment of the name, whatever the number of rules; only rules with globs are tried one
//! by one.

use super::image::{self, DOCKER_HUB, ImageError, ImageReason, ImageRef, OFFICIAL};
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// One line of `rewriteImages`, as written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RewriteRule {
    /// The prefix to replace: a registry, a namespace or a repository; `*` and `?` stand for parts of one segment.
    pub from: String,
    /// What to put there: `host[:port][/prefix]`, or a bare prefix of Docker Hub.
    pub to: String,
    /// Prefixes under `from` that this rule leaves to others.
    pub except: Vec<String>,
}

/// A compiled table; see the [module](self).
#[derive(Debug, Clone, Default)]
pub struct RewriteTable {
    rules: Vec<Rewrite>,
    /// Rules whose `from` has no glob, by it.
    literal: HashMap<String, usize>,
    /// The others by the number of their segments, the more specific first.
    globs: BTreeMap<usize, Vec<usize>>,
    /// Every `to`, canonical, with the rules that have it.
    targets: HashMap<String, Vec<usize>>,
}

#[derive(Debug, Clone)]
struct Rewrite {
    from: Prefix,
    to: Target,
    except: Vec<Prefix>,
}

/// A canonical prefix: the registry (lower case, `docker.io` where none was written) and segments of the path.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Prefix {
    segments: Vec<String>,
    glob: bool,
}

#[derive(Debug, Clone)]
struct Target {
    /// As it is put before what is left.
    text: String,
    /// `docker.io/kubesphere` for `kubesphere`.
    canonical: String,
    /// A registry without a path cannot stand for a whole repository.
    is_registry: bool,
}

/// A field of a [`RewriteRule`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// `from`
    From,
    /// `to`
    To,
    /// `except[index]`
    Except(usize),
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::From => f.write_str("from"),
            Self::To => f.write_str("to"),
            Self::Except(index) => write!(f, "except[{index}]"),
        }
    }
}

/// Why a table is refused, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct TableError {
    /// Index of the rule.
    pub rule: usize,
    /// The field of it to point at.
    pub field: Field,
    /// What is wrong.
    pub problem: TableProblem,
}

/// What is wrong with a rule, or with two together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableProblem {
    /// An empty prefix would cover everything.
    #[error("the prefix is empty")]
    Empty,
    /// `https://…`: images are named without.
    #[error("{0:?} has a scheme: images are named by host, without it")]
    Scheme(String),
    /// A prefix ends at a segment.
    #[error("{0:?} has a tag or digest: a prefix ends with a segment, and both are kept as they are")]
    Suffix(String),
    /// `a//b`, `/a`, `a/`.
    #[error("{0:?} has an empty segment")]
    EmptySegment(String),
    /// `**` is not there: a prefix covers everything below it anyway.
    #[error(
        "{0:?} has `**`: a glob stands for part of one segment, and everything below a prefix is covered anyway"
    )]
    DoubleStar(String),
    /// Only `from` and `except` have globs.
    #[error("{0:?} has a glob: what is written must be plain")]
    GlobInTarget(String),
    /// Not what images are named by.
    #[error("{text:?}: {}", error.reason)]
    Grammar {
        /// The prefix that is no reference of an image.
        text: String,
        /// As for an image; its offset counts in `text`.
        error: ImageError,
    },
    /// Two rules for one prefix.
    #[error("rules {} and {} both rewrite {from}", first + 1, second + 1)]
    SameFrom {
        /// The prefix, canonical.
        from: String,
        /// Index of the rule that was there first.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// What one rule writes another would rewrite.
    #[error(
        "rule {} writes to {to}, which lies under {from} of rule {}: add `except: [{to}]` there, or write elsewhere",
        writer + 1, reader + 1
    )]
    ToUnderFrom {
        /// The target, canonical.
        to: String,
        /// The prefix it lies under, canonical.
        from: String,
        /// Index of the rule with the target.
        writer: usize,
        /// Index of the rule with the prefix.
        reader: usize,
    },
    /// An exception from nothing.
    #[error("exception {except} does not lie under {from}")]
    ExceptOutside {
        /// The exception, canonical.
        except: String,
        /// The prefix of its rule, canonical.
        from: String,
    },
}

/// What a table may well not mean, though it can be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Advice {
    /// Two origins give the same name, so one image can stand in for another.
    #[error(
        "rules {} and {} both write to {to}: an image of one origin can take the place of another's",
        first + 1, second + 1
    )]
    Collision {
        /// The target, canonical.
        to: String,
        /// Index of the rule that was there first.
        first: usize,
        /// Index of the other.
        second: usize,
    },
    /// Everything below some `to` is left alone, so this `from` never applies.
    #[error(
        "rule {} never applies: {from} lies under {to}, which rule {} writes to and which is therefore left alone",
        rule + 1, writer + 1
    )]
    Unreachable {
        /// The prefix, canonical.
        from: String,
        /// The target above it, canonical.
        to: String,
        /// Index of the rule that never applies.
        rule: usize,
        /// Index of the rule with the target; may be the same.
        writer: usize,
    },
}

/// Why an image was not rewritten though it should have been looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RewriteError {
    /// Not an image reference, or none at all.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The rule's `from` is the whole repository and its `to` a registry alone, so no repository would be left.
    #[error("{name} is all of the rule's `from`, and {to} names a registry only: nothing is left to pull")]
    NothingLeft {
        /// The image's canonical name.
        name: String,
        /// The rule's `to`.
        to: String,
    },
    /// Longer than a repository may be (255 bytes).
    #[error("rewritten to {to}, the repository of {name} would be longer than 255 bytes")]
    TooLong {
        /// The image's canonical name.
        name: String,
        /// The rule's `to`.
        to: String,
    },
}

impl RewriteTable {
    /// Makes the table.
    ///
    /// # Errors
    /// Everything that is wrong with the rules, in their order; pairs of rules only where each is right by itself.
    pub fn compile(rules: &[RewriteRule]) -> Result<Self, Vec<TableError>> {
        let mut errors = Vec::new();
        let mut table = Self::default();
        for (index, written) in rules.iter().enumerate() {
            match Rewrite::read(index, written, &mut errors) {
                Some(rule) if errors.is_empty() => table.insert(rule, &mut errors),
                _ => {}
            }
        }
        if errors.is_empty() {
            table.check_targets(&mut errors);
        }
        if errors.is_empty() { Ok(table) } else { Err(errors) }
    }

    /// Whether there is no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// A source of one table that lies in a source of the other: both may rewrite an image of it.
    #[must_use]
    pub fn shared_source(&self, other: &Self) -> Option<String> {
        let open = |segment: &str| segment.contains(['*', '?']);
        let meet = |a: &Prefix, b: &Prefix| {
            a.segments.iter().zip(&b.segments).all(|(a, b)| a == b || open(a) || open(b))
        };
        self.rules.iter().find_map(|rule| {
            let found = other.rules.iter().find(|theirs| meet(&rule.from, &theirs.from))?;
            let longer = if rule.from.segments.len() < found.from.segments.len() { found } else { rule };
            Some(longer.from.segments.join("/"))
        })
    }

    /// The reference as it is to be pulled; `None` where no rule applies or it already lies under some `to`.
    ///
    /// ```
    /// use plimsoll::resource::rewrite::{RewriteRule, RewriteTable};
    /// let rule = |from: &str, to: &str| RewriteRule { from: from.into(), to: to.into(), except: vec![] };
    /// let table = RewriteTable::compile(&[rule("docker.io", "mirror.example.com/hub")]).unwrap();
    /// let pulled = table.rewrite("nginx:1.25").unwrap();
    /// assert_eq!(pulled.as_deref(), Some("mirror.example.com/hub/library/nginx:1.25"));
    /// assert_eq!(table.rewrite(&pulled.unwrap()).unwrap(), None);
    /// ```
    ///
    /// # Errors
    /// When the text is not an image reference, or what it would become is none.
    pub fn rewrite(&self, reference: &str) -> Result<Option<String>, RewriteError> {
        self.rewrite_image(&ImageRef::parse(reference)?)
    }

    /// [`rewrite`](Self::rewrite) for a reference that was read already.
    ///
    /// # Errors
    /// When what it would become is not an image reference.
    pub fn rewrite_image(&self, image: &ImageRef<'_>) -> Result<Option<String>, RewriteError> {
        if self.rules.is_empty() {
            return Ok(None);
        }
        let name = Name::of(image);
        if name.prefixes().any(|p| self.targets.contains_key(p)) {
            return Ok(None);
        }
        let Some((rule, taken)) = self.applying(&name) else { return Ok(None) };
        let target = &self.rules[rule].to;
        let left = name.text.get(taken..).unwrap_or_default();
        let problem = || (name.text.clone(), target.text.clone());
        if left.is_empty() && target.is_registry {
            let (name, to) = problem();
            return Err(RewriteError::NothingLeft { name, to });
        }
        let new = format!("{}{left}{}", target.text, image.suffix());
        match ImageRef::parse(&new) {
            Ok(_) => Ok(Some(new)),
            Err(error) if error.reason == ImageReason::PathTooLong => {
                let (name, to) = problem();
                Err(RewriteError::TooLong { name, to })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What in the table looks like a mistake, in the order of the rules.
    #[must_use]
    pub fn advice(&self) -> Vec<Advice> {
        let mut advice = Vec::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let writers = &self.targets[&rule.to.canonical];
            if writers[0] != index {
                let to = rule.to.canonical.clone();
                advice.push(Advice::Collision { to, first: writers[0], second: index });
            }
            let from = rule.from.to_string();
            let above = if rule.from.glob {
                self.rules.iter().position(|w| rule.from.lies_under(&w.to.canonical))
            } else {
                Name::plain(&from).prefixes().find_map(|p| self.targets.get(p)).map(|w| w[0])
            };
            if let Some(writer) = above {
                let to = self.rules[writer].to.canonical.clone();
                advice.push(Advice::Unreachable { from, to, rule: index, writer });
            }
        }
        advice
    }

    fn insert(&mut self, rule: Rewrite, errors: &mut Vec<TableError>) {
        let second = self.rules.len();
        let from = rule.from.to_string();
        let same = match rule.from.glob {
            false => self.literal.insert(from.clone(), second),
            true => {
                let depth = self.globs.entry(rule.from.segments.len()).or_default();
                let same = depth.iter().find(|r| self.rules[**r].from == rule.from).copied();
                let plain = rule.from.plain_bytes();
                let at = depth.partition_point(|r| self.rules[*r].from.plain_bytes() >= plain);
                depth.insert(at, second);
                same
            }
        };
        if let Some(first) = same {
            let problem = TableProblem::SameFrom { from, first, second };
            errors.push(TableError { rule: second, field: Field::From, problem });
        }
        self.targets.entry(rule.to.canonical.clone()).or_default().push(second);
        self.rules.push(rule);
    }

    /// Refuses every `to` that another rule would rewrite.
    fn check_targets(&self, errors: &mut Vec<TableError>) {
        for (writer, rule) in self.rules.iter().enumerate() {
            let name = Name::plain(&rule.to.canonical);
            let literal = name.prefixes().filter_map(|p| self.literal.get(p)).copied();
            let globs = self.globs.values().flatten().copied();
            let globs = globs.filter(|r| self.rules[*r].from.covers(&name).is_some());
            let readers = literal.chain(globs).filter(|reader| *reader != writer);
            let mut readers: Vec<usize> = readers.filter(|r| !self.rules[*r].excepts(&name)).collect();
            readers.sort_unstable();
            for reader in readers {
                let (to, from) = (rule.to.canonical.clone(), self.rules[reader].from.to_string());
                let problem = TableProblem::ToUnderFrom { to, from, writer, reader };
                errors.push(TableError { rule: writer, field: Field::To, problem });
            }
        }
    }

    /// The rule for a name and how much of it the rule's `from` takes: most segments first, then plain before
    /// globs, then the glob with the most plain text, then the order of the rules.
    fn applying(&self, name: &Name) -> Option<(usize, usize)> {
        let applies = |rule: &usize| !self.rules[*rule].excepts(name);
        for (depth, prefix) in name.deepest_first() {
            if let Some(rule) = self.literal.get(prefix).filter(|r| applies(r)) {
                let taken = if depth == WHOLE { name.text.len() } else { prefix.len() };
                return Some((*rule, taken));
            }
            let globs = self.globs.get(&depth).into_iter().flatten();
            for rule in globs.filter(|r| applies(r)) {
                if let Some(taken) = self.rules[*rule].from.covers(name) {
                    return Some((*rule, taken));
                }
            }
        }
        None
    }
}

impl Rewrite {
    fn read(index: usize, written: &RewriteRule, errors: &mut Vec<TableError>) -> Option<Self> {
        let mut fail = |field, problem| errors.push(TableError { rule: index, field, problem });
        let from = Prefix::read(&written.from).map_err(|p| fail(Field::From, p)).ok();
        let to = Target::read(&written.to).map_err(|p| fail(Field::To, p)).ok();
        let mut except = Vec::new();
        for (at, text) in written.except.iter().enumerate() {
            match (Prefix::read(text), &from) {
                (Ok(prefix), Some(from)) if from.covers(&Name::plain(&prefix.to_string())).is_none() => {
                    let problem =
                        TableProblem::ExceptOutside { except: prefix.to_string(), from: from.to_string() };
                    fail(Field::Except(at), problem);
                }
                (Ok(prefix), _) => except.push(prefix),
                (Err(problem), _) => fail(Field::Except(at), problem),
            }
        }
        Some(Self { from: from?, to: to?, except })
    }

    fn excepts(&self, name: &Name) -> bool {
        self.except.iter().any(|e| e.covers(name).is_some())
    }
}

/// In place of a depth: the short form of an official repository, which is all of it.
const WHOLE: usize = 0;

/// A canonical name to look prefixes up in. The registry is lower case, for hosts are the same in any.
#[derive(Debug)]
struct Name {
    text: String,
    /// `docker.io/nginx` for `docker.io/library/nginx`: how people name a whole official repository.
    short: Option<String>,
}

impl Name {
    fn of(image: &ImageRef<'_>) -> Self {
        let mut text = image.name();
        text[..image.domain().len()].make_ascii_lowercase();
        Self::plain(&text)
    }

    fn plain(canonical: &str) -> Self {
        let official = canonical.strip_prefix(DOCKER_HUB).and_then(|r| r.strip_prefix('/'));
        let official = official.and_then(|r| r.strip_prefix(OFFICIAL)).and_then(|r| r.strip_prefix('/'));
        let short = official.filter(|r| !r.contains('/')).map(|r| format!("{DOCKER_HUB}/{r}"));
        Self { text: canonical.to_owned(), short }
    }

    /// The name and every prefix of it in whole segments, with their numbers of segments, the longest first;
    /// the short form of an official repository comes after the full one.
    fn deepest_first(&self) -> impl Iterator<Item = (usize, &str)> {
        let depth = self.text.split('/').count();
        let cuts = self.text.rmatch_indices('/').map(|(at, _)| &self.text[..at]);
        let whole = std::iter::once((depth, self.text.as_str()));
        let short = self.short.as_deref().map(|s| (WHOLE, s));
        whole.chain(short).chain(cuts.enumerate().map(move |(i, p)| (depth - 1 - i, p)))
    }

    fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.deepest_first().map(|(_, prefix)| prefix)
    }
}

impl Prefix {
    fn read(text: &str) -> Result<Self, TableProblem> {
        let glob = text.contains(['*', '?']);
        if text.contains("**") {
            return Err(TableProblem::DoubleStar(text.to_owned()));
        }
        // a digit is right wherever a glob may stand: in a label, a port, a segment of a path
        let plain = text.replace(['*', '?'], "0");
        let in_hub = canonical_prefix(text, &plain)?;
        let mut segments: Vec<String> = text.split('/').map(str::to_owned).collect();
        if in_hub {
            segments.insert(0, DOCKER_HUB.to_owned());
        } else {
            segments[0].make_ascii_lowercase();
            if segments[0] == "index.docker.io" {
                DOCKER_HUB.clone_into(&mut segments[0]);
            }
        }
        Ok(Self { segments, glob })
    }

    /// How many bytes of the name's text the prefix takes, if it is one.
    fn covers(&self, name: &Name) -> Option<usize> {
        if !self.glob && self.segments.len() == 2 {
            let short = name.short.as_deref().and_then(|s| s.split_once('/'));
            if short.is_some_and(|(hub, rest)| self.segments[0] == hub && self.segments[1] == rest) {
                return Some(name.text.len());
            }
        }
        let mut taken = 0;
        let mut segments = name.text.split('/');
        for pattern in &self.segments {
            let segment = segments.next().filter(|s| glob_matches(pattern, s))?;
            taken += segment.len() + 1;
        }
        Some(taken - 1)
    }

    /// Whether everything this prefix can cover lies below a plain prefix, as far as the segments tell.
    fn lies_under(&self, plain: &str) -> bool {
        let mut own = self.segments.iter();
        plain.split('/').all(|segment| own.next().is_some_and(|s| s == segment))
    }

    fn plain_bytes(&self) -> usize {
        self.segments.iter().flat_map(|s| s.bytes()).filter(|b| !matches!(b, b'*' | b'?')).count()
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments.join("/"))
    }
}

impl Target {
    fn read(text: &str) -> Result<Self, TableProblem> {
        if text.contains(['*', '?']) {
            return Err(TableProblem::GlobInTarget(text.to_owned()));
        }
        canonical_prefix(text, text)?;
        let canonical = Prefix::read(text)?;
        let is_registry = canonical.segments.len() == 1;
        Ok(Self { text: text.to_owned(), canonical: canonical.to_string(), is_registry })
    }
}

/// Checks a prefix (`plain` is it without globs) and says whether it lies in Docker Hub without saying so.
fn canonical_prefix(text: &str, plain: &str) -> Result<bool, TableProblem> {
    let own = || text.to_owned();
    if text.is_empty() {
        return Err(TableProblem::Empty);
    }
    if text.contains("://") {
        return Err(TableProblem::Scheme(own()));
    }
    let (first, rest) = text.split_once('/').map_or((text, None), |(f, r)| (f, Some(r)));
    if text.contains('@') || rest.is_some_and(|r| r.contains(':')) {
        return Err(TableProblem::Suffix(own()));
    }
    if text.split('/').any(str::is_empty) {
        return Err(TableProblem::EmptySegment(own()));
    }
    let grammar = |error| TableProblem::Grammar { text: own(), error };
    let in_hub = !(first == "*" || image::is_domain(first));
    let start = if in_hub { 0 } else { first.len() };
    if !in_hub {
        let host = &plain[..first.len()];
        if let Err(error) = image::check_domain(host) {
            // what images may be named by though it is no host: `my_registry.local`
            image::path_end(host, 0).ok().filter(|end| *end == host.len()).ok_or_else(|| grammar(error))?;
        }
    }
    if in_hub || rest.is_some() {
        let start = if in_hub { start } else { start + 1 };
        image::path_end(plain, start).map_err(grammar)?;
        if plain.len() - start > 255 {
            return Err(grammar(ImageReason::PathTooLong.at(start)));
        }
    }
    Ok(in_hub)
}

/// `*` is any run of characters, `?` is one. Two pointers and one way back: no worse than the product of the lengths.
fn glob_matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    (p, t) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

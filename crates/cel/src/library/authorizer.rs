//! The `authorizer` variable: what a check asks, and the decision it is answered with.
//!
//! ```text
//! authorizer ─ serviceAccount ─▶ Subject ─ path ─▶ PathCheck ────────────────▶┐
//!                                     └─ group ─▶ GroupCheck ─ resource ─▶ ResourceCheck ─ check(verb) ─▶ Question
//! ```
//!
//! The answer comes from outside, through [`Authorizer`].

use std::fmt;

use super::format::{NamedFormat, dns_subdomain, label_value, qualified_name};
use document::few::SortFew as _;

/// Answers questions; in the cluster by SubjectAccessReview.
pub trait Authorizer {
    /// Whether the subject may do it.
    fn authorize(&self, question: &Question) -> Decision;
}

/// An argument that a check is not built with. Display is Kubernetes' text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// Blank.
    #[error("path must not be empty")]
    Path,
    /// Blank.
    #[error("resource must not be empty")]
    Resource,
    /// No DNS subdomain.
    #[error("Invalid service account name")]
    ServiceAccountName,
    /// No DNS label.
    #[error("Invalid service account namespace")]
    ServiceAccountNamespace,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Subject {
    /// The user of the request.
    #[default]
    Requester,
    /// A service account instead.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// The part of the user's name that is none.
        name: String,
    },
}

impl Subject {
    /// `authorizer.serviceAccount(namespace, name)`
    ///
    /// # Errors
    /// Names that no service account or namespace can have.
    pub fn service_account(namespace: &str, name: &str) -> Result<Self, CheckError> {
        if !dns_subdomain(name).is_empty() {
            return Err(CheckError::ServiceAccountName);
        }
        if !NamedFormat::Dns1123Label.validate(namespace).is_empty() {
            return Err(CheckError::ServiceAccountNamespace);
        }
        Ok(Self::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// `authorizer.path(path)`
    ///
    /// # Errors
    /// An empty path.
    pub fn path(&self, path: &str) -> Result<PathCheck, CheckError> {
        if path.trim().is_empty() {
            return Err(CheckError::Path);
        }
        Ok(PathCheck { subject: self.clone(), path: path.to_owned() })
    }

    /// `authorizer.group(group)`
    pub fn group(&self, group: &str) -> GroupCheck {
        GroupCheck { subject: self.clone(), group: group.to_owned() }
    }
}

/// `authorizer.path(…)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathCheck {
    subject: Subject,
    path: String,
}

impl PathCheck {
    /// `check(verb)`
    pub fn question(&self, verb: &str) -> Question {
        let Self { subject, path } = self.clone();
        Question { subject, verb: verb.to_owned(), target: Target::Path(path) }
    }
}

/// `authorizer.group(…)`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupCheck {
    subject: Subject,
    group: String,
}

impl GroupCheck {
    /// `resource(resource)`
    ///
    /// # Errors
    /// An empty resource.
    pub fn resource(&self, resource: &str) -> Result<ResourceCheck, CheckError> {
        if resource.trim().is_empty() {
            return Err(CheckError::Resource);
        }
        let Self { subject, group } = self.clone();
        Ok(ResourceCheck { subject, group, resource: resource.to_owned(), ..ResourceCheck::default() })
    }
}

/// `authorizer.group(…).resource(…)`, and `authorizer.requestResource`, for which nothing is checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResourceCheck {
    /// Whose rights are asked for.
    pub subject: Subject,
    /// API group; any version is meant.
    pub group: String,
    /// Plural resource name.
    pub resource: String,
    /// Empty for the resource itself.
    pub subresource: String,
    /// Empty for all namespaces and for cluster-scoped resources.
    pub namespace: String,
    /// Empty for all.
    pub name: String,
    /// As written, empty for none.
    pub field_selector: String,
    /// As written, empty for none.
    pub label_selector: String,
}

impl ResourceCheck {
    /// `check(verb)`
    pub fn question(&self, verb: &str) -> Question {
        let Self { subject, group, resource, subresource, namespace, name, field_selector, label_selector } =
            self.clone();
        let target = Target::Resource {
            group,
            resource,
            subresource,
            namespace,
            name,
            field_selector: Selector::read(&field_selector, parse_field_selector),
            label_selector: Selector::read(&label_selector, parse_label_selector),
        };
        Question { subject, verb: verb.to_owned(), target }
    }
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// Whose rights are asked for.
    pub subject: Subject,
    /// `get`, `create`, …; any text.
    pub verb: String,
    /// What it is to be done to.
    pub target: Target,
}

/// What a question is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Target {
    /// A path that is no resource, `/healthz`.
    Path(String),
    Resource {
        group: String,
        resource: String,
        subresource: String,
        namespace: String,
        name: String,
        field_selector: Selector<FieldRequirement>,
        label_selector: Selector<LabelRequirement>,
    },
}

/// A selector of a question. What cannot be read restricts nothing and is passed on as such.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector<R> {
    /// None was given.
    None,
    /// All of these must hold.
    All(Vec<R>),
    /// Not a selector.
    Unreadable,
}

impl<R> Selector<R> {
    fn read(text: &str, parse: fn(&str) -> Result<Vec<R>, SelectorError>) -> Self {
        if text.is_empty() { Self::None } else { parse(text).map_or(Self::Unreadable, Self::All) }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Which way.
    pub verdict: Opinion,
    /// Shown by `reason()`.
    pub reason: String,
    /// Shown by `error()`; `errored()` tells whether there is one.
    pub error: Option<String>,
}

impl Decision {
    /// `allowed()`
    pub fn allowed(&self) -> bool {
        self.verdict == Opinion::Allow
    }
}

/// Three ways to decide; only one of them allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Opinion {
    Allow,
    Deny,
    #[default]
    NoOpinion,
}

/// `field=value` or `field!=value`
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldRequirement {
    /// Path of the field.
    pub field: String,
    /// False for `!=`.
    pub equals: bool,
    /// Without escapes.
    pub value: String,
}

impl fmt::Display for FieldRequirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}{}", self.field, if self.equals { "=" } else { "!=" }, self.value)
    }
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum LabelOperator {
    Exists,
    DoesNotExist,
    Equals,
    DoubleEquals,
    NotEquals,
    In,
    NotIn,
    GreaterThan,
    LessThan,
}

/// `key in (a,b)` and its like; values are in order, each once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LabelRequirement {
    /// A qualified name.
    pub key: String,
    /// How the values are compared.
    pub operator: LabelOperator,
    /// None for `Exists` and `DoesNotExist`, one for comparisons, at least one for sets.
    pub values: Vec<String>,
}

impl fmt::Display for LabelRequirement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, operator, values } = self;
        let values = values.join(",");
        match operator {
            LabelOperator::Exists => write!(out, "{key}"),
            LabelOperator::DoesNotExist => write!(out, "!{key}"),
            LabelOperator::Equals => write!(out, "{key}={values}"),
            LabelOperator::DoubleEquals => write!(out, "{key}=={values}"),
            LabelOperator::NotEquals => write!(out, "{key}!={values}"),
            LabelOperator::In => write!(out, "{key} in ({values})"),
            LabelOperator::NotIn => write!(out, "{key} notin ({values})"),
            LabelOperator::GreaterThan => write!(out, "{key}>{values}"),
            LabelOperator::LessThan => write!(out, "{key}<{values}"),
        }
    }
}

/// Not a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// A term without an operator.
    #[error("cannot understand {0:?}")]
    Term(String),
    /// `\x`, or a backslash at the end.
    #[error("invalid escape in {0:?}")]
    Escape(String),
    /// A `,` or `=` in a value without a backslash.
    #[error("unescaped character in {0:?}")]
    Unescaped(String),
    /// Something else was expected here.
    #[error("unexpected {0:?}")]
    Unexpected(String),
    /// No qualified name.
    #[error("{0:?} is not a label key")]
    Key(String),
    /// No label value, or none at all where one is needed.
    #[error("invalid values for {0:?}")]
    Values(String),
}

/// `fields.ParseSelector`: terms joined by commas, in order of their texts; `\` escapes `\`, `,` and `=`.
///
/// # Errors
/// What `fields.ParseSelector` refuses.
pub fn parse_field_selector(text: &str) -> Result<Vec<FieldRequirement>, SelectorError> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (index, byte) in text.bytes().enumerate() {
        if byte == b',' && !escaped {
            terms.push(&text[start..index]);
            start = index + 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    terms.push(&text[start..]);
    terms.sort_unstable();
    terms.into_iter().filter(|term| !term.is_empty()).map(parse_field_term).collect()
}

fn parse_field_term(term: &str) -> Result<FieldRequirement, SelectorError> {
    let at = term.bytes().enumerate().position(|(index, byte)| {
        byte == b'=' || byte == b'!' && term.as_bytes().get(index + 1) == Some(&b'=')
    });
    let (field, rest) = term.split_at(at.ok_or_else(|| SelectorError::Term(term.to_owned()))?);
    let equals = rest.starts_with('=');
    let value = rest.strip_prefix("!=").or_else(|| rest.strip_prefix("==")).unwrap_or(&rest[1..]);
    let (mut plain, mut escaped) = (String::with_capacity(value.len()), false);
    for character in value.chars() {
        match character {
            '\\' | ',' | '=' if escaped => plain.push(character),
            _ if escaped => return Err(SelectorError::Escape(value.to_owned())),
            ',' | '=' => return Err(SelectorError::Unescaped(value.to_owned())),
            '\\' => {
                escaped = true;
                continue;
            }
            _ => plain.push(character),
        }
        escaped = false;
    }
    if escaped {
        return Err(SelectorError::Escape(value.to_owned()));
    }
    Ok(FieldRequirement { field: field.to_owned(), equals, value: plain })
}

/// `labels.ParseToRequirements`: in order of their keys.
///
/// # Errors
/// What `labels.ParseToRequirements` refuses.
pub fn parse_label_selector(text: &str) -> Result<Vec<LabelRequirement>, SelectorError> {
    let mut parser = LabelParser { tokens: tokens(text), at: 0 };
    let mut requirements = Vec::new();
    while let Some(token) = parser.peek() {
        if !(token.is_name() || token.0 == "!") {
            return Err(parser.unexpected());
        }
        requirements.push(parser.requirement()?);
        match parser.next() {
            None => break,
            Some(token) if token.0 == "," => {
                if !parser.peek().is_some_and(|token| token.is_name() || token.0 == "!") {
                    return Err(parser.unexpected());
                }
            }
            Some(token) => return Err(SelectorError::Unexpected(token.0.to_owned())),
        }
    }
    requirements.sort_few_by(|left: &LabelRequirement, right| left.key.cmp(&right.key));
    Ok(requirements)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Token<'t>(&'t str);

fn is_symbol(character: char) -> bool {
    matches!(character, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

impl Token<'_> {
    /// A key or value; `in` and `notin` may be either.
    fn is_name(self) -> bool {
        !self.0.starts_with(is_symbol)
    }
}

/// Words, and symbols of which the longest known one counts.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let blank = |character: char| matches!(character, ' ' | '\t' | '\r' | '\n');
    let mut rest = text.trim_start_matches(blank);
    let mut tokens = Vec::new();
    while let Some(first) = rest.chars().next() {
        let length = if is_symbol(first) {
            let pair = rest.get(..2).is_some_and(|pair| matches!(pair, "==" | "!="));
            if pair { 2 } else { 1 }
        } else {
            rest.find(|character| is_symbol(character) || blank(character)).unwrap_or(rest.len())
        };
        let (token, after) = rest.split_at(length);
        tokens.push(Token(token));
        rest = after.trim_start_matches(blank);
    }
    tokens
}

struct LabelParser<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
}

impl<'t> LabelParser<'t> {
    fn peek(&self) -> Option<Token<'t>> {
        self.tokens.get(self.at).copied()
    }

    fn next(&mut self) -> Option<Token<'t>> {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn unexpected(&self) -> SelectorError {
        SelectorError::Unexpected(self.peek().map_or("end", |token| token.0).to_owned())
    }

    fn peek_is(&self, symbol: &str) -> bool {
        self.peek().is_some_and(|token| token.0 == symbol)
    }

    fn requirement(&mut self) -> Result<LabelRequirement, SelectorError> {
        let negated = self.peek_is("!");
        if negated {
            self.at += 1;
        }
        let key = self.peek().filter(|token| token.is_name()).ok_or_else(|| self.unexpected())?.0;
        self.at += 1;
        if !qualified_name(key).is_empty() {
            return Err(SelectorError::Key(key.to_owned()));
        }
        let plain = |operator| LabelRequirement { key: key.to_owned(), operator, values: Vec::new() };
        if negated {
            return Ok(plain(LabelOperator::DoesNotExist));
        }
        if self.peek().is_none() || self.peek_is(",") {
            return Ok(plain(LabelOperator::Exists));
        }
        let operator = match self.peek().map_or("", |token| token.0) {
            "=" => LabelOperator::Equals,
            "==" => LabelOperator::DoubleEquals,
            "!=" => LabelOperator::NotEquals,
            ">" => LabelOperator::GreaterThan,
            "<" => LabelOperator::LessThan,
            "in" => LabelOperator::In,
            "notin" => LabelOperator::NotIn,
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        let mut values = if matches!(operator, LabelOperator::In | LabelOperator::NotIn) {
            self.set()?
        } else {
            self.single()?
        };
        values.sort_unstable();
        values.dedup();
        let number = matches!(operator, LabelOperator::GreaterThan | LabelOperator::LessThan);
        let valid = !values.is_empty()
            && values
                .iter()
                .all(|value| label_value(value).is_empty() && (!number || value.parse::<i64>().is_ok()));
        if !valid {
            return Err(SelectorError::Values(key.to_owned()));
        }
        Ok(LabelRequirement { key: key.to_owned(), operator, values })
    }

    fn single(&mut self) -> Result<Vec<String>, SelectorError> {
        if self.peek().is_none() || self.peek_is(",") {
            return Ok(vec![String::new()]);
        }
        let value = self.peek().filter(|token| token.is_name()).ok_or_else(|| self.unexpected())?;
        self.at += 1;
        Ok(vec![value.0.to_owned()])
    }

    /// `(a, b)`; an empty value stands wherever a comma has nothing before or behind it.
    fn set(&mut self) -> Result<Vec<String>, SelectorError> {
        if !self.peek_is("(") {
            return Err(self.unexpected());
        }
        self.at += 1;
        let mut values = Vec::new();
        if self.peek_is(")") {
            self.at += 1;
            return Ok(values);
        }
        loop {
            match self.peek() {
                Some(token) if token.is_name() => {
                    values.push(token.0.to_owned());
                    self.at += 1;
                    if !(self.peek_is(",") || self.peek_is(")")) {
                        return Err(self.unexpected());
                    }
                }
                Some(Token(",")) => {
                    self.at += 1;
                    if values.is_empty() || self.peek_is(",") || self.peek_is(")") {
                        values.push(String::new());
                    }
                    if self.peek_is(",") {
                        self.at += 1;
                    }
                }
                _ => return Err(self.unexpected()),
            }
            if self.peek_is(")") {
                self.at += 1;
                return Ok(values);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn joined<R: fmt::Display>(requirements: Result<Vec<R>, SelectorError>) -> String {
        match requirements {
            Ok(list) => list.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn field_selectors() {
        for (text, read) in [
            ("b!=2,a==1", "a=1,b!=2"),
            (r"a=x\,y\=z\\", r"a=x,y=z\"),
            ("a=,,", "a="),
            ("a", "cannot understand \"a\""),
            ("a=b=c", "unescaped character in \"b=c\""),
            (r"a=\n", r#"invalid escape in "\\n""#),
        ] {
            assert_eq!(joined(parse_field_selector(text)), read, "{text}");
        }
    }

    #[test]
    fn label_selectors() {
        for (text, read) in [
            (" x , !y,in in ( b ,a,b)", "in in (a,b),x,!y"),
            ("a==1,b!=", "a==1,b!="),
            ("n>5", "n>5"),
            ("a notin (,)", "a notin ()"),
            ("", ""),
            ("n<x", "invalid values for \"n\""),
            ("a in ()", "invalid values for \"a\""),
            ("a in (b", "unexpected \"end\""),
            ("a,", "unexpected \"end\""),
            ("!a=b", "unexpected \"=\""),
            ("-a=b", "\"-a\" is not a label key"),
            ("a b", "unexpected \"b\""),
        ] {
            assert_eq!(joined(parse_label_selector(text)), read, "{text}");
        }
    }

    #[test]
    fn questions() {
        let subject = Subject::service_account("shop", "cart.v1").unwrap();
        let check = subject.group("apps").resource("deployments").unwrap();
        let check = ResourceCheck { label_selector: "a=(".to_owned(), ..check };
        let Target::Resource { label_selector, field_selector, .. } = check.question("list").target else {
            panic!("a resource was asked for")
        };
        assert_eq!((label_selector, field_selector), (Selector::Unreadable, Selector::None));
        assert_eq!(Subject::service_account("shop", "Cart"), Err(CheckError::ServiceAccountName));
        assert_eq!(Subject::service_account("s.p", "cart"), Err(CheckError::ServiceAccountNamespace));
        assert_eq!(Subject::Requester.path(" "), Err(CheckError::Path));
    }
}

//! Label selectors (`k8s.io/apimachinery/pkg/labels`).
//!
//! An absent selector is the caller's matter: in some fields it selects nothing, in others everything. An
//! empty one selects everything.

use super::label;
use super::pod_labels::Made;
use crate::document::{NodeId, NodeRef};

/// A label selector: all requirements must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    DoesNotExist,
}

/// Why a selector cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SelectorError {
    /// The part of the selector that is wrong.
    pub node: NodeId,
    /// What is wrong.
    pub reason: SelectorReason,
}

/// What is wrong with a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorReason {
    /// Not of the right type.
    #[error("{what} must be {expected}")]
    Type {
        /// Which field.
        what: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// An operator that there is not.
    #[error("unknown operator {operator:?}: In, NotIn, Exists or DoesNotExist")]
    Operator {
        /// What is written in its place.
        operator: String,
    },
    /// No label has such a key.
    #[error("{key:?} is not a label key: [prefix/]name, at most 63 letters, digits, `-`, `_`, `.`")]
    Key {
        /// The key as it is written.
        key: String,
    },
    /// No label has such a value.
    #[error("{value:?} is not a label value: at most 63 letters, digits, `-`, `_`, `.`")]
    Value {
        /// The value as it is written.
        value: String,
    },
    /// `In` and `NotIn` need values.
    #[error("{operator} needs values")]
    NoValues {
        /// `In` or `NotIn`.
        operator: &'static str,
    },
    /// `Exists` and `DoesNotExist` take none.
    #[error("{operator} takes no values")]
    Values {
        /// `Exists` or `DoesNotExist`.
        operator: &'static str,
    },
}

impl LabelSelector {
    /// Reads `{matchLabels, matchExpressions}`; `null` is the empty selector.
    ///
    /// # Errors
    /// The first field that is wrong, as the API server would refuse it.
    pub fn parse(node: NodeRef<'_>) -> Result<Self, SelectorError> {
        if node.is_null() {
            return Ok(Self::default());
        }
        if !node.is_object() {
            return Err(wrong_type(node, "a label selector", "an object"));
        }
        let mut selector = match node.get_present("matchLabels") {
            Some(labels) => Self::of_map(labels)?,
            None => Self::default(),
        };
        if let Some(expressions) = node.get_present("matchExpressions") {
            if !expressions.is_array() {
                return Err(wrong_type(expressions, "matchExpressions", "a list"));
            }
            for expression in expressions.items() {
                selector.requirements.push(requirement(expression)?);
            }
        }
        Ok(selector)
    }

    /// Reads a plain map of labels, as a Service's selector is.
    ///
    /// # Errors
    /// When it is no map of strings.
    pub fn of_map(labels: NodeRef<'_>) -> Result<Self, SelectorError> {
        if !labels.is_object() {
            return Err(wrong_type(labels, "matchLabels", "a map of strings"));
        }
        let mut requirements = Vec::new();
        for (key, node) in labels.members() {
            // null in a map of strings is the empty string
            let value = match node.as_str() {
                Some(value) => value,
                None if node.is_null() => "",
                None => return Err(wrong_type(node, "a label's value", "a string")),
            };
            check_key(key, node)?;
            check_value(value, node)?;
            requirements.push(Requirement { key: key.to_owned(), test: Test::In(vec![value.to_owned()]) });
        }
        Ok(Self { requirements })
    }

    /// Whether every object is selected.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether an object with these labels is selected.
    #[must_use]
    pub fn matches(&self, labels: Option<NodeRef<'_>>) -> bool {
        self.matches_some(labels, |_| None)
    }

    /// Whether one of the Pods with these labels is selected, which have those as well that their controllers make
    /// (`made`, by key).
    #[must_use]
    pub fn matches_some(&self, labels: Option<NodeRef<'_>>, made: impl Fn(&str) -> Option<Made>) -> bool {
        self.requirements.iter().all(|Requirement { key, test }| {
            let made = made(key);
            let written = labels.and_then(|l| l.get(key)).map(|v| v.as_str().unwrap_or_default());
            match (test, made, written) {
                (Test::In(values), Some(made), _) => values.iter().any(|v| made.can_be(v)),
                (Test::NotIn(values), Some(Made::Exactly(own)), _) => !values.contains(&own),
                (Test::NotIn(_) | Test::Exists, Some(_), _) => true,
                (Test::DoesNotExist, made, written) => made.is_none() && written.is_none(),
                (Test::In(values), None, Some(value)) => values.iter().any(|v| v == value),
                (Test::NotIn(values), None, Some(value)) => values.iter().all(|v| v != value),
                (Test::Exists, None, value) => value.is_some(),
                (Test::In(_), None, None) => false,
                (Test::NotIn(_), None, None) => true,
            }
        })
    }

    /// The pairs that every selected object must carry: for look-ups in an index.
    pub fn required_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.requirements.iter().filter_map(|r| match &r.test {
            Test::In(values) if values.len() == 1 => Some((r.key.as_str(), values[0].as_str())),
            _ => None,
        })
    }
}

fn requirement(node: NodeRef<'_>) -> Result<Requirement, SelectorError> {
    let key =
        node.get_str("key").ok_or_else(|| wrong_type(node.get("key").unwrap_or(node), "key", "a string"))?;
    check_key(key, node.get("key").unwrap_or(node))?;
    let operator_node = node.get("operator").unwrap_or(node);
    let operator =
        node.get_str("operator").ok_or_else(|| wrong_type(operator_node, "operator", "a string"))?;
    let values_node = node.get_present("values");
    let mut values = Vec::new();
    if let Some(list) = values_node.filter(|list| !list.is_array()) {
        return Err(wrong_type(list, "values", "a list"));
    }
    for item in values_node.into_iter().flat_map(NodeRef::items) {
        let value = item.as_str().ok_or_else(|| wrong_type(item, "a value", "a string"))?;
        check_value(value, item)?;
        values.push(value.to_owned());
    }
    let at = values_node.unwrap_or(node).id();
    let needs = |operator, test: fn(Vec<String>) -> Test, values: Vec<String>| {
        if values.is_empty() {
            return Err(SelectorError { node: at, reason: SelectorReason::NoValues { operator } });
        }
        Ok(test(values))
    };
    let takes_none = |operator, test: Test, values: &[String]| {
        if !values.is_empty() {
            return Err(SelectorError { node: at, reason: SelectorReason::Values { operator } });
        }
        Ok(test)
    };
    let test = match operator {
        "In" => needs("In", Test::In, values)?,
        "NotIn" => needs("NotIn", Test::NotIn, values)?,
        "Exists" => takes_none("Exists", Test::Exists, &values)?,
        "DoesNotExist" => takes_none("DoesNotExist", Test::DoesNotExist, &values)?,
        other => {
            let reason = SelectorReason::Operator { operator: other.to_owned() };
            return Err(SelectorError { node: operator_node.id(), reason });
        }
    };
    Ok(Requirement { key: key.to_owned(), test })
}

fn check_key(key: &str, node: NodeRef<'_>) -> Result<(), SelectorError> {
    let wrong = || SelectorReason::Key { key: key.to_owned() };
    if label::is_key(key) { Ok(()) } else { Err(SelectorError { node: node.id(), reason: wrong() }) }
}

fn check_value(value: &str, node: NodeRef<'_>) -> Result<(), SelectorError> {
    let wrong = || SelectorReason::Value { value: value.to_owned() };
    if label::is_value(value) { Ok(()) } else { Err(SelectorError { node: node.id(), reason: wrong() }) }
}

fn wrong_type(node: NodeRef<'_>, what: &'static str, expected: &'static str) -> SelectorError {
    SelectorError { node: node.id(), reason: SelectorReason::Type { what, expected } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    fn document(text: &str) -> Document<'_> {
        Document::from_json(text, Limits::default()).expect("JSON")
    }

    #[test]
    fn selection() {
        let cases = [
            ("{}", "{}", true),
            ("null", r#"{"a":"b"}"#, true),
            (r#"{"matchLabels":{"a":"b"}}"#, r#"{"a":"b","c":"d"}"#, true),
            (r#"{"matchLabels":{"a":"b","c":"x"}}"#, r#"{"a":"b","c":"d"}"#, false),
            (r#"{"matchLabels":{"a":""}}"#, r#"{}"#, false),
            (
                r#"{"matchExpressions":[{"key":"a","operator":"In","values":["x","b"]}]}"#,
                r#"{"a":"b"}"#,
                true,
            ),
            (r#"{"matchExpressions":[{"key":"a","operator":"In","values":["x"]}]}"#, "{}", false),
            (
                r#"{"matchExpressions":[{"key":"a","operator":"NotIn","values":["b"]}]}"#,
                r#"{"a":"b"}"#,
                false,
            ),
            (r#"{"matchExpressions":[{"key":"a","operator":"NotIn","values":["b"]}]}"#, "{}", true),
            (r#"{"matchExpressions":[{"key":"a","operator":"Exists"}]}"#, r#"{"a":""}"#, true),
            (r#"{"matchExpressions":[{"key":"a","operator":"Exists"}]}"#, "{}", false),
            (
                r#"{"matchExpressions":[{"key":"a","operator":"DoesNotExist","values":[]}]}"#,
                r#"{"a":"b"}"#,
                false,
            ),
            (r#"{"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]}"#, "{}", true),
        ];
        for (selector, labels, expected) in cases {
            let (selector_doc, labels_doc) = (document(selector), document(labels));
            let read = LabelSelector::parse(selector_doc.root()).expect(selector);
            assert_eq!(read.matches(Some(labels_doc.root())), expected, "{selector} {labels}");
        }
    }

    #[test]
    fn refused() {
        for (selector, expected) in [
            ("[]", "a label selector must be an object"),
            (r#"{"matchLabels":{"a":1}}"#, "a label's value must be a string"),
            (
                r#"{"matchExpressions":[{"key":"a","operator":"in","values":["b"]}]}"#,
                "unknown operator \"in\": In, NotIn, Exists or DoesNotExist",
            ),
            (r#"{"matchExpressions":[{"key":"a","operator":"In"}]}"#, "In needs values"),
            (
                r#"{"matchExpressions":[{"key":"a","operator":"Exists","values":["b"]}]}"#,
                "Exists takes no values",
            ),
            (r#"{"matchExpressions":[{"operator":"Exists"}]}"#, "key must be a string"),
            (r#"{"matchExpressions":{}}"#, "matchExpressions must be a list"),
            (r#"{"matchExpressions":[null]}"#, "key must be a string"),
            (r#"{"matchExpressions":[{"key":"a","operator":"In","values":"b"}]}"#, "values must be a list"),
            (
                r#"{"matchExpressions":[{"key":"a","operator":"In","values":[1]}]}"#,
                "a value must be a string",
            ),
            (
                r#"{"matchExpressions":[{"key":"a b","operator":"Exists"}]}"#,
                "\"a b\" is not a label key: [prefix/]name, at most 63 letters, digits, `-`, `_`, `.`",
            ),
            (
                r#"{"matchLabels":{"a":"*"}}"#,
                "\"*\" is not a label value: at most 63 letters, digits, `-`, `_`, `.`",
            ),
        ] {
            let doc = document(selector);
            assert_eq!(LabelSelector::parse(doc.root()).expect_err(selector).to_string(), expected);
        }
    }
}

//! Compiled CEL as policies hold it.

use std::sync::Arc;

use crate::cel::program::Program;
use crate::finding::PolicyPlace;

/// An expression, ready to run.
#[derive(Debug)]
pub struct Expression {
    /// The text of the expression.
    pub source: String,
    /// What the text was compiled to.
    pub program: Program,
    /// Where it is written.
    pub place: Option<Arc<PolicyPlace>>,
}

impl Expression {
    /// A compiled expression with its text.
    #[must_use]
    pub fn new(source: &str, program: Program, place: Option<Arc<PolicyPlace>>) -> Self {
        Self { source: source.to_owned(), program, place }
    }
}

/// A message with expressions in it.
#[derive(Debug)]
pub struct Template {
    /// Texts and expressions, in the order of the template.
    pub parts: Vec<Part>,
}

impl Template {
    /// Those of its parts that are expressions.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.parts.iter().filter_map(|part| match part {
            Part::Expression(expression) => Some(expression),
            Part::Text(_) => None,
        })
    }

    /// The message with a name in the place of each expression: `<image>` for `item.image`.
    #[must_use]
    pub fn shown(&self) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Expression(expression) => format!("<{}>", name_of(&expression.source)),
        };
        self.parts.iter().map(part).collect()
    }
}

/// The last name of a path; of any other expression nothing that a reader could use.
fn name_of(source: &str) -> &str {
    let is_path = source.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
    if is_path { source.rsplit('.').next().unwrap_or(source) } else { "…" }
}

/// A piece of a message.
#[derive(Debug)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// What it gives.
    Expression(Expression),
}

/// The overloads of our functions.
pub mod overload {
    /// `resources.get(apiVersion, kind, namespace, name)`
    pub const GET: &str = "plimsoll_resources_get";
    /// `resources.known(apiVersion, kind, namespace, name)`
    pub const KNOWN: &str = "plimsoll_resources_known";
    /// `resources.list(apiVersion, kind, namespace)`
    pub const LIST: &str = "plimsoll_resources_list";
    /// `resources.list(apiVersion, kind, namespace, selector)`
    pub const LIST_SELECTED: &str = "plimsoll_resources_list_selector";
    /// `image(string)`
    pub const IMAGE: &str = "plimsoll_image";
    /// `selector.matches(labelSelector, labels)`
    pub const SELECTOR: &str = "plimsoll_selector_matches";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_expressions() {
        for (source, expected) in
            [("item.image", "image"), ("role", "role"), ("variables.api.value().gone", "…"), ("a + b", "…")]
        {
            assert_eq!(name_of(source), expected);
        }
    }
}

//! What an expression comes to, part by part: for `plimsoll cel eval` and `--explain`.

use std::collections::BTreeSet;

use crate::cel::activation::Activation;
use crate::cel::explain::{Seen, Trace};
use crate::cel::program::{Budget, Program, Variables};
use crate::document::NodeRef;
use crate::host::Host;
use crate::policy::Reads;
use crate::request::Request;
use crate::resource::workload::TemplatePaths;

use super::facts::{Facts, Lookups};
use super::values;

/// So many parts are told.
const PARTS: usize = 40;
/// A value is cut here, in characters.
const VALUE: usize = 100;

/// What an expression came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The value as JSON or CEL's text for it, or why there is none.
    pub value: Result<String, String>,
    /// The cost in the API server's units.
    pub cost: u64,
    /// Parts of the expression and what they came to, the false ones first.
    pub parts: Vec<PartValue>,
}

/// A part of an expression and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartValue {
    /// The part as it is written in the expression.
    pub text: String,
    /// What it came to.
    pub value: String,
}

/// Runs an expression over a request, with everything that native policies see but variables.
#[must_use]
pub fn inspect(
    program: &Program,
    request: &Request<'_>,
    templates: &TemplatePaths,
    parameters: NodeRef<'_>,
    host: &dyn Host,
) -> Inspection {
    let facts = Facts::new(request, host, templates);
    let lookups = Lookups::alone(host);
    let mut activation = Activation::with_functions(&lookups);
    let all = true;
    let reads =
        Reads { request: all, namespace_object: all, all_containers: all, pods: all, authorizer: all };
    facts.bind(&mut activation, reads, parameters);
    let (outcome, trace) = program.explain(&activation, &mut Variables::none(), &mut Budget::default());
    let value = outcome.result.map(|value| values::shown(&value)).map_err(|failure| failure.to_string());
    Inspection { value, cost: outcome.cost, parts: parts(program, &trace) }
}

/// The parts of a trace: the false ones first, each text and value once.
pub(crate) fn parts(program: &Program, trace: &Trace<'_>) -> Vec<PartValue> {
    let ast = program.ast();
    let mut told = BTreeSet::new();
    let mut parts = Vec::new();
    for (id, seen) in trace.seen() {
        let text = ast.text(*id).trim();
        let (rank, value) = match seen {
            Seen::Value(value) if value.as_bool() == Some(false) => (0, "false".to_owned()),
            Seen::Error(error) => (1, format!("error: {error}")),
            Seen::Unknown(what) => (2, format!("unknown: {what}")),
            Seen::Value(value) => (3, values::shown(value)),
        };
        // a literal says what it is by itself
        if !text.is_empty() && text != value && told.insert((text.to_owned(), value.clone())) {
            parts.push((rank, PartValue { text: one_line(text), value: cut(&value) }));
        }
    }
    parts.sort_by_key(|(rank, _)| *rank);
    parts.truncate(PARTS);
    parts.into_iter().map(|(_, part)| part).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(text: &str) -> String {
    if text.chars().count() > VALUE {
        text.chars().take(VALUE).chain(['…']).collect()
    } else {
        text.to_owned()
    }
}

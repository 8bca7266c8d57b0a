//! Parameters of an environment in the place of those that a policy was written with.
//!
//! A parameter keeps the type of its default: a wrong one is refused when policies are loaded, and not by every rule at
//! every object.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::Policy;
use crate::document::edit::{Editor, PatchOperation};
use crate::document::path::Pointer;
use crate::document::{Document, Limits, NodeRef};
use crate::nearest::nearest;

/// Why parameters do not fit a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The policy has none of that name.
    #[error("{policy} has no parameter {name}")]
    Unknown {
        /// The policy that is given a value.
        policy: String,
        /// The parameter that it does not have.
        name: String,
        /// The nearest name that it has.
        nearest: Option<String>,
        /// The names that it has.
        known: Vec<String>,
    },
    /// It is of another type.
    #[error("parameter {name} of {policy}: expected {expected}, found {found}")]
    Type {
        /// The policy that is given a value.
        policy: String,
        /// The parameter, and the path in it.
        name: String,
        /// The names on the way to the value, the parameter's first.
        path: Vec<String>,
        /// The type of the default.
        expected: &'static str,
        /// The type that was given.
        found: &'static str,
        /// What to write instead, where that is clear.
        quote: Option<String>,
    },
}

impl ParameterError {
    /// The names on the way to what is wrong, the parameter's first.
    #[must_use]
    pub fn path(&self) -> Vec<&str> {
        match self {
            Self::Unknown { name, .. } => vec![name],
            Self::Type { path, .. } => path.iter().map(String::as_str).collect(),
        }
    }

    /// Whether the name is wrong, not the value.
    #[must_use]
    pub fn is_name(&self) -> bool {
        matches!(self, Self::Unknown { .. })
    }

    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::Unknown { policy, known, .. } if known.is_empty() => {
                Some(format!("{policy} has no parameters"))
            }
            Self::Unknown { known, .. } => Some(format!("its parameters are {}", known.join(", "))),
            Self::Type { quote, .. } => quote.as_ref().map(|quoted| format!("quote it: {quoted}")),
        }
    }
}

impl<C> Policy<C> {
    /// Replaces parameters by those of an environment.
    ///
    /// # Errors
    /// Everything that does not fit; nothing is replaced then.
    pub fn set_parameters(&mut self, values: &BTreeMap<String, Value>) -> Result<(), Vec<ParameterError>> {
        let own = self.parameters.root();
        let names = || own.members().map(|(name, _)| name);
        let policy = &self.id.name;
        let mut errors = Vec::new();
        for (name, value) in values {
            match own.get(name) {
                Some(default) => {
                    let default = serde_json::to_value(default).unwrap_or_default();
                    compare(policy, &mut vec![name.clone()], &default, value, &mut errors);
                }
                None => errors.push(ParameterError::Unknown {
                    policy: policy.clone(),
                    name: name.clone(),
                    nearest: nearest(name, names()).map(str::to_owned),
                    known: names().map(str::to_owned).collect(),
                }),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut editor = Editor::new(&self.parameters, Limits::default());
        let label: Arc<str> = "".into();
        for (name, value) in values {
            let path = Pointer::default().child(name);
            // a value that came out of a file of bounded size is within every limit
            let Ok(value) = Document::from_value(value).map(Arc::new) else { continue };
            let _ = editor.apply(PatchOperation::Replace { path, value }, &label);
        }
        if let Ok((document, _)) = editor.finish() {
            self.parameters = Arc::new(document);
        }
        Ok(())
    }

    /// Tells a policy that knows versions of Kubernetes which minor version the cluster has: the parameter that its
    /// annotation `plimsoll.dev/minor-version` names.
    pub fn set_minor_version(&mut self, minor: u32) {
        if let Some(name) = self.about.annotations.get("plimsoll.dev/minor-version").cloned() {
            if self.parameters.root().get(&name).and_then(NodeRef::as_i64) == Some(minor.into()) {
                return;
            }
            // a policy without that parameter does not ask
            let _ = self.set_parameters(&BTreeMap::from([(name, minor.into())]));
        }
    }
}

/// Compares a value with the default in whose place it comes, as deep as the default goes.
fn compare(
    policy: &str,
    path: &mut Vec<String>,
    default: &Value,
    value: &Value,
    errors: &mut Vec<ParameterError>,
) {
    let mut inner = |path: &mut Vec<String>, name: String, default: &Value, value: &Value| {
        path.push(name);
        compare(policy, path, default, value, errors);
        path.pop();
    };
    match (default, value) {
        (Value::Object(default), Value::Object(value)) => {
            for (name, value) in value {
                if let Some(default) = default.get(name) {
                    inner(path, name.clone(), default, value);
                }
            }
        }
        (Value::Array(default), Value::Array(value)) => {
            // elements of one type stay of it; what an empty or mixed list may hold is not known
            let first = default.first().filter(|first| default.iter().all(|item| kind(item) == kind(first)));
            if let Some(first) = first.filter(|first| !first.is_object() && !first.is_array()) {
                for (index, value) in value.iter().enumerate() {
                    inner(path, index.to_string(), first, value);
                }
            }
        }
        (default, value) if fits(default, value) => {}
        (default, value) => errors.push(ParameterError::Type {
            policy: policy.to_owned(),
            name: path.join("."),
            path: path.clone(),
            expected: kind(default),
            found: kind(value),
            quote: (default.is_string() && !value.is_object() && !value.is_array() && !value.is_null())
                .then(|| format!("\"{value}\"")),
        }),
    }
}

fn fits(default: &Value, value: &Value) -> bool {
    match default {
        Value::Null => true,
        // CEL tells integers and numbers with a fraction apart, and converts only in one direction without loss
        Value::Number(number) if number.is_f64() => value.is_number(),
        default => kind(default) == kind(value),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a number",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cel::profile::Profile;
    use crate::store::load::{Loaded, read_text};

    fn policy() -> crate::check::Policy {
        let text = "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: p, annotations: {plimsoll.dev/minor-version: minor}}
spec:
  match: {kinds: [ConfigMap]}
  parameters:
    minor: 36
    ratio: 1.5
    strict: true
    cpu: \"2\"
    names: [a, b]
    none: []
    any: null
    nested: {limit: 3, of: {name: x}}
  rules: [{name: r, validate: 'true'}]
";
        let mut loaded = Loaded::default();
        read_text("p.yaml", text, false, Profile::NEWEST, &mut loaded);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        loaded.policies.remove(0).0
    }

    #[test]
    fn parameters_keep_their_types() {
        for (name, value, expected) in [
            ("minor", json!(30), None),
            ("minor", json!("30"), Some("parameter minor of p: expected an integer, found a string")),
            ("minor", json!(1.5), Some("parameter minor of p: expected an integer, found a number")),
            ("minor", json!([1]), Some("parameter minor of p: expected an integer, found a list")),
            ("minor", json!(null), Some("parameter minor of p: expected an integer, found null")),
            ("ratio", json!(2), None),
            ("ratio", json!(2.5), None),
            ("strict", json!(false), None),
            ("strict", json!({}), Some("parameter strict of p: expected a boolean, found a map")),
            ("strict", json!("yes"), Some("parameter strict of p: expected a boolean, found a string")),
            (
                "cpu",
                json!(2),
                Some("parameter cpu of p: expected a string, found an integer (quote it: \"2\")"),
            ),
            ("names", json!(["c"]), None),
            ("names", json!([]), None),
            ("names", json!("c"), Some("parameter names of p: expected a list, found a string")),
            (
                "names",
                json!(["c", 1]),
                Some("parameter names.1 of p: expected a string, found an integer (quote it: \"1\")"),
            ),
            ("none", json!([1, "x"]), None),
            ("any", json!({"x": 1}), None),
            ("nested", json!({"limit": 4, "more": true}), None),
            (
                "nested",
                json!({"of": {"name": 1}}),
                Some("parameter nested.of.name of p: expected a string, found an integer (quote it: \"1\")"),
            ),
            ("minr", json!(1), Some("p has no parameter minr (did you mean `minor`?)")),
            (
                "something",
                json!(1),
                Some(
                    "p has no parameter something (its parameters are any, cpu, minor, names, nested, none, ratio, strict)",
                ),
            ),
        ] {
            let outcome = policy().set_parameters(&BTreeMap::from([(name.to_owned(), value.clone())]));
            let got = outcome.err().map(|errors| {
                assert_eq!(errors.len(), 1);
                let help = errors[0].help().map(|help| format!(" ({help})")).unwrap_or_default();
                format!("{}{help}", errors[0])
            });
            assert_eq!(got.as_deref(), expected, "{name}: {value}");
        }
    }

    #[test]
    fn all_faults_are_told_and_nothing_is_replaced() {
        let mut policy = policy();
        let before = policy.parameters.root().to_json();
        let values = [("minor", json!("x")), ("cpu", json!(1)), ("ratio", json!(9))];
        let values = values.map(|(name, value)| (name.to_owned(), value)).into();
        assert_eq!(policy.set_parameters(&values).map_err(|errors| errors.len()), Err(2));
        assert_eq!(policy.parameters.root().to_json(), before);
        policy.set_minor_version(24);
        assert_eq!(policy.parameters.root().get("minor").and_then(|n| n.as_i64()), Some(24));
    }
}

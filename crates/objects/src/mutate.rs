//! What a MutatingAdmissionPolicy makes of an object: the result of its expression applied as the API server does.
//!
//! ```text
//! Object{…}      ─ from_cel ─▶ check against the schema ─▶ merge ─▶ read into the kind's type ─▶ defaults
//! [JSONPatch{…}] ─ from_cel ─▶ operations ─▶ patch ──────▶ decode strictly ─────────────────────▶ defaults
//! ```
//!
//! apiserver `pkg/admission/plugin/policy/mutating/patch/{smd,json_patch}.go` and `dispatchOne` of `dispatcher.go`, over
//! sigs.k8s.io/structured-merge-diff v6.3 and evanphx/json-patch v4.13.

mod check;
mod finish;
mod from_cel;
mod go;
mod json;
mod merge;
mod patch;
mod types;

use document::{Document, LimitError, NodeRef};
use kubernetes_cel::value::Value;

use crate::admit::Served;

/// Why an expression's result was not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The policy failed: what its `failurePolicy` says becomes of the request.
    Policy(String),
    /// The server answers with an internal error (500) of this text, whatever the policy says of failures.
    Internal(String),
    /// The server's handler crashes, and closes the connection without an answer.
    Crash,
}

impl From<LimitError> for Fault {
    /// No server's words: it has limits of its own, which are larger.
    fn from(limit: LimitError) -> Self {
        Self::Policy(format!("the mutated object is too large: {limit}"))
    }
}

/// What kind of object is patched.
#[derive(Debug, Clone, Copy)]
pub struct Target<'c> {
    /// The kind as the policy matched it: group, version, kind.
    pub kind: (&'c str, &'c str, &'c str),
    /// What is known of it; nothing of the bodies of `exec` and the like.
    pub served: Option<Served<'c>>,
    /// Group and version in which the request came, which may be others.
    pub sent: (&'c str, &'c str),
    /// The minor release of Kubernetes.
    pub minor: u8,
}

impl Target<'_> {
    /// `GroupVersionKind.String`
    fn name(&self) -> String {
        let (group, version, kind) = self.kind;
        format!("{group}/{version}, Kind={kind}")
    }
}

/// Merges an apply configuration (`Object{…}`) into an object.
///
/// # Errors
/// When the server would not.
pub fn apply_configuration<'d>(
    object: NodeRef<'d>,
    value: &Value<'d>,
    target: &Target<'_>,
) -> Result<Document<'static>, Fault> {
    let Value::Object(configuration) = value else {
        let found = value.view().type_name();
        return Err(Fault::Policy(format!(
            "unsupported return type from ApplyConfiguration expression: {found}"
        )));
    };
    from_cel::check_type_names(configuration)?;
    let configuration = from_cel::configuration(configuration)?;
    let merged = merge::into(object, configuration, target)
        .map_err(|text| Fault::Policy(format!("error applying patch: {text}")))?;
    finish::restore(&merged, target)
}

/// Applies a list of `JSONPatch{…}` to an object. Where a `test` of it fails the object stays as it is.
///
/// # Errors
/// When the server would not.
pub fn json_patch<'d>(
    object: NodeRef<'d>,
    value: &Value<'d>,
    target: &Target<'_>,
) -> Result<Document<'static>, Fault> {
    let operations = from_cel::operations(value)?;
    match patch::apply(object, operations) {
        Ok(patched) => finish::decode(&patched, target),
        Err(patch::Stop::TestFailed) => finish::unchanged(object, target),
        Err(patch::Stop::Crash) => Err(Fault::Crash),
        Err(patch::Stop::Failed(text)) => Err(Fault::Policy(format!("JSON Patch: {text}"))),
    }
}

/// The object as the plugin after the policies sees it: read into the server's internal type and written again.
///
/// # Errors
/// When it is larger than documents may be.
pub fn settled(object: NodeRef<'_>, target: &Target<'_>) -> Result<Document<'static>, LimitError> {
    finish::settle(object, target)
}

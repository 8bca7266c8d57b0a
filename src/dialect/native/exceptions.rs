//! The kind `ManifestException`: what lifts findings of policies, offline and in the cluster alike.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::EXCEPTION_KIND;
use super::lower::{Lowering, is_name, lowered};
use super::written::{Match, Metadata};
use crate::cel::profile::Profile;
use crate::dialect::{Issue, Written};
use crate::document::NodeRef;
use crate::finding::terms::{date, patterns};
use crate::finding::{Excepting, PolicyRef};
use crate::policy::exception::Exception;
use crate::policy::{Controlled, Existing};

/// An exception to policies.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExceptionFile {
    /// `plimsoll.dev/v1alpha1`.
    pub api_version: String,
    /// `ManifestException`.
    pub kind: String,
    /// Name; with a namespace, the exception is for objects of that namespace.
    pub metadata: Metadata,
    /// What is lifted, and where.
    pub spec: ExceptionSpec,
    /// What the cluster keeps beside it; not read.
    #[serde(default)]
    #[schemars(skip)]
    pub status: Option<Value>,
}

/// What is lifted, and where.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExceptionSpec {
    /// Globs over `policy/rule`; a policy's name alone means all its rules.
    pub policies: Vec<String>,
    /// The objects, as in a policy.
    #[serde(rename = "match")]
    pub matches: Match,
    /// Why; lint asks for it.
    #[serde(default)]
    pub reason: Option<String>,
    /// The last day on which it holds, in UTC: `2027-03-31`.
    #[serde(default)]
    pub until: Option<String>,
}

/// Reads one exception.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text.
pub(super) fn lower(root: NodeRef<'_>, profile: Profile, written: &Written) -> Result<Exception, Vec<Issue>> {
    lowered(root, profile, written, |lowering, file| lowering.exception(file, written))
}

impl Lowering<'_> {
    fn exception(&mut self, file: &ExceptionFile, written: &Written) -> Option<Exception> {
        let ExceptionFile { api_version: _, kind: _, metadata, spec, status: _ } = file;
        let ExceptionSpec { policies, matches, reason, until } = spec;
        if !is_name(&metadata.name, true) {
            self.name_issue("/metadata/name", &metadata.name);
        }
        if policies.is_empty() {
            self.help("/spec/policies", "lifts nothing", "name policies, or rules as in `policy/rule`");
        }
        let (mut lifted, mut places) = (Vec::new(), Vec::new());
        for (index, policy) in policies.iter().enumerate() {
            match patterns([policy.as_str()].into_iter()) {
                Ok(patterns) => {
                    lifted.extend(patterns);
                    places.push(written.place(self.node(&format!("/spec/policies/{index}"))));
                }
                Err(error) => {
                    self.issue(&format!("/spec/policies/{index}"), error.to_string());
                }
            }
        }
        let until = match until.as_deref().map(date).transpose() {
            Ok(until) => until,
            Err(error) => {
                self.issue("/spec/until", error.to_string());
                None
            }
        };
        for (is_said, field) in [
            (matches.controlled != Controlled::default(), "controlled"),
            (matches.existing != Existing::default(), "existing"),
        ] {
            if is_said {
                let message = format!("`{field}` says how policies judge, and an exception judges nothing");
                self.help(&format!("/spec/match/{field}"), message, "remove it");
            }
        }
        let matches = self.matches(matches, None, metadata.namespace.clone());
        let id = PolicyRef {
            kind: EXCEPTION_KIND,
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone(),
        };
        let reason = reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()).map(str::to_owned);
        let place = written.place(self.node("/metadata/name"));
        let info = Excepting { id, reason, until, written: place };
        Some(Exception { info: Arc::new(info), patterns: lifted, places, matches: matches? })
    }
}

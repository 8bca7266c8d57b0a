//! Policies in their compiled form, and the set of them.
//!
//! ```text
//! files, embedded library ─▶ load ─▶ dialect::lower ─▶ Policy ─┐
//!                                                               ├─▶ PolicySet ─▶ evaluate
//!                          overrides, packs, --only, --skip ───┘   (index by kind)
//! ```
//!
//! A compiled policy owns its data and is shared behind an `Arc`; only the documents of a request borrow.
//! Invalid states cannot be written down here: what is wrong with a policy is found while it is lowered.

pub mod embedded;
pub mod load;
pub mod set;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::document::Document;
use crate::document::edit::{Literal, Operation};
use crate::document::path::Path;
use crate::finding::{Action, PolicyRef, RuleInfo, Severity};
use crate::matching::Scope;
use crate::resource::rewrite::RewriteTable;
use crate::resource::workload::TemplatePaths;

pub use crate::dialect::native::written::{FailurePolicy, Probe, WhenAbsent};
pub use set::PolicySet;

/// What people read about a policy.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// One line for lists.
    pub title: Option<String>,
    /// What is checked.
    pub description: Option<String>,
    /// Why it matters.
    pub rationale: Option<String>,
    /// How to mend it.
    pub remediation: Option<String>,
    /// Where to read more.
    pub references: Vec<String>,
    /// The packs it belongs to.
    pub packs: Vec<String>,
    /// The label `plimsoll.dev/category`.
    pub category: Option<String>,
    /// Annotations, such as the row of a check list that the policy answers.
    pub annotations: BTreeMap<String, String>,
}

/// A compiled policy.
#[derive(Debug)]
pub struct Policy {
    /// Kind, namespace, name.
    pub id: PolicyRef,
    /// What people read about it.
    pub about: About,
    /// What an evaluation error or an unanswerable look-up means in the webhook.
    pub failure_policy: FailurePolicy,
    /// What it is about.
    pub scope: Scope,
    /// Custom kinds with Pod templates that it declares.
    pub templates: TemplatePaths,
    /// Bound as `params`.
    pub parameters: Arc<Document<'static>>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
}

impl Policy {
    /// Replaces parameters by those of an environment.
    ///
    /// # Errors
    /// Names the first that the policy does not have; nothing is replaced then.
    pub fn set_parameters(&mut self, values: &BTreeMap<String, serde_json::Value>) -> Result<(), String> {
        let own = serde_json::to_value(self.parameters.root()).unwrap_or_default();
        let serde_json::Value::Object(mut own) = own else { return Ok(()) };
        if let Some(unknown) = values.keys().find(|name| !own.contains_key(*name)) {
            return Err(unknown.clone());
        }
        own.extend(values.iter().map(|(name, value)| (name.clone(), value.clone())));
        if let Ok(document) = Document::from_value(&own) {
            self.parameters = Arc::new(document);
        }
        Ok(())
    }

    /// Whether a rule of it changes objects.
    #[must_use]
    pub fn mutates(&self) -> bool {
        self.rules.iter().any(|rule| rule.body.mutates())
    }
}

/// A compiled rule.
#[derive(Debug)]
pub struct Rule {
    /// Its name in the policy.
    pub name: String,
    /// What all its findings share.
    pub info: Arc<RuleInfo>,
    /// What lint reports.
    pub severity: Severity,
    /// What the webhook answers.
    pub action: Action,
    /// Whether the value at a finding is hidden.
    pub sensitive: bool,
    /// What it does.
    pub body: RuleBody,
}

/// What a rule does.
#[derive(Debug)]
pub enum RuleBody {
    /// Every long-running container has these probes.
    RequireProbes {
        /// Which, without duplicates, in the order of a container's life.
        probes: Vec<Probe>,
        /// Whether what runs to completion is exempt.
        exempt_run_to_completion: bool,
    },
    /// A StatefulSet has its headless Service.
    RequireHeadlessService {
        /// What the webhook answers when the Service is not there.
        when_absent: WhenAbsent,
    },
    /// Images are taken from mirrors.
    RewriteImages(RewriteTable),
    /// The object is changed.
    Mutate {
        /// In order.
        edits: Vec<Edit>,
    },
}

impl RuleBody {
    /// Whether the rule changes objects, rather than judging them.
    #[must_use]
    pub fn mutates(&self) -> bool {
        matches!(self, Self::RewriteImages(_) | Self::Mutate { .. })
    }
}

/// An operation on an object.
#[derive(Debug, Clone)]
pub enum Edit {
    /// Sets a value, making missing parents.
    Set {
        /// Where.
        path: Path,
        /// What.
        value: Literal,
    },
    /// Removes a value; nothing happens where it is not there.
    Remove {
        /// Where.
        path: Path,
    },
    /// An operation of RFC 6902, which fails where it does not apply.
    Raw(Operation),
}

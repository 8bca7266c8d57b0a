//! What is known of a policy of the library before it is read.
//!
//! ```text
//! policies/*.yaml ─ build.rs ─▶ Outline ─▶ Unmet ─ an object of its kinds ─▶ Policy
//! ```
//!
//! Reading and compiling the library takes longer than judging a few objects by it. So a run reads a policy of the library when an
//! object first meets it; what else it has to know of it – its name, packs, codes, and all that the hash of a set is made of –
//! stands in its outline, which `build.rs` makes. Policies of files are read at once, as what is wrong with them must be told,
//! and so are those that a configuration gives parameters.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::cel::profile::Profile;
use crate::check::Policy;
use crate::dialect::native::CLUSTER_KIND;
use crate::finding::{Action, Actions, PolicyRef, Severity};
use crate::matching::{KindMatch, Kinds};

use super::adjustments::Adjustments;
use super::embedded;
use super::kept::Origin;
use super::load::read_own;
use super::ready;

/// A policy of the library as its text says it, without what its rules do.
#[derive(Debug)]
pub struct Outline {
    /// Which of the files of the library it is.
    pub(super) file: usize,
    /// Of its text; see [`Origin`].
    pub(super) digest: u64,
    /// `metadata.name`
    pub name: &'static str,
    /// `match.kinds`, as written.
    pub kinds: &'static [&'static str],
    /// The packs it belongs to.
    pub packs: &'static [&'static str],
    /// The label `plimsoll.dev/category`.
    pub category: Option<&'static str>,
    /// The parameter that the cluster's minor version is put in.
    pub minor_version: Option<&'static str>,
    /// Its parameters, as JSON.
    pub parameters: &'static str,
    /// Whether it declares custom kinds with Pod templates.
    pub declares_templates: bool,
    /// Its rules, in order.
    pub rules: &'static [RuleOutline],
}

/// A rule of such a policy.
#[derive(Debug)]
pub struct RuleOutline {
    /// `policy/rule`
    pub code: &'static str,
    /// The packs it belongs to, where that is not all of the policy's.
    pub packs: &'static [&'static str],
    /// What lint reports.
    pub severity: Severity,
    /// What the webhook answers.
    pub action: Action,
    /// Whether it changes objects, rather than judging them alone.
    pub mutates: bool,
}

impl Outline {
    /// Kind and name.
    #[must_use]
    pub fn id(&self) -> PolicyRef {
        PolicyRef { kind: CLUSTER_KIND, namespace: None, name: self.name.to_owned() }
    }

    /// The packs that it names: its own and those of its rules.
    pub fn all_packs(&self) -> impl Iterator<Item = &'static str> {
        self.packs.iter().chain(self.rules.iter().flat_map(|rule| rule.packs)).copied()
    }

    /// Where it is read.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let (name, _) = embedded::files()[self.file];
        Origin { file: format!("{}{name}", embedded::PREFIX), digest: self.digest }
    }

    /// The parameters in a cluster of this minor version, as JSON.
    fn parameters(&self, minor: Option<u32>) -> String {
        let own = self.minor_version.zip(minor);
        let set = own.and_then(|(name, minor)| {
            let mut all: Map<String, Value> = serde_json::from_str(self.parameters).ok()?;
            // a policy without that parameter does not ask
            all.contains_key(name).then(|| all.insert(name.to_owned(), minor.into()))?;
            Some(Value::Object(all).to_string())
        });
        set.unwrap_or_else(|| self.parameters.to_owned())
    }
}

/// How policies of the library are read when they are met.
#[derive(Debug)]
pub(super) struct Reading {
    /// The CEL that they are written in.
    pub(super) profile: Profile,
    /// The cluster's version, where a policy asks for it.
    pub(super) minor: Option<u32>,
    /// What the run makes of them.
    pub(super) adjustments: Adjustments,
}

/// A policy of a set that no object has met yet.
#[derive(Debug, Clone)]
pub struct Unmet {
    pub(super) outline: &'static Outline,
    pub(super) reading: Arc<Reading>,
}

impl Unmet {
    /// The policy itself; `when_run`: with expressions that are compiled when they are run first.
    pub(super) fn read(&self, when_run: bool) -> Policy {
        let Reading { profile, minor, adjustments } = &*self.reading;
        let stored = when_run.then(|| ready::programs(self.outline, *profile));
        let mut policy = read_own(self.outline, *profile, stored);
        if let Some(minor) = minor {
            policy.set_minor_version(*minor);
        }
        adjustments.apply(policy, true).expect("an outline has the packs of its policy")
    }

    /// The kinds by which an index finds it; `declared`: whether custom kinds with Pod templates are declared.
    pub(super) fn kinds(&self, declared: bool) -> (KindMatch, bool) {
        match Kinds::parse(self.outline.kinds) {
            Ok(kinds) => (kinds.index_by(declared), kinds.has_subresources()),
            Err(_) => (KindMatch::Any, true),
        }
    }

    /// Whether it may be about objects of a kind, as [`Unmet::kinds`] has it.
    pub(super) fn may_be_about(&self, kind: &str, declared: bool) -> bool {
        Kinds::may_mean(self.outline.kinds, kind, declared)
    }

    /// Whether the run takes a rule of it.
    pub(super) fn runs(&self) -> bool {
        self.rules().next().is_some()
    }

    /// Whether the run is about policies that are named, this one among them.
    pub(super) fn is_named(&self) -> bool {
        !self.reading.adjustments.only.is_empty()
    }

    /// Kind and name.
    pub(super) fn id(&self) -> PolicyRef {
        self.outline.id()
    }

    /// Its packs.
    pub(super) fn packs(&self) -> &'static [&'static str] {
        self.outline.packs
    }

    /// Its rules that run, each with its severity and actions.
    pub(super) fn rules(&self) -> impl Iterator<Item = (&'static RuleOutline, Severity, Actions)> {
        let Self { outline, reading } = self;
        outline.rules.iter().filter_map(|rule| {
            let (severity, actions) = reading.adjustments.of_outline(outline, rule)?;
            Some((rule, severity, actions))
        })
    }

    /// Its parameters, as JSON.
    pub(super) fn parameters(&self) -> String {
        self.outline.parameters(self.reading.minor)
    }
}

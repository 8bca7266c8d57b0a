//! Tests of policies, written beside them: manifests, and what must be said of each object.
//!
//! ```text
//! paths ─▶ read (PolicyTest files, with positions)          policies ─▶ policy::load ─▶ PolicySet
//!                 └─▶ case ─▶ observe: offline engine, as lint asks it ──┐        │
//!                                 └─▶ review: webhook engine, ───────────┤◀───────┘
//!                                     an AdmissionReview in and out      ▼
//!                                              compare ─▶ Outcome ─▶ text | JSON | JUnit
//!                                                  └─▶ update: writes `expect` anew
//! ```
//!
//! A test that expects nothing is an error, an object that is not named must have no findings, and a rule that no
//! case reaches is reported: a policy whose tests pass has been seen to work.

pub mod compare;
pub mod json;
pub mod junit;
pub mod observe;
pub mod read;
pub mod review;
pub mod text;
mod update;
pub mod written;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use crate::cel::profile::{Profile, Release};
use crate::diagnostic::Diagnostic;
use crate::policy::parameters::ParameterError;
use crate::resource::workload::TemplatePaths;
use crate::store::PolicySet;
use crate::store::load::{self, Loaded};
use crate::store::set::Adjustments;

use crate::document::few::GatherFew as _;
use compare::{Comparison, Difference};
use read::{Case, PolicyTest};

/// What came of all tests.
#[derive(Debug, Default)]
pub struct TestRun {
    /// In the order of their files.
    pub tests: Vec<TestOutcome>,
    /// What is wrong with files, tests and policies.
    pub errors: Vec<Diagnostic>,
    /// Policies that no test names.
    pub untested: Vec<String>,
    /// Rules of tested policies that no case reaches.
    pub unreached: Vec<String>,
    /// Files that were written anew.
    pub updated: Vec<String>,
}

impl TestRun {
    /// The cases of all tests, in order.
    pub fn cases(&self) -> impl Iterator<Item = &CaseOutcome> {
        self.tests.iter().flat_map(|test| &test.cases)
    }

    /// How many cases did not go as expected.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.cases().filter(|case| !case.passed()).count()
    }
}

/// What came of a test.
#[derive(Debug)]
pub struct TestOutcome {
    /// The name of the test.
    pub name: String,
    /// The file that the test is written in.
    pub file: String,
    /// In the order they are written.
    pub cases: Vec<CaseOutcome>,
}

/// What came of a case.
#[derive(Debug)]
pub struct CaseOutcome {
    /// The name of the case.
    pub name: String,
    /// `file:line:column` of its name.
    pub place: String,
    /// Objects of which something else was expected, with their places.
    pub differences: Vec<(String, Difference)>,
    /// What is wrong with the case itself.
    pub errors: Vec<Diagnostic>,
    /// How long it took.
    pub elapsed: Duration,
}

impl CaseOutcome {
    /// Whether all went as expected.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.differences.is_empty() && self.errors.is_empty()
    }
}

/// Runs all tests below these paths; with `update`, expectations that do not hold are written anew first.
#[must_use]
pub fn run(paths: &[PathBuf], update: bool) -> TestRun {
    let mut found = read::find(paths);
    let mut outcome = TestRun { errors: std::mem::take(&mut found.errors), ..TestRun::default() };
    if update {
        outcome.updated = rewrite(&found.tests, &mut outcome.errors);
        if !outcome.updated.is_empty() {
            found = read::find(paths);
        }
    }
    let ran: Vec<Ran> = found.tests.par_iter().map(|test| Running::of(test).run(test)).collect();
    let mut known = BTreeMap::new();
    let mut reached = BTreeSet::new();
    for Ran { outcome: test, errors, rules, reached: of_test } in ran {
        outcome.tests.push(test);
        for error in errors {
            // a policy that several tests name is wrong once
            if !outcome.errors.contains(&error) {
                outcome.errors.push(error);
            }
        }
        for (policy, codes) in rules {
            known.entry(policy).or_insert_with(BTreeSet::new).extend(codes);
        }
        reached.extend(of_test);
    }
    outcome.unreached = known.values().flatten().filter(|code| !reached.contains(*code)).cloned().collect();
    let sources = load::PolicySources {
        embedded: false,
        paths: paths.iter().filter(|p| p.is_dir()).cloned().collect(),
        profile: Profile::NEWEST,
    };
    let there = load::load(&sources);
    for error in there.errors {
        if !outcome.errors.contains(&error) {
            outcome.errors.push(error);
        }
    }
    let names: BTreeSet<String> = there.policies.into_iter().map(|(policy, _)| policy.id.name).collect();
    outcome.untested = names.into_iter().filter(|name| !known.contains_key(name)).collect();
    outcome
}

/// Writes the expectations of cases anew that do not hold. Says which files it changed.
fn rewrite(tests: &[PolicyTest], errors: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut by_file: BTreeMap<&str, (&PolicyTest, Vec<update::Splice>)> = BTreeMap::new();
    for test in tests {
        let running = Running::of(test);
        for case in &test.cases {
            let Ok((observation, comparison)) = running.compare(case) else { continue };
            if comparison.differences.is_empty() && comparison.faults.is_empty() {
                continue;
            }
            match update::splice(&test.text, case, &observation, &running.codes()) {
                Ok(splice) => by_file.entry(&test.file).or_insert((test, Vec::new())).1.push(splice),
                Err(error) => errors.push(test.fault(case.at.clone(), error.to_string())),
            }
        }
    }
    let mut updated = Vec::new();
    for (file, (test, splices)) in by_file {
        match std::fs::write(file, update::apply(&test.text, splices)) {
            Ok(()) => updated.push(file.to_owned()),
            Err(error) => errors.push(Diagnostic::of_file(file, error.to_string())),
        }
    }
    updated
}

/// What a test gives, before all are put together.
struct Ran {
    outcome: TestOutcome,
    errors: Vec<Diagnostic>,
    /// The codes of each policy's rules.
    rules: BTreeMap<String, BTreeSet<String>>,
    reached: BTreeSet<String>,
}

/// A test with its policies loaded.
struct Running<'t> {
    test: &'t PolicyTest,
    set: Arc<PolicySet>,
    errors: Vec<Diagnostic>,
}

impl<'t> Running<'t> {
    fn of(test: &'t PolicyTest) -> Self {
        let Loaded { policies, exceptions, mut errors, .. } = load_policies(test, Profile::NEWEST);
        if policies.is_empty() && errors.is_empty() {
            errors.push(test.fault(test.policies_at.clone(), "no policy found"));
        }
        let loaded = Loaded { policies, exceptions, ..Loaded::default() };
        Self { test, set: Arc::new(set_of(loaded)), errors }
    }

    fn codes(&self) -> BTreeSet<String> {
        self.set.policies().iter().flat_map(|p| &p.rules).map(|rule| rule.info.code.clone()).collect()
    }

    fn run(self, test: &PolicyTest) -> Ran {
        let mut reached = BTreeSet::new();
        let mut cases = Vec::with_capacity(test.cases.len());
        for case in &test.cases {
            let start = Instant::now();
            let (mut differences, mut errors) = (Vec::new(), Vec::new());
            match self.compare(case) {
                Ok((observation, comparison)) => {
                    reached.extend(observation.reached);
                    let Comparison { differences: found, faults } = comparison;
                    differences.extend(found.into_iter().map(|d| (test.place(&d.at), d)));
                    errors.extend(faults.into_iter().map(|fault| {
                        let help = fault.help;
                        Diagnostic { help, ..test.fault(fault.at, fault.message) }
                    }));
                }
                Err(error) => errors.push(error),
            }
            let (name, place) = (case.written.name.clone(), test.place(&case.at));
            cases.push(CaseOutcome { name, place, differences, errors, elapsed: start.elapsed() });
        }
        let rules = self.set.policies().iter().map(|policy| {
            let codes = policy.rules.iter().map(|rule| rule.info.code.clone());
            (policy.id.name.clone(), codes.collect())
        });
        let rules = rules.gather();
        let outcome = TestOutcome { name: test.name.clone(), file: test.file.clone(), cases };
        Ran { outcome, errors: self.errors, rules, reached }
    }

    fn compare(&self, case: &Case) -> Result<(observe::Observation, Comparison), Diagnostic> {
        let set = self.set_for(case)?;
        let observation = observe::observe(case, &set)
            .map_err(|error| self.test.fault(case.manifests_at.clone(), error.to_string()))?;
        let comparison = compare::compare(case, &observation, &self.codes());
        Ok((observation, comparison))
    }

    /// The policies with the parameters of a case, in the CEL of its version.
    fn set_for(&self, case: &Case) -> Result<Arc<PolicySet>, Diagnostic> {
        let written = &case.written;
        if written.parameters.is_empty() && written.kubernetes_version.is_none() {
            return Ok(Arc::clone(&self.set));
        }
        let profile = match &written.kubernetes_version {
            None => Profile::NEWEST,
            Some(version) => Profile::of_version(version).ok_or_else(|| {
                let message = format!("{version:?} is not a Kubernetes version: expected one such as 1.36");
                self.test.fault(case.at.clone(), message)
            })?,
        };
        let mut loaded = load_policies(self.test, profile);
        if let Some(release) = written.kubernetes_version.as_deref().and_then(Release::of_version) {
            loaded.for_release(release);
        }
        if let Some(error) = loaded.errors.into_iter().next() {
            return Err(error);
        }
        loaded.errors = Vec::new();
        for (name, values) in &written.parameters {
            let wrong = |message| self.test.fault(case.parameters_at.clone(), message);
            let policy = loaded.policies.iter_mut().find(|(policy, _)| policy.id.name == *name);
            let Some((policy, _)) = policy else {
                return Err(wrong(format!("no policy under test is named {name}")));
            };
            policy.set_parameters(values).map_err(|errors| {
                let error = errors.first();
                let message = error.map(ToString::to_string).unwrap_or_default();
                Diagnostic { help: error.and_then(ParameterError::help), ..wrong(message) }
            })?;
        }
        Ok(Arc::new(set_of(loaded)))
    }
}

fn load_policies(test: &PolicyTest, profile: Profile) -> Loaded {
    load::load(&load::PolicySources { embedded: false, paths: test.policies.clone(), profile })
}

/// Cases hold objects as they are written, which the API server shows to none of its own mutating policies.
fn set_of(loaded: Loaded) -> PolicySet {
    loaded.into_set(&Adjustments::default(), TemplatePaths::default()).without_servers_mutations()
}

#[cfg(test)]
#[path = "policytest/tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;

//! What the policies say of the objects of a case: by the engine as lint asks it, and by the webhook's.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::NaiveDate;
use serde_json::Value;

use super::read::Case;
use super::review::{self, Reviewed};
use super::written::{self, TestVerdict};
use crate::admission::{Stages, admit};
use crate::check::EvaluationLimits;
use crate::document::{Document, NodeRef};
use crate::finding::{Certainty, Finding};
use crate::manifest::source::{Content, SourceFile};
use crate::manifest::{Inventory, Sources};
use crate::matching::Operation;
use crate::offline::{Asking, Offline};
use crate::request::Request;
use crate::resource::identity::Identity;
use crate::store::PolicySet;

/// The name of the judged text among the sources of a case …
const MANIFESTS: &str = "manifests";
/// … and of the objects that are only looked up.
const CLUSTER: &str = "cluster";

/// What the policies say of an object.
#[derive(Debug, Clone)]
pub struct Observed {
    /// `None` for objects of the whole cluster.
    pub namespace: Option<String>,
    /// The object's kind.
    pub kind: String,
    /// The name, else what the server makes one of.
    pub name: String,
    /// What the webhook would answer.
    pub verdict: TestVerdict,
    /// In the order of lines.
    pub findings: Vec<ObservedFinding>,
    /// What mutation makes.
    pub patch: Vec<Value>,
    /// Where the webhook disagrees with lint, and fixes that mend nothing.
    pub complaints: Vec<String>,
}

impl Observed {
    /// `Pod/web`
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// `default/Pod/web`
    #[must_use]
    pub fn full_label(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.label()),
            None => self.label(),
        }
    }

    /// Whether a label of a test means this object.
    #[must_use]
    pub fn is_called(&self, label: &str) -> bool {
        label == self.label() || label == self.full_label()
    }
}

/// A finding, as tests speak of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObservedFinding {
    /// In the case's manifests.
    pub line: Option<u32>,
    /// `policy/rule`
    pub code: String,
    /// What it says.
    pub message: String,
    /// Whether it is a question that the case cannot answer.
    pub unknown: bool,
}

/// All objects of a case, and the rules that had something to say.
#[derive(Debug, Default)]
pub struct Observation {
    /// In the order of the text.
    pub objects: Vec<Observed>,
    /// The codes of the rules that found or changed something.
    pub reached: BTreeSet<String>,
}

/// A text of the case that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObserveError {
    /// It is broken.
    #[error("{text}, line {line}: {message}")]
    Broken {
        /// Which text of the case.
        text: &'static str,
        /// The line in that text.
        line: u32,
        /// What is wrong.
        message: String,
    },
    /// Nothing is there to be judged.
    #[error("no object is there to be judged")]
    Empty,
}

fn source(name: &str, text: &str) -> SourceFile {
    SourceFile::new(name, Content::Text(text.to_owned()))
}

fn broken(inventory: &Inventory<'_>, sources: &Sources, old: bool) -> Option<ObserveError> {
    inventory.ledger().iter().find_map(|record| {
        let name = match sources.file(record.file).path() {
            _ if old => "old",
            CLUSTER => CLUSTER,
            _ => MANIFESTS,
        };
        let error = record.errors.first()?;
        let (line, message) = (error.position.line, error.error.to_string());
        Some(ObserveError::Broken { text: name, line, message })
    })
}

/// Asks lint's engine and the webhook's about every object of a case.
///
/// # Errors
/// When a text of the case cannot be read.
pub fn observe(case: &Case, set: &Arc<PolicySet>) -> Result<Observation, ObserveError> {
    let written = &case.written;
    let mut files = vec![source(MANIFESTS, &written.manifests)];
    files.extend(written.cluster.as_deref().map(|text| source(CLUSTER, text)));
    let sources = Sources::new(files);
    let inventory = Inventory::load(&sources);
    let old_sources = Sources::new(written.old.iter().map(|text| source("old", text)).collect());
    let old = Inventory::load(&old_sources);
    if let Some(error) = broken(&inventory, &sources, false).or_else(|| broken(&old, &old_sources, true)) {
        return Err(error);
    }
    let asking = asking(written);
    let offline = Offline::new(&inventory, Some(&old), &asking);
    let reviewer = review::Reviewer::new(set, &inventory, &offline, asking.complete);
    let mut observation = Observation::default();
    for (index, manifest) in inventory.manifests().iter().enumerate() {
        let file = sources.file(manifest.file);
        if file.path() == MANIFESTS {
            let subject = JudgedObject { set, offline: &offline, file, index };
            observation.objects.push(subject.observe(&reviewer, &mut observation.reached));
        }
    }
    if observation.objects.is_empty() { Err(ObserveError::Empty) } else { Ok(observation) }
}

fn asking(case: &written::Case) -> Asking {
    Asking {
        namespace: case.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        operation: match case.operation {
            written::TestOperation::Create => Operation::Create,
            written::TestOperation::Update => Operation::Update,
            written::TestOperation::Delete => Operation::Delete,
        },
        user: case.user.as_ref().map(|user| user.name.clone()),
        groups: case.user.iter().flat_map(|user| user.groups.iter().cloned()).collect(),
        complete: case.complete,
        explain: false,
        // a test says the same every day
        today: NaiveDate::MIN,
        fingerprints: false,
    }
}

/// An object that is judged.
struct JudgedObject<'s, 'i> {
    set: &'s Arc<PolicySet>,
    offline: &'s Offline<'i>,
    file: &'s SourceFile,
    index: usize,
}

impl JudgedObject<'_, '_> {
    fn observe(&self, reviewer: &review::Reviewer, reached: &mut BTreeSet<String>) -> Observed {
        let (request, admission) = self.offline.admit(self.set, Stages::ALL, self.index);
        let (decided, findings) = (admission.verdict(&request), &admission.findings);
        let told = findings.iter().filter(|f| f.certainty != Certainty::Failed && f.excepted.is_none());
        reached.extend(told.map(|f| f.code().to_owned()));
        reached.extend(admission.rules.iter().cloned());
        let identity = self.offline.identity(self.index);
        let object = request.subject();
        let verdict = match () {
            () if !decided.allowed() => TestVerdict::Deny,
            () if !decided.warnings.is_empty() => TestVerdict::Warn,
            () => TestVerdict::Allow,
        };
        let patch: Vec<Value> =
            admission.patch.iter().filter_map(|operation| serde_json::to_value(operation).ok()).collect();
        let lint = Reviewed {
            verdict,
            causes: review::sorted(decided.denials.iter().map(|f| review::cause_of(f))),
            patch: patch.clone(),
        };
        let mut complaints = reviewer.disagreements(&request, identity, &lint);
        if let Some(judged) = admission.object(&request) {
            complaints.extend(self.idle_fixes(&request.with_object(judged), judged, findings));
        }
        let mut observed: Vec<ObservedFinding> =
            findings.iter().filter(|f| f.excepted.is_none()).map(|f| self.finding(f)).collect();
        observed.sort();
        Observed {
            namespace: identity.namespace.map(str::to_owned),
            kind: identity.gvk.kind.to_owned(),
            name: name_of(identity, object),
            verdict,
            findings: observed,
            patch,
            complaints,
        }
    }

    fn finding(&self, finding: &Finding) -> ObservedFinding {
        ObservedFinding {
            line: finding.place.span.map(|span| self.file.position(span.start as usize).line),
            code: finding.code().to_owned(),
            message: finding.message.clone(),
            unknown: finding.certainty == Certainty::Unknown,
        }
    }

    /// A fix must apply, and what it mends must not be found again.
    fn idle_fixes(&self, request: &Request<'_>, object: NodeRef<'_>, findings: &[Finding]) -> Vec<String> {
        let mut complaints = Vec::new();
        for finding in findings.iter().filter(|f| !f.fix.is_empty()) {
            let fixed = serde_json::from_str::<Value>(&object.to_json()).ok().and_then(|mut object| {
                let fix = serde_json::to_value(&finding.fix).ok()?;
                json_patch::patch(&mut object, &serde_json::from_value::<json_patch::Patch>(fix).ok()?)
                    .ok()?;
                Document::from_value(&object).ok()
            });
            let at = &finding.place.path;
            let Some(fixed) = fixed else {
                complaints.push(format!("the fix of {} at {at} does not apply", finding.code()));
                continue;
            };
            let host = self.offline.host(self.index);
            let fixed = request.with_object(fixed.root());
            let again = admit(self.set, Stages::JUDGE, &fixed, &host, EvaluationLimits::default()).findings;
            let same = |f: &&Finding| f.code() == finding.code() && f.message == finding.message;
            if again.iter().filter(same).count() >= findings.iter().filter(same).count() {
                complaints.push(format!("the fix of {} at {at} does not resolve it", finding.code()));
            }
        }
        complaints
    }
}

fn name_of(identity: Identity<'_>, object: Option<NodeRef<'_>>) -> String {
    let made_of = object.and_then(|o| o.at("/metadata/generateName")).and_then(NodeRef::as_str);
    identity.name.or(made_of).unwrap_or_default().to_owned()
}

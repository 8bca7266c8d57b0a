//! Jobs, whose selector and template labels the server makes itself unless `manualSelector` says otherwise.

use std::collections::BTreeMap;

use document::few::GatherFew as _;
use document::{Builder, Document, LimitError, Limits};

use super::super::pod::pod_template_warnings;
use super::super::rules::{immutable, label_selector};
use super::super::{Submitted, template};
use super::success_policy::SUCCESS_POLICY;
use super::{job_spec, template_update, warn_of_size};
use crate::field::{At, Causes, Value, go_json_string};
use crate::go_value::{self, Field, GoValue, LABEL_SELECTOR, Shape};
use crate::meta::{self, final_name, has_invalid_label_value, matches_labels, name_is_subdomain};
use crate::names;

const LEGACY_UID: &str = "controller-uid";
const LEGACY_NAME: &str = "job-name";
const UID: &str = "batch.kubernetes.io/controller-uid";
const NAME: &str = "batch.kubernetes.io/job-name";
pub(super) const NAME_LABELS: [&str; 2] = [LEGACY_NAME, NAME];
/// What stands for the uid that the server would give.
const UNKNOWN_UID: &str = "UID";

const FAILURE_POLICY: Shape = Shape::Pointer(&[Field(
    "Rules",
    "rules",
    Shape::List(&[
        Field("Action", "action", Shape::Text),
        Field(
            "OnExitCodes",
            "onExitCodes",
            Shape::Pointer(&[
                Field("ContainerName", "containerName", Shape::Plain),
                Field("Operator", "operator", Shape::Text),
                Field("Values", "values", Shape::Plain),
            ]),
        ),
        Field(
            "OnPodConditions",
            "onPodConditions",
            Shape::List(&[Field("Type", "type", Shape::Text), Field("Status", "status", Shape::Text)]),
        ),
    ]),
)]);

/// A Job with what the server adds to it.
struct Job<'d> {
    at: At<'d>,
    spec: At<'d>,
    /// Labels of the template.
    labels: BTreeMap<String, String>,
    /// Whether the server made labels and selector.
    generated: bool,
    /// The value of the label that was added to the selector.
    added: Option<String>,
    manual: bool,
    uid: String,
    name: String,
}

/// `ValidateJob`, and on update `ValidateJobUpdate` behind it, which checks the `spec` a second time.
pub(super) fn job(subject: &Submitted<'_>, causes: &mut Causes) {
    let job = Job::read(subject.at, subject.old.is_none());
    let metadata = subject.at.field("metadata");
    let old_spec = subject.old.map(|old| old.field("spec"));
    meta::core_object_meta(metadata, name_is_subdomain, causes);
    job.generated_selector(requires_prefixed_labels(old_spec), causes);
    job.check_spec(old_spec, causes);
    job.host_names(causes);
    if let Some(old) = subject.old {
        meta::core_object_meta_update(metadata, old.field("metadata"), causes);
        job.check_spec(old_spec, causes);
        job.update(old, causes);
    }
}

/// Jobs from before 1.27 do without the labels that have a prefix.
fn requires_prefixed_labels(old_spec: Option<At<'_>>) -> bool {
    old_spec.is_none_or(|spec| {
        let labels = spec.fields("template.metadata.labels");
        [NAME, UID].iter().all(|key| labels.key(key).is_set())
    })
}

impl<'d> Job<'d> {
    /// `generateSelectorIfNeeded` of pkg/registry/batch/job/strategy.go, on create.
    fn read(at: At<'d>, create: bool) -> Self {
        let spec = at.field("spec");
        let uid = at.fields("metadata.uid").opt_str().unwrap_or(UNKNOWN_UID).to_owned();
        let name = final_name(at.field("metadata"));
        let manual = spec.bool_at("manualSelector");
        let labels = spec.fields("template.metadata.labels").entries();
        let mut labels: BTreeMap<String, String> =
            labels.map(|(key, value)| (key.to_owned(), value.str().to_owned())).gather();
        let mut added = None;
        let generated = create && !manual;
        if generated {
            for (key, value) in [(LEGACY_NAME, &name), (NAME, &name), (LEGACY_UID, &uid), (UID, &uid)] {
                labels.entry(key.to_owned()).or_insert_with(|| value.clone());
            }
            added = (!spec.fields("selector.matchLabels").key(UID).is_set()).then(|| uid.clone());
        }
        Self { at, spec, labels, generated, added, manual, uid, name }
    }

    /// Whether the selector, with what was added to it, takes these labels; `None` where it cannot be read.
    fn selects(&self, labels: &BTreeMap<String, String>) -> Option<bool> {
        let selector = self.spec.field("selector");
        let added = self.added.as_ref().is_none_or(|uid| labels.get(UID) == Some(uid));
        if self.added.is_some() && !selector.is_set() {
            return Some(added);
        }
        let document = label_document(labels).ok()?;
        Some(added & matches_labels(selector, At::root(document.root()))?)
    }

    fn show_labels(&self) -> Value<'static> {
        let none = self.labels.is_empty() && !self.spec.fields("template.metadata.labels").is_set();
        if none { GoValue::null().shown() } else { go_map(&self.labels).shown() }
    }

    fn show_selector(&self) -> Value<'static> {
        let selector = self.spec.field("selector");
        let Some(uid) = &self.added else { return LABEL_SELECTOR.value(selector) };
        let labels = selector.field("matchLabels").entries();
        let mut labels: BTreeMap<_, _> =
            labels.map(|(key, value)| (key.to_owned(), value.str().to_owned())).gather();
        labels.insert(UID.to_owned(), uid.clone());
        let mut shown = GoValue::Object(vec![("matchLabels".to_owned(), go_map(&labels))]);
        let expressions = selector.field("matchExpressions");
        if !expressions.is_empty() {
            shown.add("matchExpressions", go_value::value(expressions, &Shape::Plain));
        }
        shown.shown()
    }

    /// `validateGeneratedSelector`.
    fn generated_selector(&self, prefixed: bool, causes: &mut Causes) {
        let selector = self.spec.field("selector");
        if self.manual || !selector.is_set() && self.added.is_none() {
            return;
        }
        let labels_at = self.spec.fields("template.metadata.labels");
        let expected =
            [(LEGACY_UID, &self.uid), (LEGACY_NAME, &self.name), (UID, &self.uid), (NAME, &self.name)];
        let expected = if prefixed { &expected[..] } else { &expected[..2] };
        for (key, value) in expected {
            let detail = format!("must be '{value}'");
            match self.labels.get(*key) {
                None => causes.required(labels_at.key(key), &detail),
                Some(found) if found != *value => {
                    causes.invalid_value(labels_at.key(key), self.show_labels(), &detail);
                }
                Some(_) => {}
            }
        }
        let generated = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).clone())).gather();
        if self.selects(&generated) == Some(false) {
            causes.invalid_value(selector, self.show_selector(), "`selector` not auto-generated");
        }
    }

    /// `ValidateJobSpec`.
    fn check_spec(&self, old: Option<At<'_>>, causes: &mut Causes) {
        let named = self.generated.then_some(self.name.as_str());
        job_spec(self.spec, template::of(old), named, causes);
        let selector = self.spec.field("selector");
        if !selector.is_set() && self.added.is_none() {
            causes.required(selector, "");
        }
        let lax = old.is_some_and(|old| has_invalid_label_value(old.field("selector")));
        label_selector(selector, lax, causes);
        if self.selects(&self.labels) == Some(false) {
            causes.invalid_value(
                self.spec.fields("template.metadata.labels"),
                self.show_labels(),
                "`selector` does not match template `labels`",
            );
        }
    }

    /// The Pods of an Indexed Job are called after it, with their index.
    fn host_names(&self, causes: &mut Causes) {
        let completions = self.spec.int_at("completions");
        if completions <= 0 || self.spec.str_at("completionMode") != "Indexed" {
            return;
        }
        let longest = format!("{}-{}", self.name, completions - 1);
        if !names::dns1123_label(&longest).is_empty() {
            let detail = format!("will not able to create pod with invalid DNS label: {longest}");
            causes.invalid_value(self.at.fields("metadata.name"), &self.name, &detail);
        }
    }

    /// `ValidateJobSpecUpdate` without the `spec` itself.
    fn update(&self, old: At<'_>, causes: &mut Causes) {
        let (spec, old_spec) = (self.spec, old.field("spec"));
        self.completions(old_spec, causes);
        immutable(spec.field("selector"), old_spec.field("selector"), &LABEL_SELECTOR, causes);
        template_update::template_update(spec, old, causes);
        for (name, shape) in [
            ("completionMode", &Shape::Plain),
            ("podFailurePolicy", &FAILURE_POLICY),
            ("backoffLimitPerIndex", &Shape::Plain),
            ("managedBy", &Shape::Plain),
            ("successPolicy", &SUCCESS_POLICY),
        ] {
            immutable(spec.field(name), old_spec.field(name), shape, causes);
        }
    }

    /// `validateCompletions`: an Indexed Job grows and shrinks together with its parallelism.
    fn completions(&self, old_spec: At<'_>, causes: &mut Causes) {
        let completions = self.spec.field("completions");
        let old = old_spec.field("completions");
        if self.spec.str_at("completionMode") != "Indexed" {
            return immutable(completions, old, &Shape::Plain, causes);
        }
        let tandem = self.spec.opt_int_at("parallelism") == completions.opt_int();
        if completions.is_set() && !completions.same(old) && !tandem {
            causes.invalid(completions, "can only be modified in tandem with spec.parallelism");
        }
    }
}

/// A map as Go prints it.
fn go_map(map: &BTreeMap<String, String>) -> GoValue {
    let scalar = |text: &String| GoValue::Scalar(go_json_string(text));
    GoValue::Object(map.iter().map(|(key, value)| (key.clone(), scalar(value))).collect())
}

fn label_document(labels: &BTreeMap<String, String>) -> Result<Document<'static>, LimitError> {
    let mut out = Builder::new("", Limits::default());
    out.begin_object()?;
    for (key, value) in labels {
        out.key(key, None)?;
        out.string(value)?;
    }
    out.end();
    Ok(out.finish())
}

/// `WarningsOnCreate`, `WarningsOnUpdate` of pkg/registry/batch/job/strategy.go.
pub(super) fn warn(subject: &Submitted<'_>, warnings: &mut Vec<String>) {
    template::warn_of_name(subject, warnings);
    let spec = subject.at.field("spec");
    if subject.old.is_none_or(|old| !spec.same(old.field("spec"))) {
        warn_of_size(spec, warnings);
        let old = template::of(subject.old.map(|old| old.field("spec")));
        pod_template_warnings(spec.field("template"), old, warnings);
    }
}

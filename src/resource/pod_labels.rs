//! Labels that controllers put on the Pods that they make, beside those of the template.
//!
//! A Service or NetworkPolicy may select by them, though no manifest has them. Some are known (`job-name`), some are
//! one of a series (`db-0`, `db-1`, …), and of some nobody can know the value beforehand (`pod-template-hash`).
//!
//! Sources: `pkg/controller/statefulset/stateful_set_utils.go` (`initIdentity`), `pkg/controller/job/job_controller.go`,
//! `pkg/controller/daemon/util`, `pkg/controller/deployment/util`, and
//! <https://kubernetes.io/docs/reference/labels-annotations-taints/>.

use crate::document::NodeRef;

use super::identity::GroupVersionKind;

/// The name of the StatefulSet's Pod.
const POD_NAME: &str = "statefulset.kubernetes.io/pod-name";
/// The number of the StatefulSet's Pod.
pub const POD_INDEX: &str = "apps.kubernetes.io/pod-index";
/// The name of the Job, by its old key and the one since 1.27.
const JOB_NAMES: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];

/// Operators of kinds with several Pod templates, and how the labels begin by which they tell the Pods apart.
const OPERATORS: [(&str, &str); 5] = [
    ("batch.volcano.sh", "volcano.sh/"),
    ("jobset.x-k8s.io", "jobset.sigs.k8s.io/"),
    ("kubeflow.org", "training.kubeflow.org/"),
    ("leaderworkerset.x-k8s.io", "leaderworkerset.sigs.k8s.io/"),
    ("ray.io", "ray.io/"),
];

/// What a label made by a controller holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// The same on every Pod.
    Exactly(String),
    /// A number after a prefix, another on each Pod: from this one to below that one.
    Numbered {
        /// What stands before the number.
        prefix: String,
        /// The first number.
        from: i64,
        /// The first number that is too high, where there is one.
        below: Option<i64>,
    },
    /// Nobody can know beforehand.
    Anything,
}

impl Made {
    /// Whether some Pod has this value.
    #[must_use]
    pub fn can_be(&self, value: &str) -> bool {
        match self {
            Self::Exactly(own) => own == value,
            Self::Numbered { prefix, from, below } => value
                .strip_prefix(prefix.as_str())
                .and_then(number)
                .is_some_and(|n| n >= *from && below.is_none_or(|below| n < below)),
            Self::Anything => true,
        }
    }
}

/// A number as controllers write it: digits, none of them too many.
fn number(text: &str) -> Option<i64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| plain)
}

/// What the controller of `object` makes of the label `key`; `replicas` says how many Pods there may be at most.
#[must_use]
pub fn made(object: NodeRef<'_>, key: &str, replicas: impl FnOnce() -> i64) -> Option<Made> {
    let kind = GroupVersionKind::new(object.get_str("apiVersion")?, object.get_str("kind")?);
    let name = object.at("/metadata/name").and_then(NodeRef::as_str);
    let exactly = || Some(name.map_or(Made::Anything, |name| Made::Exactly(name.to_owned())));
    let numbered = |prefix: String, from: i64, below| Some(Made::Numbered { prefix, from, below });
    let of_operator = OPERATORS.iter().any(|(group, prefix)| kind.group == *group && key.starts_with(prefix));
    match (kind.group, kind.kind, key) {
        _ if of_operator => Some(Made::Anything),
        ("apps" | "apps.kruise.io", "StatefulSet", POD_NAME | POD_INDEX) => {
            let from = object.at("/spec/ordinals/start").and_then(NodeRef::as_i64).unwrap_or(0);
            let prefix = match key {
                POD_NAME => format!("{}-", name?),
                _ => String::new(),
            };
            numbered(prefix, from, Some(from.saturating_add(replicas())))
        }
        ("apps" | "apps.kruise.io", "StatefulSet" | "DaemonSet" | "CloneSet", "controller-revision-hash")
        | ("apps" | "apps.kruise.io", "DaemonSet", "pod-template-generation")
        | ("apps" | "extensions", "Deployment", "pod-template-hash")
        | ("apps.kruise.io", "CloneSet", "pod-template-hash" | "apps.kruise.io/cloneset-instance-id")
        | ("argoproj.io", "Rollout", "rollouts-pod-template-hash")
        | ("batch", "Job" | "CronJob", "controller-uid" | "batch.kubernetes.io/controller-uid") => {
            Some(Made::Anything)
        }
        ("batch", "Job", key) if JOB_NAMES.contains(&key) => exactly(),
        ("batch", "CronJob", key) if JOB_NAMES.contains(&key) => numbered(format!("{}-", name?), 0, None),
        ("batch", "Job", "batch.kubernetes.io/job-completion-index") => indexes(object, "/spec"),
        ("batch", "CronJob", "batch.kubernetes.io/job-completion-index") => {
            indexes(object, "/spec/jobTemplate/spec")
        }
        ("apps.openshift.io", "DeploymentConfig", "deploymentconfig") => exactly(),
        (
            "serving.knative.dev",
            "Service" | "Configuration",
            "serving.knative.dev/configuration" | "serving.knative.dev/service",
        ) => exactly(),
        ("serving.knative.dev", "Service" | "Configuration", "serving.knative.dev/revision") => {
            Some(Made::Anything)
        }
        _ => None,
    }
}

/// The indexes of the Pods of an Indexed Job.
fn indexes(object: NodeRef<'_>, job: &str) -> Option<Made> {
    let job = object.at(job)?;
    (job.get_str("completionMode") == Some("Indexed")).then(|| Made::Numbered {
        prefix: String::new(),
        from: 0,
        below: job.get("completions").and_then(NodeRef::as_i64),
    })
}

/// The pair under which an index keeps a Pod's label, and asks for it; `None` of labels by which nothing is found.
///
/// The Pods `db-0` and `db-1` are kept under `db`, the name of what makes them.
#[must_use]
pub fn indexed<'t>(key: &'t str, value: &'t str) -> Option<(&'t str, &'t str)> {
    match key {
        POD_NAME => {
            let (owner, ordinal) = value.rsplit_once('-').unwrap_or((value, "0"));
            Some((key, if number(ordinal).is_some() { owner } else { value }))
        }
        POD_INDEX
        | "controller-revision-hash"
        | "pod-template-generation"
        | "pod-template-hash"
        | "rollouts-pod-template-hash"
        | "apps.kruise.io/cloneset-instance-id"
        | "controller-uid"
        | "batch.kubernetes.io/controller-uid"
        | "batch.kubernetes.io/job-completion-index"
        | "serving.knative.dev/revision" => None,
        key if OPERATORS.iter().any(|(_, prefix)| key.starts_with(prefix)) => None,
        _ => Some((key, value)),
    }
}

/// The pairs under which an index keeps the Pods of an object beside their labels.
pub fn indexed_of<'d>(object: NodeRef<'d>) -> impl Iterator<Item = (&'d str, &'d str)> + Clone {
    let name = object.at("/metadata/name").and_then(NodeRef::as_str);
    let keys: &[&'static str] = match object.get_str("kind") {
        Some("StatefulSet") => &[POD_NAME],
        Some("Job") => &JOB_NAMES,
        Some("DeploymentConfig") => &["deploymentconfig"],
        Some("Service" | "Configuration") => {
            &["serving.knative.dev/configuration", "serving.knative.dev/service"]
        }
        _ => &[],
    };
    keys.iter().filter_map(move |key| Some((*key, name?)))
}

/// The labels that controllers put on all Pods of an object alike.
pub fn shared<'d>(object: NodeRef<'d>) -> impl Iterator<Item = (&'d str, &'d str)> + Clone {
    indexed_of(object).filter(|(key, _)| *key != POD_NAME)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn made_by_controllers() {
        let set = r#"{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"db"}}"#;
        let from_2 = r#"{"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"db"},"spec":{"ordinals":{"start":2}}}"#;
        let job = r#"{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"render"},"spec":{"completions":3,"completionMode":"Indexed"}}"#;
        let plain_job =
            r#"{"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"render"},"spec":{"completions":3}}"#;
        let cron = r#"{"apiVersion":"batch/v1","kind":"CronJob","metadata":{"name":"render"}}"#;
        let ray = r#"{"apiVersion":"ray.io/v1","kind":"RayCluster","metadata":{"name":"a"}}"#;
        let web = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"}}"#;
        for (object, key, value, expected) in [
            (set, POD_NAME, "db-0", Some(true)),
            (set, POD_NAME, "db-2", Some(true)),
            (set, POD_NAME, "db-3", Some(false)),
            (set, POD_NAME, "db-01", Some(false)),
            (set, POD_NAME, "db", Some(false)),
            (set, POD_NAME, "cache-1", Some(false)),
            (from_2, POD_NAME, "db-1", Some(false)),
            (from_2, POD_NAME, "db-4", Some(true)),
            (set, POD_INDEX, "1", Some(true)),
            (set, POD_INDEX, "3", Some(false)),
            (set, "controller-revision-hash", "db-6b5", Some(true)),
            (set, "pod-template-hash", "6b5", None),
            (set, "job-name", "db", None),
            (job, "job-name", "render", Some(true)),
            (job, "batch.kubernetes.io/job-name", "other", Some(false)),
            (job, "batch.kubernetes.io/controller-uid", "1", Some(true)),
            (job, "batch.kubernetes.io/job-completion-index", "2", Some(true)),
            (job, "batch.kubernetes.io/job-completion-index", "3", Some(false)),
            (plain_job, "batch.kubernetes.io/job-completion-index", "2", None),
            (cron, "job-name", "render-29384756", Some(true)),
            (cron, "job-name", "render", Some(false)),
            (web, "pod-template-hash", "6b5", Some(true)),
            (web, "ray.io/node-type", "head", None),
            (ray, "ray.io/node-type", "head", Some(true)),
            (ray, "app", "a", None),
            (web, "app", "web", None),
        ] {
            let document = Document::from_json(object, Limits::default()).unwrap();
            let found = made(document.root(), key, || 3).map(|made| made.can_be(value));
            assert_eq!(found, expected, "{key}={value} of {object}");
        }
    }

    #[test]
    fn indexed_under_their_owner() {
        for (pair, expected) in [
            ((POD_NAME, "db-0"), Some((POD_NAME, "db"))),
            ((POD_NAME, "my-db-12"), Some((POD_NAME, "my-db"))),
            ((POD_NAME, "my-db"), Some((POD_NAME, "my-db"))),
            (("pod-template-hash", "6b5"), None),
            (("job-name", "render"), Some(("job-name", "render"))),
            (("app", "web-0"), Some(("app", "web-0"))),
        ] {
            assert_eq!(indexed(pair.0, pair.1), expected, "{pair:?}");
        }
    }
}

//! Where a kind keeps its Pod templates.
//!
//! Most have one, what makes Pods of several sorts has a list or a map of them. Kubernetes' own kinds and custom kinds that many use stand in the table of [`api`]. Others are declared, by policies
//! and by the configuration.

use std::collections::BTreeSet;

use globset::{Glob, GlobMatcher};

use super::container::{self, Container};
use crate::api;
use crate::document::NodeRef;

/// In a pointer to templates: every item of a list, or every value of a map.
const EACH: &str = "*";

/// Below which pointers a kind of the table keeps what has `metadata` and the Pod's `spec`; a segment `*` is every item of
/// a list or value of a map.
#[must_use]
pub fn built_in(group: &str, kind: &str) -> &'static [&'static str] {
    api::get(group, kind).map_or(&[], |known| known.templates)
}

/// Something like a Pod template in an object of another kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookalike {
    /// The path of what has the Pod's `spec`, in which there are containers with images, or of what has containers that a
    /// Pod is made of.
    pub path: String,
    /// The path by which it can be declared; a container alone cannot.
    pub declarable: Option<String>,
}

/// What an object of another kind keeps like a Pod template. What lies at the top is no template.
#[must_use]
pub fn lookalike(object: NodeRef<'_>) -> Option<Lookalike> {
    let found = template(object);
    let declarable = found.map(|found| {
        let mut fields = Vec::new();
        let mut at = Some(found);
        while let Some(node) = at.filter(|node| node.id() != object.id()) {
            fields.push(node.key().unwrap_or(EACH));
            at = node.parent();
        }
        fields.reverse();
        fields.join(".")
    });
    let path = found.or_else(|| single(object))?.path_from(object.id());
    Some(Lookalike { path, declarable })
}

/// A container without a Pod template around it: `container` and `script` in a list of templates (Argo Workflows), `steps`
/// (Tekton).
fn single(object: NodeRef<'_>) -> Option<NodeRef<'_>> {
    object.get("spec")?.descendants().find(|node| {
        let parent = node.parent().filter(|_| node.get_str("image").is_some());
        match node.key() {
            Some("container" | "script") => parent.is_some_and(|parent| parent.key().is_none()),
            Some(_) => false,
            None => parent.is_some_and(|steps| steps.key() == Some("steps")),
        }
    })
}

fn template(object: NodeRef<'_>) -> Option<NodeRef<'_>> {
    let spec = object.get("spec")?;
    let containers = spec.descendants().find(|node| {
        let image = |item: NodeRef<'_>| item.get("image").is_some_and(|image| image.as_str().is_some());
        node.key() == Some("containers")
            && node.items().any(image)
            && node.parent().is_some_and(|parent| parent.key() == Some("spec") && parent.id() != spec.id())
    })?;
    containers.parent()?.parent()
}

/// Whether a built-in kind holds Pods.
#[must_use]
pub fn holds_pods(group: &str, kind: &str) -> bool {
    !built_in(group, kind).is_empty()
}

/// Custom kinds with Pod templates.
#[derive(Debug, Clone, Default)]
pub struct TemplatePaths(Vec<Declared>);

#[derive(Debug, Clone)]
struct Declared {
    group: GlobMatcher,
    version: GlobMatcher,
    kind: GlobMatcher,
    pointer: String,
}

/// Why a declaration cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplatePathError {
    /// The kind is not of the form `group/version/Kind` or `group/Kind`.
    #[error("{kind:?} is not of the form group/version/Kind, as in example.com/*/Worker")]
    Kind {
        /// The kind as it is written.
        kind: String,
    },
    /// A glob in the kind is wrong.
    #[error("bad glob in {kind:?}: {reason}")]
    Glob {
        /// The kind as it is written.
        kind: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The path is not one of names and dots.
    #[error(
        "{path:?} is not a path of field names, as in spec.template, or spec.tasks.*.template for each of a list or map"
    )]
    Path {
        /// The path as it is written.
        path: String,
    },
}

impl TemplatePaths {
    /// Declares that objects of `kind` (`group/version/Kind`, globs allowed) keep a Pod template at `path`; where several
    /// declarations are about a kind, each adds its templates.
    ///
    /// # Errors
    /// When the kind or the path cannot be read.
    pub fn declare(&mut self, kind: &str, path: &str) -> Result<(), TemplatePathError> {
        let parts: Vec<&str> = kind.split('/').collect();
        let (group, version, name) = match parts.as_slice() {
            [group, version, name] => (*group, *version, *name),
            [group, name] => (*group, "*", *name),
            _ => return Err(TemplatePathError::Kind { kind: kind.to_owned() }),
        };
        if parts.iter().any(|p| p.is_empty()) {
            return Err(TemplatePathError::Kind { kind: kind.to_owned() });
        }
        let glob = |text: &str| {
            Glob::new(text)
                .map(|g| g.compile_matcher())
                .map_err(|e| TemplatePathError::Glob { kind: kind.to_owned(), reason: e.kind().to_string() })
        };
        let good = |field: &str| {
            field == EACH
                || !field.is_empty()
                    && field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        if !path.split('.').all(good) {
            return Err(TemplatePathError::Path { path: path.to_owned() });
        }
        let pointer = format!("/{}", path.replace('.', "/"));
        self.0.push(Declared { group: glob(group)?, version: glob(version)?, kind: glob(name)?, pointer });
        Ok(())
    }

    /// Whether nothing is declared.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the declarations of another.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether a kind is declared.
    #[must_use]
    pub fn declares(&self, group: &str, version: &str, kind: &str) -> bool {
        self.pointers(group, version, kind).next().is_some()
    }

    fn pointers(&self, group: &str, version: &str, kind: &str) -> impl Iterator<Item = &str> {
        let matches = move |d: &&Declared| {
            d.group.is_match(group) && d.version.is_match(version) && d.kind.is_match(kind)
        };
        self.0.iter().filter(matches).map(|d| d.pointer.as_str())
    }
}

/// The nodes at the end of a pointer with [`EACH`].
fn each_at<'d>(object: NodeRef<'d>, pointer: &str) -> Vec<NodeRef<'d>> {
    let mut nodes = vec![object];
    for segment in pointer.split('/').skip(1) {
        nodes = match segment {
            EACH => nodes.into_iter().flat_map(NodeRef::children).collect(),
            field => nodes.into_iter().filter_map(|node| node.get(field)).collect(),
        };
    }
    nodes
}

/// The Pod that an object is or makes; of several, one.
#[derive(Debug, Clone, Copy)]
pub struct PodTemplate<'d> {
    /// The Pod's metadata; of a template often absent.
    pub metadata: Option<NodeRef<'d>>,
    /// The Pod's spec.
    pub spec: NodeRef<'d>,
}

impl<'d> PodTemplate<'d> {
    /// The Pods in an object of this kind; none where the kind has none or the object leaves them out.
    #[must_use]
    pub fn all(
        object: NodeRef<'d>,
        group: &str,
        version: &str,
        kind: &str,
        declared: &TemplatePaths,
    ) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut look = |pointer: &str| {
            for template in each_at(object, pointer) {
                let spec = template.get("spec").filter(|spec| spec.is_object());
                found.extend(spec.map(|spec| Self { metadata: template.get("metadata"), spec }));
            }
        };
        let known = built_in(group, kind);
        known.iter().for_each(|pointer| look(pointer));
        if known.is_empty() {
            declared.pointers(group, version, kind).for_each(look);
        }
        // two declarations may lead to the same place
        if found.len() > 1 {
            let mut seen = BTreeSet::new();
            found.retain(|pods| seen.insert(pods.spec.id()));
        }
        found
    }

    /// The first of [`PodTemplate::all`].
    #[must_use]
    pub fn of(
        object: NodeRef<'d>,
        group: &str,
        version: &str,
        kind: &str,
        declared: &TemplatePaths,
    ) -> Option<Self> {
        Self::all(object, group, version, kind, declared).into_iter().next()
    }

    /// All containers: regular, init and sidecar, ephemeral.
    pub fn containers(&self) -> impl Iterator<Item = Container<'d>> + use<'d> {
        container::containers(self.spec)
    }

    /// Every image reference: of all containers, and of `image` volumes.
    pub fn images(&self) -> impl Iterator<Item = NodeRef<'d>> + use<'d> {
        container::images(self.spec)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn templates_by_kind() {
        let pod = r#"{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c"}]}}"#;
        let wrap = |at: &str| match at {
            "" => pod.to_owned(),
            at => at
                .split('/')
                .skip(1)
                .collect::<Vec<_>>()
                .iter()
                .rev()
                .fold(pod.to_owned(), |inner, key| format!("{{{key:?}:{inner}}}")),
        };
        let mut declared = TemplatePaths::default();
        declared.declare("example.com/Thing", "spec.pod-template").expect("good");
        for (group, kind, at) in [
            ("", "Pod", ""),
            ("", "PodTemplate", "/template"),
            ("", "ReplicationController", "/spec/template"),
            ("apps", "Deployment", "/spec/template"),
            ("apps", "ReplicaSet", "/spec/template"),
            ("apps", "StatefulSet", "/spec/template"),
            ("apps", "DaemonSet", "/spec/template"),
            ("batch", "Job", "/spec/template"),
            ("batch", "CronJob", "/spec/jobTemplate/spec/template"),
            ("argoproj.io", "Rollout", "/spec/template"),
            ("apps.openshift.io", "DeploymentConfig", "/spec/template"),
            ("apps.kruise.io", "CloneSet", "/spec/template"),
            ("serving.knative.dev", "Service", "/spec/template"),
            ("serving.knative.dev", "Revision", ""),
            ("keda.sh", "ScaledJob", "/spec/jobTargetRef/template"),
            ("agones.dev", "Fleet", "/spec/template/spec/template"),
            ("example.com", "Thing", "/spec/pod-template"),
        ] {
            let text = wrap(at);
            let doc = Document::from_json(&text, Limits::default()).expect("JSON");
            let pods = PodTemplate::of(doc.root(), group, "v1", kind, &declared).expect(kind);
            assert_eq!(pods.containers().count(), 1, "{kind}");
            assert!(pods.metadata.is_some_and(|m| m.get("labels").is_some()), "{kind}");
        }
        let doc =
            Document::from_json(r#"{"spec":{"template":{"spec":{}}}}"#, Limits::default()).expect("JSON");
        assert!(PodTemplate::of(doc.root(), "example.org", "v1", "Deployment", &declared).is_none());
    }

    #[test]
    fn lookalikes() {
        for (text, expected) in [
            (r#"{"spec":{"worker":{"spec":{"containers":[{"image":"a"}]}}}}"#, Some("spec.worker")),
            (
                r#"{"spec":{"tasks":[{"template":{"spec":{"containers":[{"image":"a"}]}}}]}}"#,
                Some("spec.tasks[0].template"),
            ),
            (
                r#"{"spec":{"templates":[{"steps":[[{"name":"a"}]]},{"container":{"image":"a"}}]}}"#,
                Some("spec.templates[1].container"),
            ),
            (r#"{"spec":{"templates":[{"script":{"image":"a"}}]}}"#, Some("spec.templates[0].script")),
            (r#"{"spec":{"steps":[{"name":"a"},{"image":"a"}]}}"#, Some("spec.steps[1]")),
            (r#"{"spec":{"container":{"image":"a"}}}"#, None),
            (r#"{"spec":{"images":[{"image":"a"}]}}"#, None),
            (r#"{"spec":{"containers":[{"image":"a"}]}}"#, None),
            (r#"{"spec":{"x":{"containers":[{"image":"a"}]}}}"#, None),
            (r#"{"spec":{"x":{"spec":{"containers":[{"name":"a"}]}}}}"#, None),
            (r#"{"spec":{"x":{"spec":{"containers":{"image":"a"}}}}}"#, None),
        ] {
            let doc = Document::from_json(text, Limits::default()).expect("JSON");
            let found = lookalike(doc.root()).map(|found| found.path);
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn lookalikes_by_which_path_they_are_declared() {
        for (text, expected) in [
            (r#"{"spec":{"worker":{"spec":{"containers":[{"image":"a"}]}}}}"#, Some("spec.worker")),
            (
                r#"{"spec":{"groups":[{"template":{"spec":{"containers":[{"image":"a"}]}}}]}}"#,
                Some("spec.groups.*.template"),
            ),
            (r#"{"spec":{"templates":[{"script":{"image":"a"}}]}}"#, None),
        ] {
            let doc = Document::from_json(text, Limits::default()).expect("JSON");
            let found = lookalike(doc.root()).expect(text).declarable;
            assert_eq!(found.as_deref(), expected, "{text}");
            let Some(path) = found else { continue };
            let mut declared = TemplatePaths::default();
            declared.declare("example.com/Thing", &path).expect(text);
            assert!(PodTemplate::of(doc.root(), "example.com", "v1", "Thing", &declared).is_some(), "{text}");
        }
    }

    #[test]
    fn several_templates() {
        let pod = |name: &str| format!(r#"{{"spec":{{"containers":[{{"name":"{name}"}}]}}}}"#);
        let (a, b, c) = (pod("a"), pod("b"), pod("c"));
        let mut declared = TemplatePaths::default();
        for path in ["spec.groups.*.template", "spec.leader", "spec.groups.*.template"] {
            declared.declare("example.com/Thing", path).expect(path);
        }
        for (group, kind, text, expected) in [
            (
                "batch.volcano.sh",
                "Job",
                format!(r#"{{"spec":{{"tasks":[{{"template":{a}}},{{"replicas":1}},{{"template":{b}}}]}}}}"#),
                "a b",
            ),
            (
                "kubeflow.org",
                "PyTorchJob",
                format!(
                    r#"{{"spec":{{"pytorchReplicaSpecs":{{"Master":{{"template":{a}}},"Worker":{{"template":{b}}}}}}}}}"#
                ),
                "a b",
            ),
            (
                "jobset.x-k8s.io",
                "JobSet",
                format!(r#"{{"spec":{{"replicatedJobs":[{{"template":{{"spec":{{"template":{a}}}}}}}]}}}}"#),
                "a",
            ),
            (
                "ray.io",
                "RayCluster",
                format!(
                    r#"{{"spec":{{"workerGroupSpecs":[{{"template":{b}}},{{"template":{c}}}],"headGroupSpec":{{"template":{a}}}}}}}"#
                ),
                "a b c",
            ),
            ("ray.io", "RayCluster", r#"{"spec":{"workerGroupSpecs":"none"}}"#.to_owned(), ""),
            (
                "example.com",
                "Thing",
                format!(r#"{{"spec":{{"leader":{c},"groups":[{{"template":{a}}},{{"template":{b}}}]}}}}"#),
                "a b c",
            ),
        ] {
            let doc = Document::from_json(&text, Limits::default()).expect("JSON");
            let all = PodTemplate::all(doc.root(), group, "v1", kind, &declared);
            let names = all.iter().flat_map(PodTemplate::containers).filter_map(|c| c.node.get_str("name"));
            assert_eq!(names.collect::<Vec<_>>().join(" "), expected, "{text}");
        }
    }

    #[test]
    fn declarations_that_cannot_be_read() {
        for (kind, path, expected) in [
            (
                "Rollout",
                "spec.template",
                "\"Rollout\" is not of the form group/version/Kind, as in example.com/*/Worker",
            ),
            (
                "a/b/c/d",
                "spec",
                "\"a/b/c/d\" is not of the form group/version/Kind, as in example.com/*/Worker",
            ),
            ("a/[/K", "spec", "bad glob in \"a/[/K\": unclosed character class; missing ']'"),
            (
                "a/b/K",
                "spec..template",
                "\"spec..template\" is not a path of field names, as in spec.template, or spec.tasks.*.template for each \
                 of a list or map",
            ),
        ] {
            let error = TemplatePaths::default().declare(kind, path).expect_err(kind);
            assert_eq!(error.to_string(), expected);
        }
    }
}

//! Where a kind keeps its Pod template.
//!
//! Kubernetes' own kinds and custom kinds that many use stand in the table of [`api`]. Others are declared, by policies
//! and by the configuration.

use globset::{Glob, GlobMatcher};

use super::container::{self, Container};
use crate::api;
use crate::document::NodeRef;

/// Below which pointer a kind of the table keeps what has `metadata` and the Pod's `spec`.
#[must_use]
pub fn built_in(group: &str, kind: &str) -> Option<&'static str> {
    api::get(group, kind)?.templates.first().copied()
}

/// Where an object of another kind keeps something like a Pod template: the path of what has the Pod's `spec`, in which
/// there are containers with images, or of what has containers that a Pod is made of. What lies at the top is no
/// template.
#[must_use]
pub fn lookalike(object: NodeRef<'_>) -> Option<String> {
    template(object).or_else(|| single(object))
}

/// A container without a Pod template around it: `container` and `script` in a list of templates (Argo Workflows), `steps`
/// (Tekton).
fn single(object: NodeRef<'_>) -> Option<String> {
    let found = object.get("spec")?.descendants().find(|node| {
        let parent = node.parent().filter(|_| node.get_str("image").is_some());
        match node.key() {
            Some("container" | "script") => parent.is_some_and(|parent| parent.key().is_none()),
            Some(_) => false,
            None => parent.is_some_and(|steps| steps.key() == Some("steps")),
        }
    })?;
    Some(found.path_from(object.id()))
}

fn template(object: NodeRef<'_>) -> Option<String> {
    let spec = object.get("spec")?;
    let containers = spec.descendants().find(|node| {
        let image = |item: NodeRef<'_>| item.get("image").is_some_and(|image| image.as_str().is_some());
        node.key() == Some("containers")
            && node.items().any(image)
            && node.parent().is_some_and(|parent| parent.key() == Some("spec") && parent.id() != spec.id())
    })?;
    Some(containers.parent()?.parent()?.path_from(object.id()))
}

/// Whether a built-in kind holds Pods.
#[must_use]
pub fn holds_pods(group: &str, kind: &str) -> bool {
    built_in(group, kind).is_some()
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
        /// As written.
        kind: String,
    },
    /// A glob in the kind is wrong.
    #[error("bad glob in {kind:?}: {reason}")]
    Glob {
        /// As written.
        kind: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The path is not one of names and dots.
    #[error("{path:?} is not a path of field names, as in spec.template")]
    Path {
        /// As written.
        path: String,
    },
}

impl TemplatePaths {
    /// Declares that objects of `kind` (`group/version/Kind`, globs allowed) keep a Pod template at `path`.
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
            !field.is_empty() && field.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
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
        self.pointer(group, version, kind).is_some()
    }

    fn pointer(&self, group: &str, version: &str, kind: &str) -> Option<&str> {
        let matches =
            |d: &&Declared| d.group.is_match(group) && d.version.is_match(version) && d.kind.is_match(kind);
        self.0.iter().find(matches).map(|d| d.pointer.as_str())
    }
}

/// The Pod that an object is or makes.
#[derive(Debug, Clone, Copy)]
pub struct PodTemplate<'d> {
    /// The Pod's metadata; of a template often absent.
    pub metadata: Option<NodeRef<'d>>,
    /// The Pod's spec.
    pub spec: NodeRef<'d>,
}

impl<'d> PodTemplate<'d> {
    /// The Pod in an object of this kind; `None` where the kind has none or the object leaves it out.
    #[must_use]
    pub fn of(
        object: NodeRef<'d>,
        group: &str,
        version: &str,
        kind: &str,
        declared: &TemplatePaths,
    ) -> Option<Self> {
        let pointer = built_in(group, kind).or_else(|| declared.pointer(group, version, kind))?;
        let template = object.at(pointer)?;
        let spec = template.get("spec").filter(|spec| spec.is_object())?;
        Some(Self { metadata: template.get("metadata"), spec })
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
            assert_eq!(lookalike(doc.root()).as_deref(), expected, "{text}");
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
                "\"spec..template\" is not a path of field names, as in spec.template",
            ),
        ] {
            let error = TemplatePaths::default().declare(kind, path).expect_err(kind);
            assert_eq!(error.to_string(), expected);
        }
    }
}

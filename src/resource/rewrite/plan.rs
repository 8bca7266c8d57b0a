//! What a table makes of the images of a Pod: one operation per field that changes, and what could not be read.

use super::{RewriteError, RewriteTable};
use crate::document::edit::{self, Operation};
use crate::document::{Kind, NodeRef};

/// What becomes of one image field.
#[derive(Debug, Clone)]
pub struct Rewriting<'d> {
    /// The field.
    pub node: NodeRef<'d>,
    /// What it is to hold, or why nobody can tell.
    pub outcome: Result<String, PlaceError>,
}

/// Why an image field is left as it is, though it may have to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// It is no string.
    #[error("the image is of type {}, not a string", _0.name())]
    NotAString(Kind),
    /// It is no image reference, or would become none.
    #[error(transparent)]
    Rewrite(#[from] RewriteError),
}

impl RewriteTable {
    /// What becomes of these fields, those that stay as they are left out. Fields that are not there are never made.
    pub fn plan<'t, 'd: 't>(
        &'t self,
        fields: impl Iterator<Item = NodeRef<'d>> + 't,
    ) -> impl Iterator<Item = Rewriting<'d>> + 't {
        fields.filter_map(|node| {
            let outcome = match node.as_str() {
                Some(text) => self.rewrite(text).map_err(PlaceError::from).transpose()?,
                None => Err(PlaceError::NotAString(node.kind())),
            };
            Some(Rewriting { node, outcome })
        })
    }
}

impl Rewriting<'_> {
    /// The operation that makes the change.
    #[must_use]
    pub fn operation(&self) -> Option<Operation> {
        let text = self.outcome.as_ref().ok()?;
        let path = self.node.pointer().parse().expect("a node's pointer is one");
        Some(Operation::Replace { path, value: edit::string(text) })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::RewriteRule;
    use super::*;
    use crate::document::{Document, Limits};
    use crate::resource::workload::{PodTemplate, TemplatePaths};
    use serde_json::{Value, json};

    fn table() -> RewriteTable {
        let rule =
            |from: &str, to: &str| RewriteRule { from: from.into(), to: to.into(), except: Vec::new() };
        RewriteTable::compile(&[
            rule("docker.io", "m.example.com/hub"),
            rule("gcr.io", "m.example.com/gcr.io"),
        ])
        .unwrap()
    }

    fn pod() -> Value {
        json!({"metadata": {}, "spec": {
            "containers": [{"name": "a", "image": "nginx:1"}, {"name": "b", "image": "quay.io/x/y"}, {"name": "c"}, {"name": "d", "image": ""},
                           {"name": "e", "image": null}, {"name": "f", "image": 7}, 8],
            "initContainers": [{"name": "g", "image": "gcr.io/x/y@sha256:5759d194607e472ff80fff5833442d3991dd89b219c96552837a2c8f74058617"}],
            "ephemeralContainers": [{"name": "h", "image": "busybox"}],
            "volumes": [{"name": "v", "image": {"reference": "x/data:2", "pullPolicy": "Always"}}, {"name": "w", "image": {}}]
        }})
    }

    #[test]
    fn every_place_of_every_kind() {
        let mut declared = TemplatePaths::default();
        declared.declare("argoproj.io/*/Rollout", "spec.template").unwrap();
        for (group, kind, keys) in [
            ("", "Pod", &[][..]),
            ("", "PodTemplate", &["template"]),
            ("", "ReplicationController", &["spec", "template"]),
            ("apps", "Deployment", &["spec", "template"]),
            ("apps", "ReplicaSet", &["spec", "template"]),
            ("apps", "StatefulSet", &["spec", "template"]),
            ("apps", "DaemonSet", &["spec", "template"]),
            ("batch", "Job", &["spec", "template"]),
            ("batch", "CronJob", &["spec", "jobTemplate", "spec", "template"]),
            ("argoproj.io", "Rollout", &["spec", "template"]),
        ] {
            let object = keys.iter().rev().fold(pod(), |inner, key| json!({*key: inner}));
            let document = Document::from_value(&object).unwrap();
            let template = PodTemplate::of(document.root(), group, "v1", kind, &declared).unwrap();
            let table = table();
            let plan: Vec<_> = table.plan(template.images()).collect();
            let operations: Vec<_> = plan.iter().filter_map(Rewriting::operation).collect();
            let new = document.edited(&operations, "mirrors/images", Limits::default()).unwrap();
            let prefix: String = keys.iter().map(|key| format!("/{key}")).collect();
            let changed: Vec<_> = operations.iter().map(|o| o.path().to_string()).collect();
            let expected = [
                "/containers/0/image",
                "/initContainers/0/image",
                "/ephemeralContainers/0/image",
                "/volumes/0/image/reference",
            ];
            assert_eq!(changed, expected.map(|path| format!("{prefix}/spec{path}")), "{kind}");
            let text = |path: &str| new.root().at(&format!("{prefix}/spec{path}")).unwrap().as_str();
            assert_eq!(text(expected[0]), Some("m.example.com/hub/library/nginx:1"));
            assert_eq!(
                text(expected[1]),
                Some(
                    "m.example.com/gcr.io/x/y@sha256:5759d194607e472ff80fff5833442d3991dd89b219c96552837a2c8f74058617"
                )
            );
            assert_eq!(text(expected[2]), Some("m.example.com/hub/library/busybox"));
            assert_eq!(text(expected[3]), Some("m.example.com/hub/x/data:2"));
            // nothing else changed, nothing was made, and a second time there is nothing to do but to tell again
            let mut restored = serde_json::to_value(&new).unwrap();
            for path in &changed {
                *restored.pointer_mut(path).unwrap() = object.pointer(path).unwrap().clone();
            }
            assert_eq!(restored, object);
            let again = PodTemplate::of(new.root(), group, "v1", kind, &declared).unwrap();
            let errors: Vec<_> =
                table.plan(again.images()).map(|r| r.outcome.unwrap_err().to_string()).collect();
            assert_eq!(
                errors,
                ["the image reference is empty (at byte 0)", "the image is of type integer, not a string"]
            );
        }
    }
}

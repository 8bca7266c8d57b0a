//! Patches for the static Pods that kubeadm writes: a folder of files `target[suffix][+patchtype].extension`, which
//! `kubeadm init --patches` (or `patches.directory` of its configuration) names, often from a script
//! (<https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/#patches>).

use crate::document::NodeRef;
use crate::resource::identity::Identity;

/// The static Pods among kubeadm's targets.
const TARGETS: [&str; 4] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// Whether an object is a patch for a static Pod: the file is named for it, and a container has no image, which no Pod
/// of its own may lack.
#[must_use]
pub(super) fn is_patch(path: &str, root: NodeRef<'_>) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    // hardly any file is
    if !TARGETS.iter().any(|target| file.starts_with(target)) {
        return false;
    }
    let Some(target) = TARGETS.into_iter().find(|target| is_named_for(file, target)) else { return false };
    let is_pod = Identity::of(root).is_some_and(|identity| {
        identity.gvk.group.is_empty() && identity.gvk.kind == "Pod" && identity.name == Some(target)
    });
    let containers = root.at("/spec/containers").filter(|_| is_pod);
    containers.is_some_and(|all| {
        all.items().any(|container| container.is_object() && container.get("image").is_none())
    })
}

/// A suffix says in which order patches are applied.
fn is_named_for(file: &str, target: &str) -> bool {
    let Some((stem, "yaml" | "yml" | "json")) = file.rsplit_once('.') else { return false };
    let (stem, kind) = stem.split_once('+').unwrap_or((stem, "strategic"));
    let suffix = stem.strip_prefix(target);
    suffix.is_some_and(|suffix| suffix.bytes().all(|b| b.is_ascii_alphanumeric()))
        && matches!(kind, "strategic" | "merge")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn patches_are_told_by_the_name_of_the_file_and_what_they_lack() {
        let patch = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"etcd","namespace":"kube-system"},
            "spec":{"containers":[{"name":"etcd","resources":{}}]}}"#;
        for (path, text, expected) in [
            ("a/patches/etcd.yaml", patch.to_owned(), true),
            ("etcd0+merge.json", patch.to_owned(), true),
            ("etcd1+strategic.yml", patch.to_owned(), true),
            // a list of operations has no kind, and is no Pod
            ("etcd+json.yaml", patch.to_owned(), false),
            ("etcd-patch.yaml", patch.to_owned(), false),
            ("kube-apiserver.yaml", patch.to_owned(), false),
            ("etcd.txt", patch.to_owned(), false),
            // the Pod itself
            ("etcd.yaml", patch.replace("\"resources\":{}", "\"image\":\"etcd\""), false),
            ("etcd.yaml", patch.replace("\"Pod\"", "\"Deployment\""), false),
            (
                "etcd.yaml",
                patch.replace("\"name\":\"etcd\",\"namespace\"", "\"name\":\"my-etcd\",\"namespace\""),
                false,
            ),
        ] {
            let document = Document::from_json(&text, Limits::default()).unwrap();
            assert_eq!(is_patch(path, document.root()), expected, "{path} {text}");
        }
    }
}

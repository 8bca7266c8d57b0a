//! The containers of a Pod and the part each plays.

use crate::document::NodeRef;

/// The part that a container plays in its Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// One of `containers`.
    Regular,
    /// One of `initContainers` that runs to its end before the regular ones start.
    Init,
    /// One of `initContainers` with `restartPolicy: Always`: it starts early and stays
    /// (KEP-753, sidecar containers).
    Sidecar,
    /// One of `ephemeralContainers`, as `kubectl debug` adds them.
    Ephemeral,
}

impl Role {
    /// The word that expressions and messages use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::Init => "init",
            Self::Sidecar => "sidecar",
            Self::Ephemeral => "ephemeral",
        }
    }
}

/// A container.
#[derive(Debug, Clone, Copy)]
pub struct Container<'d> {
    /// The container's object.
    pub node: NodeRef<'d>,
    /// Its part.
    pub role: Role,
}

/// The containers of a Pod's `spec`: regular, init and sidecar, ephemeral; in that order and as written.
/// What is no object there is left out: the API server refuses it.
pub fn containers<'d>(pod_spec: NodeRef<'d>) -> impl Iterator<Item = Container<'d>> {
    let lists = [
        ("containers", Role::Regular),
        ("initContainers", Role::Init),
        ("ephemeralContainers", Role::Ephemeral),
    ];
    lists.into_iter().flat_map(move |(list, role)| {
        let items = pod_spec.get(list).into_iter().flat_map(NodeRef::items);
        items.filter(|node| node.is_object()).map(move |node| {
            let sidecar = role == Role::Init && node.get_str("restartPolicy") == Some("Always");
            Container { node, role: if sidecar { Role::Sidecar } else { role } }
        })
    })
}

/// Every image reference of a Pod's `spec`: of all containers, and of `image` volumes.
pub fn images<'d>(pod_spec: NodeRef<'d>) -> impl Iterator<Item = NodeRef<'d>> {
    let of_containers = containers(pod_spec).filter_map(|c| c.node.get_present("image"));
    let volumes = pod_spec.get("volumes").into_iter().flat_map(NodeRef::items);
    of_containers.chain(volumes.filter_map(|volume| volume.get("image")?.get_present("reference")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn roles_and_images() {
        let text = r#"{"initContainers":[{"name":"a","image":"i1"},{"name":"b","restartPolicy":"Always","image":"i2"}, 7],
            "containers":[{"name":"c","image":"i3"},{"name":"d"}],"ephemeralContainers":[{"name":"e","image":null}],
            "volumes":[{"name":"v","image":{"reference":"i4"}},{"name":"w","emptyDir":{}}]}"#;
        let doc = Document::from_json(text, Limits::default()).expect("JSON");
        let roles: Vec<_> =
            containers(doc.root()).map(|c| (c.node.get_str("name").expect("name"), c.role)).collect();
        let expected = [
            ("c", Role::Regular),
            ("d", Role::Regular),
            ("a", Role::Init),
            ("b", Role::Sidecar),
            ("e", Role::Ephemeral),
        ];
        assert_eq!(roles, expected);
        let images: Vec<_> = images(doc.root()).filter_map(NodeRef::as_str).collect();
        assert_eq!(images, ["i3", "i1", "i2", "i4"]);
    }

    #[test]
    fn odd_shapes_hold_no_containers() {
        for text in ["null", "[]", r#"{"containers":{}}"#, r#"{"containers":[null,"x"],"volumes":3}"#] {
            let doc = Document::from_json(text, Limits::default()).expect("JSON");
            assert_eq!(containers(doc.root()).count() + images(doc.root()).count(), 0, "{text}");
        }
    }
}

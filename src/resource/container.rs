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

/// One of the containers of a Pod.
#[derive(Debug, Clone, Copy)]
pub struct Container<'d> {
    /// The container's object.
    pub node: NodeRef<'d>,
    /// The list of the Pod that it is from.
    pub role: Role,
}

impl Container<'_> {
    /// `container redis`, `init container setup`, `sidecar proxy`; by its place where it has no name.
    #[must_use]
    pub fn label(&self) -> String {
        let role = match self.role {
            Role::Regular => "container",
            Role::Init => "init container",
            Role::Sidecar => "sidecar",
            Role::Ephemeral => "ephemeral container",
        };
        match self.node.get_str("name") {
            Some(name) if !name.is_empty() => format!("{role} {name}"),
            _ => format!("{role} {}", self.node.position()),
        }
    }
}

/// The part of a container in the list of that name.
#[must_use]
pub fn role_in(list: &str, container: NodeRef<'_>) -> Option<Role> {
    match list {
        "containers" => Some(Role::Regular),
        "initContainers" if container.get_str("restartPolicy") == Some("Always") => Some(Role::Sidecar),
        "initContainers" => Some(Role::Init),
        "ephemeralContainers" => Some(Role::Ephemeral),
        _ => None,
    }
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

/// The nodes of a Pod's `spec` that are passed over here because they have the wrong type: lists of containers that are
/// none, containers that are no objects, names and images that are no strings. The API server refuses the object.
pub fn misshapen<'d>(pod_spec: NodeRef<'d>) -> impl Iterator<Item = NodeRef<'d>> {
    let lists = ["containers", "initContainers", "ephemeralContainers", "volumes"];
    let lists = lists.into_iter().filter_map(move |list| pod_spec.get_present(list));
    lists.flat_map(|list| {
        let wrong = (!list.is_array()).then_some(list);
        wrong.into_iter().chain(list.items().flat_map(misshapen_item))
    })
}

fn misshapen_item<'d>(item: NodeRef<'d>) -> impl Iterator<Item = NodeRef<'d>> {
    let text = |holder: NodeRef<'d>, key| holder.get_present(key).filter(|node| node.as_str().is_none());
    let is_volume = item.parent().and_then(NodeRef::key) == Some("volumes");
    let image = match item.get_present("image").filter(|_| is_volume) {
        Some(source) if source.is_object() => text(source, "reference"),
        Some(source) => Some(source),
        None => text(item, "image").filter(|_| !is_volume),
    };
    let wrong = (!item.is_object()).then_some(item);
    [wrong, text(item, "name"), image].into_iter().flatten()
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

    #[test]
    fn what_is_misshapen_is_found() {
        let text = r#"{"containers":[null,{"name":1,"image":"a"},{"name":"b","image":["c"]}],"initContainers":"x",
            "ephemeralContainers":null,"volumes":[{"name":"v","image":"r"},{"image":{"reference":7}},{"image":{"reference":"r"}}]}"#;
        let doc = Document::from_json(text, Limits::default()).expect("JSON");
        let found: Vec<_> = misshapen(doc.root()).map(NodeRef::path).collect();
        let expected = [
            "containers[0]",
            "containers[1].name",
            "containers[2].image",
            "initContainers",
            "volumes[0].image",
            "volumes[1].image.reference",
        ];
        assert_eq!(found, expected);
        let text = r#"{"containers":[{"name":"a","image":"b"}],"volumes":[{"name":"c","emptyDir":{}}]}"#;
        let doc = Document::from_json(text, Limits::default()).expect("JSON");
        assert_eq!(misshapen(doc.root()).count(), 0);
    }
}

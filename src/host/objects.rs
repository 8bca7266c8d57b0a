//! The objects of one kind, by namespace and name and by what else they are found by: those that mirrors hold of a cluster,
//! and those of a test.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::pairs::Pairs;
use super::query::{Axis, By};
use super::{Host, HostObject, Listing, Lookup, ObjectKey, describe};
use crate::document::Document;
use crate::document::few::SortFew as _;
use crate::resource::workload::TemplatePaths;

/// An object; `None` when what the API server sent cannot be read.
pub type Kept = Option<Arc<Document<'static>>>;

#[derive(Debug)]
struct NamedObject {
    namespace: Arc<str>,
    name: Arc<str>,
    object: Kept,
}

/// The objects of one kind.
#[derive(Debug, Default)]
pub struct Objects {
    /// Namespace → name → place.
    names: BTreeMap<Arc<str>, BTreeMap<Arc<str>, u32>>,
    places: Vec<Option<NamedObject>>,
    /// Places of what has gone.
    free: Vec<u32>,
    /// How many cannot be read.
    unreadable: usize,
    /// By [`Axis`].
    found_by: [Pairs<Box<str>>; Axis::ALL.len()],
}

impl Objects {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds an object, or puts it in the place of the one of its name.
    pub fn put(&mut self, namespace: &str, name: &str, object: Kept) {
        self.remove(namespace, name);
        let namespace: Arc<str> =
            self.names.get_key_value(namespace).map_or_else(|| namespace.into(), |(known, _)| known.clone());
        let name: Arc<str> = name.into();
        let position = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        });
        match &object {
            Some(object) => self.index(object, position),
            None => self.unreadable += 1,
        }
        self.names.entry(namespace.clone()).or_default().insert(name.clone(), position);
        if let Some(place) = self.places.get_mut(position as usize) {
            *place = Some(NamedObject { namespace, name, object });
        }
    }

    /// Takes an object out.
    pub fn remove(&mut self, namespace: &str, name: &str) {
        let Some(names) = self.names.get_mut(namespace) else { return };
        let Some(position) = names.remove(name) else { return };
        if names.is_empty() {
            self.names.remove(namespace);
        }
        let Some(place) = self.places.get_mut(position as usize).and_then(Option::take) else { return };
        self.free.push(position);
        match place.object {
            Some(object) => self.forget(&object, position),
            None => self.unreadable -= 1,
        }
    }

    fn index(&mut self, object: &Document<'static>, position: u32) {
        for (axis, found) in Axis::ALL.into_iter().zip(&mut self.found_by) {
            for (key, value) in axis.pairs(object.root(), &TemplatePaths::default()).into_iter().flatten() {
                found.add(key, value, position);
            }
        }
    }

    fn forget(&mut self, object: &Document<'static>, position: u32) {
        for (axis, found) in Axis::ALL.into_iter().zip(&mut self.found_by) {
            for pair in axis.pairs(object.root(), &TemplatePaths::default()).into_iter().flatten() {
                found.remove(pair, position);
            }
        }
    }

    fn place(&self, position: u32) -> Option<&NamedObject> {
        self.places.get(position as usize)?.as_ref()
    }

    /// The object of this name; the outer `None`: there is none.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Kept> {
        let position = self.names.get(namespace)?.get(name)?;
        Some(&self.place(*position)?.object)
    }

    /// The objects of a namespace, or of all, that may be found by this, in the order of their names; `None` where one
    /// of the namespace cannot be read, for who knows what it has.
    #[must_use]
    pub fn found(&self, namespace: Option<&str>, by: By<'_>) -> Option<Vec<&Arc<Document<'static>>>> {
        let on = |axis: Axis| &self.found_by[axis as usize];
        let bucket = match by {
            By::Nothing => None,
            By::Labels(pairs) => on(Axis::Labels).smallest(pairs),
            By::Pods(pairs) => on(Axis::Pods).smallest(pairs),
            By::Target(kind, name) => Some(on(Axis::Target).get((kind, name))),
            By::Class(class) => Some(on(Axis::Class).get((class, ""))),
        };
        let within = namespace.map(|namespace| self.names.get(namespace));
        if self.unreadable > 0 {
            let all = self.in_order(within);
            if all.into_iter().any(|place| place.object.is_none()) {
                return None;
            }
        }
        // whichever is fewer
        let few = within.map_or(self.len(), |names| names.map_or(0, BTreeMap::len));
        let places = match bucket.filter(|bucket| bucket.len() <= few) {
            Some(bucket) => {
                let is_in =
                    |place: &&NamedObject| namespace.is_none_or(|namespace| *place.namespace == *namespace);
                let mut places: Vec<&NamedObject> =
                    bucket.iter().filter_map(|position| self.place(*position)).filter(is_in).collect();
                places.sort_few_by_key(|place| (&place.namespace, &place.name));
                places
            }
            None => self.in_order(within),
        };
        Some(places.into_iter().filter_map(|place| place.object.as_ref()).collect())
    }

    fn in_order(&self, within: Option<Option<&BTreeMap<Arc<str>, u32>>>) -> Vec<&NamedObject> {
        let positions: Vec<u32> = match within {
            Some(names) => names.into_iter().flat_map(BTreeMap::values).copied().collect(),
            None => self.names.values().flat_map(BTreeMap::values).copied().collect(),
        };
        positions.into_iter().filter_map(|position| self.place(position)).collect()
    }
}

/// Objects of all kinds that own their documents, as a host: what is not among them is unknown, or is not there.
#[derive(Debug, Default)]
pub struct OwnedHost {
    /// Group → kind → objects.
    kinds: BTreeMap<String, BTreeMap<String, Objects>>,
    complete: bool,
}

impl OwnedHost {
    /// Without objects; `complete`: what is not put in does not exist.
    #[must_use]
    pub fn new(complete: bool) -> Self {
        Self { complete, ..Self::default() }
    }

    /// Puts an object in, unless one of its name is there.
    pub fn put(&mut self, key: ObjectKey<'_>, object: Document<'static>) {
        let ObjectKey { group, kind, namespace, name } = key;
        let objects = self.kinds.entry(group.to_owned()).or_default().entry(kind.to_owned()).or_default();
        if objects.get(namespace, name).is_none() {
            objects.put(namespace, name, Some(Arc::new(object)));
        }
    }

    fn of(&self, group: &str, kind: &str) -> Option<&Objects> {
        self.kinds.get(group)?.get(kind)
    }
}

fn lent<'o>(object: &'o Arc<Document<'static>>) -> HostObject<'o> {
    HostObject { root: object.root(), document: None, partial: false }
}

impl Host for OwnedHost {
    fn get(&self, key: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
        let found = self.of(key.group, key.kind).and_then(|objects| objects.get(key.namespace, key.name));
        match found.and_then(Option::as_ref) {
            Some(object) => Lookup::Known(lent(object)),
            None if self.complete => Lookup::Absent,
            None => Lookup::Unknown(describe(key)),
        }
    }

    fn list(&self, group: &str, kind: &str, namespace: Option<&str>) -> Lookup<Listing<'_>> {
        self.list_by(group, kind, namespace, By::Nothing)
    }

    fn list_by(&self, group: &str, kind: &str, namespace: Option<&str>, by: By<'_>) -> Lookup<Listing<'_>> {
        let found = self.of(group, kind).and_then(|objects| objects.found(namespace, by));
        let objects = found.into_iter().flatten().map(lent).collect();
        Lookup::Known(Listing { objects, complete: self.complete })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, app: &str) -> Kept {
        let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name,
            "labels": {"app": app, "tier": "front", "pod-template-hash": "x"}}, "spec": {}});
        Some(Arc::new(Document::from_value(&object).unwrap()))
    }

    fn names(objects: &Objects, namespace: Option<&str>, by: By<'_>) -> Option<Vec<String>> {
        let found = objects.found(namespace, by)?;
        let name = |object: &&Arc<Document<'_>>| {
            object.root().at("/metadata/name").unwrap().as_str().unwrap().to_owned()
        };
        Some(found.iter().map(name).collect())
    }

    #[test]
    fn found_by_labels_in_the_order_of_names() {
        let mut objects = Objects::default();
        for (namespace, name, app) in
            [("b", "4", "web"), ("a", "3", "api"), ("a", "1", "web"), ("b", "2", "api"), ("c", "5", "api")]
        {
            objects.put(namespace, name, pod(name, app));
        }
        let all = |pairs| [By::Labels(pairs), By::Pods(pairs)];
        for by in all(&[("app", "web")]) {
            assert_eq!(names(&objects, None, by).unwrap(), ["1", "4"]);
            assert_eq!(names(&objects, Some("b"), by).unwrap(), ["4"]);
            assert!(names(&objects, Some("x"), by).unwrap().is_empty());
        }
        for by in all(&[("app", "web"), ("tier", "back")]) {
            assert!(names(&objects, None, by).unwrap().is_empty());
        }
        // labels by which nobody finds Pods are not asked for
        assert_eq!(names(&objects, None, By::Labels(&[("pod-template-hash", "x")])).unwrap().len(), 5);
        assert_eq!(names(&objects, None, By::Nothing).unwrap(), ["1", "3", "2", "4", "5"]);
        objects.put("a", "1", pod("1", "api"));
        objects.remove("b", "4");
        objects.remove("b", "none");
        assert_eq!(names(&objects, None, By::Labels(&[("app", "web")])).unwrap(), Vec::<String>::new());
        assert_eq!(names(&objects, None, By::Labels(&[("app", "api")])).unwrap(), ["1", "3", "2", "5"]);
        objects.put("d", "6", pod("6", "web"));
        assert_eq!((objects.places.len(), objects.len()), (5, 5), "the place of what has gone");
        objects.put("d", "bad", None);
        assert_eq!(names(&objects, None, By::Labels(&[("app", "api")])), None);
        assert_eq!(names(&objects, Some("a"), By::Labels(&[("app", "api")])).unwrap(), ["1", "3"]);
        objects.remove("d", "bad");
        assert_eq!(names(&objects, None, By::Labels(&[("app", "web")])).unwrap(), ["6"]);
    }

    #[test]
    fn found_by_what_they_scale_and_by_class() {
        let mut objects = Objects::default();
        let scales = json!({"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
        let volume = json!({"spec": {"storageClassName": "fast"}});
        objects.put("", "a", Some(Arc::new(Document::from_value(&scales).unwrap())));
        objects.put("", "b", Some(Arc::new(Document::from_value(&volume).unwrap())));
        let count = |objects: &Objects, by| objects.found(None, by).unwrap().len();
        for (by, expected) in [
            (By::Target("Deployment", "web"), 1),
            (By::Target("Deployment", "api"), 0),
            (By::Class("fast"), 1),
            (By::Class("slow"), 0),
            (By::Nothing, 2),
        ] {
            assert_eq!(count(&objects, by), expected, "{by:?}");
        }
        objects.remove("", "a");
        objects.remove("", "b");
        assert!(objects.is_empty() && count(&objects, By::Class("fast")) == 0);
        assert_eq!(
            format!("{:?}", objects.found_by[Axis::Target as usize]),
            format!("{:?}", Pairs::<Box<str>>::default())
        );
    }
}

//! The table of kinds and definitions: where each begins is found by `build.rs`, what it says is read when it
//! is asked for.

use std::cmp::Ordering;
use std::sync::OnceLock;

use memchr::memchr2;

use super::field::Field;
use super::{NEWEST, OLDEST, Releases};

static TEXT: &str = include_str!("definitions.txt");

/// A kind that API servers serve, or that is sent to a subresource.
#[derive(Debug)]
pub struct KindRow {
    /// `Deployment`
    pub kind: &'static str,
    /// `apps`; empty for the core group.
    pub group: &'static str,
    /// `v1`
    pub version: &'static str,
    /// `deployments`; empty where the kind is only the body of a subresource.
    pub resource: &'static str,
    /// Whether its objects are in namespaces; `None` for bodies.
    pub namespaced: Option<bool>,
    /// Where it is served.
    pub releases: Releases,
    definition: &'static str,
}

impl KindRow {
    /// What its objects are made of.
    #[must_use]
    pub fn definition(&self) -> Option<&'static Definition> {
        definition(self.definition)
    }
}

/// A struct of Kubernetes' APIs.
#[derive(Debug)]
pub struct Definition {
    /// `core/v1.Container`
    pub name: &'static str,
    /// How Go writes the type: `v1.Container`.
    pub go: &'static str,
    /// Whether it is merged as a whole.
    pub atomic: bool,
    /// Where it is there.
    pub releases: Releases,
    /// The fields that Go writes even where they are zero, by their place in `fields`.
    always: Vec<usize>,
    /// The fields with a default of the schema.
    defaulted: Vec<usize>,
    /// By name. A field whose type changed stands there twice, for other releases.
    fields: Vec<Field>,
    by_name: Index,
}

/// Where fields are by their names: at the first free place from that of a name on. Most of what decoding asks is this.
#[derive(Debug)]
struct Index {
    /// One more than the place in the list of fields; zero where there is none. At least half of them are free.
    places: Box<[u16]>,
}

impl Index {
    fn of(fields: &[Field]) -> Self {
        let size = (fields.len() * 2).next_power_of_two().max(2);
        let mut places = vec![0; size].into_boxed_slice();
        for (number, field) in (1..).zip(fields) {
            let mut at = Self::place(field.name, size);
            while places[at] != 0 {
                at = (at + 1) % size;
            }
            places[at] = number;
        }
        Self { places }
    }

    /// The place of a name among so many, a power of two: told by its length, its ends and its middle.
    fn place(name: &str, size: usize) -> usize {
        let bytes = name.as_bytes();
        let middle = bytes.get(bytes.len() / 2).copied().unwrap_or(0);
        let ends = bytes.first().zip(bytes.last());
        let (first, last) = ends.map_or((0, 0), |(first, last)| (*first, *last));
        let mixed = usize::from(first) * 5 + usize::from(last) * 29 + usize::from(middle) * 181;
        (mixed + bytes.len() * 67) & (size - 1)
    }

    /// The fields that may be of this name, by their places.
    fn candidates(&self, name: &str) -> impl Iterator<Item = usize> {
        let size = self.places.len();
        let first = Self::place(name, size);
        let places = (first..first + size).map(move |at| self.places[at & (size - 1)]);
        places.take_while(|place| *place != 0).map(|place| usize::from(place) - 1)
    }
}

impl Definition {
    /// The field of that name in a release.
    #[must_use]
    pub fn field(&self, name: &str, minor: u8) -> Option<&Field> {
        let mut candidates = self.by_name.candidates(name).map(|at| &self.fields[at]);
        candidates.find(|field| field.name == name && field.releases.contain(minor))
    }

    /// The fields of a release, by name.
    pub fn fields(&self, minor: u8) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.releases.contain(minor))
    }

    /// The fields of a release that Go writes even where they are zero.
    pub(crate) fn always_written(&self, minor: u8) -> impl Iterator<Item = &Field> {
        self.always.iter().map(|at| &self.fields[*at]).filter(move |field| field.releases.contain(minor))
    }

    /// The fields of a release for which the schema gives a default.
    pub(crate) fn defaulted(&self, minor: u8) -> impl Iterator<Item = &Field> {
        self.defaulted.iter().map(|at| &self.fields[*at]).filter(move |field| field.releases.contain(minor))
    }

    /// The name without its package: `Container`.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.go.rsplit('.').next().unwrap_or(self.go)
    }

    fn parse(name: &'static str, text: &'static str) -> Option<Self> {
        let mut lines = text.lines();
        let mut words = lines.next()?.split(' ').skip(2);
        let go = words.next()?;
        let (mut atomic, mut releases) = (false, Releases::ALL);
        for word in words {
            match word {
                "A" => atomic = true,
                _ => releases = Releases::parse(word)?,
            }
        }
        let package = name.rsplit_once('.')?.0;
        let fields: Vec<Field> = lines.map(|line| Field::parse(line, package)).collect::<Option<_>>()?;
        let always = (0..fields.len()).filter(|at| fields[*at].is_always_written()).collect();
        let defaulted = (0..fields.len()).filter(|at| fields[*at].default.is_some()).collect();
        let by_name = Index::of(&fields);
        Some(Self { name, go, atomic, releases, always, defaulted, fields, by_name })
    }
}

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// How many definitions there are.
const DEFINITIONS: usize = STARTS.len() - 1;

/// The definitions, each read when it is asked for.
static READ: [OnceLock<Option<Definition>>; DEFINITIONS] = [const { OnceLock::new() }; DEFINITIONS];

/// The lines of a definition. They are sorted by its name.
fn text(position: usize) -> &'static str {
    let (start, end) = (STARTS[position] as usize, STARTS[position + 1] as usize);
    TEXT[start..end].trim_end()
}

fn name(position: usize) -> &'static str {
    let name = &text(position)["= ".len()..];
    let end = memchr2(b' ', b'\n', name.as_bytes()).unwrap_or(name.len());
    &name[..end]
}

/// The kind, where a release serves it.
#[must_use]
pub fn kind(group: &str, version: &str, kind: &str, minor: u8) -> Option<&'static KindRow> {
    kinds().find(|row| {
        row.kind == kind && row.version == version && row.group == group && row.releases.contain(minor)
    })
}

/// Every kind of every release.
pub fn kinds() -> impl Iterator<Item = &'static KindRow> {
    KINDS.iter()
}

/// The kinds of one name, of whatever group, version and release.
pub fn kinds_named(kind: &str) -> impl Iterator<Item = &'static KindRow> {
    kinds().filter(move |row| row.kind == kind)
}

/// The definition of that name: `core/v1.Container`.
#[must_use]
pub fn definition(name: &str) -> Option<&'static Definition> {
    at(position(name)?)
}

/// Whether Go's messages call a definition so (`v1.PodSpec`), rather than a named string (`v1.RestartPolicy`).
#[must_use]
pub fn is_struct(go: &str) -> bool {
    (0..DEFINITIONS).any(|position| name(position).rsplit('/').next() == Some(go))
}

pub(super) fn position(wanted: &str) -> Option<usize> {
    let (mut from, mut to) = (0, DEFINITIONS);
    while from < to {
        let middle = from.midpoint(to);
        match name(middle).cmp(wanted) {
            Ordering::Less => from = middle + 1,
            Ordering::Equal => return Some(middle),
            Ordering::Greater => to = middle,
        }
    }
    None
}

pub(crate) fn at(position: usize) -> Option<&'static Definition> {
    READ.get(position)?.get_or_init(|| Definition::parse(name(position), text(position))).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        let mut fields = 0;
        for position in 0..DEFINITIONS {
            let definition = at(position).unwrap_or_else(|| panic!("{}", name(position)));
            assert_eq!(definition.name, name(position));
            for field in &definition.fields {
                let found = definition.field(field.name, field.releases.first).map(|found| found.name);
                assert_eq!(found, Some(field.name), "{}", definition.name);
            }
            assert!(definition.field("", NEWEST).is_none() && definition.field("é", NEWEST).is_none());
            fields += definition.fields.len();
        }
        let lines = TEXT.lines().filter(|line| !line.starts_with(['#', '@', '='])).count();
        assert_eq!(fields, lines);
        assert!(kinds().all(|row| row.definition().is_some()));
        assert_eq!(kinds().count(), TEXT.lines().filter(|line| line.starts_with('@')).count());
        assert!((0..DEFINITIONS).is_sorted_by_key(name));
    }

    #[test]
    fn a_field_of_a_release() {
        let container = definition("core/v1.Container").expect("a definition");
        assert_eq!(container.go, "v1.Container");
        assert_eq!(container.field("ports", 36).expect("a field").kind.go(), "[]v1.ContainerPort");
        assert!(container.field("restartPolicyRules", 33).is_none());
        assert!(container.field("restartPolicyRules", 34).is_some());
        assert!(container.field("Ports", 36).is_none());
    }

    #[test]
    fn kinds_by_release() {
        assert!(kind("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", 35).is_none());
        assert!(kind("admissionregistration.k8s.io", "v1", "MutatingAdmissionPolicy", 36).is_some());
        assert_eq!(kind("", "v1", "Pod", 30).expect("a kind").resource, "pods");
    }
}

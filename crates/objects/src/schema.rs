//! The schemas of the built-in kinds of Kubernetes 1.30 to 1.37.
//!
//! `schema/definitions.txt` is their one source, embedded as it is and read by definition where one is asked for:
//!
//! ```text
//! @ Deployment apps v1 deployments n apps/v1.Deployment      kind, group, version, resource, scope, definition
//! = apps/v1.DeploymentSpec v1.DeploymentSpec                 definition, the name that Go's messages use
//! replicas *int32 e                                          field, Go's type, omitempty
//! protocol v1.Protocol=string e |SCTP|TCP|UDP =TCP           a named type, an enum, a default
//! ports [].ContainerPort e m:containerPort,protocol 34-      a list of a definition of the same package, a map by keys,
//!                                                            and since 1.34
//! ```
//!
//! The other marks: `z` omitzero, `r` required, `d` deprecated, `a` and `s` atomic lists and sets, `A` an atomic map, `G` one
//! that is granular though its definition is atomic, `.Name` the embedded struct that Go's messages name on the way.

mod field;
mod table;

pub use field::{Field, ListType, SchemaOr, Type};
pub(crate) use table::at;
pub use table::{Definition, KindRow, definition, is_struct, kind, kinds, kinds_named};

/// The oldest and the newest minor release of Kubernetes that is known.
pub const OLDEST: u8 = 30;
/// See [`OLDEST`].
pub const NEWEST: u8 = 37;

/// In which minor releases something is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Releases {
    /// The first.
    pub first: u8,
    /// The last.
    pub last: u8,
}

impl Releases {
    const ALL: Self = Self { first: OLDEST, last: NEWEST };

    /// Whether a release is among them; those before and after what is known count as the nearest.
    #[must_use]
    pub fn contain(self, minor: u8) -> bool {
        (self.first..=self.last).contains(&minor.clamp(OLDEST, NEWEST))
    }

    /// `34-`, `-34` or `31-34`.
    fn parse(word: &str) -> Option<Self> {
        let (first, last) = word.split_once('-')?;
        let number = |text: &str, absent| if text.is_empty() { Some(absent) } else { text.parse().ok() };
        Some(Self { first: number(first, OLDEST)?, last: number(last, NEWEST)? })
    }
}

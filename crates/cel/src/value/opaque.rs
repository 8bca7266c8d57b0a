//! Values of the Kubernetes libraries: they have methods and equality, nothing else.

use crate::compare::Equality;
use crate::library::authorizer::{Decision, GroupCheck, PathCheck, ResourceCheck, Subject};
use crate::library::format::NamedFormat;
use crate::library::net::{Cidr, Ip};
use crate::library::quantity::Quantity;
use crate::library::semver::Semver;
use crate::library::url::Url;

/// A value of a Kubernetes library.
#[derive(Clone, Debug)]
pub enum Opaque {
    /// `kubernetes.Quantity`
    Quantity {
        /// The amount.
        quantity: Quantity,
        /// Made by `add` or `sub`. Upstream those give a pointer, which `==` takes on its left side only
        /// (`library/quantity.go` and `pkg/cel/quantity.go`).
        computed: bool,
    },
    /// `net.IP`
    Ip(Ip),
    /// `net.CIDR`
    Cidr(Cidr),
    /// `kubernetes.URL`
    Url(Url),
    /// `kubernetes.Semver`
    Semver(Semver),
    /// `kubernetes.NamedFormat`
    Format(NamedFormat),
    /// A step of an authorization check.
    Authorization(Authorization),
    /// `variables` as a whole.
    Variables,
}

/// A step of an authorization check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Authorization {
    Authorizer(Subject),
    Path(PathCheck),
    Group(GroupCheck),
    Resource(Box<ResourceCheck>),
    Decision(Decision),
}

impl Opaque {
    /// The type's name in the language.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Quantity { .. } => "kubernetes.Quantity",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
            Self::Url(_) => "kubernetes.URL",
            Self::Semver(_) => "kubernetes.Semver",
            Self::Format(_) => "kubernetes.NamedFormat",
            Self::Authorization(step) => match step {
                Authorization::Authorizer(_) => "kubernetes.authorization.Authorizer",
                Authorization::Path(..) => "kubernetes.authorization.PathCheck",
                Authorization::Group(..) => "kubernetes.authorization.GroupCheck",
                Authorization::Resource(..) => "kubernetes.authorization.ResourceCheck",
                Authorization::Decision(_) => "kubernetes.authorization.Decision",
            },
            Self::Variables => "kubernetes.variables",
        }
    }

    pub(super) fn go_type(&self) -> &'static str {
        match self {
            Self::Quantity { computed: false, .. } => "cel.Quantity",
            Self::Quantity { computed: true, .. } => "*cel.Quantity",
            Self::Ip(_) => "cel.IP",
            Self::Cidr(_) => "cel.CIDR",
            Self::Url(_) => "cel.URL",
            Self::Semver(_) => "cel.Semver",
            Self::Format(_) => "cel.Format",
            Self::Authorization(step) => match step {
                Authorization::Authorizer(_) => "library.authorizerVal",
                Authorization::Path(..) => "library.pathCheckVal",
                Authorization::Group(..) => "library.groupCheckVal",
                Authorization::Resource(..) => "library.resourceCheckVal",
                Authorization::Decision(_) => "library.decisionVal",
            },
            Self::Variables => "*lazy.MapValue",
        }
    }

    /// The size that the cost formulas see; other values have none.
    #[must_use]
    pub fn cost_size(&self) -> Option<u64> {
        match self {
            // bytes of the address; of a network as many as its prefix touches
            Self::Ip(ip) => Some(if ip.family() == 4 { 4 } else { 16 }),
            Self::Cidr(cidr) => Some(cidr.prefix_length().unsigned_abs().div_ceil(8)),
            _ => None,
        }
    }

    /// `self == other`
    #[must_use]
    pub fn equals(&self, other: &Self) -> Equality {
        match (self, other) {
            (Self::Quantity { quantity: a, .. }, Self::Quantity { quantity: b, computed: false }) => {
                a.compare(b).is_eq().into()
            }
            (Self::Ip(a), Self::Ip(b)) => (a == b).into(),
            (Self::Cidr(a), Self::Cidr(b)) => (a == b).into(),
            (Self::Url(a), Self::Url(b)) => (a.to_string() == b.to_string()).into(),
            (Self::Semver(a), Self::Semver(b)) => a.compare(b).is_eq().into(),
            (Self::Format(a), Self::Format(b)) => (a == b).into(),
            // one object per evaluation
            (Self::Variables, Self::Variables) => Equality::Same,
            // steps of an authorization check have none either: upstream looks for a type that they only embed
            _ => Equality::NoOverload,
        }
    }
}

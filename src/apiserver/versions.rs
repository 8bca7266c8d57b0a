//! API versions that are not served, or will not be for long.

use super::{ApiServer, finding};
use crate::api::{self, Kind, Role};
use crate::document::NodeRef;
use crate::finding::{Finding, Place};
use crate::manifest::codes;
use crate::objects::admit::{Served, split};
use crate::resource::identity::GroupVersionKind;

/// Kinds of which every version is deprecated (`APILifecycleDeprecated` in k8s.io/api/core/v1/zz_generated.prerelease-lifecycle.go):
/// group, kind, since, what takes their place.
const DEPRECATED: [(&str, &str, u8, &str); 2] =
    [("", "ComponentStatus", 19, ""), ("", "Endpoints", 33, "discovery.k8s.io/v1 EndpointSlice")];

fn place(written: NodeRef<'_>) -> Place {
    Place::of(written.get("apiVersion").unwrap_or(written), written.id())
}

fn joined(group: &str, version: &str) -> String {
    GroupVersionKind { group, version, kind: "" }.api_version()
}

/// Neither alpha nor beta.
fn is_stable(version: &str) -> bool {
    !version.contains("alpha") && !version.contains("beta")
}

/// Of a kind that is not served in its version, what is served; none where the group is unknown, or has no such kind.
pub(super) fn not_served(server: &ApiServer, written: NodeRef<'_>) -> Option<Finding> {
    let minor = u32::from(server.minor);
    let (group, version) = split(written.get_str("apiVersion")?);
    let kind = written.get_str("kind")?;
    let (why, instead) = if let Some(definition) = server.definitions.kind(group, kind) {
        let served = definition.versions.iter().find(|other| other.served);
        (String::new(), served.map(|other| joined(group, &other.name)))
    } else {
        let row = api::get(group, kind).filter(|row| row.role != Role::Custom && !row.resource.is_empty())?;
        let known = row.versions.iter().find(|other| other.name == version);
        if known.is_some_and(|known| known.is_served_by(minor)) {
            // by a release older than the schemas
            return None;
        }
        let why = match known {
            Some(known) => match (known.first(), known.last()) {
                (Some(first), _) if u32::from(first) > minor => format!(" (it comes with 1.{first})"),
                (_, Some(last)) => format!(" (removed in 1.{})", last + 1),
                _ => String::new(),
            },
            None => String::new(),
        };
        (why, served_instead(row, minor))
    };
    let said = format!("Kubernetes 1.{minor} does not serve {kind} in {}{why}", joined(group, version));
    let message = match instead {
        Some(instead) => format!("{said}; write {instead}"),
        None => said,
    };
    Some(finding(&codes::REMOVED_API, message, place(written)))
}

/// The most stable version that a release serves, in the kind's group or in the one that it has moved to.
fn served_instead(row: &Kind, minor: u32) -> Option<String> {
    let of = |row: &Kind| {
        let version = row.versions.iter().find(|version| version.is_served_by(minor))?;
        Some(joined(row.group, version.name))
    };
    let elsewhere = || api::built_in().filter(|other| other.kind == row.kind).find_map(of);
    of(row).or_else(elsewhere)
}

/// A version that a stable one has replaced, or a kind that another has.
pub(super) fn deprecated(minor: u8, served: Served<'_>, written: NodeRef<'_>) -> Option<Finding> {
    let Served::BuiltIn(_) = served else { return None };
    let (group, version, kind) = (served.group(), served.version(), served.kind());
    let row = api::get(group, kind)?;
    let name = joined(group, version);
    if let Some((.., since, instead)) =
        DEPRECATED.iter().find(|(of, name, since, _)| (*of, *name) == (group, kind) && minor >= *since)
    {
        let instead = if instead.is_empty() { String::new() } else { format!("; use {instead}") };
        let message = format!("{name} {kind} is deprecated in v1.{since}+{instead}");
        return Some(finding(&codes::DEPRECATED_API, message, place(written)));
    }
    if is_stable(version) {
        return None;
    }
    let serves = |version: &&api::Version| version.is_served_by(u32::from(minor));
    let stable = row.versions.iter().filter(serves).find(|version| is_stable(version.name))?;
    let own = row.versions.iter().find(|other| other.name == version);
    let until = own.and_then(api::Version::last).map_or_else(String::new, |last| format!(" until 1.{last}"));
    let message = format!("{kind} is served in {name}{until} only; write {}", joined(group, stable.name));
    Some(finding(&codes::DEPRECATED_API, message, place(written)))
}

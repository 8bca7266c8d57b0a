//! Server-side apply of an installation's objects.

use kube::Client;
use kube::api::{Api, DynamicObject, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::{self, Scope};
use serde_json::Value;

/// Owns what `plimsoll install --apply` wrote. The webhook's own manager owns `rules` and `caBundle`.
pub const MANAGER: &str = "plimsoll-install";

/// Why an object could not be applied.
#[derive(Debug, thiserror::Error)]
#[error("cannot apply {object}: {source}")]
pub struct ApplyError {
    /// Kind and name.
    pub object: String,
    /// What the cluster answered, or why it could not be asked.
    pub source: Box<kube::Error>,
}

/// Applies all, in order, and tells of each.
///
/// # Errors
/// The first that is refused; those before it are applied, and applying again is safe.
pub async fn all(client: &Client, objects: &[Value], mut tell: impl FnMut(&str)) -> Result<(), ApplyError> {
    let parameters = PatchParams::apply(MANAGER).force();
    for object in objects {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let (kind, name) = (text("/kind"), text("/metadata/name"));
        let described = format!("{kind} {name}");
        let failed = |source| ApplyError { object: described.clone(), source: Box::new(source) };
        let (group, version) = text("/apiVersion").split_once('/').unwrap_or(("", text("/apiVersion")));
        let gvk = GroupVersionKind::gvk(group, version, kind);
        let (resource, capabilities) = discovery::pinned_kind(client, &gvk).await.map_err(failed)?;
        let api: Api<DynamicObject> = match capabilities.scope {
            Scope::Cluster => Api::all_with(client.clone(), &resource),
            Scope::Namespaced => Api::namespaced_with(client.clone(), text("/metadata/namespace"), &resource),
        };
        api.patch(name, &parameters, &Patch::Apply(object)).await.map_err(failed)?;
        tell(&format!("{described} applied"));
    }
    Ok(())
}

//! Kinds of the core group without an area of their own, and what several kinds share.

mod config;
mod limits;
mod namespace;
pub(crate) mod resource_names;

use super::Rules;

const fn of(
    kind: &'static str,
    namespaced: bool,
    check: for<'d> fn(&super::Subject<'d>, &mut crate::field::Causes),
) -> Rules {
    Rules { group: "", kind, namespaced, check, warn: None }
}

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    of("ConfigMap", true, |it, causes| config::config_map(it.at, it.old, causes)),
    of("Secret", true, |it, causes| config::secret(it.at, it.old, causes)),
    of("Namespace", false, |it, causes| namespace::namespace(it.at, it.old, causes)),
    of("ServiceAccount", true, |it, causes| namespace::service_account(it.at, it.old, causes)),
    of("LimitRange", true, |it, causes| limits::limit_range(it.at, it.old, causes)),
    of("ResourceQuota", true, |it, causes| limits::resource_quota(it.at, it.old, causes)),
    of("PersistentVolumeClaim", true, |it, causes| super::storage::claims::claim(it.at, it.old, causes)),
    of("PersistentVolume", false, |it, causes| super::storage::volumes::volume(it.at, it.old, causes)),
];

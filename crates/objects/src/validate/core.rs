//! Kinds of the core group without an area of their own, and what several kinds share.

mod config;
pub(crate) mod events;
mod limits;
mod namespace;
mod nodes;
pub(crate) mod resource_names;

use super::Rules;

const fn of(
    kind: &'static str,
    namespaced: bool,
    check: for<'d> fn(&super::Submitted<'d>, &mut crate::field::Causes),
) -> Rules {
    Rules { group: "", kind, namespaced, check, warn: None }
}

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    of("ConfigMap", true, |it, causes| config::config_map(it.at, it.old, causes)),
    Rules {
        warn: Some(|it, warnings| config::secret_warnings(it.at, warnings)),
        ..of("Secret", true, |it, causes| config::secret(it.at, it.old, causes))
    },
    of("Namespace", false, |it, causes| namespace::namespace(it.at, it.old, causes)),
    Rules {
        warn: Some(|it, warnings| namespace::service_account_warnings(it.at, it.old, warnings)),
        ..of("ServiceAccount", true, |it, causes| namespace::service_account(it.at, it.old, causes))
    },
    of("Binding", true, |it, causes| nodes::binding(it.at, causes)),
    of("Event", true, events::event),
    Rules {
        warn: Some(|it, warnings| nodes::node_warnings(it.at, warnings)),
        ..of("Node", false, |it, causes| nodes::node(it.at, it.old, causes))
    },
    of("LimitRange", true, |it, causes| limits::limit_range(it.at, it.old, causes)),
    of("ResourceQuota", true, |it, causes| limits::resource_quota(it.at, it.old, causes)),
    Rules {
        warn: Some(|it, warnings| super::storage::warnings::claim(it.at, warnings)),
        ..of("PersistentVolumeClaim", true, |it, causes| super::storage::claims::claim(it.at, it.old, causes))
    },
    Rules {
        warn: Some(|it, warnings| super::storage::warnings::volume(it.at, warnings)),
        ..of("PersistentVolume", false, |it, causes| super::storage::volumes::volume(it.at, it.old, causes))
    },
];

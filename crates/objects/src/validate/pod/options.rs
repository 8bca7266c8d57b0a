//! What is let pass because the stored object has it already (pkg/api/pod/util.go).

use super::{affinity, all_containers, container, resources, security, spread, volume};
use crate::field::{At, Causes};

/// `PodValidationOptions`, with feature gates at their defaults of 1.36. All false: nothing is let pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct PodOptions {
    /// A Pod itself, and not a template.
    pub is_pod: bool,
    /// The labels of the Pod go into its selectors by `matchLabelKeys`: when it is created.
    pub(crate) merges_label_keys: bool,
    pub(crate) any_deletion_cost: bool,
    pub(crate) any_affinity_value: bool,
    pub(crate) any_node_affinity_value: bool,
    pub(crate) indivisible_huge_pages: bool,
    pub(crate) any_spread_selector: bool,
    pub(crate) wrong_spread_keys: bool,
    pub(crate) any_token_path: bool,
    pub(crate) host_sysctls: bool,
    pub(crate) any_selinux_policy: bool,
    pub(crate) comparing_tolerations: bool,
    pub(crate) init_restart_container: bool,
    pub(crate) devices_of_user_namespace: bool,
    pub(crate) user_namespace_on_host_network: bool,
}

impl PodOptions {
    /// `GetValidationOptionsFromPodTemplate`; `old` is the stored template.
    #[must_use]
    pub fn for_template(at: At<'_>, old: Option<At<'_>>) -> Self {
        let _ = at;
        old.map_or_else(Self::default, Self::from_stored)
    }

    /// The same of a Pod.
    pub(super) fn for_pod(at: At<'_>, old: Option<At<'_>>) -> Self {
        Self { is_pod: true, merges_label_keys: old.is_none(), ..Self::for_template(at, old) }
    }

    fn from_stored(old: At<'_>) -> Self {
        let spec = old.field("spec");
        Self {
            is_pod: false,
            merges_label_keys: false,
            any_deletion_cost: super::annotations::has_wrong_deletion_cost(
                old.fields("metadata.annotations"),
            ),
            any_affinity_value: affinity::has_wrong_selector(spec.field("affinity")),
            any_node_affinity_value: affinity::has_wrong_node_value(spec.field("affinity")),
            indivisible_huge_pages: resources::has_indivisible_huge_pages(spec),
            any_spread_selector: finds(|causes| spread::selectors(spec, causes)),
            wrong_spread_keys: finds(|causes| spread::stored_keys(spec, causes)),
            any_token_path: volume::has_foreign_token_path(spec),
            host_sysctls: security::has_host_sysctl(spec),
            any_selinux_policy: spec.fields("securityContext.seLinuxChangePolicy").is_set(),
            comparing_tolerations: spec
                .items_at("tolerations")
                .any(|toleration| matches!(toleration.str_at("operator"), "Lt" | "Gt")),
            init_restart_container: container::has_init_restart_container(spec),
            devices_of_user_namespace: spec.opt_bool_at("hostUsers") == Some(false)
                && all_containers(spec).any(|container| !container.is_empty_at("volumeDevices")),
            user_namespace_on_host_network: spec.opt_bool_at("hostUsers") == Some(false)
                && spec.bool_at("hostNetwork"),
        }
    }
}

fn finds(rule: impl Fn(&mut Causes)) -> bool {
    let mut causes = Causes::new();
    rule(&mut causes);
    !causes.is_empty()
}

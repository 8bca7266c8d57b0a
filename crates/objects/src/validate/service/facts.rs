//! What counts of a Service, as it changes on its way through the server.

use crate::field::At;

#[derive(Debug, Default)]
pub(super) struct Facts<'d> {
    /// `spec.type`
    pub(super) kind: &'d str,
    /// `spec.clusterIP`
    pub(super) address: &'d str,
    /// `spec.clusterIPs`
    pub(super) addresses: Vec<&'d str>,
    /// `spec.ipFamilies`
    pub(super) families: Vec<&'d str>,
    /// `spec.ipFamilyPolicy`
    pub(super) policy: Option<&'d str>,
    pub(super) has_selector: bool,
    pub(super) ports: Vec<Port<'d>>,
    /// `spec.healthCheckNodePort`
    pub(super) health_port: i64,
    /// `spec.allocateLoadBalancerNodePorts`
    pub(super) allocates_node_ports: Option<bool>,
    /// `spec.loadBalancerClass`
    pub(super) class: Option<&'d str>,
    /// `spec.externalTrafficPolicy`
    pub(super) external_policy: &'d str,
    pub(super) has_external_ips: bool,
    pub(super) internal_policy: Option<&'d str>,
}

#[derive(Debug, Clone)]
pub(super) struct Port<'d> {
    pub(super) name: &'d str,
    pub(super) protocol: &'d str,
    pub(super) port: i64,
    pub(super) node_port: i64,
}

impl<'d> Facts<'d> {
    pub(super) fn read(spec: At<'d>) -> Self {
        let ports = spec.items_at("ports").map(|port| Port {
            name: port.str_at("name"),
            protocol: port.str_at("protocol"),
            port: port.int_at("port"),
            node_port: port.int_at("nodePort"),
        });
        Self {
            kind: spec.str_at("type"),
            address: spec.str_at("clusterIP"),
            addresses: spec.field("clusterIPs").strings().collect(),
            families: spec.field("ipFamilies").strings().collect(),
            policy: spec.opt_str_at("ipFamilyPolicy"),
            has_selector: !spec.is_empty_at("selector"),
            ports: ports.collect(),
            health_port: spec.int_at("healthCheckNodePort"),
            allocates_node_ports: spec.opt_bool_at("allocateLoadBalancerNodePorts"),
            class: spec.opt_str_at("loadBalancerClass"),
            external_policy: spec.str_at("externalTrafficPolicy"),
            has_external_ips: !spec.is_empty_at("externalIPs"),
            internal_policy: spec.opt_str_at("internalTrafficPolicy"),
        }
    }

    /// `isHeadlessService` of the validation.
    pub(super) fn is_headless(&self) -> bool {
        self.addresses == ["None"]
    }

    pub(super) fn needs_address(&self) -> bool {
        self.kind != "ExternalName"
    }

    /// `needsNodePort` of the storage: a load balancer only if it allocates them.
    fn needs_node_port(&self) -> bool {
        self.kind == "NodePort" || self.kind == "LoadBalancer" && self.allocates_node_ports != Some(false)
    }

    /// `NeedsHealthCheck`.
    pub(super) fn needs_health_check(&self) -> bool {
        self.kind == "LoadBalancer" && self.external_policy == "Local"
    }

    /// `ExternallyAccessible`.
    pub(super) fn is_external(&self) -> bool {
        matches!(self.kind, "LoadBalancer" | "NodePort") || self.kind == "ClusterIP" && self.has_external_ips
    }

    /// `patchAllocatedValues` and `normalizeClusterIPs`: what was allocated need not be said again, and the
    /// first of the addresses stands in two fields.
    pub(super) fn fill_in(&mut self, before: Option<&Self>) {
        let Some(before) = before else {
            if !self.address.is_empty() && self.addresses.is_empty() {
                self.addresses = vec![self.address];
            }
            return;
        };
        self.patch(before);
        if self.addresses.is_empty() && before.address == self.address {
            self.addresses.clone_from(&before.addresses);
        }
        if before.address != self.address && before.addresses == self.addresses {
            let cleared = self.address.is_empty() && !before.address.is_empty();
            self.addresses = if cleared { Vec::new() } else { vec![self.address] };
        }
    }

    fn patch(&mut self, before: &Self) {
        if before.needs_address() && self.needs_address() {
            if self.address.is_empty() {
                self.address = before.address;
            }
            if self.addresses.is_empty() {
                self.addresses.clone_from(&before.addresses);
            }
        }
        if before.needs_node_port() && self.needs_node_port() {
            let used = |number: i64| {
                before.ports.iter().any(|port| port.node_port == number)
                    && self.ports.iter().any(|port| port.node_port == number)
            };
            let free: Vec<(&str, i64)> = before
                .ports
                .iter()
                .filter(|port| !used(port.node_port))
                .map(|port| (port.name, port.node_port))
                .collect();
            for port in self.ports.iter_mut().filter(|port| port.node_port == 0) {
                // of ports of the same name, the last counts
                port.node_port = free.iter().rfind(|(name, _)| *name == port.name).map_or(0, |found| found.1);
            }
        }
        if before.needs_health_check() && self.needs_health_check() && self.health_port == 0 {
            self.health_port = before.health_port;
        }
    }

    /// `dropTypeDependentFields` of the strategy: fields that were not touched and that the new type has no
    /// use for go.
    pub(super) fn drop_unused(&mut self, before: &Self) {
        if before.needs_address() && !self.needs_address() {
            if before.address == self.address && before.addresses == self.addresses {
                self.address = "";
                self.addresses.clear();
            }
            if before.families == self.families {
                self.families.clear();
            }
            if before.policy.unwrap_or("") == self.policy.unwrap_or("") {
                self.policy = None;
            }
        }
        let by_type = |facts: &Self| matches!(facts.kind, "NodePort" | "LoadBalancer");
        let old_ports = |number: i64| before.ports.iter().any(|port| port.node_port == number);
        if by_type(before)
            && !by_type(self)
            && self.ports.iter().all(|port| port.node_port == 0 || old_ports(port.node_port))
        {
            for port in &mut self.ports {
                port.node_port = 0;
            }
        }
        if before.needs_health_check() && !self.needs_health_check() && before.health_port == self.health_port
        {
            self.health_port = 0;
        }
        let balanced = |facts: &Self| facts.kind == "LoadBalancer";
        if balanced(before) && !balanced(self) {
            if before.allocates_node_ports == self.allocates_node_ports {
                self.allocates_node_ports = None;
            }
            if before.class == self.class {
                self.class = None;
            }
        }
        if before.is_external() && !self.is_external() && before.external_policy == self.external_policy {
            self.external_policy = "";
        }
    }
}

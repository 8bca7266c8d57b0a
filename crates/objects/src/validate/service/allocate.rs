//! What the allocation of addresses and node ports says (pkg/registry/core/service/storage/alloc.go): where it
//! refuses, nothing else is looked at. It finds families and node ports for those that were not given.

use super::facts::Facts;
use super::families::{family_of, related_fields};
use crate::field::{At, Causes, Value};

pub(super) fn allocate<'d>(
    facts: &mut Facts<'d>,
    before: Option<&Facts<'d>>,
    spec: At<'_>,
    refused: &mut Causes,
) {
    if facts.needs_address() && !keeps_dual_stack(facts, before) {
        init_families(facts, before, spec, refused);
        if let Some(before) = before.filter(|_| refused.is_empty()) {
            second_address(facts, before);
        }
    }
    if refused.is_empty() {
        node_ports(facts, before, spec, refused);
    }
}

/// `isMatchingPreferDualStackClusterIPFields`.
fn keeps_dual_stack(facts: &Facts<'_>, before: Option<&Facts<'_>>) -> bool {
    let prefers = Some("PreferDualStack");
    before.is_some_and(|before| {
        before.kind == facts.kind
            && matches!(facts.kind, "ClusterIP" | "NodePort" | "LoadBalancer")
            && facts.policy == prefers
            && (before.policy.is_none() || before.policy == prefers)
            && before.addresses == facts.addresses
            && before.families == facts.families
    })
}

/// `initIPFamilyFields`.
fn init_families<'d>(facts: &mut Facts<'d>, before: Option<&Facts<'d>>, spec: At<'_>, refused: &mut Causes) {
    let selectorless = facts.address == "None" && !facts.has_selector;
    let default = if selectorless { "RequireDualStack" } else { "SingleStack" };
    let policy = facts.policy.or(before.and_then(|before| before.policy)).unwrap_or(default);
    facts.policy = Some(policy);
    related_fields(facts, before, spec, refused);
    if !refused.is_empty() {
        return;
    }
    let at = spec.field("ipFamilyPolicy");
    let shown = || Value::Json(format!("\"{policy}\""));
    if let Some(before) = before {
        release(facts, before, |detail| refused.invalid_value(at, shown(), detail));
    }
    if policy == "SingleStack" {
        for (count, what) in [(facts.addresses.len(), "cluster IPs"), (facts.families.len(), "IP families")] {
            if count == 2 {
                let detail = format!(
                    "must be 'RequireDualStack' or 'PreferDualStack' when multiple {what} are specified"
                );
                refused.invalid_value(at, shown(), &detail);
            }
        }
    }
    if facts.address != "None" {
        let known = facts.families.len();
        let more: Vec<_> = facts.addresses.iter().skip(known).map(|address| family_of(address)).collect();
        facts.families.extend(more);
    }
    if !refused.is_empty() {
        return;
    }
    if facts.families.is_empty() {
        facts.families.push("IPv4");
    }
    if policy != "SingleStack"
        && let [only] = facts.families[..]
    {
        facts.families.push(if only == "IPv4" { "IPv6" } else { "IPv4" });
    }
}

/// An update to a single stack lets go of what was not changed; to anything else, less than before is a mistake.
fn release(facts: &mut Facts<'_>, before: &Facts<'_>, mut refuse: impl FnMut(&str)) {
    if facts.policy == Some("SingleStack") {
        if facts.addresses == before.addresses {
            facts.addresses.truncate(1);
        }
        if facts.families == before.families {
            facts.families.truncate(1);
        }
        return;
    }
    let fewer = |new: usize, old: usize| new > 0 && new < old;
    if fewer(facts.addresses.len(), before.addresses.len()) {
        refuse("must be 'SingleStack' to release the secondary cluster IP");
    }
    if fewer(facts.families.len(), before.families.len()) {
        refuse("must be 'SingleStack' to release the secondary IP family");
    }
}

/// What a Service that gets a second family is given (`updateClusterIPs`): the address of a dry run, of the
/// range that is most in use.
fn second_address(facts: &mut Facts<'_>, before: &Facts<'_>) {
    let upgraded = before.needs_address()
        && before.addresses.first() != Some(&"None")
        && before.families.len() == 1
        && facts.families.len() == 2;
    if upgraded && facts.addresses.len() < 2 {
        facts.addresses.push(if facts.families[1] == "IPv4" { "10.96.0.0" } else { "fd00:10:96::" });
    }
}

/// The node ports of one request, as a dry run hands them out.
#[derive(Debug, Default)]
struct NodePorts(Vec<i64>);

impl NodePorts {
    /// Where the first made-up number lies.
    const FIRST: i64 = 32_769;

    /// Whether the port was free.
    fn take(&mut self, port: i64) -> bool {
        let free = !self.0.contains(&port);
        self.0.push(port);
        free
    }

    fn next(&mut self) -> i64 {
        let next = self.0.iter().max().map_or(Self::FIRST, |last| last.saturating_add(1));
        self.0.push(next);
        next
    }
}

const TAKEN: &str = "provided port is already allocated";

fn node_ports(facts: &mut Facts<'_>, before: Option<&Facts<'_>>, spec: At<'_>, refused: &mut Causes) {
    let mut ports = NodePorts::default();
    if matches!(facts.kind, "NodePort" | "LoadBalancer") {
        let list = spec.field("ports");
        let mut refuse = |position: usize, number: i64| {
            let port = list.index(position);
            refused.invalid_value(port.field("nodePort"), number, TAKEN);
        };
        match before {
            Some(before) => update_node_ports(facts, before, &mut ports, &mut refuse),
            None => init_node_ports(facts, &mut ports, &mut refuse),
        }
    }
    let had_health_check = before.is_some_and(Facts::needs_health_check);
    if facts.needs_health_check() && !had_health_check && facts.health_port == 0 {
        facts.health_port = ports.next();
    }
}

/// `shouldAllocateNodePorts`.
fn makes_up(facts: &Facts<'_>) -> bool {
    facts.kind == "NodePort" || facts.allocates_node_ports != Some(false)
}

/// `initNodePorts`: ports of the same number, as TCP and UDP, share a node port.
fn init_node_ports(facts: &mut Facts<'_>, ports: &mut NodePorts, refuse: &mut impl FnMut(usize, i64)) {
    let makes_up = makes_up(facts);
    for position in 0..facts.ports.len() {
        let (port, asked) = (facts.ports[position].port, facts.ports[position].node_port);
        if asked == 0 && !makes_up {
            continue;
        }
        // what an earlier port of this number was given
        let shared = facts.ports[..position]
            .iter()
            .find(|earlier| earlier.port == port && earlier.node_port != 0)
            .map(|earlier| earlier.node_port);
        let number = match shared {
            Some(shared) if asked == 0 || asked == shared => shared,
            Some(_) => {
                if !ports.take(asked) {
                    return refuse(position, asked);
                }
                asked
            }
            None => {
                let same = facts.ports.iter().find(|other| other.port == port && other.node_port != 0);
                match same.map(|other| other.node_port) {
                    Some(wanted) if !ports.take(wanted) => return refuse(position, wanted),
                    Some(wanted) => wanted,
                    None => ports.next(),
                }
            }
        };
        facts.ports[position].node_port = number;
    }
}

/// `updateNodePorts`.
fn update_node_ports(
    facts: &mut Facts<'_>,
    before: &Facts<'_>,
    ports: &mut NodePorts,
    refuse: &mut impl FnMut(usize, i64),
) {
    let makes_up = makes_up(facts);
    let mut taken: Vec<i64> = before.ports.iter().map(|port| port.node_port).filter(|n| *n != 0).collect();
    for position in 0..facts.ports.len() {
        let asked = facts.ports[position].node_port;
        if asked == 0 {
            if makes_up {
                facts.ports[position].node_port = ports.next();
            }
        } else if !taken.contains(&asked) {
            if !ports.take(asked) {
                return refuse(position, asked);
            }
            taken.push(asked);
        }
    }
}

//! PodDisruptionBudgets: who has one, and whether it ever lets a Pod go.

use std::collections::HashSet;

use crate::document::NodeRef;
use crate::evaluate::rule::{Sink, related};
use crate::host::{HostObject, Pool, Query, Seen};
use crate::resource::selector::LabelSelector;

use super::ask::{self, Ask, MOST};
use super::autoscalers;

/// The selector of a budget. An empty one selects all Pods of the namespace, in v1beta1 none; an absent one none.
fn budget_selector(budget: NodeRef<'_>) -> Option<LabelSelector> {
    let selector = LabelSelector::parse(ask::present(budget, "/spec/selector")?).ok()?;
    let old = budget.get_str("apiVersion") == Some("policy/v1beta1");
    (!(old && selector.is_everything())).then_some(selector)
}

/// A workload of one Pod cannot lose it and be there; a budget would only stop nodes from being drained.
pub(super) fn covers(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(pods) = ask.pods() else { return };
    let written = ask::present(ask.object(), "/spec/replicas").and_then(NodeRef::as_i64);
    if written.is_some_and(|replicas| replicas < 2) {
        return;
    }
    let labels = ask::labels(pods);
    let pairs = ask::pairs(labels);
    let pool = Pool::Selecting("policy", "PodDisruptionBudget");
    let query = Query { pool, namespace: Some(ask.namespace()), pairs: &pairs };
    let (found, coverage) =
        ask.find(&query, |seen| budget_selector(seen.object.root).is_some_and(|s| s.matches(labels)));
    if found.is_none() {
        let node = labels.or(ask.object().get("spec")).unwrap_or(ask.object());
        ask::missing(coverage, node, "no PodDisruptionBudget selects the Pods".to_owned(), sink);
    }
}

/// What a budget asks for.
enum Amount {
    Number(i64),
    Percent(i64),
}

fn amount(node: NodeRef<'_>) -> Option<Amount> {
    match node.as_str() {
        Some(text) => match text.strip_suffix('%') {
            Some(percent) => Some(Amount::Percent(percent.parse().ok()?)),
            None => Some(Amount::Number(text.parse().ok()?)),
        },
        None => node.as_i64().map(Amount::Number),
    }
}

impl Amount {
    /// Percentages are rounded up (`GetScaledValueFromIntOrPercent` with `roundUp`, disruption controller).
    fn of(&self, total: i64) -> i64 {
        match self {
            Self::Number(number) => *number,
            Self::Percent(percent) => {
                i64::try_from((i128::from(*percent) * i128::from(total) + 99).div_euclid(100))
                    .unwrap_or(i64::MAX)
            }
        }
    }
}

/// Of whatever group: a budget under a wrong `apiVersion` is meant as one, and another policy says what is wrong.
fn is_budget(ask: &Ask<'_, '_>) -> bool {
    ask.kind().1 == "PodDisruptionBudget"
}

pub(super) fn blocks(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if !is_budget(ask) {
        return;
    }
    let least = ask::present(ask.object(), "/spec/minAvailable");
    let most = ask::present(ask.object(), "/spec/maxUnavailable");
    if let Some(node) = most
        && let Some(Amount::Number(0) | Amount::Percent(0)) = amount(node)
    {
        sink.fault(node, "maxUnavailable 0 lets no Pod be evicted".to_owned());
        return;
    }
    let Some((node, amount)) = least.and_then(|node| Some((node, amount(node)?))) else { return };
    if let Amount::Percent(100..) = amount {
        sink.fault(node, "minAvailable 100% lets no Pod be evicted".to_owned());
        return;
    }
    let Some((total, first)) = expected(ask) else { return };
    let due = amount.of(total);
    if total > 0 && due >= total {
        let message = format!("minAvailable ({due}) of {total} replicas lets no Pod be evicted");
        let finding = sink.fault(node, message);
        let at = first.root.at("/spec/replicas").unwrap_or_else(|| ask::name_node(first));
        finding.related.push(related(first, at, "the budget selects these Pods".to_owned()));
    }
}

/// The Pods that a budget expects, as far as the input shows workloads that say how many: not DaemonSets, whose Pods
/// are as many as there are nodes, nor Jobs.
fn expected<'r>(ask: &Ask<'_, 'r>) -> Option<(i64, HostObject<'r>)> {
    let selector = budget_selector(ask.object())?;
    let (mut total, mut seen, mut first, mut countable) = (0_i64, 0, None, true);
    let mut counted = HashSet::new();
    ask.find_pods(Some(ask.namespace()), &selector, |Seen { object, copies, .. }, _| {
        let kind = object.root.get_str("kind");
        let name = object.root.at("/metadata/name").and_then(NodeRef::as_str);
        // an object that the input has in several versions is one object in a cluster
        let known = name.is_some() && !counted.insert((kind, name));
        let pods = match kind {
            Some("DaemonSet" | "Job" | "CronJob") => {
                countable = false;
                0
            }
            Some("PodTemplate") => 0,
            Some("Pod") => 1,
            _ => autoscalers::replicas(ask, object.root),
        };
        if !known {
            total = total.saturating_add(pods.saturating_mul(i64::from(copies)));
        }
        first = first.or(Some(object));
        seen += 1;
        !countable || seen >= MOST
    });
    first.filter(|_| countable && seen < MOST).map(|first| (total, first))
}

pub(super) fn above_autoscaler(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(node) = ask::present(ask.object(), "/spec/minAvailable").filter(|_| is_budget(ask)) else {
        return;
    };
    let (Some(amount), Some(selector)) = (amount(node), budget_selector(ask.object())) else { return };
    let (mut worst, mut seen) = (None, 0);
    ask.find_pods(Some(ask.namespace()), &selector, |Seen { object, .. }, _| {
        if let Some((fewest, autoscaler)) = autoscalers::fewest(ask, object.root)
            && amount.of(fewest) > fewest
        {
            worst = Some((fewest, autoscaler));
        }
        seen += 1;
        worst.is_some() || seen >= MOST
    });
    if let Some((fewest, autoscaler)) = worst {
        let due = amount.of(fewest);
        let message =
            format!("minAvailable ({due}) is more than {} keeps ({fewest})", ask::describe(autoscaler));
        let finding = sink.fault(node, message);
        let at = autoscaler.root.at("/spec/minReplicas").unwrap_or_else(|| ask::name_node(autoscaler));
        finding.related.push(related(autoscaler, at, "it may go down to this".to_owned()));
    }
}

//! PodDisruptionBudgets: who has one, which Pods it is about, and whether it ever lets one go.

use std::collections::BTreeMap;

use crate::check::subject::{Sink, related};
use crate::document::NodeRef;
use crate::host::{HostObject, Pool, Query, Seen};
use crate::resource::selector::LabelSelector;

use super::ask::{self, Ask, MOST, NEAR};
use super::autoscalers::{self, Autoscaled};

/// One of those with the same `spec`.
const SOME_BUDGET: Pool<'static> = Pool::Selecting("policy", "PodDisruptionBudget");
const EACH_BUDGET: Pool<'static> = Pool::AllSelecting("policy", "PodDisruptionBudget");

/// The selector of a budget. An empty one selects all Pods of the namespace, in v1beta1 none; an absent one none.
fn budget_selector(budget: NodeRef<'_>) -> Option<LabelSelector> {
    let selector = LabelSelector::parse(ask::present(budget, "/spec/selector")?).ok()?;
    let old = budget.get_str("apiVersion") == Some("policy/v1beta1");
    (!(old && selector.is_everything())).then_some(selector)
}

/// A workload of one Pod cannot lose it and be there; a budget would only stop nodes from being drained. So two
/// replicas are where a budget is asked for, unless the policy's parameter says otherwise. One without replicas is
/// switched off.
pub(super) fn covers(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(pods) = ask.pods() else { return };
    let parameters = ask.subject.policy.parameters.root();
    let minimum = parameters.get("minimum").and_then(NodeRef::as_i64).unwrap_or(2).max(1);
    if autoscalers::replicas(ask, ask.object()).is_none_or(|(replicas, _)| replicas < minimum) {
        return;
    }
    let labels = ask::labels(pods);
    let pairs = ask.own_pairs(pods);
    let query = Query { pool: SOME_BUDGET, namespace: Some(ask.namespace()), pairs: &pairs };
    let (found, coverage) = ask.find(&query, |seen| {
        budget_selector(seen.object.root).is_some_and(|selector| ask.selects_all(&selector, pods))
    });
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

    /// `2`, or `60%, which is 2 of 3`.
    fn told(&self, total: i64) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Percent(percent) => format!("{percent}%, which is {} of {total}", self.of(total)),
        }
    }
}

/// Of whatever group: a budget under a wrong `apiVersion` is meant as one, and another policy says what is wrong.
fn is_budget(ask: &Ask<'_, '_>) -> bool {
    ask.kind().1 == "PodDisruptionBudget"
}

/// A budget that selects nothing guards nothing.
pub(super) fn selects(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if !is_budget(ask) {
        return;
    }
    let Some(node) = ask::present(ask.object(), "/spec/selector") else {
        let node = ask.object().get("spec").unwrap_or(ask.object());
        sink.fault(node, "the PodDisruptionBudget has no selector, and selects no Pods".to_owned());
        return;
    };
    let Some(selector) = ask::selector(node, sink) else { return };
    let (found, coverage) = ask.any_pods(Some(ask.namespace()), &selector);
    if !found {
        let message = format!("the PodDisruptionBudget selects no Pods of namespace {}", ask.namespace());
        ask::missing(coverage, node, message, sink);
    }
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
        let written = node.as_str().map_or_else(|| "0".to_owned(), str::to_owned);
        sink.fault(node, format!("maxUnavailable is {written}: no Pod can be evicted"));
        return;
    }
    let Some((node, amount)) = least.and_then(|node| Some((node, amount(node)?))) else { return };
    if let Amount::Percent(100..) = amount {
        sink.fault(node, "minAvailable is 100%: no Pod can be evicted".to_owned());
        return;
    }
    let Some(Expected { total, first, by }) = expected(ask) else { return };
    // of more than an autoscaler keeps, `above_autoscaler` tells
    if total <= 0 || amount.of(total) < total || (by.is_some() && amount.of(total) > total) {
        return;
    }
    let told = amount.told(total);
    let message = match by {
        Some(by) => format!(
            "minAvailable is {told}, and {} may scale down to {total}: then no Pod can be evicted",
            ask::describe(by.by)
        ),
        None if total == 1 => {
            format!("minAvailable is {told}, and there is 1 replica: it can never be evicted")
        }
        None => format!("minAvailable is {told}, and there are {total} replicas: no Pod can be evicted"),
    };
    let finding = sink.fault(node, message);
    let at = first.root.at("/spec/replicas").unwrap_or_else(|| ask::name_node(first));
    finding.related.push(related(first, at, "the budget selects these Pods".to_owned()));
    if let Some(by) = by {
        finding.related.push(related(by.by, by.at(), "the autoscaler may go down to this".to_owned()));
    }
}

/// The Pods that a budget expects.
struct Expected<'r> {
    total: i64,
    first: HostObject<'r>,
    /// Who decides it, where one does.
    by: Option<Autoscaled<'r>>,
}

/// The Pods that a budget expects, as far as the input shows workloads that say how many: not DaemonSets, whose Pods
/// are as many as there are nodes, nor Jobs. What a workload of the input owns is not counted beside it, and of several
/// forms of one workload, the largest.
fn expected<'r>(ask: &Ask<'_, 'r>) -> Option<Expected<'r>> {
    let selector = budget_selector(ask.object())?;
    let (mut seen, mut first, mut by, mut countable) = (0, None, None, true);
    let mut counted: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut nameless = 0_i64;
    ask.find_own_pods(&selector, |Seen { namespace, object, copies, .. }| {
        seen += 1;
        if ask.is_owned(namespace, object.root) {
            return seen >= MOST;
        }
        let kind = object.root.get_str("kind").unwrap_or_default();
        let pods = match kind {
            "DaemonSet" | "Job" | "CronJob" => None,
            "PodTemplate" => Some((0, None)),
            "Pod" => Some((1, None)),
            _ => autoscalers::replicas(ask, object.root),
        };
        let Some((pods, scaled)) = pods else {
            countable = false;
            return true;
        };
        match object.root.at("/metadata/name").and_then(NodeRef::as_str) {
            Some(name) => {
                let most = counted.entry((kind, name)).or_default();
                *most = pods.max(*most);
            }
            None => nameless = nameless.saturating_add(pods.saturating_mul(i64::from(copies))),
        }
        by = by.or(scaled);
        first = first.or(Some(object));
        seen >= MOST
    });
    let total = counted.values().fold(nameless, |total, pods| total.saturating_add(*pods));
    first.filter(|_| countable && seen < MOST).map(|first| Expected { total, first, by })
}

/// The eviction API serves no Pod of more than one budget (`pkg/registry/core/pod/storage/eviction.go`). Budgets of
/// other folders are those of other installations.
pub(super) fn overlaps(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    if !is_budget(ask) {
        return;
    }
    let Some(selector) = budget_selector(ask.object()) else { return };
    let Some(node) = ask::present(ask.object(), "/spec/selector") else { return };
    let (mut seen, mut other) = (0, None);
    ask.find_pods(Some(ask.namespace()), &selector, |Seen { object, .. }, pods| {
        seen += 1;
        let pairs = ask::pairs(ask::labels(pods));
        let query = Query { pool: EACH_BUDGET, namespace: Some(ask.namespace()), pairs: &pairs };
        let (budget, _) = ask.find(&query, |Seen { object, level, .. }| {
            let name = object.root.at("/metadata/name").and_then(NodeRef::as_str);
            level <= NEAR
                && name.is_some_and(|name| name != ask.name())
                && budget_selector(object.root).is_some_and(|selector| selector.matches(ask::labels(pods)))
        });
        other = budget.map(|budget| (budget, object));
        other.is_some() || seen >= MOST
    });
    let Some((budget, pods)) = other else { return };
    let message = format!(
        "the Pods of {} are selected by {} as well: a Pod with more than one budget cannot be evicted",
        ask::describe(pods),
        ask::describe(budget)
    );
    let finding = sink.fault(node, message);
    let at = budget.root.at("/spec/selector").unwrap_or_else(|| ask::name_node(budget));
    finding.related.push(related(budget, at, "this budget selects them, too".to_owned()));
    finding.related.push(related(pods, ask::name_node(pods), "both budgets select these Pods".to_owned()));
}

pub(super) fn above_autoscaler(ask: &Ask<'_, '_>, sink: &mut Sink<'_>) {
    let Some(node) = ask::present(ask.object(), "/spec/minAvailable").filter(|_| is_budget(ask)) else {
        return;
    };
    let (Some(amount), Some(selector)) = (amount(node), budget_selector(ask.object())) else { return };
    let (mut worst, mut seen) = (None, 0);
    ask.find_own_pods(&selector, |Seen { object, .. }| {
        if let Some((_, Some(by))) = autoscalers::replicas(ask, object.root)
            && by.fewest > 0
            && amount.of(by.fewest) > by.fewest
        {
            worst = Some(by);
        }
        seen += 1;
        worst.is_some() || seen >= MOST
    });
    if let Some(by) = worst {
        let message = format!(
            "minAvailable is {}, but {} may scale down to {}",
            amount.told(by.fewest),
            ask::describe(by.by),
            by.fewest
        );
        let finding = sink.fault(node, message);
        finding.related.push(related(by.by, by.at(), "the autoscaler may go down to this".to_owned()));
    }
}

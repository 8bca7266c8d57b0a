//! What an evaluation costs, by the formulas of cel-go's `interpreter/runtimecost.go`, of its extension libraries, and of
//! the API server's `pkg/cel/library/cost.go`.
//!
//! Costs are charged before the work is done wherever the work can be large.

use std::time::Instant;

use super::error::{Eval, EvalError};
use super::profile::Profile;
use super::value::{Opaque, Value, View};

/// What one expression may cost (`PerCallLimit`, k8s.io/apiserver `pkg/apis/cel/config.go`).
pub const EXPRESSION_LIMIT: u64 = 1_000_000;

/// Elements and bytes that calls may produce beyond what they are charged for, per budget. Upstream has no such fence:
/// there `a + a` is charged one unit however long the list.
const GROWTH_LIMIT: u64 = 64 << 20;

/// Counts the cost of one expression and tests it at every charge.
#[derive(Clone, Debug)]
pub struct Meter {
    cost: u64,
    limit: u64,
    growth: u64,
    deadline: Option<Instant>,
    ticks: u32,
}

impl Meter {
    /// A counter at zero.
    #[must_use]
    pub fn new(limit: u64, growth: Option<u64>, deadline: Option<Instant>) -> Self {
        Self { cost: 0, limit, growth: growth.unwrap_or(GROWTH_LIMIT), deadline, ticks: 0 }
    }

    /// What has been charged.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// What calls may still produce.
    #[must_use]
    pub fn growth(&self) -> u64 {
        self.growth
    }

    /// Charges at once, as for a call.
    #[inline]
    pub(super) fn charge(&mut self, cost: u64) -> Eval<()> {
        self.cost = self.cost.saturating_add(cost);
        if self.cost > self.limit { Err(EvalError::CostLimit.into()) } else { Ok(()) }
    }

    /// Charges one by one: at the limit the count stops one above it.
    #[inline]
    pub(super) fn charge_each(&mut self, units: u64) -> Eval<()> {
        let cost = self.cost.saturating_add(units);
        if cost > self.limit {
            self.cost = self.limit.saturating_add(1).max(self.cost);
            return Err(EvalError::CostLimit.into());
        }
        self.cost = cost;
        Ok(())
    }

    /// Takes back what upstream subtracts.
    pub(super) fn refund(&mut self, cost: u64) {
        self.cost = self.cost.wrapping_sub(cost);
    }

    /// Charges as 1.36 does where its arithmetic wraps around.
    pub(super) fn charge_wrapping(&mut self, cost: u64) -> Eval<()> {
        self.cost = self.cost.wrapping_add(cost);
        if self.cost > self.limit { Err(EvalError::CostLimit.into()) } else { Ok(()) }
    }

    /// Asks for room for something that is not charged by its size.
    pub(super) fn grow(&mut self, by: usize) -> Eval<()> {
        match self.growth.checked_sub(by as u64) {
            Some(left) => {
                self.growth = left;
                Ok(())
            }
            None => Err(EvalError::CostLimit.into()),
        }
    }

    pub(super) fn set_growth(&mut self, growth: u64) {
        self.growth = growth;
    }

    /// One turn of a loop: looks at the clock now and then.
    #[inline]
    pub(super) fn tick(&mut self) -> Eval<()> {
        self.ticks = self.ticks.wrapping_add(1);
        if self.ticks.is_multiple_of(128) { self.look_at_clock() } else { Ok(()) }
    }

    #[cold]
    fn look_at_clock(&self) -> Eval<()> {
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(EvalError::Deadline.into()),
            _ => Ok(()),
        }
    }
}

/// The share of a unit that walking over one character costs.
const TRAVERSAL: f64 = 0.1;
const REGEX: f64 = 0.25;
pub(super) const LIST_BASE: u64 = 10;
pub(super) const MAP_BASE: u64 = 30;
pub(super) const STRUCT_BASE: u64 = 40;

/// How a call is charged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CostRule {
    Fixed(u64),
    /// Characters of the first argument, times a factor.
    Text(f64),
    /// Characters of a joined text: known only from the arguments' contents.
    Join,
    /// The selector's text becomes a list of requirements.
    Selector,
    /// Every scalar of a tree.
    Tree,
    Regex,
    Contains,
    /// The second argument's size.
    In,
    /// The smaller of both sizes.
    Smaller,
    /// Like [`CostRule::Smaller`], but one for a Kubernetes value on the left.
    Equals,
    /// Both sizes.
    Sum,
    Address,
    ContainsIp {
        text: bool,
    },
    ContainsCidr {
        text: bool,
    },
    Validate,
    /// The resulting list is as long as these functions say.
    Slice,
    Range,
    Reverse,
    Flatten,
    /// Every element with every other of the argument at this index.
    SelfCompare(usize),
    Sets(u64),
}

/// How calls of an overload are charged, and when the formula applies. An overload is known where the checker found no
/// other that fits; where it is not, most formulas do not apply, which upstream has so.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Cost {
    /// As the function's other overloads say, or one.
    Unit,
    /// Where this overload is known: cel-go's own formulas, and the trackers of its extension libraries (`ext/lists.go`,
    /// `ext/sets.go`).
    Overload(CostRule),
    /// The API server's formulas, which go by the function's name: of this overload, and of every call of the function whose
    /// overload is not known or says nothing.
    Function(CostRule),
}

impl Cost {
    /// The rule of a call of a function with these overloads.
    pub(super) fn rule(known: Option<Cost>, mut overloads: impl Iterator<Item = Cost>) -> CostRule {
        match known {
            Some(Self::Overload(rule) | Self::Function(rule)) => rule,
            Some(Self::Unit) | None => overloads
                .find_map(|cost| match cost {
                    Self::Function(rule) => Some(rule),
                    Self::Unit | Self::Overload(_) => None,
                })
                .unwrap_or(CostRule::Fixed(1)),
        }
    }
}

impl CostRule {
    /// Charges the call with these arguments.
    pub(super) fn charge(self, meter: &mut Meter, profile: Profile, arguments: &[Value<'_>]) -> Eval<()> {
        let cost = match (self, arguments) {
            (Self::Fixed(cost), _) => cost,
            (Self::Text(factor), [text, ..]) => scaled(size(text), factor),
            (Self::Address, [text, ..]) => scaled(size(text), 1.0),
            (Self::Join, [list, rest @ ..]) => scaled(joined_size(list, rest.first()), 2.0),
            (Self::Selector, [_, text, ..]) => {
                let length = size(text);
                let requirements = ceil(length as f64 * 0.5);
                LIST_BASE
                    + ceil(length as f64 * TRAVERSAL)
                    + ceil(requirements as f64 * (LIST_BASE + STRUCT_BASE) as f64)
            }
            (Self::Tree, [tree, ..]) => tree_cost(tree),
            (Self::Regex, [text, pattern, ..]) => {
                let text = ceil((1.0 + size(text) as f64) * TRAVERSAL);
                text.saturating_mul(ceil(size(pattern) as f64 * REGEX))
            }
            (Self::Contains, [text, part]) => {
                let text = ceil(size(text) as f64 * TRAVERSAL);
                text.saturating_mul(ceil(size(part) as f64 * TRAVERSAL))
            }
            (Self::In | Self::Equals | Self::Smaller | Self::Sum, [left, right]) => self.of_pair(left, right),
            (Self::ContainsIp { text }, [cidr, other]) => {
                let own = size(cidr);
                let base = ceil((own + own) as f64 * TRAVERSAL);
                if text { base + ceil(size(other) as f64 * TRAVERSAL) } else { base }
            }
            (Self::ContainsCidr { text }, [cidr, other]) => {
                let own = size(cidr);
                let base = ceil((own + own) as f64 * TRAVERSAL) + ceil(own as f64 * TRAVERSAL) + 1;
                if text { base + ceil(size(other) as f64 * TRAVERSAL) } else { base }
            }
            (Self::Validate, [format, text]) => validate_cost(format, text),
            (Self::Slice, [list, from, to]) => allocation(slice_size(list, from, to)),
            (Self::Range, [end]) => allocation(range_size(end)),
            (Self::Reverse, [list]) => {
                allocation(if let View::List(list) = list.view() { list.len() as u64 } else { 1 })
            }
            (Self::Flatten, [list, rest @ ..]) => return charge_flatten(meter, profile, list, rest.first()),
            (Self::SelfCompare(at), _) => self_compare(arguments.get(at))?,
            (Self::Sets(factor), [left, right]) => {
                size(left).saturating_mul(size(right)).saturating_mul(factor).saturating_add(1)
            }
            _ => 1,
        };
        meter.charge(cost)
    }

    /// What a binary operator costs.
    #[inline]
    pub(super) fn of_pair(self, left: &Value<'_>, right: &Value<'_>) -> u64 {
        match self {
            Self::Fixed(cost) => cost,
            Self::In => size(right),
            Self::Equals if matches!(left, Value::Opaque(_)) => 1,
            Self::Equals | Self::Smaller => match (left, right) {
                (Value::Int(_) | Value::Bool(_), _) | (_, Value::Int(_) | Value::Bool(_)) => {
                    u64::from(size(left) != 0 && size(right) != 0)
                }
                _ => ceil(size(left).min(size(right)) as f64 * TRAVERSAL),
            },
            Self::Sum => ceil((size(left) + size(right)) as f64 * TRAVERSAL),
            _ => 1,
        }
    }
}

/// What upstream's `Sizer` gives; one for what has no size.
pub(super) fn size(value: &Value<'_>) -> u64 {
    match value.view() {
        View::Opaque(opaque) => opaque.cost_size().unwrap_or(1),
        view => view.size().map_or(1, |size| size as u64),
    }
}

fn ceil(value: f64) -> u64 {
    value.ceil() as u64
}

/// Upstream multiplies in this order, and the rounding shows.
fn scaled(size: u64, factor: f64) -> u64 {
    if factor == 1.0 { ceil(size as f64 * TRAVERSAL) } else { ceil(size as f64 * factor * TRAVERSAL) }
}

fn allocation(size: u64) -> u64 {
    size.saturating_add(1 + LIST_BASE)
}

/// A failed slice is one error, which counts as one.
fn slice_size(list: &Value<'_>, from: &Value<'_>, to: &Value<'_>) -> u64 {
    match (list.view(), from.as_int(), to.as_int()) {
        (View::List(list), Some(from), Some(to))
            if 0 <= from && from <= to && to as u64 <= list.len() as u64 =>
        {
            (to - from) as u64
        }
        _ => 1,
    }
}

/// `lists.range` of a negative number is upstream a panic; of none an empty list.
fn range_size(end: &Value<'_>) -> u64 {
    end.as_int().map_or(1, |end| u64::try_from(end).unwrap_or(0))
}

fn charge_flatten(
    meter: &mut Meter,
    profile: Profile,
    list: &Value<'_>,
    depth: Option<&Value<'_>>,
) -> Eval<()> {
    let length = size(list);
    match depth.map(|depth| depth.as_int()) {
        None => meter.charge(allocation(length)),
        Some(Some(depth)) if depth >= 0 => meter.charge(allocation(ceil(length as f64 * depth as f64))),
        Some(Some(depth)) if profile == Profile::V1_36 => {
            let product = (length as i64).wrapping_mul(depth).cast_unsigned();
            meter.charge_wrapping(product.wrapping_add(1 + LIST_BASE))
        }
        Some(Some(depth)) => {
            // a negative number as an unsigned one; the formula saturates, the sum of costs does not
            let product = ((length as f64 * depth as f64) as i64).cast_unsigned();
            meter.charge_wrapping(product.saturating_add(1 + LIST_BASE))
        }
        // an argument of another type makes upstream's formula panic
        Some(None) => Ok(()),
    }
}

/// Upstream panics when there is no list to look at.
fn self_compare(list: Option<&Value<'_>>) -> Result<u64, EvalError> {
    let View::List(list) = list.map_or(View::Null, Value::view) else {
        let of = list.map_or("*types.Err", |value| value.view().go_type());
        return Err(EvalError::Internal(format!(
            "interface conversion: {of} is not traits.Lister: missing method Add"
        )));
    };
    let text = list.get(0).is_some_and(|first| matches!(first.view(), View::Str(_) | View::Bytes(_)));
    let factor = if text { 2.0 + TRAVERSAL } else { 2.0 };
    let pairs = (list.len() as u64).saturating_mul(list.len() as u64);
    Ok(allocation((pairs as f64 * factor) as u64))
}

/// Scalars count one, texts a tenth of their bytes, containers what they hold.
pub(super) fn tree_cost(value: &Value<'_>) -> u64 {
    match value.view() {
        View::Str(text) => (text.len() as f64 * TRAVERSAL) as u64,
        View::Bytes(bytes) => (bytes.len() as f64 * TRAVERSAL) as u64,
        View::List(list) => list.iter().map(|item| tree_cost(&item)).sum(),
        View::Map(map) => map.iter().map(|(key, value)| tree_cost(&key) + tree_cost(&value)).sum(),
        _ => 1,
    }
}

/// Code points of the text that joining gives; one where it fails.
fn joined_size(list: &Value<'_>, separator: Option<&Value<'_>>) -> u64 {
    let View::List(list) = list.view() else { return 1 };
    let separator = match separator {
        None => 0,
        Some(separator) if separator.as_str().is_some() => size(separator),
        Some(_) => return 1,
    };
    let mut total = (list.len() as u64).saturating_sub(1).saturating_mul(separator);
    for item in list.iter() {
        if item.as_str().is_none() {
            return 1;
        }
        total = total.saturating_add(size(&item));
    }
    total
}

fn validate_cost(format: &Value<'_>, text: &Value<'_>) -> u64 {
    let View::Opaque(Opaque::Format(format)) = format.view() else { return 1 };
    let text = ceil((1.0 + size(text) as f64) * TRAVERSAL);
    text.saturating_mul(ceil(format.pattern_size() as f64 * REGEX))
}

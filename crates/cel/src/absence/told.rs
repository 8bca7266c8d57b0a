//! What is known of a value, and how that adds up.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::arithmetic::Operator;
use crate::compare::{self, Equality};
use crate::value::{List, Value, View};

/// A step down a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stride {
    /// Into the member of this name.
    Key(Arc<str>),
    /// Into each item of a list.
    Each,
    /// To what is no list itself: beside [`Stride::Each`], where lists are made flat.
    Itself,
}

/// A way down from a variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Way {
    /// The variable.
    pub root: Arc<str>,
    /// The steps from there.
    pub steps: Vec<Stride>,
}

impl Way {
    /// The variable itself.
    #[must_use]
    pub fn of(root: &str) -> Self {
        Self { root: root.into(), steps: Vec::new() }
    }

    /// A step further.
    #[must_use]
    pub fn then(mut self, step: Stride) -> Self {
        self.steps.push(step);
        self
    }
}

/// The ways at whose ends nothing must lie for something to hold.
pub type Ways = BTreeSet<Way>;

/// What is known of a value.
#[derive(Clone, Debug)]
pub struct Told<'p> {
    pub(super) shape: Shape<'p>,
    pub(super) given: Ways,
}

#[derive(Clone, Debug)]
pub(super) enum Shape<'p> {
    /// A value or an error.
    Any,
    /// A value.
    Some,
    /// A boolean.
    Truth,
    Known(Value<'p>),
    /// What lies at the end of a way.
    At(Way),
    /// An optional of what lies there.
    Perhaps(Way),
    /// What lies there, or where it is absent this.
    Or(Way, Value<'p>),
    /// A list: of how many elements is not known, each is like one of these.
    Each(Vec<Told<'p>>),
}

impl<'p> Told<'p> {
    pub(super) fn new(shape: Shape<'p>) -> Self {
        Self { shape, given: Ways::new() }
    }

    /// Nothing is known.
    #[must_use]
    pub fn any() -> Self {
        Self::new(Shape::Any)
    }

    /// This value.
    #[must_use]
    pub fn known(value: Value<'p>) -> Self {
        Self::new(Shape::Known(value))
    }

    /// What lies at the end of a way.
    #[must_use]
    pub fn at(way: Way) -> Self {
        Self::new(Shape::At(way))
    }

    /// A list of elements each of which is like one of these.
    #[must_use]
    pub fn list(of: Vec<Told<'p>>) -> Self {
        let ways: Ways = of.iter().flat_map(|told| told.given.iter().cloned()).collect();
        if of.iter().any(|told| matches!(told.shape, Shape::Any)) {
            return Self::any();
        }
        let of: Vec<Told<'p>> = of.into_iter().map(|told| Self::new(told.shape)).collect();
        let list = if of.is_empty() { Self::known_list(Vec::new()) } else { Self::new(Shape::Each(of)) };
        list.given(&ways)
    }

    pub(super) fn known_list(items: Vec<Value<'p>>) -> Self {
        List::new(items).map_or_else(|_| Self::any(), |list| Self::known(list.into()))
    }

    pub(super) fn boolean(value: bool) -> Self {
        Self::known(Value::Bool(value))
    }

    /// The value, where it is known, and what must be absent for that.
    #[must_use]
    pub fn value(&self) -> Option<(&Value<'p>, &Ways)> {
        match &self.shape {
            Shape::Known(value) => Some((value, &self.given)),
            _ => None,
        }
    }

    /// What must be absent for it to be this boolean; `None`: it need not be.
    #[must_use]
    pub fn is(&self, wanted: bool) -> Option<&Ways> {
        self.value().filter(|(value, _)| value.as_bool() == Some(wanted)).map(|(_, given)| given)
    }

    /// What the elements of a list may be, and what must be absent for that; `None` where that is not known.
    #[must_use]
    pub fn elements(&self) -> Option<(Vec<Told<'p>>, &Ways)> {
        let elements = match &self.shape {
            Shape::Each(of) => of.clone(),
            Shape::Known(value) => match value.view() {
                View::List(list) => list.iter().map(Told::known).collect(),
                _ => return None,
            },
            _ => return None,
        };
        Some((elements, &self.given))
    }

    pub(super) fn given(mut self, ways: &Ways) -> Self {
        if !matches!(self.shape, Shape::Any) {
            self.given.extend(ways.iter().cloned());
        }
        self
    }

    /// Whether it is a value that expressions can compare with any other, and no error.
    pub(super) fn is_comparable(&self) -> bool {
        match &self.shape {
            Shape::Some | Shape::Truth | Shape::At(_) | Shape::Or(..) => true,
            Shape::Known(value) => !matches!(value.view(), View::Opaque(_)),
            Shape::Any | Shape::Perhaps(_) | Shape::Each(_) => false,
        }
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        self.value().and_then(|(value, _)| value.as_bool())
    }

    /// Whichever of the two it is.
    pub(super) fn or(self, other: Self) -> Self {
        match (&self.shape, &other.shape) {
            (Shape::Known(a), Shape::Known(b)) if same(a, b) => self.given(&other.given),
            _ => match (self.elements(), other.elements()) {
                (Some((mut all, given)), Some((more, also))) => {
                    all.extend(more);
                    Self::list(all).given(given).given(also)
                }
                _ => Self::any(),
            },
        }
    }
}

/// Whether two values cannot be told apart by any expression.
fn same(a: &Value<'_>, b: &Value<'_>) -> bool {
    match (a.view(), b.view()) {
        (View::Null, View::Null) => true,
        (View::Bool(a), View::Bool(b)) => a == b,
        (View::Int(a), View::Int(b)) => a == b,
        (View::Str(a), View::Str(b)) => a == b,
        (View::List(a), View::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| same(&a, &b))
        }
        (View::Map(a), View::Map(b)) => a.is_empty() && b.is_empty(),
        (View::Optional(a), View::Optional(b)) => a.is_none() && b.is_none(),
        _ => false,
    }
}

pub(super) fn is_optional(told: &Told<'_>) -> bool {
    matches!(told.shape, Shape::Known(Value::Optional(_)) | Shape::Perhaps(_))
}

pub(super) fn pair<'p>(
    left: &Told<'p>,
    right: &Told<'p>,
    of: impl FnOnce(&Value<'p>, &Value<'p>) -> Option<Value<'p>>,
) -> Told<'p> {
    let (Some((a, _)), Some((b, _))) = (left.value(), right.value()) else { return Told::any() };
    of(a, b).map_or_else(Told::any, |value| Told::known(value).given(&left.given).given(&right.given))
}

pub(super) fn equal<'p>(left: &Told<'p>, right: &Told<'p>, negated: bool) -> Told<'p> {
    if let (Some((a, _)), Some((b, _))) = (left.value(), right.value()) {
        let value = match compare::equal(a.view(), b.view()) {
            Equality::Same => !negated,
            Equality::Different => negated,
            Equality::NoOverload if negated => true,
            Equality::NoOverload => return Told::any(),
        };
        return Told::boolean(value).given(&left.given).given(&right.given);
    }
    if left.is_comparable() && right.is_comparable() {
        return Told::new(Shape::Truth).given(&left.given).given(&right.given);
    }
    Told::any()
}

pub(super) fn is_in<'p>(item: &Value<'p>, container: &Value<'p>) -> Option<Value<'p>> {
    let item = item.view();
    match container.view() {
        View::List(list) => {
            let found = list.iter().any(|member| compare::equal(item, member.view()) == Equality::Same);
            Some(Value::Bool(found))
        }
        View::Map(map) if !matches!(item, View::Bytes(_)) => Some(Value::Bool(map.get(item).is_some())),
        _ => None,
    }
}

pub(super) fn add_lists<'p>(operator: Operator, left: &Told<'p>, right: &Told<'p>) -> Option<Told<'p>> {
    if operator != Operator::Add {
        return None;
    }
    let ((mut all, given), (more, also)) = (left.elements()?, right.elements()?);
    let values = |told: &Told<'p>| told.value().is_some();
    all.extend(more);
    if values(left) && values(right) {
        let items = all.iter().filter_map(|told| Some(told.value()?.0.clone())).collect();
        return Some(Told::known_list(items).given(given).given(also));
    }
    Some(Told::list(all).given(given).given(also))
}

pub(super) fn append<'p>(list: &Told<'p>, item: Told<'p>) -> Told<'p> {
    let Some((mut all, given)) = list.elements() else { return Told::any() };
    match (list.value(), item.value()) {
        (Some(_), Some((value, ways))) => {
            let mut items: Vec<_> = all.iter().filter_map(|told| Some(told.value()?.0.clone())).collect();
            items.push(value.clone());
            Told::known_list(items).given(given).given(ways)
        }
        _ => {
            all.push(item);
            Told::list(all).given(given)
        }
    }
}

/// What an element of a list becomes in the flat list.
pub(super) fn flattened(element: Told<'_>) -> Vec<Told<'_>> {
    let Told { shape, given } = element;
    let whole = |way: Way| [Told::at(way.clone().then(Stride::Each)), Told::at(way.then(Stride::Itself))];
    let flat: Vec<Told<'_>> = match shape {
        Shape::At(way) => whole(way).into(),
        Shape::Or(way, otherwise) => {
            whole(way).into_iter().chain(flattened(Told::known(otherwise))).collect()
        }
        Shape::Known(value) => match value.view() {
            View::List(list) => list.iter().map(Told::known).collect(),
            _ => vec![Told::known(value)],
        },
        Shape::Each(elements) => elements,
        Shape::Truth | Shape::Perhaps(_) => vec![Told::new(shape)],
        // a list, perhaps
        Shape::Any | Shape::Some => vec![Told::any()],
    };
    flat.into_iter().map(|told| told.given(&given)).collect()
}

//! How a call runs what its overload says.
//!
//! The code itself stands in the rows of [`super::functions`]; what it computes is in [`super::library`]. Arguments have been
//! tested against the overload's parameters, except where [`Code::Untested`] says that upstream does not.

pub(super) mod message;

use std::sync::Arc;

use super::activation::Functions;
use super::checker::OverloadId;
use super::cost::Meter;
use super::error::{Eval, Unknown};
use super::library::regex::Regex;
use super::plan::Call;
use super::profile::Profile;
use super::value::{Value, View};

/// What a function may use beside its arguments.
pub(super) struct Context<'m, 'a, 'd> {
    pub(super) call: &'m Call,
    pub(super) meter: &'m mut Meter,
    pub(super) profile: Profile,
    pub(super) functions: Option<&'a dyn Functions<'d>>,
}

/// The code of an overload.
pub(super) type Native = for<'m, 'a, 'd> fn(&mut Context<'m, 'a, 'd>, &[Value<'d>]) -> Eval<Value<'d>>;

/// What runs a call of an overload.
#[derive(Clone, Copy, Debug)]
pub(super) enum Code {
    /// The arguments are tested against the parameters, then this runs.
    Tested(Native),
    /// One for all overloads of the function, which looks at its arguments' types itself. Upstream such a function is bound
    /// to a trait of the receiver, or to all overloads at once.
    Untested(Native),
    /// As [`Code::Tested`]; upstream calls it through a function of any number of arguments, which stops at the first
    /// that fails.
    Variadic(Native),
    /// The evaluator has a step of its own for it.
    Step,
    /// A function of the activation.
    Outside,
}

/// A constant regular expression.
#[derive(Clone, Debug)]
pub(super) struct Pattern(pub(super) Arc<Regex>);

impl Pattern {
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        Regex::compile(text).map(|regex| Self(Arc::new(regex))).map_err(|error| error.to_string())
    }

    /// See [`Regex::of_parts`].
    pub(super) fn of_parts(translated: Box<str>, literals: Box<[String]>) -> Self {
        Self(Arc::new(Regex::of_parts(translated, literals)))
    }
}

/// Functions that cel-go's planner folds over a constant (`overloads.IsTypeConversionFunction`).
pub(super) fn is_conversion(function: &str) -> bool {
    matches!(
        function,
        "bool" | "bytes" | "double" | "duration" | "dyn" | "int" | "string" | "timestamp" | "type" | "uint"
    )
}

impl Code {
    /// Runs the overload, whose parameters the arguments fit.
    pub(super) fn run<'d>(
        self,
        context: &mut Context<'_, '_, 'd>,
        overload: OverloadId,
        arguments: &[Value<'d>],
    ) -> Eval<Value<'d>> {
        match (self, context.functions) {
            (Self::Tested(native) | Self::Untested(native) | Self::Variadic(native), _) => {
                native(context, arguments)
            }
            (Self::Step | Self::Outside, Some(functions)) => functions.call(overload, arguments),
            (Self::Step | Self::Outside, None) => {
                Err(Unknown::one(format!("{}()", context.call.function)).into())
            }
        }
    }
}

/// The value as Go prints it with `%v`.
pub(super) fn plain_text(value: &Value<'_>) -> String {
    match value.view() {
        View::Null => "0".to_owned(),
        View::Bool(value) => value.to_string(),
        View::Int(value) => value.to_string(),
        View::Uint(value) => value.to_string(),
        View::Double(value) => super::library::numbers::double_text(value),
        View::Str(text) | View::Type(text) => text.to_owned(),
        View::Bytes(bytes) => format!("{bytes:?}").replace(',', ""),
        View::Duration(duration) => duration.to_string(),
        View::Timestamp(timestamp) => timestamp.to_string(),
        View::List(list) => {
            let items: Vec<_> = list.iter().map(|item| plain_text(&item)).collect();
            format!("[{}]", items.join(", "))
        }
        View::Map(map) => {
            let entries: Vec<_> = map
                .iter()
                .map(|(key, value)| format!("{}: {}", plain_text(&key), plain_text(&value)))
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        View::Optional(Some(value)) => format!("optional({})", plain_text(value)),
        View::Optional(None) => "optional.none()".to_owned(),
        View::Object(object) => object.type_name().to_owned(),
        View::Opaque(opaque) => opaque.type_name().to_owned(),
    }
}

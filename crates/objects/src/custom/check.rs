//! A value against its schema (kube-openapi pkg/validation/validate, as apiextensions uses it).
//!
//! Recursion goes as deep as the schema and the object are nested, both of which their readers limit.

use document::{Kind, NodeRef, Scalar};

use super::correlate::{Keyed, Link};
use super::fault::{CheckResult, Faults, shown};
use super::go_number;
use super::place::FieldPath;
use super::schema::{Additional, Schema, Type};

/// A value at its place, with what it replaces on UPDATE.
#[derive(Clone, Copy)]
pub(crate) struct ValueAt<'p, 's, 'd> {
    pub(crate) node: NodeRef<'d>,
    pub(crate) place: &'p FieldPath<'p>,
    pub(crate) link: Option<Link<'s, 'd>>,
}

/// Checks a value; faults of one that did not change are dropped.
pub(crate) fn check<'s>(schema: &'s Schema, subject: ValueAt<'_, 's, '_>) -> CheckResult {
    let mut outcome = of_schema(schema, subject);
    if !outcome.is_valid() && subject.link.is_some_and(Link::is_unchanged) {
        outcome.faults.clear();
    }
    outcome
}

/// `SchemaValidator.Validate`: each part that applies counts as a match by itself, even if it fails.
fn of_schema<'s>(schema: &'s Schema, subject: ValueAt<'_, 's, '_>) -> CheckResult {
    let ValueAt { node, place, .. } = subject;
    let faults = Faults { place, node };
    let mut outcome = CheckResult::default();
    let mut merge = |part: CheckResult, counted: u64| {
        outcome.merge(part);
        outcome.matches += counted;
    };
    let typed = schema.kind.is_some() || schema.int_or_string;
    let format = effective_format(schema);
    if node.is_null() {
        if typed || format.is_some() {
            merge(of_type(schema, format, &faults), 0);
        }
        merge(of_enum(schema, &faults), 0);
        return outcome;
    }
    if typed || format.is_some() {
        merge(of_type(schema, format, &faults), 1);
    }
    merge(combined(schema, subject), 1);
    match node.scalar() {
        Some(Scalar::String(text)) => {
            merge(of_string(schema, text, &faults), 1);
            if let (Some(checked), Some(format)) = (schema.checked, format) {
                let fault = (!checked.allows(text)).then(|| faults.of_type(format, text));
                merge(CheckResult { faults: fault.into_iter().collect(), matches: 0 }, 1);
            }
        }
        Some(Scalar::Int(_) | Scalar::Float(_)) => merge(of_number(schema, &faults), 1),
        _ => {}
    }
    if node.is_array() {
        merge(of_list(schema, subject, &faults), 1);
    }
    merge(of_enum(schema, &faults), 1);
    if node.is_object() {
        merge(of_object(schema, subject, &faults), 1);
    }
    outcome.matches += 1;
    outcome
}

/// The format, unless the server strips it as unknown.
fn effective_format(schema: &Schema) -> Option<&str> {
    let format = schema.format.as_ref();
    super::format::is_recognised(schema.kind, schema.int_or_string, format).then_some(format)
}

fn of_type(schema: &Schema, format: Option<&str>, faults: &Faults<'_, '_>) -> CheckResult {
    let mut outcome = CheckResult { faults: Vec::new(), matches: 1 };
    let wants = |kind: Type| match schema.int_or_string {
        true => matches!(kind, Type::Integer | Type::String),
        false => schema.kind == Some(kind),
    };
    let wanted = if schema.int_or_string { "integer,string" } else { schema.kind.map_or("", Type::name) };
    let typed = schema.kind.is_some() || schema.int_or_string;
    let mut fail = |wanted: &str, found: &str| {
        outcome = CheckResult { faults: vec![faults.of_type(wanted, found)], matches: 0 };
    };
    let (found, found_format) = match faults.node.kind() {
        Kind::Null => {
            if typed && !schema.nullable {
                fail(wanted, "null");
            }
            return outcome;
        }
        Kind::Bool => (Type::Boolean, ""),
        Kind::Int => (Type::Integer, "int64"),
        Kind::Float => (Type::Number, "float64"),
        Kind::String => (Type::String, ""),
        Kind::Array => (Type::Array, ""),
        Kind::Object => (Type::Object, ""),
    };
    let whole = faults.node.kind() == Kind::Float
        && faults.node.as_f64().is_some_and(go_number::is_integral)
        && wants(Type::Integer);
    let fits = wants(found) || whole || (found == Type::Integer && wants(Type::Number));
    let text_or_list = matches!(found, Type::String | Type::Array);
    match format {
        Some(format) if !text_or_list && !fits && format != found_format => fail(format, found_format),
        Some(_) if text_or_list && !wants(Type::Number) && !wants(Type::Integer) => {}
        _ if !fits => fail(wanted, found.name()),
        _ => {}
    }
    outcome
}

fn of_enum(schema: &Schema, faults: &Faults<'_, '_>) -> CheckResult {
    let mut outcome = CheckResult::default();
    if let Some(allowed) = &schema.constraints().allowed
        && !allowed.root().items().any(|one| is_enum_value(faults.node, one))
    {
        outcome.faults.push(faults.not_allowed(allowed.root()));
    }
    outcome
}

/// Compared after Go's conversion to the type of the allowed value, which makes `"A"` of 65. A null is none.
fn is_enum_value(node: NodeRef<'_>, allowed: NodeRef<'_>) -> bool {
    if node.is_null() || allowed.is_null() {
        return false;
    }
    match (node.scalar(), allowed.scalar()) {
        (Some(Scalar::Int(number)), Some(Scalar::String(text))) => {
            let character = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            text.chars().eq([character])
        }
        (Some(Scalar::Float(number)), Some(Scalar::Int(allowed))) => go_number::to_int(number) == allowed,
        #[expect(clippy::cast_precision_loss, reason = "as Go converts")]
        (Some(Scalar::Int(number)), Some(Scalar::Float(allowed))) => number as f64 == allowed,
        _ => node == allowed,
    }
}

/// The first fault only.
fn of_string(schema: &Schema, text: &str, faults: &Faults<'_, '_>) -> CheckResult {
    let length = || i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let quoted = || shown(faults.node);
    let fault = if let Some(most) = schema.constraints().length.most.filter(|most| length() > *most) {
        Some(faults.too_long(most))
    } else if let Some(least) = schema.constraints().length.least.filter(|least| length() < *least) {
        Some(faults.invalid(&quoted(), &format!("should be at least {least} chars long")))
    } else if let Some(pattern) = &schema.constraints().pattern {
        match pattern.regex().as_ref().map_err(Clone::clone).and_then(|regex| regex.is_match(text)) {
            Ok(true) => None,
            Ok(false) => Some(faults.invalid(&quoted(), &format!("should match '{}'", pattern.text))),
            // the text and the pattern change places upstream
            Err(error) => {
                let wrong = format!("{}, but pattern is invalid: {error}", pattern.text);
                Some(faults.invalid(&crate::field::go_quote(&wrong), &format!("should match '{text}'")))
            }
        }
    } else {
        None
    };
    CheckResult { faults: fault.into_iter().collect(), matches: 0 }
}

/// A number of the schema's type and format, if it fits (`IsValueValidAgainstRange`).
fn in_range(
    schema: &Schema,
    value: f64,
    what: &str,
    faults: &Faults<'_, '_>,
) -> Result<(), super::fault::Fault> {
    let format = effective_format(schema);
    let fits = match (schema.kind.filter(|_| !schema.int_or_string), format) {
        (Some(Type::Integer), Some("int32")) => {
            value.fract() == 0.0 && i32::try_from(go_number::to_int(value)).is_ok()
        }
        (Some(Type::Integer), _) => value.fract() == 0.0 && value.abs() < 9.3e18,
        (Some(Type::Number), Some("float")) => value.abs() <= f64::from(f32::MAX),
        _ => true,
    };
    if fits {
        return Ok(());
    }
    let kind = schema.kind.map_or("", Type::name);
    let path = faults.path();
    Err(faults.general(&match format {
        Some(format) => format!("{what} value must be of type {kind} with format {format} in {path}"),
        None => format!("{what} value must be of type {kind} (default format) in {path}"),
    }))
}

fn of_number(schema: &Schema, faults: &Faults<'_, '_>) -> CheckResult {
    let mut outcome = CheckResult { faults: Vec::new(), matches: 1 };
    let bounds = &schema.constraints().bounds;
    let (int, float) = (faults.node.as_i64(), faults.node.as_f64().unwrap_or_default());
    outcome.push(in_range(schema, float, "Checked", faults).err());
    // compared as integers only where the bound is one; the value is then shown as it is
    let mut compare = |bound: f64, what: &str, exclusive: bool, over: bool| {
        let range = in_range(schema, bound, what, faults);
        let whole = int.filter(|_| range.is_ok());
        outcome.push(range.err());
        let (order, bound) = match whole {
            Some(value) => (Some(value.cmp(&go_number::to_int(bound))), go_number::to_int(bound).to_string()),
            None => (float.partial_cmp(&bound), go_number::shown(bound)),
        };
        let beyond = order.is_some_and(|order| if over { order.is_gt() } else { order.is_lt() });
        if beyond || (exclusive && order.is_some_and(std::cmp::Ordering::is_eq)) {
            let word = if over { "less" } else { "greater" };
            let or_equal = if exclusive { "" } else { " or equal to" };
            let says = format!("should be {word} than{or_equal} {bound}");
            outcome.push(Some(faults.invalid(&shown(faults.node), &says)));
        }
    };
    if let Some(maximum) = bounds.maximum {
        compare(maximum, "Maximum boundary", bounds.exclusive_maximum, true);
    }
    if let Some(minimum) = bounds.minimum {
        compare(minimum, "Minimum boundary", bounds.exclusive_minimum, false);
    }
    if let Some(factor) = bounds.multiple_of {
        outcome.push(multiple(schema, factor, faults).err());
    }
    outcome
}

fn multiple(schema: &Schema, factor: f64, faults: &Faults<'_, '_>) -> Result<(), super::fault::Fault> {
    in_range(schema, factor, "MultipleOf", faults)?;
    let float = faults.node.as_f64().unwrap_or_default();
    let (positive, fits, written) = match faults.node.as_i64() {
        Some(value) => {
            let factor = go_number::to_int(factor);
            (factor > 0, value.checked_rem(factor) == Some(0), factor.to_string())
        }
        None => {
            let quotient = if factor < 1.0 { 1.0 / factor * float } else { float / factor };
            (factor > 0.0, go_number::is_integral(quotient), go_number::shown(factor))
        }
    };
    if !positive {
        return Err(faults.bad_factor(&written));
    }
    if fits {
        Ok(())
    } else {
        Err(faults.invalid(&shown(faults.node), &format!("should be a multiple of {written}")))
    }
}

fn of_list<'s>(schema: &'s Schema, subject: ValueAt<'_, 's, '_>, faults: &Faults<'_, '_>) -> CheckResult {
    let mut outcome = CheckResult::default();
    if let Some(items) = schema.items.as_deref() {
        let keyed = subject.link.map(Link::keyed);
        for (index, item) in subject.node.items().enumerate() {
            let link = subject
                .link
                .zip(keyed.as_ref())
                .and_then(|(link, keyed): (_, &Keyed<'_, '_>)| link.item(keyed, index));
            outcome.merge(check(items, ValueAt { node: item, place: &subject.place.index(index), link }));
        }
    }
    let size = subject.node.len();
    let count = i64::try_from(size).unwrap_or(i64::MAX);
    if let Some(least) = schema.constraints().items_range.least.filter(|least| count < *least) {
        outcome.push(Some(faults.invalid(&size.to_string(), &format!("should have at least {least} items"))));
    }
    if let Some(most) = schema.constraints().items_range.most.filter(|most| count > *most) {
        outcome.push(Some(faults.too_many("items", size, most)));
    }
    if schema.constraints().unique && super::lists::has_duplicates(subject.node) {
        outcome.push(Some(faults.invalid("\"\"", "shouldn't contain duplicates")));
    }
    outcome.matches += 1;
    outcome
}

fn of_object<'s>(schema: &'s Schema, subject: ValueAt<'_, 's, '_>, faults: &Faults<'_, '_>) -> CheckResult {
    let mut outcome = CheckResult::default();
    let node = subject.node;
    let count = i64::try_from(node.len()).unwrap_or(i64::MAX);
    if let Some(least) = schema.constraints().properties_range.least.filter(|least| count < *least) {
        let text = format!("should have at least {least} properties");
        outcome.push(Some(faults.invalid(&node.len().to_string(), &text)));
    }
    if let Some(most) = schema.constraints().properties_range.most.filter(|most| count > *most) {
        outcome.push(Some(faults.too_many("properties", node.len(), most)));
    }
    for (key, value) in node.members() {
        // what kind and apiVersion say has no old version: both are converted to the same
        let linked = !(subject.place.is_root() && matches!(key, "kind" | "apiVersion"));
        let link = subject.link.filter(|_| linked).and_then(|link| link.key(key));
        if let Some(property) = schema.properties.get(key) {
            outcome.merge(check(property, ValueAt { node: value, place: &subject.place.field(key), link }));
            continue;
        }
        match &schema.additional {
            Additional::Schema(additional) => {
                outcome
                    .merge(check(additional, ValueAt { node: value, place: &subject.place.key(key), link }));
            }
            Additional::None => outcome.push(Some(faults.unallowed(key))),
            Additional::Absent | Additional::Any => {}
        }
    }
    for name in &schema.required {
        if node.get(name).is_none() {
            outcome.push(Some(faults.required(name)));
        }
    }
    outcome
}

/// `anyOf`, `oneOf`, `allOf` and `not`.
fn combined<'s>(schema: &'s Schema, subject: ValueAt<'_, 's, '_>) -> CheckResult {
    let mut outcome = CheckResult::default();
    let faults = Faults { place: subject.place, node: subject.node };
    let path = || crate::field::go_quote(&faults.path());
    if !schema.constraints().any_of.is_empty() {
        match alternatives(&schema.constraints().any_of, subject, true) {
            (0, best) => {
                outcome.push(Some(
                    faults.general(&format!("{} must validate at least one schema (anyOf)", path())),
                ));
                outcome.merge(best);
            }
            (_, first) => outcome.merge(first),
        }
    }
    if !schema.constraints().one_of.is_empty() {
        let (valid, told) = alternatives(&schema.constraints().one_of, subject, false);
        if valid != 1 {
            let found = if valid == 0 {
                "Found none valid".into()
            } else {
                format!("Found {valid} valid alternatives")
            };
            let text = format!("{} must validate one and only one schema (oneOf). {found}", path());
            outcome.push(Some(faults.general(&text)));
        }
        if valid < 2 {
            outcome.merge(told);
        }
    }
    if !schema.constraints().all_of.is_empty() {
        let mut valid = 0;
        for part in &schema.constraints().all_of {
            let part = of_schema(part, subject);
            valid += usize::from(part.is_valid());
            outcome.merge(part);
        }
        if valid != schema.constraints().all_of.len() {
            let none = if valid == 0 { ". None validated" } else { "" };
            outcome.push(Some(
                faults.general(&format!("{} must validate all the schemas (allOf){none}", path())),
            ));
        }
    }
    if let Some(not) = &schema.constraints().not
        && of_schema(not, subject).is_valid()
    {
        outcome.push(Some(faults.general(&format!("{} must not validate the schema (not)", path()))));
    }
    outcome.matches += 1;
    outcome
}

/// How many of the schemas hold, and what to tell of them: the first that holds, else the one in which most did.
fn alternatives<'s>(
    schemas: &'s [Schema],
    subject: ValueAt<'_, 's, '_>,
    first_is_enough: bool,
) -> (usize, CheckResult) {
    let (mut valid, mut told, mut best): (_, Option<CheckResult>, Option<CheckResult>) = (0, None, None);
    for schema in schemas {
        let outcome = of_schema(schema, subject);
        if outcome.is_valid() {
            valid += 1;
            told.get_or_insert(outcome);
            if first_is_enough {
                break;
            }
        } else if best.as_ref().is_none_or(|best| outcome.matches > best.matches) {
            best = Some(outcome);
        }
    }
    (valid, told.or(best).unwrap_or_default())
}

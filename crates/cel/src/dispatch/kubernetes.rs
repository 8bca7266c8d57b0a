//! Kubernetes' libraries: quantities, addresses, URLs, versions, named formats.

use super::{Context, Native, int, library, text};
use crate::checker::OverloadId;
use crate::error::{Eval, EvalError};
use crate::library::format::NamedFormat;
use crate::library::net::{Cidr, Ip};
use crate::library::quantity::{Quantity, QuantityError};
use crate::library::semver::Semver;
use crate::library::url::{Url, UrlError};
use crate::value::{List, Map, Opaque, Value, View};

pub(super) fn native(overload: OverloadId) -> Option<Native> {
    Some(match overload {
        "string_to_quantity" | "is_quantity_string" => quantity,
        _ if overload.starts_with("quantity_") => of_quantity,
        "string_to_ip" | "is_ip" | "ip_is_canonical" | "string_to_cidr" | "is_cidr" => address,
        _ if overload.starts_with("ip_") => of_ip,
        _ if overload.starts_with("cidr_") => of_cidr,
        "string_to_url" | "is_url_string" => url,
        _ if overload.starts_with("url_") => of_url,
        "string_to_semver" | "string_bool_to_semver" | "is_semver_string" | "is_semver_string_bool" => semver,
        _ if overload.starts_with("semver_") => of_semver,
        "format-validate" => validate,
        "format-named" => named,
        _ if overload.starts_with("format.") => format,
        _ => return None,
    })
}

fn wrong<T>() -> Eval<T> {
    Err(EvalError::NoOverload.into())
}

fn quantity<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let parsed = Quantity::parse(text(&arguments[0])?);
    if overload == "is_quantity_string" {
        return Ok(Value::Bool(parsed.is_ok()));
    }
    Ok(Value::opaque(Opaque::Quantity { quantity: library(parsed)?, computed: false }))
}

fn as_quantity<'v>(value: &'v Value<'_>) -> Eval<&'v Quantity> {
    match value.view() {
        View::Opaque(Opaque::Quantity { quantity, .. }) => Ok(quantity),
        _ => wrong(),
    }
}

fn of_quantity<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let quantity = as_quantity(&arguments[0])?;
    let other = || as_quantity(&arguments[1]);
    let computed = |result: Result<Quantity, QuantityError>| -> Eval<Value<'d>> {
        Ok(Value::opaque(Opaque::Quantity { quantity: library(result)?, computed: true }))
    };
    Ok(match overload {
        "quantity_is_integer" => Value::Bool(quantity.is_integer()),
        "quantity_get_int" => Value::Int(library(quantity.as_integer())?),
        "quantity_get_float" => Value::Double(quantity.as_approximate_float()),
        "quantity_sign" => Value::Int(quantity.sign()),
        "quantity_compare_to" => Value::Int(quantity.compare(other()?) as i64),
        "quantity_is_greater_than" => Value::Bool(quantity.compare(other()?).is_gt()),
        "quantity_is_less_than" => Value::Bool(quantity.compare(other()?).is_lt()),
        "quantity_add" => computed(quantity.add(other()?))?,
        "quantity_sub" => computed(quantity.sub(other()?))?,
        "quantity_add_int" => computed(quantity.add_i64(int(&arguments[1])?))?,
        "quantity_sub_int" => computed(quantity.sub_i64(int(&arguments[1])?))?,
        _ => return wrong(),
    })
}

fn address<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let text = text(&arguments[0])?;
    Ok(match overload {
        "string_to_ip" => Value::opaque(Opaque::Ip(library(Ip::parse(text))?)),
        "is_ip" => Value::Bool(Ip::parse(text).is_ok()),
        "ip_is_canonical" => Value::Bool(library(Ip::is_canonical(text))?),
        "string_to_cidr" => Value::opaque(Opaque::Cidr(library(Cidr::parse(text))?)),
        _ => Value::Bool(Cidr::parse(text).is_ok()),
    })
}

fn of_ip<'d>(_: &mut Context<'_, '_, 'd>, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::Opaque(Opaque::Ip(ip)) = arguments[0].view() else { return wrong() };
    Ok(match overload {
        "ip_family" => Value::Int(ip.family()),
        "ip_is_unspecified" => Value::Bool(ip.is_unspecified()),
        "ip_is_loopback" => Value::Bool(ip.is_loopback()),
        "ip_is_link_local_multicast" => Value::Bool(ip.is_link_local_multicast()),
        "ip_is_link_local_unicast" => Value::Bool(ip.is_link_local_unicast()),
        "ip_is_global_unicast" => Value::Bool(ip.is_global_unicast()),
        _ => return wrong(),
    })
}

fn of_cidr<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let View::Opaque(Opaque::Cidr(cidr)) = arguments[0].view() else { return wrong() };
    Ok(match overload {
        "cidr_ip" => Value::opaque(Opaque::Ip(cidr.ip())),
        "cidr_prefix_length" => Value::Int(cidr.prefix_length()),
        "cidr_masked" => Value::opaque(Opaque::Cidr(cidr.masked())),
        "cidr_contains_ip_string" => Value::Bool(match Ip::parse(text(&arguments[1])?) {
            Ok(ip) => cidr.contains_ip(ip),
            // the API server throws the reason away here
            Err(_) => return wrong(),
        }),
        "cidr_contains_ip_ip" | "cidr_contains_ip" => match arguments[1].view() {
            View::Opaque(Opaque::Ip(ip)) => Value::Bool(cidr.contains_ip(*ip)),
            _ => return wrong(),
        },
        "cidr_contains_cidr_string" => {
            let other = library(Cidr::parse(text(&arguments[1])?))?;
            Value::Bool(cidr.contains_cidr(other))
        }
        "cidr_contains_cidr" => match arguments[1].view() {
            View::Opaque(Opaque::Cidr(other)) => Value::Bool(cidr.contains_cidr(*other)),
            _ => return wrong(),
        },
        _ => return wrong(),
    })
}

fn url<'d>(_: &mut Context<'_, '_, 'd>, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let text = text(&arguments[0])?;
    if overload == "is_url_string" {
        return Ok(Value::Bool(Url::check(text).is_ok()));
    }
    Ok(Value::opaque(Opaque::Url(library(Url::parse(text).map_err(UrlError::from))?)))
}

fn of_url<'d>(_: &mut Context<'_, '_, 'd>, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::Opaque(Opaque::Url(url)) = arguments[0].view() else { return wrong() };
    Ok(match overload {
        "url_get_scheme" => Value::string(url.scheme()),
        "url_get_host" => Value::string(url.host()),
        "url_get_hostname" => Value::string(url.hostname()),
        "url_get_port" => Value::string(url.port()),
        "url_get_escaped_path" => Value::string(url.escaped_path()),
        "url_get_query" => {
            let mut map = Map::default();
            for (key, values) in url.query() {
                let values = List::new(values.into_iter().map(Value::string).collect())?;
                map.insert(Value::string(key), values.into())?;
            }
            map.into()
        }
        _ => return wrong(),
    })
}

fn semver<'d>(_: &mut Context<'_, '_, 'd>, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let normalize = match arguments.get(1) {
        Some(normalize) => normalize.as_bool().ok_or(EvalError::NoOverload)?,
        None => false,
    };
    let parsed = Semver::parse_with(text(&arguments[0])?, normalize);
    if overload.starts_with("is_") {
        return Ok(Value::Bool(parsed.is_ok()));
    }
    Ok(Value::opaque(Opaque::Semver(library(parsed)?)))
}

fn of_semver<'d>(
    _: &mut Context<'_, '_, 'd>,
    overload: OverloadId,
    arguments: &[Value<'d>],
) -> Eval<Value<'d>> {
    let as_semver = |index: usize| match arguments[index].view() {
        View::Opaque(Opaque::Semver(semver)) => Ok(semver),
        _ => wrong(),
    };
    let version = as_semver(0)?;
    Ok(match overload {
        "semver_major" => Value::Int(version.major()),
        "semver_minor" => Value::Int(version.minor()),
        "semver_patch" => Value::Int(version.patch()),
        "semver_compare_to" => Value::Int(version.compare(as_semver(1)?) as i64),
        "semver_is_greater_than" => Value::Bool(version.compare(as_semver(1)?).is_gt()),
        "semver_is_less_than" => Value::Bool(version.compare(as_semver(1)?).is_lt()),
        _ => return wrong(),
    })
}

fn format<'d>(_: &mut Context<'_, '_, 'd>, overload: OverloadId, _: &[Value<'d>]) -> Eval<Value<'d>> {
    match NamedFormat::named(overload.trim_start_matches("format.")) {
        Some(format) => Ok(Value::opaque(Opaque::Format(format))),
        None => wrong(),
    }
}

fn named<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let format = NamedFormat::named(text(&arguments[0])?);
    Ok(format.map_or(Value::Optional(None), |format| Value::some(Value::opaque(Opaque::Format(format)))))
}

fn validate<'d>(_: &mut Context<'_, '_, 'd>, _: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
    let View::Opaque(Opaque::Format(format)) = arguments[0].view() else { return wrong() };
    let complaints = format.validate(text(&arguments[1])?);
    if complaints.is_empty() {
        return Ok(Value::Optional(None));
    }
    let list = List::new(complaints.into_iter().map(Value::string).collect())?;
    Ok(Value::some(list.into()))
}

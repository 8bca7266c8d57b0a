//! IP addresses and CIDRs (k8s.io/apiserver `pkg/cel/library/ip.go`, `cidr.go`).

use super::conversions::to_text;
use super::{Row, global, library, member, text, wrong};
use crate::cost::CostRule::{Address, ContainsCidr, ContainsIp, Fixed, Text};
use crate::error::Eval;
use crate::library::net::{Cidr, Ip};
use crate::types::Type::{self, Bool, Int, String};
use crate::value::{Opaque, Value, View};

pub(super) fn rows() -> Vec<Row> {
    let (address, range) = (|| Type::opaque("net.IP"), || Type::opaque("net.CIDR"));
    vec![
        global("ip", "string_to_ip", [String], address(), |_, arguments| {
            Ok(Value::opaque(Opaque::Ip(library(Ip::parse(text(&arguments[0])?))?)))
        })
        .cost_of_function(Address),
        member("ip", "cidr_ip", [range()], address(), |_, arguments| {
            Ok(Value::opaque(Opaque::Ip(cidr(&arguments[0])?.ip())))
        })
        .cost_of_overload(Fixed(1)),
        global("isIP", "is_ip", [String], Bool, |_, arguments| {
            Ok(Value::Bool(Ip::parse(text(&arguments[0])?).is_ok()))
        })
        .cost_of_function(Text(1.0)),
        global("ip.isCanonical", "ip_is_canonical", [String], Bool, |_, arguments| {
            Ok(Value::Bool(library(Ip::is_canonical(text(&arguments[0])?))?))
        })
        .cost_of_function(Text(2.0)),
        member("family", "ip_family", [address()], Int, |_, arguments| {
            Ok(Value::Int(ip(&arguments[0])?.family()))
        }),
        member("isUnspecified", "ip_is_unspecified", [address()], Bool, |_, arguments| {
            Ok(Value::Bool(ip(&arguments[0])?.is_unspecified()))
        }),
        member("isLoopback", "ip_is_loopback", [address()], Bool, |_, arguments| {
            Ok(Value::Bool(ip(&arguments[0])?.is_loopback()))
        }),
        member("isLinkLocalMulticast", "ip_is_link_local_multicast", [address()], Bool, |_, arguments| {
            Ok(Value::Bool(ip(&arguments[0])?.is_link_local_multicast()))
        }),
        member("isLinkLocalUnicast", "ip_is_link_local_unicast", [address()], Bool, |_, arguments| {
            Ok(Value::Bool(ip(&arguments[0])?.is_link_local_unicast()))
        }),
        member("isGlobalUnicast", "ip_is_global_unicast", [address()], Bool, |_, arguments| {
            Ok(Value::Bool(ip(&arguments[0])?.is_global_unicast()))
        }),
        global("string", "ip_to_string", [address()], String, to_text),
        global("cidr", "string_to_cidr", [String], range(), |_, arguments| {
            Ok(Value::opaque(Opaque::Cidr(library(Cidr::parse(text(&arguments[0])?))?)))
        })
        .cost_of_function(Text(1.0)),
        global("isCIDR", "is_cidr", [String], Bool, |_, arguments| {
            Ok(Value::Bool(Cidr::parse(text(&arguments[0])?).is_ok()))
        })
        .cost_of_function(Text(1.0)),
        member("containsIP", "cidr_contains_ip_string", [range(), String], Bool, |_, arguments| {
            let range = cidr(&arguments[0])?;
            match Ip::parse(text(&arguments[1])?) {
                Ok(ip) => Ok(Value::Bool(range.contains_ip(ip))),
                // the API server throws the reason away here
                Err(_) => wrong(),
            }
        })
        .cost_of_overload(ContainsIp { text: true }),
        member("containsIP", "cidr_contains_ip_ip", [range(), address()], Bool, |_, arguments| {
            Ok(Value::Bool(cidr(&arguments[0])?.contains_ip(ip(&arguments[1])?)))
        })
        .cost_of_function(ContainsIp { text: false }),
        member("containsCIDR", "cidr_contains_cidr_string", [range(), String], Bool, |_, arguments| {
            let range = cidr(&arguments[0])?;
            Ok(Value::Bool(range.contains_cidr(library(Cidr::parse(text(&arguments[1])?))?)))
        })
        .cost_of_overload(ContainsCidr { text: true }),
        member("containsCIDR", "cidr_contains_cidr", [range(), range()], Bool, |_, arguments| {
            Ok(Value::Bool(cidr(&arguments[0])?.contains_cidr(cidr(&arguments[1])?)))
        })
        .cost_of_function(ContainsCidr { text: false }),
        member("masked", "cidr_masked", [range()], range(), |_, arguments| {
            Ok(Value::opaque(Opaque::Cidr(cidr(&arguments[0])?.masked())))
        }),
        member("prefixLength", "cidr_prefix_length", [range()], Int, |_, arguments| {
            Ok(Value::Int(cidr(&arguments[0])?.prefix_length()))
        }),
        global("string", "cidr_to_string", [range()], String, to_text),
    ]
}

fn ip(value: &Value<'_>) -> Eval<Ip> {
    match value.view() {
        View::Opaque(Opaque::Ip(ip)) => Ok(*ip),
        _ => wrong(),
    }
}

fn cidr(value: &Value<'_>) -> Eval<Cidr> {
    match value.view() {
        View::Opaque(Opaque::Cidr(cidr)) => Ok(*cidr),
        _ => wrong(),
    }
}

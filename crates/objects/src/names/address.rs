//! IP addresses and CIDRs (apimachinery/pkg/util/validation/ip.go).
//!
//! Upstream reads them twice: as Go 1.16 did (leading zeros and `::ffff:1.2.3.4` are fine) and strictly.

use super::Faults;
use crate::field::{At, go_quote};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network as written, with the address before the slash kept whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    /// The address as written.
    pub address: IpAddr,
    /// The bits of the network. Of an IPv4-mapped address they count from the IPv6 side.
    pub bits: u32,
    mapped: bool,
}

impl Cidr {
    /// The network alone: host bits cleared.
    #[must_use]
    pub fn network(self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let bits = self.bits.saturating_sub(if self.mapped { 96 } else { 0 });
                IpAddr::V4((u32::from(address) & u32::MAX.checked_shl(32 - bits).unwrap_or(0)).into())
            }
            IpAddr::V6(address) => {
                IpAddr::V6((u128::from(address) & u128::MAX.checked_shl(128 - self.bits).unwrap_or(0)).into())
            }
        }
    }

    /// `IPNet.String`
    #[must_use]
    pub fn canonical(self) -> String {
        format!("{}/{}", go_ip(self.network()), self.bits)
    }
}

/// `net.IP.String`: an IPv4-mapped address prints as IPv4.
fn go_ip(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| v6.to_string(), |v4| v4.to_string()),
    }
}

fn sloppy_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let digits = part.trim_start_matches('0');
        *octet = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    }
    parts.next().is_none().then(|| octets.into())
}

/// Strict but for leading zeros in an IPv4 tail. A zone is no address.
fn sloppy_v6(text: &str) -> Option<Ipv6Addr> {
    match text.rfind(':') {
        Some(colon) if text[colon..].contains('.') => {
            let tail = sloppy_v4(&text[colon + 1..])?;
            format!("{}{tail}", &text[..=colon]).parse().ok()
        }
        _ => text.parse().ok(),
    }
}

/// `netutils.ParseIPSloppy`; an IPv4-mapped IPv6 address is its IPv4 address, as in Go.
#[must_use]
pub fn parse_ip_sloppy(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        let v6 = sloppy_v6(text)?;
        return Some(v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4));
    }
    sloppy_v4(text).map(IpAddr::V4)
}

/// `netutils.ParseCIDRSloppy`
#[must_use]
pub fn parse_cidr_sloppy(text: &str) -> Option<Cidr> {
    let (address, bits) = text.split_once('/')?;
    let ip = parse_ip_sloppy(address)?;
    let v6 = address.contains(':');
    if bits.is_empty() || !bits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits = bits.trim_start_matches('0');
    let bits: u32 = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    (bits <= if v6 { 128 } else { 32 }).then_some(Cidr { address: ip, bits, mapped: v6 && ip.is_ipv4() })
}

fn leading_zero(number: &str) -> bool {
    number.len() > 1 && number.starts_with('0')
}

fn is_mapped(address: &str) -> bool {
    address.contains(':') && parse_ip_sloppy(address).is_some_and(|ip| ip.is_ipv4())
}

/// What `netip.ParseAddr` refuses of what the sloppy reader takes.
fn unstandard(address: &str) -> bool {
    address.parse::<IpAddr>().is_err()
}

/// `IsValidIPForLegacyField`, with strict validation, as in 1.36. `old`: texts that the stored object has.
#[must_use]
pub fn ip_legacy(text: &str, old: &[&str]) -> Faults {
    if old.contains(&text) {
        return Faults::new();
    }
    if parse_ip_sloppy(text).is_none() {
        return vec!["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)".into()];
    }
    let mut faults = Faults::new();
    if unstandard(text) {
        faults.push("must not have leading 0s".into());
    } else if is_mapped(text) {
        faults.push("must not be an IPv4-mapped IPv6 address".into());
    }
    faults
}

/// `IsValidIP`: canonical too.
#[must_use]
pub fn ip(text: &str) -> Faults {
    let faults = ip_legacy(text, &[]);
    match parse_ip_sloppy(text) {
        Some(ip) if faults.is_empty() && go_ip(ip) != text => {
            vec![format!("must be in canonical form ({})", go_quote(&go_ip(ip)))]
        }
        _ => faults,
    }
}

/// `IsValidCIDRForLegacyField`, with strict validation, as in 1.36.
#[must_use]
pub fn cidr_legacy(text: &str, old: &[&str]) -> Faults {
    if old.contains(&text) {
        return Faults::new();
    }
    let (Some(cidr), Some((address, bits))) = (parse_cidr_sloppy(text), text.split_once('/')) else {
        return vec!["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)".into()];
    };
    if unstandard(address) || leading_zero(bits) {
        vec!["must not have leading 0s in IP or prefix length".into()]
    } else if is_mapped(address) {
        vec!["must not have an IPv4-mapped IPv6 address".into()]
    } else if cidr.network() != cidr.address {
        vec!["must not have bits set beyond the prefix length".into()]
    } else {
        Faults::new()
    }
}

/// `IsValidCIDR`: canonical too.
#[must_use]
pub fn cidr(text: &str) -> Faults {
    let faults = cidr_legacy(text, &[]);
    match parse_cidr_sloppy(text) {
        Some(cidr) if faults.is_empty() && cidr.canonical() != text => {
            vec![format!("must be in canonical form ({})", go_quote(&cidr.canonical()))]
        }
        _ => faults,
    }
}

/// `IsValidInterfaceAddress`
#[must_use]
pub fn interface_address(text: &str) -> Faults {
    let Some(cidr) = parse_cidr_sloppy(text) else {
        return vec!["must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)".into()];
    };
    let bits = if cidr.address.is_ipv4() && cidr.bits > 32 { cidr.bits - 96 } else { cidr.bits };
    let canonical = format!("{}/{bits}", go_ip(cidr.address));
    if canonical == text {
        return Faults::new();
    }
    vec![format!("must be in canonical form ({})", go_quote(&canonical))]
}

/// `GetWarningsForIP`
#[must_use]
pub fn ip_warnings(at: At<'_>, text: &str) -> Vec<String> {
    let Some(ip) = parse_ip_sloppy(text) else { return Vec::new() };
    let value = go_quote(text);
    if unstandard(text) || is_mapped(text) {
        let better = go_quote(&go_ip(ip));
        return vec![format!("{at}: non-standard IP address {value} is invalid: use {better}")];
    }
    if ip.is_ipv6() && go_ip(ip) != text {
        let better = go_quote(&go_ip(ip));
        return vec![format!("{at}: IPv6 address {value} should be in RFC 5952 canonical format ({better})")];
    }
    Vec::new()
}

/// `GetWarningsForCIDR`
#[must_use]
pub fn cidr_warnings(at: At<'_>, text: &str) -> Vec<String> {
    let (Some(cidr), Some((address, bits))) = (parse_cidr_sloppy(text), text.split_once('/')) else {
        return Vec::new();
    };
    let value = go_quote(text);
    let network = go_quote(&cidr.canonical());
    let mut warnings = Vec::new();
    if cidr.network() != cidr.address {
        let width = if address.contains(':') { 128 } else { 32 };
        let single = go_quote(&format!("{}/{width}", go_ip(cidr.address)));
        warnings.push(format!(
            "{at}: CIDR value {value} is ambiguous in this context (should be {network} or {single}?)"
        ));
    }
    if unstandard(address) || leading_zero(bits) || is_mapped(address) {
        warnings.push(format!("{at}: non-standard CIDR value {value} is invalid: use {network}"));
    }
    if warnings.is_empty() && cidr.address.is_ipv6() && cidr.canonical() != text {
        warnings.push(format!(
            "{at}: IPv6 CIDR value {value} should be in RFC 5952 canonical format ({network})"
        ));
    }
    warnings
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, fault) in [
            ("10.0.0.1", ""),
            ("2001:DB8::1", ""),
            ("010.0.0.1", "must not have leading 0s"),
            ("::ffff:1.2.3.4", "must not be an IPv4-mapped IPv6 address"),
            ("10.0.0", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
            ("10.0.0.256", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
            ("fe80::1%eth0", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
            ("", "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"),
        ] {
            assert_eq!(ip_legacy(text, &[]).join("|"), fault, "{text}");
        }
        assert_eq!(ip("2001:DB8::1"), ["must be in canonical form (\"2001:db8::1\")"]);
    }

    #[test]
    fn networks() {
        for (text, fault) in [
            ("10.0.0.0/8", ""),
            ("::/0", ""),
            ("10.0.0.1/8", "must not have bits set beyond the prefix length"),
            ("10.0.0.0/08", "must not have leading 0s in IP or prefix length"),
            ("::ffff:1.2.3.0/120", "must not have an IPv4-mapped IPv6 address"),
            ("10.0.0.0/33", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
            ("10.0.0.0", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
        ] {
            assert_eq!(cidr_legacy(text, &[]).join("|"), fault, "{text}");
        }
        assert_eq!(parse_cidr_sloppy("10.1.2.3/0").unwrap().canonical(), "0.0.0.0/0");
    }
}

//! IP addresses and networks as Go's `net/netip` reads them, without zones and without IPv4 inside IPv6.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::numbers::quote;

/// Why a text is no address or network. Display is the text of Kubernetes' library.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// `netip.ParseAddr` refused.
    #[error("IP Address {} parse error during conversion from string: {reason}", quote(text))]
    Address {
        /// The text that is no address.
        text: String,
        /// What exactly is wrong.
        reason: AddressError,
    },
    /// `fe80::1%eth0`
    #[error("IP address {} with zone value is not allowed", quote(.0))]
    Zone(String),
    /// `::ffff:10.0.0.1`
    #[error("IPv4-mapped IPv6 address {} is not allowed", quote(.0))]
    Mapped(String),
    /// Not a network; the prefix stands twice because upstream wraps its own message.
    #[error(
        "network address parse error during conversion from string: \
         network address parse error during conversion from string: netip.ParsePrefix({}): {reason}",
        quote(text)
    )]
    Network {
        /// The text that is no CIDR.
        text: String,
        /// What exactly is wrong.
        reason: NetworkError,
    },
    /// `::ffff:10.0.0.0/104`
    #[error(
        "network address parse error during conversion from string: \
         IPv4-mapped IPv6 address {} is not allowed",
        quote(.0)
    )]
    MappedNetwork(String),
}

/// What `netip.ParseAddr` says, with the text it was given and the rest at which it stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("ParseAddr({}): {reason}{}", quote(text), at.as_ref().map(|at| format!(" (at {})", quote(at))).unwrap_or_default())]
pub struct AddressError {
    text: String,
    reason: &'static str,
    at: Option<String>,
}

/// What `netip.ParsePrefix` says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// `10.0.0.0`
    #[error("no '/'")]
    NoSlash,
    /// The part before the slash is no address.
    #[error(transparent)]
    Address(AddressError),
    /// `fe80::%eth0/64`
    #[error("IPv6 zones cannot be present in a prefix")]
    Zone,
    /// Not a plain number without leading zeroes.
    #[error("bad bits after slash: {}", quote(.0))]
    Bits(String),
    /// More bits than the address has.
    #[error("prefix length out of range")]
    Length,
}

/// An address as CEL has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip(IpAddr);

impl Ip {
    /// `ip(text)`
    ///
    /// # Errors
    /// What `netip.ParseAddr` refuses, zones, and IPv4 addresses that are mapped into IPv6.
    pub fn parse(text: &str) -> Result<Self, NetError> {
        let (address, zone) =
            parse_address(text).map_err(|reason| NetError::Address { text: text.to_owned(), reason })?;
        if zone {
            return Err(NetError::Zone(text.to_owned()));
        }
        if is_mapped(address) {
            return Err(NetError::Mapped(text.to_owned()));
        }
        Ok(Self(address))
    }

    /// `ip.isCanonical(text)`: whether writing the address again gives the same text.
    ///
    /// # Errors
    /// Those of [`Self::parse`].
    pub fn is_canonical(text: &str) -> Result<bool, NetError> {
        Self::parse(text).map(|ip| ip.to_string() == text)
    }

    /// `family()`: 4 or 6.
    pub fn family(self) -> i64 {
        if self.0.is_ipv4() { 4 } else { 6 }
    }

    /// `isUnspecified()`
    pub fn is_unspecified(self) -> bool {
        self.0.is_unspecified()
    }

    /// `isLoopback()`
    pub fn is_loopback(self) -> bool {
        self.0.is_loopback()
    }

    /// `isLinkLocalMulticast()`
    pub fn is_link_local_multicast(self) -> bool {
        match self.0 {
            IpAddr::V4(address) => address.octets()[..3] == [224, 0, 0],
            IpAddr::V6(address) => address.segments()[0] & 0xff0f == 0xff02,
        }
    }

    /// `isLinkLocalUnicast()`
    pub fn is_link_local_unicast(self) -> bool {
        match self.0 {
            IpAddr::V4(address) => address.is_link_local(),
            IpAddr::V6(address) => address.segments()[0] & 0xffc0 == 0xfe80,
        }
    }

    /// `isGlobalUnicast()`: private ranges count as global.
    pub fn is_global_unicast(self) -> bool {
        !(self.0 == IpAddr::V4(Ipv4Addr::BROADCAST)
            || self.is_unspecified()
            || self.is_loopback()
            || self.0.is_multicast()
            || self.is_link_local_unicast())
    }
}

impl fmt::Display for Ip {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A network as CEL has it; bits beyond the prefix are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    bits: u8,
}

impl Cidr {
    /// `cidr(text)`
    ///
    /// # Errors
    /// What `netip.ParsePrefix` refuses, and IPv4 addresses that are mapped into IPv6.
    pub fn parse(text: &str) -> Result<Self, NetError> {
        let cidr =
            parse_network(text).map_err(|reason| NetError::Network { text: text.to_owned(), reason })?;
        if is_mapped(cidr.address) {
            return Err(NetError::MappedNetwork(text.to_owned()));
        }
        Ok(cidr)
    }

    /// `ip()`
    pub fn ip(self) -> Ip {
        Ip(self.address)
    }

    /// `prefixLength()`
    pub fn prefix_length(self) -> i64 {
        i64::from(self.bits)
    }

    /// `masked()`: with the bits beyond the prefix cleared.
    pub fn masked(self) -> Self {
        Self { address: mask(self.address, self.bits), ..self }
    }

    /// `containsIP(ip)`. An address of the other family is in no network.
    pub fn contains_ip(self, ip: Ip) -> bool {
        self.address.is_ipv4() == ip.0.is_ipv4() && mask(ip.0, self.bits) == mask(self.address, self.bits)
    }

    /// `containsCIDR(cidr)`
    pub fn contains_cidr(self, other: Self) -> bool {
        self.bits <= other.bits && self.contains_ip(other.ip())
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.bits)
    }
}

fn mask(address: IpAddr, bits: u8) -> IpAddr {
    let bits = u32::from(bits);
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}

fn parse_network(text: &str) -> Result<Cidr, NetworkError> {
    let (address, bits) = text.rsplit_once('/').ok_or(NetworkError::NoSlash)?;
    let (address, zone) = parse_address(address).map_err(NetworkError::Address)?;
    if zone {
        return Err(NetworkError::Zone);
    }
    let plain = bits.len() == 1 || bits.starts_with(|first: char| ('1'..='9').contains(&first));
    if !plain || !bits.bytes().all(|byte| byte.is_ascii_digit()) || bits.parse::<i64>().is_err() {
        return Err(NetworkError::Bits(bits.to_owned()));
    }
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.parse().ok().filter(|bits| *bits <= most).ok_or(NetworkError::Length)?;
    Ok(Cidr { address, bits })
}

/// Whether an address is of version 4; a zone and IPv4 within IPv6 are allowed here.
pub(super) fn is_ipv4(text: &str) -> Result<bool, AddressError> {
    parse_address(text).map(|(address, _)| address.is_ipv4())
}

/// `netip.ParseAddr`: the address, and whether it has a zone.
fn parse_address(text: &str) -> Result<(IpAddr, bool), AddressError> {
    let fail =
        |reason, at: Option<&str>| AddressError { text: text.to_owned(), reason, at: at.map(Into::into) };
    match text.bytes().find(|byte| matches!(byte, b'.' | b':' | b'%')) {
        Some(b'.') => {
            let octets = parse_octets(text).map_err(|(reason, at)| fail(reason, at))?;
            Ok((IpAddr::V4(octets.into()), false))
        }
        Some(b':') => {
            let (address, zone) = match text.split_once('%') {
                Some((_, "")) => return Err(fail("zone must be a non-empty string", None)),
                Some((address, _)) => (address, true),
                None => (text, false),
            };
            let groups = parse_groups(address).map_err(|(reason, at)| fail(reason, at))?;
            Ok((IpAddr::V6(groups.into()), zone))
        }
        Some(_) => Err(fail("missing IPv6 address", None)),
        None => Err(fail("unable to parse IP", None)),
    }
}

type Stop<'t> = (&'static str, Option<&'t str>);

fn parse_octets(text: &str) -> Result<[u8; 4], Stop<'_>> {
    let bytes = text.as_bytes();
    let (mut octets, mut at, mut value, mut digits) = ([0; 4], 0, 0_u16, 0);
    for (index, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                if digits == 1 && value == 0 {
                    return Err(("IPv4 field has octet with leading zero", None));
                }
                value = value * 10 + u16::from(byte - b'0');
                digits += 1;
                if value > 255 {
                    return Err(("IPv4 field has value >255", None));
                }
            }
            b'.' => {
                if digits == 0 || index + 1 == bytes.len() {
                    return Err(("IPv4 field must have at least one digit", Some(&text[index..])));
                }
                if at == 3 {
                    return Err(("IPv4 address too long", None));
                }
                octets[at] = value as u8;
                (at, value, digits) = (at + 1, 0, 0);
            }
            _ => return Err(("unexpected character", Some(&text[index..]))),
        }
    }
    if at < 3 {
        return Err(("IPv4 address too short", None));
    }
    octets[3] = value as u8;
    Ok(octets)
}

fn parse_groups(text: &str) -> Result<[u8; 16], Stop<'_>> {
    let (mut bytes, mut at, mut ellipsis, mut rest) = ([0_u8; 16], 0, None, text);
    if let Some(after) = rest.strip_prefix("::") {
        (ellipsis, rest) = (Some(0), after);
        if rest.is_empty() {
            return Ok(bytes);
        }
    }
    while at < 16 {
        let digits = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
        if digits > 4 {
            return Err(("each group must have 4 or less digits", Some(rest)));
        }
        if digits == 0 {
            return Err(("each colon-separated field must have at least one digit", Some(rest)));
        }
        if rest.as_bytes().get(digits) == Some(&b'.') {
            if ellipsis.is_none() && at != 12 {
                return Err((
                    "embedded IPv4 address must replace the final 2 fields of the address",
                    Some(rest),
                ));
            }
            if at + 4 > 16 {
                let reason = "too many hex fields to fit an embedded IPv4 at the end of the address";
                return Err((reason, Some(rest)));
            }
            bytes[at..at + 4].copy_from_slice(&parse_octets(rest)?);
            (at, rest) = (at + 4, "");
            break;
        }
        let group = u16::from_str_radix(&rest[..digits], 16).unwrap_or(0);
        bytes[at..at + 2].copy_from_slice(&group.to_be_bytes());
        at += 2;
        rest = &rest[digits..];
        if rest.is_empty() {
            break;
        }
        match rest.strip_prefix(':') {
            None => return Err(("unexpected character, want colon", Some(rest))),
            Some("") => return Err(("colon must be followed by more characters", Some(rest))),
            Some(after) => rest = after,
        }
        if let Some(after) = rest.strip_prefix(':') {
            if ellipsis.is_some() {
                return Err(("multiple :: in address", Some(rest)));
            }
            (ellipsis, rest) = (Some(at), after);
            if rest.is_empty() {
                break;
            }
        }
    }
    if !rest.is_empty() {
        return Err(("trailing garbage after address", Some(rest)));
    }
    match ellipsis {
        None if at < 16 => Err(("address string too short", None)),
        Some(_) if at == 16 => Err(("the :: must expand to at least one field of zeros", None)),
        Some(from) => {
            bytes.copy_within(from..at, from + 16 - at);
            bytes[from..from + 16 - at].fill(0);
            Ok(bytes)
        }
        None => Ok(bytes),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (text, written) in [
            ("192.0.2.1", "192.0.2.1"),
            ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("1::8", "1::8"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::5.6.7.8", "::506:708"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ] {
            assert_eq!(Ip::parse(text).unwrap().to_string(), written);
        }
        for (text, reason) in [
            ("%eth0", "missing IPv6 address"),
            ("fe80::1%", "zone must be a non-empty string"),
            (".1.2.3", "IPv4 field must have at least one digit (at \".1.2.3\")"),
            ("1.2.3.", "IPv4 field must have at least one digit (at \".\")"),
            ("1..2.3", "IPv4 field must have at least one digit (at \".2.3\")"),
            ("1:2:3:4:5:6:7:", "colon must be followed by more characters (at \":\")"),
            ("1:2x", "unexpected character, want colon (at \"x\")"),
            (
                "1:1.2.3.4",
                "embedded IPv4 address must replace the final 2 fields of the address (at \"1.2.3.4\")",
            ),
            ("1:2:3:4:5:6:7:8::", "the :: must expand to at least one field of zeros"),
            ("1:2:3:4::5:6:7:8", "the :: must expand to at least one field of zeros"),
            (
                "::1:2:3:4:5:6:7:1.2.3.4",
                "too many hex fields to fit an embedded IPv4 at the end of the address (at \"1.2.3.4\")",
            ),
        ] {
            let NetError::Address { reason: error, .. } = Ip::parse(text).unwrap_err() else {
                panic!("{text}")
            };
            assert_eq!(error.to_string(), format!("ParseAddr({}): {reason}", quote(text)));
        }
        assert_eq!(Ip::parse("fe80::1%a").unwrap_err(), NetError::Zone("fe80::1%a".to_owned()));
    }

    #[test]
    fn kinds() {
        let ip = |text| Ip::parse(text).unwrap();
        assert!(ip("127.8.8.8").is_loopback());
        assert!(ip("febf::1").is_link_local_unicast() && !ip("fec0::1").is_link_local_unicast());
        assert!(ip("ff12::1").is_link_local_multicast() && !ip("224.0.1.1").is_link_local_multicast());
        assert!(ip("192.168.0.1").is_global_unicast() && !ip("239.1.1.1").is_global_unicast());
    }

    #[test]
    fn networks() {
        let cidr = |text| Cidr::parse(text).unwrap();
        assert_eq!(cidr("192.0.2.130/25").masked().to_string(), "192.0.2.128/25");
        assert_eq!(cidr("2001:db8:ffff::/33").masked().to_string(), "2001:db8:8000::/33");
        assert!(cidr("192.0.2.130/25").contains_cidr(cidr("192.0.2.255/32")));
        assert!(!cidr("192.0.2.0/25").contains_cidr(cidr("192.0.2.0/24")));
        assert!(!cidr("::/0").contains_ip(Ip::parse("1.1.1.1").unwrap()));
        for (text, reason) in [
            ("1.2.3.4/", "bad bits after slash: \"\""),
            ("1.2.3.4/+8", "bad bits after slash: \"+8\""),
            ("1.2.3.4/33", "prefix length out of range"),
            ("1.2.3.4/99999999999999999999", "bad bits after slash: \"99999999999999999999\""),
            ("x/8", "ParseAddr(\"x\"): unable to parse IP"),
        ] {
            let NetError::Network { reason: error, .. } = Cidr::parse(text).unwrap_err() else {
                panic!("{text}")
            };
            assert_eq!(error.to_string(), reason);
        }
    }
}

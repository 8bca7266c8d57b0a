//! Blocks of addresses, for the NetworkPolicy's `ipBlock`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An address and how many of its bits matter, such as `10.0.0.0/8`, in its shortest spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// Why a text is no block. Stricter than the API server, which takes old spellings with a warning
/// (`apimachinery/pkg/util/validation/ip.go`, `IsValidCIDRForLegacyField`): what is ambiguous may let in somebody else.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    /// No prefix length.
    #[error("expected a block such as 10.0.0.0/8; for one address write {0}/{1}")]
    NoPrefix(IpAddr, u8),
    /// No address either.
    #[error("expected an IPv4 or IPv6 block such as 10.0.0.0/8 or fd00::/8")]
    NoAddress,
    /// The prefix length is not a number in range.
    #[error("the part after / must be a number from 0 to {0}, without zeros before it")]
    BadPrefix(u8),
    /// IPv4 in IPv6.
    #[error("IPv4 addresses are not matched in this form: write the block as IPv4")]
    Mapped,
    /// Bits beyond the prefix are set.
    #[error(
        "the address has bits beyond its prefix: write {0} for the block, or {1}/{2} for the one address"
    )]
    Beyond(Cidr, IpAddr, u8),
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (written, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = written.parse().map_err(|_| CidrError::NoAddress)?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.ok_or(CidrError::NoPrefix(address, longest))?;
        let plain = prefix.bytes().all(|b| b.is_ascii_digit()) && (prefix == "0" || !prefix.starts_with('0'));
        let prefix = prefix.parse().ok().filter(|prefix| plain && *prefix <= longest);
        let prefix: u8 = prefix.ok_or(CidrError::BadPrefix(longest))?;
        let masked = match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => return Err(CidrError::Mapped),
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
        };
        let block = Cidr { address: masked, prefix };
        if masked == address { Ok(block) } else { Err(CidrError::Beyond(block, address, longest)) }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, prefix } = self;
        write!(f, "{address}/{prefix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_and_what_is_none() {
        for (text, expected) in [
            ("10.0.0.0/8", Ok("10.0.0.0/8")),
            ("0.0.0.0/0", Ok("0.0.0.0/0")),
            ("192.0.2.7/32", Ok("192.0.2.7/32")),
            ("fd00::/8", Ok("fd00::/8")),
            ("FD00:0:0::/48", Ok("fd00::/48")),
            ("::/0", Ok("::/0")),
            ("::1/128", Ok("::1/128")),
            ("", Err("expected an IPv4 or IPv6 block such as 10.0.0.0/8 or fd00::/8")),
            ("api.example.com", Err("expected an IPv4 or IPv6 block such as 10.0.0.0/8 or fd00::/8")),
            ("10.0.0/8", Err("expected an IPv4 or IPv6 block such as 10.0.0.0/8 or fd00::/8")),
            ("010.0.0.0/8", Err("expected an IPv4 or IPv6 block such as 10.0.0.0/8 or fd00::/8")),
            ("10.0.0.1", Err("expected a block such as 10.0.0.0/8; for one address write 10.0.0.1/32")),
            ("::1", Err("expected a block such as 10.0.0.0/8; for one address write ::1/128")),
            ("10.0.0.0/33", Err("the part after / must be a number from 0 to 32, without zeros before it")),
            ("10.0.0.0/08", Err("the part after / must be a number from 0 to 32, without zeros before it")),
            ("10.0.0.0/+8", Err("the part after / must be a number from 0 to 32, without zeros before it")),
            ("10.0.0.0/", Err("the part after / must be a number from 0 to 32, without zeros before it")),
            ("10.0.0.0/8/8", Err("the part after / must be a number from 0 to 32, without zeros before it")),
            ("fd00::/129", Err("the part after / must be a number from 0 to 128, without zeros before it")),
            (
                "::ffff:10.0.0.0/104",
                Err("IPv4 addresses are not matched in this form: write the block as IPv4"),
            ),
            (
                "10.1.2.3/8",
                Err(
                    "the address has bits beyond its prefix: write 10.0.0.0/8 for the block, or 10.1.2.3/32 for the one address",
                ),
            ),
            (
                "fd00::1/64",
                Err(
                    "the address has bits beyond its prefix: write fd00::/64 for the block, or fd00::1/128 for the one address",
                ),
            ),
        ] {
            let got = text.parse::<Cidr>().map(|cidr| cidr.to_string()).map_err(|error| error.to_string());
            assert_eq!(got, expected.map(str::to_owned).map_err(str::to_owned), "{text:?}");
        }
    }
}

//! Text → quantity (`resource.ParseQuantity`): the digits and the suffix, and which of the two representations they become.

use std::cmp::Ordering;

use num_bigint::BigInt;
use num_traits::Zero;

use super::decimal::{Decimal, MAX_DIGITS};
use super::{Amount, Format, NANO, Quantity, QuantityError};

/// Numbers with at most this many digits take the 64-bit path (`maxInt64Factors`).
const FAST_DIGITS: i32 = 18;

/// The quantity that is written, blanks not allowed.
pub(super) fn quantity(text: &str) -> Result<Quantity, QuantityError> {
    if text.is_empty() {
        return Err(QuantityError::Format);
    }
    if text == "0" {
        return Ok(Quantity::new(Amount::Int { value: 0, scale: 0 }, Format::DecimalSi, Some(text)));
    }
    let parts = Parts::split(text)?;
    let (base, exponent, format) = read_suffix(parts.suffix)?;
    if let Some(quantity) = parts.fast(text, base, exponent, format)? {
        return Ok(quantity);
    }
    parts.exact(base, exponent, format)
}

/// `-1.5Gi` cut into sign, `-1.5`, `1`, `5`, `Gi`; leading zeros are gone from the whole part.
struct Parts<'t> {
    positive: bool,
    value: &'t str,
    whole: &'t str,
    fraction: &'t str,
    suffix: &'t str,
}

impl<'t> Parts<'t> {
    fn split(text: &'t str) -> Result<Self, QuantityError> {
        let bytes = text.as_bytes();
        let skip = |from: usize, what: fn(&u8) -> bool| {
            from + bytes[from..].iter().take_while(|byte| what(byte)).count()
        };
        let positive = bytes[0] != b'-';
        let signed = usize::from(matches!(bytes[0], b'+' | b'-'));
        let start = skip(signed, |byte| *byte == b'0');
        if start == bytes.len() {
            return Ok(Self { positive, value: "0", whole: "0", fraction: "", suffix: "" });
        }
        let mut end = skip(start, u8::is_ascii_digit);
        let whole = if end == start { "0" } else { &text[start..end] };
        let mut fraction = "";
        if bytes.get(end) == Some(&b'.') {
            let from = end + 1;
            end = skip(from, u8::is_ascii_digit);
            fraction = &text[from..end];
        }
        let value = &text[..end];
        let mut last = skip(end, |byte| b"eEinumkKMGTP".contains(byte));
        if matches!(bytes.get(last), Some(b'+' | b'-')) {
            last += 1;
        }
        if skip(last, u8::is_ascii_digit) != bytes.len() {
            return Err(QuantityError::Format);
        }
        Ok(Self { positive, value, whole, fraction, suffix: &text[end..] })
    }

    /// The 64-bit path, and in it the rule by which a text counts as canonical and is kept.
    fn fast(
        &self,
        text: &str,
        base: Base,
        exponent: i32,
        format: Format,
    ) -> Result<Option<Quantity>, QuantityError> {
        let length = |digits: &str| i32::try_from(digits.len()).unwrap_or(i32::MAX / 4);
        let (precision, scale, factor) = match base {
            Base::Ten => {
                (FAST_DIGITS - length(self.whole) - length(self.fraction), i64::from(exponent), 1_i64)
            }
            Base::Two if self.fraction.is_empty() => {
                (15 - length(self.whole) - exponent * 3 / 10 - 1, 0, 1_i64 << exponent)
            }
            Base::Two => (-1, 0, 1),
        };
        let scale = scale - i64::from(length(self.fraction));
        let Ok(scale) = i32::try_from(scale) else { return Ok(None) };
        if precision < 0 || scale < NANO {
            return Ok(None);
        }
        let digits = format!("{}{}", self.whole, self.fraction);
        let value: i64 = digits.parse().map_err(|_| QuantityError::Number)?;
        let Some(product) = value.checked_mul(factor) else { return Ok(None) };
        let canonical = match base {
            Base::Two => exponent % 10 == 0 && value & 7 != 0,
            Base::Ten => scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0'),
        };
        let value = if self.positive { product } else { -product };
        Ok(Some(Quantity::new(Amount::Int { value, scale }, format, canonical.then_some(text))))
    }

    /// The exact path: round up to nano, cap binary quantities at the largest 64-bit integer.
    fn exact(&self, base: Base, exponent: i32, format: Format) -> Result<Quantity, QuantityError> {
        if self.value.len() as i64 > MAX_DIGITS {
            return Err(QuantityError::Number);
        }
        let digits: Vec<u8> = self.value.bytes().filter(u8::is_ascii_digit).collect();
        let unscaled = BigInt::parse_bytes(&digits, 10).ok_or(QuantityError::Number)?;
        let places = i64::try_from(self.fraction.len()).map_err(|_| QuantityError::Number)?;
        let (unscaled, scale) = match base {
            Base::Ten => (unscaled, places - i64::from(exponent)),
            Base::Two => (unscaled << exponent, places),
        };
        let scale = i32::try_from(scale).map_err(|_| QuantityError::Number)?;
        let mut decimal = Decimal { unscaled, scale };
        if !decimal.unscaled.is_zero() {
            decimal = decimal.round_up(-NANO).ok_or(QuantityError::Number)?;
        }
        let mut format = format;
        if format == Format::BinarySi {
            let largest = Decimal { unscaled: BigInt::from(i64::MAX), scale: 0 };
            let one = Decimal { unscaled: BigInt::from(1), scale: 0 };
            if decimal.compare(&largest) == Ordering::Greater {
                decimal = largest;
            } else if decimal.signum() > 0 && decimal.compare(&one) == Ordering::Less {
                format = Format::DecimalSi;
            }
        }
        if !self.positive {
            decimal.unscaled = -decimal.unscaled;
        }
        Ok(Quantity::new(Amount::Big(decimal), format, None))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Two,
    Ten,
}

fn read_suffix(suffix: &str) -> Result<(Base, i32, Format), QuantityError> {
    let decimal = |exponent| Ok((Base::Ten, exponent, Format::DecimalSi));
    let binary = |exponent| Ok((Base::Two, exponent, Format::BinarySi));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(10),
        "Mi" => binary(20),
        "Gi" => binary(30),
        "Ti" => binary(40),
        "Pi" => binary(50),
        "Ei" => binary(60),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError::Suffix)?;
            let exponent: i64 = exponent.parse().map_err(|_| QuantityError::Suffix)?;
            // upstream keeps the low 32 bits
            Ok((Base::Ten, exponent as i32, Format::DecimalExponent))
        }
    }
}

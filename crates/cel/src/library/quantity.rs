//! `resource.Quantity` (k8s.io/apimachinery/pkg/api/resource): a number with a suffix, kept exactly.
//!
//! ```text
//! text ─▶ digits, suffix ─▶ Int { value, scale }   few digits: value · 10^scale in 64 bits
//!                       └─▶ Big(Decimal)           the rest: unscaled · 10^-scale, rounded up to nano
//! ```
//!
//! Which of the two a quantity is can be seen from outside: `isInteger` is false for every `Big`, even
//! for `1Pi`. So both representations, and when one becomes the other, are kept as upstream has them.
//! One trap of upstream is not followed: there `add` on a `Big` changes the receiver as well, because
//! both share one `inf.Dec`, so a quantity kept in a variable grows each time it is added to.
//! The `resource` room uses this type too, for requests, limits and volume sizes.

mod decimal;
mod parse;

use std::cmp::Ordering;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering as Memory};

use num_bigint::BigInt;
use num_traits::{Signed, ToPrimitive, Zero};

use decimal::{Decimal, MAX_DIGITS, big_to_f64, remove_factors};

/// Everything that does not fit the fast path is rounded up to nano.
const NANO: i32 = -9;

/// How a quantity was written, and so how it is written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `12e6`
    DecimalExponent,
    /// `12Mi`
    BinarySi,
    /// `12M`
    DecimalSi,
}

impl Format {
    /// The name in Kubernetes' source, used by the conformance vectors.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DecimalExponent => "DecimalExponent",
            Self::BinarySi => "BinarySI",
            Self::DecimalSi => "DecimalSI",
        }
    }
}

/// Why a text is no quantity, or an operation has no result. Display is upstream's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// The text does not have the shape of a quantity.
    #[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
    Format,
    /// The digits cannot be read, or there are too many of them.
    #[error("unable to parse numeric part of quantity")]
    Number,
    /// The suffix is not one of Kubernetes'.
    #[error("unable to parse quantity's suffix")]
    Suffix,
    /// `asInteger` of a fraction, or of a number that is not held in 64 bits.
    #[error("cannot convert value to integer")]
    NotInteger,
    /// The exact result would have more digits than this implementation is willing to write down.
    #[error("quantity has too many digits")]
    TooLarge,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Amount {
    /// `value · 10^scale`
    Int {
        value: i64,
        scale: i32,
    },
    Big(Decimal),
}

/// An exact quantity, with its format and, when it was written canonically, its text.
#[derive(Debug)]
pub struct Quantity {
    amount: Amount,
    format: Format,
    text: Option<Box<str>>,
    /// Comparing with a `Big` turns the receiver into one, in place (`Quantity.Cmp` calls `AsDec`).
    promoted: AtomicBool,
}

impl Clone for Quantity {
    fn clone(&self) -> Self {
        let Self { amount, format, text, promoted } = self;
        Self {
            amount: amount.clone(),
            format: *format,
            text: text.clone(),
            promoted: AtomicBool::new(promoted.load(Memory::Relaxed)),
        }
    }
}

impl Quantity {
    /// Reads a quantity as `resource.ParseQuantity` does. Blanks are not trimmed.
    ///
    /// # Errors
    /// What `resource.ParseQuantity` refuses, in its words.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        parse::quantity(text)
    }

    /// Reads a quantity as the API server decodes one from JSON: blanks around are trimmed.
    ///
    /// # Errors
    /// Those of [`Self::parse`].
    pub fn parse_trimmed(text: &str) -> Result<Self, QuantityError> {
        Self::parse(text.trim())
    }

    /// A whole number in the given format (`resource.NewQuantity`).
    pub fn from_i64(value: i64, format: Format) -> Self {
        Self::new(Amount::Int { value, scale: 0 }, format, None)
    }

    fn new(amount: Amount, format: Format, text: Option<&str>) -> Self {
        Self { amount, format, text: text.map(Into::into), promoted: AtomicBool::new(false) }
    }

    /// How it is written.
    pub fn format(&self) -> Format {
        self.format
    }

    /// -1, 0 or 1.
    pub fn sign(&self) -> i64 {
        match &self.amount {
            Amount::Int { value, .. } => value.signum(),
            Amount::Big(decimal) => decimal.signum(),
        }
    }

    /// Whether the value is zero.
    pub fn is_zero(&self) -> bool {
        self.sign() == 0
    }

    /// `isInteger`: held in 64 bits, without fraction digits and within range. `3.00` and `1Pi` are not.
    pub fn is_integer(&self) -> bool {
        self.as_integer().is_ok()
    }

    /// `asInteger`: the value where `is_integer` holds.
    ///
    /// # Errors
    /// A value with a fraction, or beyond 64 bits.
    pub fn as_integer(&self) -> Result<i64, QuantityError> {
        match self.amount {
            Amount::Int { value, scale } if !self.promoted.load(Memory::Relaxed) => {
                if scale < 0 { None } else { scale_up(value, scale) }.ok_or(QuantityError::NotInteger)
            }
            _ => Err(QuantityError::NotInteger),
        }
    }

    /// `asApproximateFloat`: unscaled times a power of ten, each rounded, so not the nearest double.
    pub fn as_approximate_float(&self) -> f64 {
        let (base, exponent) = match &self.amount {
            Amount::Int { value, scale } => (*value as f64, *scale),
            Amount::Big(decimal) => (big_to_f64(&decimal.unscaled), decimal.scale.wrapping_neg()),
        };
        if exponent == 0 { base } else { base * pow10(exponent) }
    }

    /// `Cmp`. Comparing with a quantity that needs more than 64 bits makes `self` one that does: upstream
    /// converts the receiver in place, and `isInteger` is false ever after.
    pub fn compare(&self, other: &Self) -> Ordering {
        if matches!(other.amount, Amount::Big(_)) || other.promoted.load(Memory::Relaxed) {
            self.promoted.store(true, Memory::Relaxed);
        }
        self.amount.compare(&other.amount)
    }

    /// `add`: a zero receiver takes the format of the other. Fails only beyond this implementation's bound.
    ///
    /// # Errors
    /// More digits than are kept.
    pub fn add(&self, other: &Self) -> Result<Self, QuantityError> {
        self.combine(other, false)
    }

    /// `sub`: as `add`.
    ///
    /// # Errors
    /// More digits than are kept.
    pub fn sub(&self, other: &Self) -> Result<Self, QuantityError> {
        self.combine(other, true)
    }

    /// `add(int)`: the number counts as written with an exponent, which shows when the receiver is zero.
    ///
    /// # Errors
    /// More digits than are kept.
    pub fn add_i64(&self, other: i64) -> Result<Self, QuantityError> {
        self.add(&Self::from_i64(other, Format::DecimalExponent))
    }

    /// `sub(int)`: as `add_i64`.
    ///
    /// # Errors
    /// More digits than are kept.
    pub fn sub_i64(&self, other: i64) -> Result<Self, QuantityError> {
        self.sub(&Self::from_i64(other, Format::DecimalExponent))
    }

    fn combine(&self, other: &Self, negate: bool) -> Result<Self, QuantityError> {
        let format = if self.is_zero() { other.format } else { self.format };
        let promoted = self.promoted.load(Memory::Relaxed) || other.promoted.load(Memory::Relaxed);
        if let (Amount::Int { value: a, scale: s }, Amount::Int { value: b, scale: t }) =
            (&self.amount, &other.amount)
            && !promoted
        {
            // upstream negates without looking, so the smallest integer stays negative
            let b = if negate { b.wrapping_neg() } else { *b };
            if let Some((value, scale)) = add_scaled((*a, *s), (b, *t)) {
                return Ok(Self::new(Amount::Int { value, scale }, format, None));
            }
        }
        let right = other.amount.to_decimal();
        let right = if negate { Decimal { unscaled: -right.unscaled, ..right } } else { right };
        let sum = self.amount.to_decimal().add(&right)?;
        Ok(Self::new(Amount::Big(sum), format, None))
    }

    /// Rounds away from zero to a power of ten (`RoundUp`); resource lists are rounded to `-3`.
    /// The text is kept where nothing is to be rounded.
    pub fn round_up(self, scale: i32) -> Self {
        let Self { amount, format, text, promoted } = self;
        match amount {
            Amount::Int { value, scale: own } if own < scale => {
                let (value, _) = scale_down(value, i64::from(scale) - i64::from(own));
                Self::new(Amount::Int { value, scale }, format, None)
            }
            Amount::Int { .. } => Self { amount, format, text, promoted },
            Amount::Big(decimal) => {
                let rounded = decimal.round_up(scale.wrapping_neg()).unwrap_or(decimal);
                Self::new(Amount::Big(rounded), format, None)
            }
        }
    }

    /// The value rounded away from zero to a whole number, `None` beyond 64 bits.
    pub fn whole(&self) -> Option<i64> {
        self.scaled(0)
    }

    /// The value in thousandths, rounded away from zero, `None` beyond 64 bits.
    pub fn thousandths(&self) -> Option<i64> {
        self.scaled(-3)
    }

    /// `MilliValue`: the value in thousandths as Go computes it, which beyond 64 bits is 0 for short numbers
    /// and what is left of the low bits for long ones (`scaledValue`). So `1Ei` seems to have a fraction.
    pub fn milli_value(&self) -> i64 {
        let decimal = match &self.amount {
            Amount::Int { .. } => return self.thousandths().unwrap_or(0),
            Amount::Big(decimal) => decimal,
        };
        let Some(milli) = decimal.round_up(3) else { return 0 };
        let low = milli.unscaled.magnitude().iter_u64_digits().next().unwrap_or(0).cast_signed();
        if milli.unscaled.is_negative() { low.wrapping_neg() } else { low }
    }

    fn scaled(&self, scale: i32) -> Option<i64> {
        match &self.amount {
            Amount::Int { value, scale: own } if *own >= scale => scale_up(*value, own.checked_sub(scale)?),
            Amount::Int { value, scale: own } => {
                Some(scale_down(*value, i64::from(scale) - i64::from(*own)).0)
            }
            Amount::Big(decimal) => decimal.round_up(-scale)?.unscaled.to_i64(),
        }
    }

    /// The exact value as a plain decimal with its scale, `1126.400000000`. `None` beyond the digit bound.
    pub fn decimal_text(&self) -> Option<String> {
        let Decimal { unscaled, scale } = self.amount.to_decimal();
        if i64::from(scale).abs() > MAX_DIGITS {
            return None;
        }
        if scale <= 0 {
            let zeros = if unscaled.is_zero() { 0 } else { scale.unsigned_abs() as usize };
            return Some(format!("{unscaled}{}", "0".repeat(zeros)));
        }
        let digits = unscaled.magnitude().to_string();
        let digits = format!("{digits:0>width$}", width = scale as usize + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
        let sign = if unscaled.is_negative() { "-" } else { "" };
        Some(format!("{sign}{whole}.{fraction}"))
    }

    /// Mantissa and suffix of the canonical form (`CanonicalizeBytes`): no fraction digits, the largest
    /// suffix that keeps the value. Suffixes that do not exist come out empty, as upstream.
    fn canonical(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_zero() {
            return out.write_str("0");
        }
        let mut format = self.format;
        if format == Format::BinarySi {
            let decimal = self.amount.to_decimal();
            let thousand = Decimal { unscaled: BigInt::from(1024), scale: 0 };
            let small = decimal.abs().compare(&thousand) == Ordering::Less;
            match decimal.round_up(0) {
                Some(rounded) if !small && rounded.compare(&decimal) == Ordering::Equal => {
                    let (mantissa, times) = remove_factors(rounded.unscaled, 1024);
                    return write!(out, "{mantissa}{}", binary_suffix(times));
                }
                _ => format = Format::DecimalSi,
            }
        }
        let Decimal { unscaled, scale } = self.amount.to_decimal();
        let (mut mantissa, times) = remove_factors(unscaled, 10);
        let mut exponent = i64::from(scale.wrapping_neg()) + i64::from(times);
        while exponent % 3 != 0 {
            mantissa *= 10;
            exponent -= 1;
        }
        match format {
            Format::DecimalExponent if exponent == 0 => write!(out, "{mantissa}"),
            Format::DecimalExponent => write!(out, "{mantissa}e{exponent}"),
            _ => write!(out, "{mantissa}{}", decimal_suffix(exponent)),
        }
    }
}

/// The canonical text, or the text as written where Kubernetes takes that for canonical.
impl fmt::Display for Quantity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => out.write_str(text),
            None => self.canonical(out),
        }
    }
}

/// Equal values are equal, whatever the suffix: `1Gi` and `1024Mi`.
impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.amount.compare(&other.amount) == Ordering::Equal
    }
}

fn decimal_suffix(exponent: i64) -> &'static str {
    match exponent {
        -9 => "n",
        -6 => "u",
        -3 => "m",
        3 => "k",
        6 => "M",
        9 => "G",
        12 => "T",
        15 => "P",
        18 => "E",
        _ => "",
    }
}

fn binary_suffix(times: u32) -> &'static str {
    ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].get(times as usize).copied().unwrap_or("")
}

impl Amount {
    fn compare(&self, other: &Self) -> Ordering {
        if let (Self::Int { value: a, scale: s }, Self::Int { value: b, scale: t }) = (self, other) {
            let (a, b, delta) = (i128::from(*a), i128::from(*b), i64::from(*s) - i64::from(*t));
            match u32::try_from(delta.unsigned_abs()).ok().filter(|shift| *shift <= 18) {
                Some(shift) if delta >= 0 => return (a * 10_i128.pow(shift)).cmp(&b),
                Some(shift) => return a.cmp(&(b * 10_i128.pow(shift))),
                None => {}
            }
        }
        self.to_decimal().compare(&other.to_decimal())
    }

    fn to_decimal(&self) -> Decimal {
        match self {
            Self::Int { value, scale } => {
                Decimal { unscaled: BigInt::from(*value), scale: scale.wrapping_neg() }
            }
            Self::Big(decimal) => decimal.clone(),
        }
    }
}

fn scale_up(value: i64, scale: i32) -> Option<i64> {
    if value == 0 {
        return Some(0);
    }
    value.checked_mul(10_i64.checked_pow(u32::try_from(scale).ok()?)?)
}

/// Divides by `10^scale`, away from zero; whether that was exact.
fn scale_down(value: i64, scale: i64) -> (i64, bool) {
    let divisor = u32::try_from(scale).ok().and_then(|scale| 10_i64.checked_pow(scale));
    match divisor {
        Some(divisor) if value % divisor == 0 => (value / divisor, true),
        Some(divisor) => (value / divisor + value.signum(), false),
        None => (value.signum(), value == 0),
    }
}

/// Adds `value · 10^scale` pairs at the smaller scale; `None` on overflow.
fn add_scaled(left: (i64, i32), right: (i64, i32)) -> Option<(i64, i32)> {
    if right.0 == 0 {
        return Some(left);
    }
    if left.0 == 0 {
        return Some(right);
    }
    let (high, low) = if left.1 >= right.1 { (left, right) } else { (right, left) };
    let lifted = scale_up(high.0, high.1.checked_sub(low.1)?)?;
    Some((lifted.checked_add(low.0)?, low.1))
}

/// `math.Pow10`: a product or quotient of two table entries, so not always the nearest double.
fn pow10(exponent: i32) -> f64 {
    let entry = |text: String| text.parse::<f64>().unwrap_or(f64::INFINITY);
    match exponent {
        309.. => f64::INFINITY,
        0..=308 => entry(format!("1e{}", exponent / 32 * 32)) * entry(format!("1e{}", exponent % 32)),
        -323..=-1 => {
            let exponent = -exponent;
            entry(format!("1e-{}", exponent / 32 * 32)) / entry(format!("1e{}", exponent % 32))
        }
        _ => 0.0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn canonical_texts() {
        for (text, canonical, exact) in [
            ("0", "0", "0"),
            ("0.5", "500m", "0.5"),
            ("1024Mi", "1Gi", "1073741824"),
            ("0.5Gi", "512Mi", "536870912.000000000"),
            ("1000000", "1M", "1000000"),
            ("1e3", "1e3", "1000"),
            ("5e-1", "500e-3", "0.5"),
            ("1048576Ki", "1Gi", "1073741824"),
            ("100000m", "100", "100.000"),
            ("01Gi", "01Gi", "1073741824"),
            ("5.", "5.", "5"),
            ("+1", "+1", "1"),
            ("-2500Mi", "-2500Mi", "-2621440000"),
            ("12.", "12.", "12"),
            ("1000E", "1", "1000000000000000000000"),
            ("32Ei", "9223372036854775807", "9223372036854775807"),
            ("0.3Ki", "307200m", "307.200000000"),
            ("2e-12", "1e-9", "0.000000001"),
            ("7e-2000000000", "1e-9", "0.000000001"),
        ] {
            let quantity = Quantity::parse(text).unwrap();
            assert_eq!(quantity.to_string(), canonical, "{text}");
            assert_eq!(quantity.decimal_text().unwrap(), exact, "{text}");
        }
    }

    #[test]
    fn refusals() {
        for (text, error) in [
            ("", QuantityError::Format),
            ("128MB", QuantityError::Format),
            ("128mi", QuantityError::Suffix),
            ("1K", QuantityError::Suffix),
            ("128 Mi", QuantityError::Format),
            ("true", QuantityError::Format),
            ("0.1e3Mi", QuantityError::Format),
            ("1e99999999999999999999", QuantityError::Suffix),
            ("12345678901234567890e2000000000", QuantityError::Number),
        ] {
            assert_eq!(Quantity::parse(text).unwrap_err(), error, "{text}");
        }
        assert_eq!(Quantity::parse_trimmed(" 1Gi\n").unwrap().to_string(), "1Gi");
    }

    #[test]
    fn arithmetic_moves_to_exact_when_it_must() {
        let parse = |text| Quantity::parse(text).unwrap();
        let sum = parse("9223372036854775").add(&parse("1m")).unwrap();
        assert_eq!((sum.to_string().as_str(), sum.is_integer()), ("9223372036854775001m", false));
        assert_eq!(parse("0").add_i64(7).unwrap().format(), Format::DecimalExponent);
        assert_eq!(parse("3Gi").sub_i64(1).unwrap().as_integer().unwrap(), 3_221_225_471);
        assert_eq!(parse("1").add(&parse("1e2000000000")).unwrap_err(), QuantityError::TooLarge);
        assert_eq!(parse("1").compare(&parse("1e2000000000")), Ordering::Less);
        assert_eq!(parse("-1e2000000000").compare(&parse("-1e-9")), Ordering::Less);
    }

    #[test]
    fn comparing_with_a_large_one_ends_being_an_integer() {
        let one = Quantity::parse("1").unwrap();
        assert!(one.is_integer());
        assert_eq!(one.compare(&Quantity::parse("1Pi").unwrap()), Ordering::Less);
        assert!(!one.is_integer());
    }

    #[test]
    fn rounding_for_resource_lists() {
        for (text, rounded) in
            [("100n", "1m"), ("1500u", "2m"), ("-1500u", "-2m"), ("1.5", "1500m"), ("2Gi", "2Gi")]
        {
            assert_eq!(Quantity::parse(text).unwrap().round_up(-3).to_string(), rounded, "{text}");
        }
        assert_eq!(Quantity::parse("1500m").unwrap().whole(), Some(2));
        assert_eq!(Quantity::parse("1.5").unwrap().thousandths(), Some(1500));
        assert_eq!(Quantity::parse("1e30").unwrap().whole(), None);
        for (text, fraction) in [
            ("1Ei", true),
            ("2E", false),
            ("9223372036854775807", false),
            ("100m", true),
            ("1126400m", true),
            ("1Gi", false),
            ("0.5Ki", false),
        ] {
            assert_eq!(Quantity::parse(text).unwrap().milli_value() % 1000 != 0, fraction, "{text}");
        }
    }
}

//! Exact decimals (`gopkg.in/inf.v0`), with a bound on the digits that are ever written out.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};
use num_traits::{Signed, ToPrimitive, Zero};

use super::QuantityError;

/// Digits beyond which exact arithmetic is refused: upstream has no such limit and can be made to hang.
pub(super) const MAX_DIGITS: i64 = 20_000;

/// An exact decimal: `unscaled · 10^-scale`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) unscaled: BigInt,
    pub(super) scale: i32,
}

impl Decimal {
    pub(super) fn signum(&self) -> i64 {
        match self.unscaled.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }
    }

    pub(super) fn abs(&self) -> Self {
        Self { unscaled: self.unscaled.abs(), scale: self.scale }
    }

    /// Bounds `lo <= e <= hi` of the `e` with `10^(e-1) <= |self| < 10^e`, without writing digits down.
    fn magnitude(&self) -> (i64, i64) {
        let bits = self.unscaled.bits() as i64;
        let scale = i64::from(self.scale);
        (bits / 4 - scale, bits / 3 + 1 - scale)
    }

    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let sign = self.signum();
        if sign != other.signum() || sign == 0 {
            return sign.cmp(&other.signum());
        }
        let by_magnitude = |order: Ordering| if sign < 0 { order.reverse() } else { order };
        let ((low, high), (other_low, other_high)) = (self.magnitude(), other.magnitude());
        if low > other_high {
            return by_magnitude(Ordering::Greater);
        }
        if high < other_low {
            return by_magnitude(Ordering::Less);
        }
        // magnitudes are close, so the scales differ by no more than the digits that are there
        let delta = i64::from(self.scale) - i64::from(other.scale);
        let shift = power_of_ten(delta.unsigned_abs());
        if delta >= 0 {
            self.unscaled.cmp(&(&other.unscaled * shift))
        } else {
            (&self.unscaled * shift).cmp(&other.unscaled)
        }
    }

    pub(super) fn add(&self, other: &Self) -> Result<Self, QuantityError> {
        let delta = i64::from(self.scale) - i64::from(other.scale);
        if delta.abs() > MAX_DIGITS || self.digits().max(other.digits()) > 4 * MAX_DIGITS {
            return Err(QuantityError::TooLarge);
        }
        let shift = power_of_ten(delta.unsigned_abs());
        Ok(if delta >= 0 {
            Self { unscaled: &self.unscaled + &other.unscaled * shift, scale: self.scale }
        } else {
            Self { unscaled: &self.unscaled * shift + &other.unscaled, scale: other.scale }
        })
    }

    fn digits(&self) -> i64 {
        self.unscaled.bits() as i64 / 3 + 1
    }

    /// The value with exactly `scale` fraction digits, rounded away from zero; `None` beyond the bound.
    pub(super) fn round_up(&self, scale: i32) -> Option<Self> {
        let delta = i64::from(scale) - i64::from(self.scale);
        if delta >= 0 {
            let shift = (delta <= MAX_DIGITS).then(|| power_of_ten(delta.unsigned_abs()))?;
            return Some(Self { unscaled: &self.unscaled * shift, scale });
        }
        let drop = delta.unsigned_abs();
        let unit = BigInt::from(self.signum());
        if drop as i64 > self.digits() {
            return Some(Self { unscaled: unit, scale });
        }
        let divisor = power_of_ten(drop);
        let (quotient, rest) = (&self.unscaled / &divisor, &self.unscaled % &divisor);
        let unscaled = if rest.is_zero() { quotient } else { quotient + unit };
        Some(Self { unscaled, scale })
    }
}

fn power_of_ten(exponent: u64) -> BigInt {
    BigInt::from(10).pow(u32::try_from(exponent).unwrap_or(u32::MAX))
}

pub(super) fn remove_factors(mut value: BigInt, factor: u32) -> (BigInt, u32) {
    let mut times = 0;
    while !value.is_zero() && (&value % factor).is_zero() {
        value /= factor;
        times += 1;
    }
    (value, times)
}

/// The nearest double, ties to even, as `big.Float.Float64`.
pub(super) fn big_to_f64(value: &BigInt) -> f64 {
    value.to_f64().unwrap_or(if value.is_negative() { f64::NEG_INFINITY } else { f64::INFINITY })
}

//! Numbers as Go writes and compares them.

/// `%v` of a float64: shortest, with an exponent below 1e-4 and from 1e21 on.
pub(crate) fn shown(value: f64) -> String {
    if value == 0.0 {
        return if value.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    let magnitude = value.abs();
    if (1e-4..1e21).contains(&magnitude) {
        return value.to_string();
    }
    let text = format!("{value:e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

/// `swag.IsFloat64AJSONInteger`: whole, or as good as.
pub(crate) fn is_integral(value: f64) -> bool {
    const LARGEST: f64 = 9_007_199_254_740_991.0;
    const EPSILON: f64 = 1e-9;
    if !value.is_finite() || value.abs() > LARGEST {
        return false;
    }
    let (magnitude, whole) = (value.abs(), value.abs().trunc());
    let difference = (magnitude - whole).abs();
    if difference == 0.0 {
        return true;
    }
    if whole == 0.0 {
        return difference < EPSILON * f64::from_bits(1);
    }
    difference / (magnitude + whole) < EPSILON
}

/// Go's `int64(f)` on amd64: what does not fit is the least integer.
pub(crate) fn to_int(value: f64) -> i64 {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the range")]
    if (-BEYOND..BEYOND).contains(&value) { value as i64 } else { i64::MIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_go_does() {
        for (value, text) in [
            (0.5, "0.5"),
            (3.0, "3"),
            (-2.25, "-2.25"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e-7, "1.5e-07"),
            (0.0, "0"),
        ] {
            assert_eq!(shown(value), text);
        }
        assert!(is_integral(80.0) && is_integral(0.0) && !is_integral(80.5) && !is_integral(1e300));
        assert_eq!((to_int(1e20), to_int(-3.7)), (i64::MIN, -3));
    }
}

use super::*;

/// How a plain scalar reads: JSON text, or the name of the error.
fn json(written: Written, text: &str) -> String {
    let resolved = match resolve(written, text).and_then(Resolved::to_json) {
        Ok(value) => value,
        Err(error) => return format!("error: {error}"),
    };
    match resolved {
        JsonScalar::Null => "null".to_owned(),
        JsonScalar::Bool(value) => value.to_string(),
        JsonScalar::Int(value) => value.to_string(),
        JsonScalar::Float(value) => format!("float {value:e}"),
        JsonScalar::String => format!("{text:?}"),
    }
}

#[test]
fn plain_scalars_as_kubectl_reads_them() {
    let same = |texts: &[&str], expected: &str| {
        for text in texts {
            assert_eq!(json(Written::Plain, text), expected, "{text}");
        }
    };
    same(&["true", "True", "TRUE", "y", "Y", "yes", "Yes", "YES", "on", "On", "ON"], "true");
    same(&["false", "False", "FALSE", "n", "N", "no", "No", "NO", "off", "Off", "OFF"], "false");
    same(&["", "~", "null", "Null", "NULL"], "null");
    for (text, expected) in [
        ("017", "15"),
        ("0o17", "15"),
        ("0O17", "15"),
        ("0x1F", "31"),
        ("0X1f", "31"),
        ("0_x1F", "31"),
        ("0x_1F", "31"),
        ("0b11", "3"),
        ("0B11", "3"),
        ("-0b11", "-3"),
        ("-0B11", "-3"),
        ("+0x1F", "31"),
        ("1_000", "1000"),
        ("1_", "1"),
        ("1__0", "10"),
        ("00", "0"),
        ("0_7", "7"),
        ("-0o7", "-7"),
        ("+_1", "1"),
        ("0_", "0"),
        ("+12", "12"),
        ("0b-11", "-3"),
        ("-0", "0"),
        ("0", "0"),
        ("08", "8"),
        ("09", "9"),
        ("012345678", "12345678"),
        ("1.", "1"),
        (".5", "float 5e-1"),
        ("+.5", "float 5e-1"),
        ("1e3", "1000"),
        ("1.e3", "1000"),
        ("1_000.5", "float 1.0005e3"),
        ("1.0", "1"),
        ("1.10", "float 1.1e0"),
        ("-0.0", "0"),
        ("1e-400", "0"),
        ("0.", "0"),
        ("12e03", "12000"),
        ("-2E+05", "-200000"),
        (".5_0", "float 5e-1"),
        ("1_0.5e1_0", "105000000000"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("9223372036854775808", "float 9.223372036854776e18"),
        ("-9223372036854775809", "float -9.223372036854776e18"),
        ("+9223372036854775808", "float 9.223372036854776e18"),
        ("18446744073709551616", "float 1.8446744073709552e19"),
        ("100000000000000000000000", "float 1e23"),
        ("4611686018427387904.0", "4611686018427388000"),
        (".inf", "error: .inf cannot be written in JSON"),
        ("-.INF", "error: -.inf cannot be written in JSON"),
        ("+.Inf", "error: .inf cannot be written in JSON"),
        (".nan", "error: .nan cannot be written in JSON"),
    ] {
        assert_eq!(json(Written::Plain, text), expected, "{text}");
    }
    for text in [
        "tRue",
        "yEs",
        "oN",
        "nUll",
        "0o8",
        "1e400",
        "-1e400",
        "12:30:45",
        "2001-01-01",
        "1.2.3",
        "_1",
        "0x",
        "0b",
        "0o",
        "=",
        "++1",
        "nan",
        "NaN",
        "inf",
        "Infinity",
        ".iNf",
        ".5_",
        "._5",
        ".5__0",
        "0b2",
        "0xg",
        "1e",
        "1e+",
        "+",
        "-",
        ".",
        "..",
        "+.",
        "-.",
        "-_",
        "1,000",
        "0x1.8p1",
        "0x1FFFFFFFFFFFFFFFFF",
        "<<",
        "~a",
        "-a",
        "--",
        "1:30",
        "-0b-1",
        "0b11111111111111111111111111111111111111111111111111111111111111111",
    ] {
        assert_eq!(json(Written::Plain, text), format!("{text:?}"), "{text}");
    }
}

#[test]
fn tags_ask_for_a_type() {
    use CoreTag::{Bool, Float, Int, Null, Str, Timestamp};
    for (tag, text, expected) in [
        (Int, "3", "3"),
        (Bool, "yes", "true"),
        (Float, "1", "1"),
        (Float, "0x1F", "31"),
        (Null, "~", "null"),
        (Null, "", "null"),
        (Str, "1", "\"1\""),
        (Str, "", "\"\""),
        (Timestamp, "2001-01-01", "\"2001-01-01\""),
        (Timestamp, "2001-1-2T3:4:5.678Z", "\"2001-1-2T3:4:5.678Z\""),
        (Null, "x", "error: cannot read !!str as !!null"),
        (Int, "1.5", "error: cannot read !!float as !!int"),
        (Bool, "1", "error: cannot read !!int as !!bool"),
        (Int, "", "error: cannot read !!null as !!int"),
        (Float, "18446744073709551615", "error: cannot read !!int as !!float"),
        (Float, ".inf", "error: .inf cannot be written in JSON"),
        (Timestamp, "foo", "error: cannot read !!str as !!timestamp"),
        (Timestamp, "2001-02-29", "error: cannot read !!str as !!timestamp"),
    ] {
        assert_eq!(json(Written::Tagged(tag), text), expected, "{tag:?} {text}");
    }
    for text in ["1", "true", "~", ""] {
        assert_eq!(json(Written::Quoted, text), format!("{text:?}"));
        assert_eq!(json(Written::ForeignTag, text), format!("{text:?}"));
    }
}

#[test]
fn binary_is_decoded() {
    for (text, expected) in [
        ("aGVsbG8=", Ok("hello")),
        ("aGVs\nbG8=", Ok("hello")),
        ("aGVsbG9=", Ok("hello")),
        ("//8=", Ok("\u{fffd}\u{fffd}")),
        ("4oI=", Ok("\u{fffd}\u{fffd}")),
        ("abc", Err(ScalarError::Base64)),
        ("aGVs bG8=", Err(ScalarError::Base64)),
        ("_-8=", Err(ScalarError::Base64)),
    ] {
        assert_eq!(binary(text).as_deref(), expected.as_ref().map(|s| *s), "{text}");
    }
}

#[test]
fn keys_are_strings() {
    let key = |text: &str| {
        let resolved = resolve(Written::Plain, text)?;
        resolved.to_key(text).map(Cow::into_owned)
    };
    for (text, expected) in [
        ("y", "true"),
        ("on", "true"),
        ("yes", "true"),
        ("no", "false"),
        ("n", "false"),
        ("off", "false"),
        ("1.0", "1"),
        ("017", "15"),
        ("0x1F", "31"),
        ("1e3", "1000"),
        ("1e6", "1e+06"),
        ("123456.0", "123456"),
        ("1234567.0", "1.234567e+06"),
        ("0.1", "0.1"),
        ("1e21", "1e+21"),
        ("0.00001", "1e-05"),
        (".5", "0.5"),
        (".inf", ".inf"),
        ("-.inf", "-.inf"),
        (".nan", ".nan"),
        ("2001-01-01", "2001-01-01"),
        ("app", "app"),
    ] {
        assert_eq!(key(text).as_deref(), Ok(expected), "{text}");
    }
    assert_eq!(key("null"), Err(ScalarError::NullKey));
    assert_eq!(key("~"), Err(ScalarError::NullKey));
    assert_eq!(key("9223372036854775808"), Err(ScalarError::HugeKey));
}

//! Validations: which fail, and in what words, with which reason and code.

use super::*;

fn said(validations: &Value, spec: &str) -> String {
    let mut spec = yaml(spec);
    spec["validations"] = validations.clone();
    Setting { spec: &spec.to_string(), ..Setting::default() }.said()
}

#[test]
fn messages() {
    let long = |bytes: usize| format!("'{}'", "x".repeat(bytes));
    let x = |bytes: usize| "x".repeat(bytes);
    let rows: Vec<(&str, Value, String)> = vec![
        ("none", json!({"expression": " false\n"}), "failed expression: false".to_owned()),
        ("a message", json!({"expression": "false", "message": " no "}), "no".to_owned()),
        (
            "an expression",
            json!({"expression": "false", "messageExpression": "'no ' + object.data.a"}),
            "no 1".to_owned(),
        ),
        (
            "it is stronger than the message",
            json!({"expression": "false", "message": "m", "messageExpression": "' e '"}),
            "e".to_owned(),
        ),
        (
            "that says nothing",
            json!({"expression": "false", "message": "m", "messageExpression": "'  '"}),
            "m".to_owned(),
        ),
        (
            "of two lines",
            json!({"expression": "false", "message": "m", "messageExpression": "'a\\nb'"}),
            "m".to_owned(),
        ),
        (
            "of one line",
            json!({"expression": "false", "message": "m", "messageExpression": "'\\na\\n'"}),
            "a".to_owned(),
        ),
        (
            "with a carriage return",
            json!({"expression": "false", "message": "m", "messageExpression": "'a\\rb'"}),
            "a\rb".to_owned(),
        ),
        (
            "that fails",
            json!({"expression": "false", "message": "m", "messageExpression": "object.missing + ''"}),
            "m".to_owned(),
        ),
        (
            "as long as may be",
            json!({"expression": "false", "message": "m", "messageExpression": long(5_120)}),
            x(5_120),
        ),
        (
            "longer",
            json!({"expression": "false", "message": "m", "messageExpression": long(5_121)}),
            "m".to_owned(),
        ),
    ];
    assert_rows(rows.iter().map(|(what, validation, expected)| {
        (VALIDATOR, *what, format!("422 Invalid b0: {expected}"), said(&json!([validation]), "{}"))
    }));
}

#[test]
fn reasons() {
    let error = "expression 'object.missing == 1' resulted in error: no such key: missing";
    let rows: [(&str, &str, &str, &str); 7] = [
        ("none", "false", "", "422 Invalid b0: m"),
        ("Invalid", "false", "Invalid", "422 Invalid b0: m"),
        ("Forbidden", "false", "Forbidden", "403 Forbidden b0: m"),
        ("Unauthorized, which a write would refuse", "false", "Unauthorized", "401 Unauthorized b0: m"),
        ("RequestEntityTooLarge", "false", "RequestEntityTooLarge", "413 RequestEntityTooLarge b0: m"),
        ("an error has none", "object.missing == 1", "Forbidden", &format!("422 Invalid b0: {error}")),
        ("what holds has none", "true", "Forbidden", "allowed"),
    ];
    assert_rows(rows.iter().map(|(what, expression, reason, expected)| {
        let mut validation = json!({"expression": expression, "message": "m"});
        if !reason.is_empty() {
            validation["reason"] = (*reason).into();
        }
        (DECISION, *what, (*expected).to_owned(), said(&json!([validation]), "{}"))
    }));
}

#[test]
fn several_validations() {
    let no = |message: &str| json!({"expression": "false", "message": message});
    let fails = json!({"expression": "object.missing == 1"});
    let error = "expression 'object.missing == 1' resulted in error: no such key: missing";
    let costly = |first: Value, count: usize| -> Value {
        let all = std::iter::repeat_n(json!({"expression": COSTLY}), count);
        [first].into_iter().chain(all).collect()
    };
    let spent =
        "validation failed due to running out of cost budget, no further validation rules will be run";
    let ignore = "{failurePolicy: Ignore}";
    let wordy = "lists.range(90000).all(i, i >= 0) ? 'a' : 'b'";
    let words = |count: usize| -> Value {
        let all = std::iter::repeat_n(json!({"expression": COSTLY}), count);
        all.chain(std::iter::repeat_n(json!({"expression": "true", "messageExpression": wordy}), 4)).collect()
    };
    let rows: [(&str, &str, Value, &str, String); 10] = [
        (
            VALIDATING,
            "the first that fails is told",
            json!([{"expression": "true"}, no("a"), no("b")]),
            "{}",
            "422 Invalid b0: a".to_owned(),
        ),
        (VALIDATOR, "an error before", json!([fails, no("a")]), "{}", format!("422 Invalid b0: {error}")),
        (
            VALIDATOR,
            "an error that is ignored",
            json!([fails, no("a")]),
            ignore,
            "422 Invalid b0: a".to_owned(),
        ),
        (VALIDATOR, "fourteen costly ones", costly(no("a"), 14), "{}", "422 Invalid b0: a".to_owned()),
        (
            VALIDATOR,
            "fifteen go beyond the budget",
            costly(no("a"), 15),
            "{}",
            format!("422 Invalid b0: {spent}"),
        ),
        (VALIDATOR, "and failures go with them", costly(no("a"), 15), ignore, "allowed".to_owned()),
        (
            VALIDATOR,
            "one alone beyond its own limit",
            json!([{"expression": format!("{COSTLY} && {COSTLY}")}]),
            ignore,
            "allowed".to_owned(),
        ),
        (
            VALIDATOR,
            "messages have what is left, and that may be too little",
            words(13),
            "{}",
            format!("422 Invalid b0: failed messageExpression: {spent}"),
        ),
        (VALIDATOR, "or enough", words(10), "{}", "allowed".to_owned()),
        (
            ACTIVATION,
            "messages know no authorizer",
            json!([{"expression": "false", "message": "m", "messageExpression": "variables.v"}]),
            "{variables: [{name: v, expression: \"authorizer.path('/').check('get').allowed() ? 'a' : 'b'\"}]}",
            "422 Invalid b0: m".to_owned(),
        ),
    ];
    assert_rows(rows.iter().map(|(source, what, validations, spec, expected)| {
        (*source, *what, expected.clone(), said(validations, spec))
    }));
}

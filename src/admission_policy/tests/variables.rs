//! Variables: evaluated where they are first read, once for each list of expressions.

use super::*;

fn said(variables: &[(&str, &str)], expression: &str) -> String {
    let variables: Vec<Value> =
        variables.iter().map(|(name, text)| json!({"name": name, "expression": text})).collect();
    let spec =
        json!({"variables": variables, "validations": [{"expression": expression, "message": "false"}]});
    Setting { spec: &spec.to_string(), ..Setting::default() }.said()
}

#[test]
fn variables() {
    let failing = ("v", "object.missing");
    #[expect(clippy::type_complexity, reason = "a table: its rows say what the columns are")]
    let rows: [(&str, &str, Vec<(&str, &str)>, &str, String); 9] = [
        (COMPOSITION, "read", vec![("v", "object.data.a")], "variables.v == '2'", "422 Invalid b0: false".to_owned()),
        (COMPOSITION, "one reads another", vec![("v", "object.data"), ("w", "variables.v.a")], "variables.w == '1'", "allowed".to_owned()),
        (COMPOSITION, "what is not read does not fail", vec![failing], "true", "allowed".to_owned()),
        (
            COMPOSITION,
            "what is read fails",
            vec![failing],
            "variables.v == 1",
            "422 Invalid b0: expression 'variables.v == 1' resulted in error: composited variable \"v\" fails to evaluate: \
             no such key: missing"
                .to_owned(),
        ),
        (COMPOSITION, "and is absorbed as other errors are", vec![failing], "variables.v == 1 || true", "allowed".to_owned()),
        (
            COMPOSITION,
            "through another",
            vec![failing, ("w", "variables.v.x")],
            "variables.w == 1",
            "422 Invalid b0: expression 'variables.w == 1' resulted in error: composited variable \"w\" fails to evaluate: \
             composited variable \"v\" fails to evaluate: no such key: missing"
                .to_owned(),
        ),
        (
            ACTIVATION,
            "its cost is not that of who reads it",
            vec![("v", COSTLY)],
            "variables.v && authorizer.group('').resource('pods').check('get').allowed() \
             && authorizer.group('').resource('pods').check('list').allowed()",
            "allowed".to_owned(),
        ),
        (COMPOSITION, "types are known", vec![("v", "[1, 2]")], "variables.v.sum() == 3", "allowed".to_owned()),
        (COMPOSITION, "object is dyn, so is what is read of it", vec![("v", "object.data")], "variables.v.all(k, k == 'a')", "allowed".to_owned()),
    ];
    assert_rows(rows.iter().map(|(source, what, variables, expression, expected)| {
        (*source, *what, expected.clone(), said(variables, expression))
    }));
}

/// One that does not compile fails where it is read, and nowhere else: it may have been stored by another release.
#[test]
fn a_variable_that_does_not_compile() {
    assert_eq!(said(&[("v", "no.such.thing(")], "true"), "allowed", "{COMPOSITION}");
    let read = said(&[("v", "no.such.thing(")], "variables.v == 1");
    assert!(
        read.starts_with("422 Invalid b0: ")
            && read.contains("fails to compile: compilation failed: ERROR: ")
            && read.contains("Syntax error"),
        "{COMPOSITION}: {read}"
    );
}

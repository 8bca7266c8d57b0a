//! Match conditions: whether a policy is asked at all.

use super::*;

/// A policy that denies, with these conditions and fields beside them.
fn said(conditions: &[&str], more: &str, bindings: &[&str]) -> String {
    let mut spec = yaml(&format!("{{validations: [{{expression: 'false', message: asked}}]{more}}}"));
    let conditions = conditions.iter().enumerate();
    spec["matchConditions"] =
        conditions.map(|(index, text)| json!({"name": format!("c{index}"), "expression": text})).collect();
    Setting { spec: &spec.to_string(), bindings, ..Setting::default() }.said()
}

#[test]
fn conditions() {
    let (asked, missing) = ("422 Invalid b0: asked", "object.missing == 1");
    let error = |text: &str| format!("expression '{text}' resulted in error: no such key: missing");
    let spent =
        "validation failed due to running out of cost budget, no further validation rules will be run";
    let costly = |count: usize, last: &'static str| -> Vec<&'static str> {
        std::iter::repeat_n(COSTLY, count).chain([last]).collect()
    };
    let ignore = ", failurePolicy: Ignore";
    let other = "object.missing == 2";
    #[expect(clippy::type_complexity, reason = "a table: its rows say what the columns are")]
    let rows: Vec<(&str, Vec<&str>, &str, &[&str], String)> = vec![
        ("none", vec![], "", DENY, asked.to_owned()),
        ("all hold", vec!["true", "object.data.a == '1'"], "", DENY, asked.to_owned()),
        ("one does not", vec!["true", "false"], "", DENY, "allowed".to_owned()),
        ("one cannot be evaluated", vec![missing], "", DENY, format!("422 Invalid b0: {}", error(missing))),
        ("and that is ignored", vec![missing], ignore, DENY, "allowed".to_owned()),
        ("false is stronger than an error", vec![missing, "false"], "", DENY, "allowed".to_owned()),
        (
            "several errors",
            vec![missing, other],
            "",
            DENY,
            format!("422 Invalid b0: [{}, {}]", error(missing), error(other)),
        ),
        ("equal errors", vec![missing, missing], "", DENY, format!("422 Invalid b0: {}", error(missing))),
        (
            "an error is for the binding's actions",
            vec![missing],
            "",
            &["{validationActions: [Warn]}"],
            format!("warns b0: {}", error(missing)),
        ),
        ("within the budget", costly(3, "true"), "", DENY, asked.to_owned()),
        (
            "beyond it, which is stronger than false",
            costly(4, "false"),
            "",
            DENY,
            format!("422 Invalid b0: {spent}"),
        ),
        ("beyond it, and that is ignored", costly(4, "true"), ignore, DENY, "allowed".to_owned()),
        ("there is no Namespace", vec!["namespaceObject == null"], "", DENY, asked.to_owned()),
    ];
    assert_rows(rows.iter().map(|(what, conditions, more, bindings, expected)| {
        (CONDITIONS, *what, expected.clone(), said(conditions, more, bindings))
    }));
}

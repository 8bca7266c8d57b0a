//! Audit annotations.

use super::*;

fn said(annotations: &[(&str, &str)], more: &str, bindings: &[&str]) -> String {
    let mut spec = yaml(&format!("{{validations: [{{expression: 'true'}}]{more}}}"));
    let annotations = annotations.iter();
    spec["auditAnnotations"] =
        annotations.map(|(key, text)| json!({"key": key, "valueExpression": text})).collect();
    Setting { spec: &spec.to_string(), bindings, ..Setting::default() }.said()
}

#[test]
fn annotations() {
    let string = "string(object.missing)";
    let failing = format!("422 Invalid b0: expression '{string}' resulted in error: no such key: missing");
    let two: &[&str] = &["{validationActions: [Deny]}", "{validationActions: [Warn]}"];
    let audit: &[&str] = &["{validationActions: [Audit]}"];
    #[expect(clippy::type_complexity, reason = "a table: its rows say what the columns are")]
    let rows: Vec<(&str, &str, Vec<(&str, &str)>, &str, &[&str], String)> = vec![
        (VALIDATOR, "a text", vec![("k", "'v ' + object.data.a")], "", DENY, "notes p/k v 1".to_owned()),
        (VALIDATOR, "without blanks around it", vec![("k", "' v '")], "", DENY, "notes p/k v".to_owned()),
        (VALIDATOR, "null", vec![("k", "null")], "", DENY, "allowed".to_owned()),
        (VALIDATOR, "an empty text", vec![("k", "'  '")], "", DENY, "allowed".to_owned()),
        (VALIDATOR, "an error refuses, whatever the actions are", vec![("k", string)], "", audit, failing),
        (VALIDATOR, "unless it is ignored", vec![("k", string), ("l", "'v'")], ", failurePolicy: Ignore", audit, "notes p/l v".to_owned()),
        (VALIDATING, "of two bindings, equal ones once", vec![("k", "'v'")], "", two, "notes p/k v".to_owned()),
        (VALIDATOR, "conditions that do not hold", vec![("k", "'v'")], ", matchConditions: [{name: c, expression: 'false'}]", DENY, "allowed".to_owned()),
        (
            VALIDATOR,
            "they have no authorizer",
            vec![("k", "authorizer.path('/').check('get').allowed() ? 'a' : 'b'")],
            "",
            audit,
            "422 Invalid b0: expression 'authorizer.path('/').check('get').allowed() ? 'a' : 'b'' resulted in error: no such \
             attribute(s): authorizer"
                .to_owned(),
        ),
    ];
    assert_rows(rows.iter().map(|(source, what, annotations, more, bindings, expected)| {
        (*source, *what, expected.clone(), said(annotations, more, bindings))
    }));
}

/// `maxAuditAnnotationValueLength`; several parameters are joined.
#[test]
fn values() {
    let long = format!("'{}'", "x".repeat(20_000));
    let expected = format!("notes p/k {}", "x".repeat(10_240));
    assert_eq!(said(&[("k", &long)], "", DENY), expected, "{VALIDATING}");

    let list = |name: &str, value: &str| {
        format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: shop, labels: {{list: 'yes'}}}}, data: {{v: {value}}}}}"
        )
    };
    let (one, two, three) = (list("one", "blue"), list("two", "red"), list("three", "blue"));
    let setting = Setting {
        spec: "{paramKind: {apiVersion: v1, kind: ConfigMap}, validations: [{expression: 'true'}], \
               auditAnnotations: [{key: k, valueExpression: string(params.data.v)}]}",
        bindings: &[
            "{validationActions: [Deny], paramRef: {selector: {matchLabels: {list: 'yes'}}, parameterNotFoundAction: Deny}}",
        ],
        given: &[&one, &two, &three],
        ..Setting::default()
    };
    let said = setting.said();
    assert!(["notes p/k blue, red", "notes p/k red, blue"].contains(&said.as_str()), "{said} ({VALIDATING})");
}

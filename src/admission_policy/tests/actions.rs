//! `validationActions`: what becomes of a validation that fails.

use super::*;

fn binding(actions: &str) -> String {
    format!("{{validationActions: [{actions}]}}")
}

#[test]
fn actions() {
    let no = "{validations: [{expression: 'false', message: m}]}";
    let fails = "{validations: [{expression: object.missing == 1}]}";
    let ignored = "{failurePolicy: Ignore, validations: [{expression: object.missing == 1}]}";
    let why = "expression 'object.missing == 1' resulted in error: no such key: missing";
    let failure = |message: &str, binding: &str, actions: &str| {
        format!(
            "notes validation_failure [{{\"message\":\"{message}\",\"policy\":\"p\",\"binding\":\"{binding}\",\
             \"expressionIndex\":0,\"validationActions\":[{actions}]}}]"
        )
    };
    let rows: Vec<(&str, &str, Vec<&str>, String)> = vec![
        ("Deny", no, vec!["Deny"], "422 Invalid b0: m".to_owned()),
        ("Warn lets it through", no, vec!["Warn"], "warns b0: m".to_owned()),
        ("Audit notes it", no, vec!["Audit"], failure("m", "b0", "\"Audit\"")),
        (
            "two of them",
            no,
            vec!["Warn, Audit"],
            format!("warns b0: m; {}", failure("m", "b0", "\"Warn\",\"Audit\"")),
        ),
        (
            "Deny and Audit",
            no,
            vec!["Deny, Audit"],
            format!("422 Invalid b0: m; {}", failure("m", "b0", "\"Deny\",\"Audit\"")),
        ),
        ("an error is for them too", fails, vec!["Warn"], format!("warns b0: {why}")),
        ("an error that is ignored is not", ignored, vec!["Deny", "Warn", "Audit"], "allowed".to_owned()),
        ("each binding has its own", no, vec!["Warn", "Deny"], "422 Invalid b1: m; warns b0: m".to_owned()),
        ("each warns", no, vec!["Warn", "Warn"], "warns b0: m; warns b1: m".to_owned()),
        ("one entry in the log", no, vec!["Audit", "Audit"], failure("m", "b0", "\"Audit\"")),
    ];
    assert_rows(rows.iter().map(|(what, spec, actions, expected)| {
        let bindings: Vec<String> = actions.iter().map(|actions| binding(actions)).collect();
        let bindings: Vec<&str> = bindings.iter().map(String::as_str).collect();
        let got = Setting { spec, bindings: &bindings, ..Setting::default() }.said();
        (VALIDATING, *what, expected.clone(), got)
    }));
}

/// `pkg/endpoints/filters/warning.go`: each once, none with a newline, all shorter where they are too long together.
#[test]
fn warnings() {
    let warned = |messages: &[&str]| -> Vec<usize> {
        let validations: Vec<Value> =
            messages.iter().map(|message| json!({"expression": "false", "message": message})).collect();
        let spec = json!({"validations": validations}).to_string();
        let said =
            Setting { spec: &spec, bindings: &["{validationActions: [Warn]}"], ..Setting::default() }.said();
        said.split("; ").map(|warning| warning.len()).collect()
    };
    let long = "x".repeat(2_500);
    let prefix = "warns b0: ".len();
    assert_eq!(warned(&["a", "a", "b"]), [prefix + 1, prefix + 1], "equal ones once");
    assert_eq!(warned(&["a\nb", "c"]), [prefix + 1], "none with a newline");
    assert_eq!(warned(&[&long]), [prefix + 2_500], "one alone is whole");
    let cut = 256 - "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b0': ".len();
    let other = format!("y{long}");
    assert_eq!(warned(&[&long, &other]), [prefix + cut, prefix + cut], "two are cut");
}

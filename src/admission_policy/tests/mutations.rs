//! Mutations: what is made of an object, in which order, and what becomes of one that fails.

use super::*;

fn made(mutations: &[(&str, &str)], more: &str, ask: Ask<'_>) -> String {
    let mut spec = yaml(&format!("{{paramKind: null{more}}}"));
    let mutation = |(kind, expression): &(&str, &str)| {
        let field = if *kind == "JSONPatch" { "jsonPatch" } else { "applyConfiguration" };
        json!({"patchType": kind, field: {"expression": expression}})
    };
    spec["mutations"] = mutations.iter().map(mutation).collect();
    Setting { spec: &spec.to_string(), bindings: &["{}"], ask, ..Setting::default() }.made()
}

const JSON: &str = "JSONPatch";
const MERGE: &str = "ApplyConfiguration";

#[test]
fn mutations() {
    let plain = Ask::default();
    let add = (JSON, "[JSONPatch{op: 'add', path: '/data/b', value: '2'}]");
    let fails = (JSON, "[JSONPatch{op: 'add', path: '/data/b', value: object.missing}]");
    let denied = |text: &str| format!("403 Invalid: policy 'p' with binding 'b0' denied request: {text}");
    let missing = format!("expression '{}' resulted in error: no such key: missing", fails.1);
    #[expect(clippy::type_complexity, reason = "a table: its rows say what the columns are")]
    let rows: Vec<(&str, &str, Vec<(&str, &str)>, &str, String)> = vec![
        (JSON_PATCH, "add", vec![add], "", r#"{"a":"1","b":"2"}"#.to_owned()),
        (
            JSON_PATCH,
            "replace adds what is not there",
            vec![(JSON, "[JSONPatch{op: 'replace', path: '/data/b', value: '2'}]")],
            "",
            r#"{"a":"1","b":"2"}"#.to_owned(),
        ),
        (
            JSON_PATCH,
            "a test that fails skips the rest",
            vec![(
                JSON,
                "[JSONPatch{op: 'test', path: '/data/a', value: '2'}, JSONPatch{op: 'remove', path: '/data/a'}]",
            )],
            "",
            r#"{"a":"1"}"#.to_owned(),
        ),
        (
            JSON_PATCH,
            "and this mutation only",
            vec![(JSON, "[JSONPatch{op: 'test', path: '/data/a', value: '2'}]"), add],
            "",
            r#"{"a":"1","b":"2"}"#.to_owned(),
        ),
        (
            JSON_PATCH,
            "keys are escaped",
            vec![(JSON, "[JSONPatch{op: 'add', path: '/data/' + jsonpatch.escapeKey('a~b'), value: '2'}]")],
            "",
            r#"{"a":"1","a~b":"2"}"#.to_owned(),
        ),
        (
            JSON_PATCH,
            "no operations",
            vec![(JSON, "true ? [] : [JSONPatch{op: 'remove', path: '/data/a'}]")],
            "",
            r#"{"a":"1"}"#.to_owned(),
        ),
        (
            JSON_PATCH,
            "a field that there is not, whatever failurePolicy says",
            vec![(JSON, "[JSONPatch{op: 'add', path: '/datum', value: '2'}]")],
            ", failurePolicy: Ignore",
            "500 InternalError: strict decoding error: unknown field \"datum\"".to_owned(),
        ),
        (
            APPLY,
            "a merge",
            vec![(MERGE, "Object{data: Object.data{b: '2'}}")],
            "",
            r#"{"a":"1","b":"2"}"#.to_owned(),
        ),
        (
            APPLY,
            "a merge over what is there",
            vec![(MERGE, "Object{data: {'a': '2'}}")],
            "",
            r#"{"a":"2"}"#.to_owned(),
        ),
        (
            MUTATING,
            "each sees what those before it made",
            vec![add, (JSON, "[JSONPatch{op: 'add', path: '/data/c', value: object.data.b}]")],
            "",
            r#"{"a":"1","b":"2","c":"2"}"#.to_owned(),
        ),
        (MUTATING, "one that fails", vec![fails], "", denied(&missing)),
        (
            MUTATING,
            "one that fails does not stop the next",
            vec![fails, fails],
            "",
            format!("{}; {}", denied(&missing), denied(&missing).trim_start_matches("403 Invalid: ")),
        ),
        (
            MUTATING,
            "ignored, the others count",
            vec![fails, add],
            ", failurePolicy: Ignore",
            r#"{"a":"1","b":"2"}"#.to_owned(),
        ),
        (
            MUTATING,
            "a condition that does not hold",
            vec![add],
            ", matchConditions: [{name: c, expression: 'false'}]",
            r#"{"a":"1"}"#.to_owned(),
        ),
        (
            MUTATING,
            "variables",
            vec![(MERGE, "Object{data: {'b': variables.v}}")],
            ", variables: [{name: v, expression: \"object.data.a + '!'\"}]",
            r#"{"a":"1","b":"1!"}"#.to_owned(),
        ),
    ];
    assert_rows(rows.iter().map(|(source, what, mutations, more, expected)| {
        (*source, *what, expected.clone(), made(mutations, more, plain))
    }));
}

/// The whole chain runs again once something has changed: with `IfNeeded` a policy is asked again for its own change too.
#[test]
fn reinvocation() {
    let grow = [(JSON, "[JSONPatch{op: 'add', path: '/data/a', value: object.data.a + '1'}]")];
    let once = [(JSON, "[JSONPatch{op: 'add', path: '/data/b', value: '1'}]")];
    let rows = [
        ("Never", made(&grow, "", Ask::default()), r#"{"a":"11"}"#),
        ("IfNeeded", made(&grow, ", reinvocationPolicy: IfNeeded", Ask::default()), r#"{"a":"111"}"#),
        (
            "IfNeeded, the same each time",
            made(&once, ", reinvocationPolicy: IfNeeded", Ask::default()),
            r#"{"a":"1","b":"1"}"#,
        ),
    ];
    assert_rows(rows.into_iter().map(|(what, got, expected)| (REINVOCATION, what, expected.to_owned(), got)));
}

/// Nothing is changed of what goes.
#[test]
fn deletions() {
    let plain = Ask::default();
    let gone = Ask { operation: Operation::Delete, old: plain.object, ..plain };
    let add = [(JSON, "[JSONPatch{op: 'add', path: '/data/b', value: '2'}]")];
    assert_eq!(made(&add, "", gone), r#"{"a":"1"}"#, "plugin/policy/mutating/plugin.go");
}

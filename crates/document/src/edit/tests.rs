use super::*;
use crate::Span;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(text: &str) -> Document<'_> {
    Document::from_json_with_places(text, Limits::default()).unwrap()
}

fn value(value: &Value) -> Literal {
    Arc::new(Document::from_value(value).unwrap())
}

fn operations(list: &Value) -> Vec<PatchOperation> {
    let document = Document::from_value(list).unwrap();
    document.root().items().map(|node| PatchOperation::read(node).unwrap()).collect()
}

fn edited(text: &str, list: &Value) -> Result<Value, (usize, EditError)> {
    let document = read(text);
    let new = document.edited(&operations(list), "test", Limits::default())?;
    Ok(serde_json::to_value(&new).unwrap())
}

#[test]
fn rfc_6902() {
    let rows = [
        // the examples of the RFC's appendix A, in other words
        (r#"{"a":1}"#, json!([{"op":"add","path":"/b","value":2}]), json!({"a":1,"b":2})),
        (r#"{"a":[1,3]}"#, json!([{"op":"add","path":"/a/1","value":2}]), json!({"a":[1,2,3]})),
        (r#"{"a":[1]}"#, json!([{"op":"add","path":"/a/-","value":[2]}]), json!({"a":[1,[2]]})),
        (r#"{"a":[1]}"#, json!([{"op":"add","path":"/a/1","value":2}]), json!({"a":[1,2]})),
        (r#"{"a":1}"#, json!([{"op":"add","path":"/a","value":null}]), json!({"a":null})),
        (r#"{"a":1,"b":2}"#, json!([{"op":"remove","path":"/b"}]), json!({"a":1})),
        (r#"{"a":[1,2,3]}"#, json!([{"op":"remove","path":"/a/1"}]), json!({"a":[1,3]})),
        (r#"{"a":1}"#, json!([{"op":"replace","path":"/a","value":{"b":[]}}]), json!({"a":{"b":[]}})),
        (r#"{"a":1}"#, json!([{"op":"replace","path":"","value":3}]), json!(3)),
        (r#"{"a":1}"#, json!([{"op":"add","path":"","value":{}}]), json!({})),
        (
            r#"{"a":{"x":1},"b":{}}"#,
            json!([{"op":"move","from":"/a/x","path":"/b/y"}]),
            json!({"a":{},"b":{"y":1}}),
        ),
        (r#"{"a":[1,2,3]}"#, json!([{"op":"move","from":"/a/0","path":"/a/2"}]), json!({"a":[2,3,1]})),
        (r#"{"a":{"b":1}}"#, json!([{"op":"move","from":"/a/b","path":""}]), json!(1)),
        (r#"{"a":{"b":1}}"#, json!([{"op":"move","from":"/a","path":"/a"}]), json!({"a":{"b":1}})),
        (
            r#"{"a":{"b":1}}"#,
            json!([{"op":"copy","from":"/a","path":"/a/c"}]),
            json!({"a":{"b":1,"c":{"b":1}}}),
        ),
        (r#"{"a":1}"#, json!([{"op":"copy","from":"","path":"/b"}]), json!({"a":1,"b":{"a":1}})),
        (
            r#"{"a":[1,{"b":null}]}"#,
            json!([{"op":"test","path":"/a","value":[1,{"b":null}]}]),
            json!({"a":[1,{"b":null}]}),
        ),
        (
            r#"{"a/b":1,"m~n":2,"":3}"#,
            json!([{"op":"remove","path":"/a~1b"},{"op":"remove","path":"/m~0n"},{"op":"remove","path":"/"}]),
            json!({}),
        ),
        (r#"{"0":1}"#, json!([{"op":"replace","path":"/0","value":2}]), json!({"0":2})),
        // later operations go through what earlier ones made
        (
            r#"{"a":{}}"#,
            json!([
                {"op":"add","path":"/a/x","value":{"y":[1]}}, {"op":"add","path":"/a/x/y/0","value":0},
                {"op":"copy","from":"/a/x","path":"/b"}, {"op":"remove","path":"/a/x/y/1"},
                {"op":"test","path":"/b","value":{"y":[0,1]}}, {"op":"replace","path":"/b/y/1","value":"z"}
            ]),
            json!({"a":{"x":{"y":[0]}},"b":{"y":[0,"z"]}}),
        ),
        // of duplicate keys the last counts, and is what is changed
        (
            r#"{"a":1,"b":{"c":1,"c":2}}"#,
            json!([{"op":"test","path":"/b/c","value":2},{"op":"remove","path":"/b/c"}]),
            json!({"a":1,"b":{}}),
        ),
    ];
    for (text, list, expected) in rows {
        assert_eq!(edited(text, &list), Ok(expected), "{text} {list}");
    }
}

#[test]
fn operations_that_do_not_apply() {
    let rows = [
        (json!([{"op":"add","path":"/x/y","value":1}]), "0: there is nothing at \"/x\""),
        (json!([{"op":"remove","path":"/x"}]), "0: there is nothing at \"/x\""),
        (json!([{"op":"replace","path":"/o/x","value":1}]), "0: there is nothing at \"/o/x\""),
        (json!([{"op":"copy","from":"/x","path":"/y"}]), "0: there is nothing at \"/x\""),
        (json!([{"op":"test","path":"/x","value":null}]), "0: there is nothing at \"/x\""),
        (
            json!([{"op":"add","path":"/s/x","value":1}]),
            "0: \"/s\" is of type string, so nothing is below it",
        ),
        (json!([{"op":"remove","path":"/s/x/y"}]), "0: \"/s\" is of type string, so nothing is below it"),
        (
            json!([{"op":"add","path":"/l/2","value":1}]),
            "0: the list at \"/l\" has 1 items, so there is no [2]",
        ),
        (json!([{"op":"remove","path":"/l/1"}]), "0: the list at \"/l\" has 1 items, so there is no [1]"),
        (json!([{"op":"remove","path":"/l/-"}]), "0: \"-\" names no item of the list at \"/l\""),
        (json!([{"op":"add","path":"/l/01","value":1}]), "0: \"01\" names no item of the list at \"/l\""),
        (json!([{"op":"add","path":"/l/+0","value":1}]), "0: \"+0\" names no item of the list at \"/l\""),
        (json!([{"op":"remove","path":""}]), "0: the whole document cannot be removed or moved"),
        (json!([{"op":"move","from":"","path":"/x"}]), "0: the whole document cannot be removed or moved"),
        (
            json!([{"op":"move","from":"/o","path":"/o/x"}]),
            "0: \"/o\" cannot be moved into itself, to \"/o/x\"",
        ),
        (json!([{"op":"test","path":"/s","value":"u"}]), "0: the value at \"/s\" is not the one tested for"),
        (
            json!([{"op":"test","path":"/s","value":"t"},{"op":"remove","path":"/x"}]),
            "1: there is nothing at \"/x\"",
        ),
    ];
    for (list, expected) in rows {
        let (index, error) = edited(r#"{"o":{},"s":"t","l":[0]}"#, &list).expect_err(expected);
        assert_eq!(format!("{index}: {error}"), expected, "{list}");
    }
}

#[test]
fn objects_that_are_no_operations() {
    let rows = [
        (json!({"path":"/a"}), "`op` is missing", ""),
        (json!({"op":"remove"}), "`path` is missing", ""),
        (
            json!({"op":"put","path":"/a"}),
            "unknown operation \"put\": add, remove, replace, move, copy or test",
            "/op",
        ),
        (json!({"op":"remove","path":7}), "`path` must be a string", "/path"),
        (json!({"op":"remove","path":"a"}), "`path`: a pointer is empty or starts with a slash", "/path"),
        (json!({"op":"add","path":"/a"}), "`value` is missing", ""),
        (json!({"op":"copy","path":"/a"}), "`from` is missing", ""),
        (
            json!({"op":"move","path":"/a","from":"/~3"}),
            "`from`: `~` at byte 1 is followed by neither 0 nor 1",
            "/from",
        ),
    ];
    for (text, message, at) in rows {
        let document = Document::from_value(&text).unwrap();
        let error = PatchOperation::read(document.root()).expect_err(message);
        assert_eq!(error.to_string(), message);
        assert_eq!(document.node(error.node).pointer(), at);
    }
}

#[test]
fn a_failed_move_leaves_everything_in_place() {
    for text in [r#"{"a":{"b":1,"c":2}}"#, r#"{"a":[1,2]}"#] {
        let document = read(text);
        let mut editor = Editor::new(&document, Limits::default());
        let from = if text.contains('b') { "/a/b" } else { "/a/0" };
        let operation = PatchOperation::Move { from: from.parse().unwrap(), path: "/x/y".parse().unwrap() };
        assert_eq!(editor.apply(operation, &"t".into()), Err(EditError::Missing { at: "/x".into() }));
        // still there, and found
        let again = PatchOperation::Test { path: from.parse().unwrap(), value: value(&json!(1)) };
        editor.apply(again, &"t".into()).unwrap();
        editor
            .apply(operations(&json!([{"op":"add","path":"/z","value":0}])).remove(0), &"t".into())
            .unwrap();
        let new = editor.finish().unwrap().0;
        assert_eq!(new.root().get("a"), document.root().get("a"));
        assert_eq!(new.root().get("a").unwrap().to_json(), document.root().get("a").unwrap().to_json());
    }
}

#[test]
fn places_and_origins() {
    let text = r#"{"a": {"b": [10, {"c": "x"}], "d": true}, "e": "\u0041", "f": {"g": 1}}"#;
    let document = read(text);
    let list = operations(&json!([
        {"op":"add","path":"/a/new","value":{"x":[1]}}, {"op":"replace","path":"/a/b/1/c","value":"y"},
        {"op":"move","from":"/f/g","path":"/h"}, {"op":"copy","from":"/a/d","path":"/i"},
    ]));
    let new = document.edited(&list, "p/r", Limits::default()).unwrap();
    let at = |pointer: &str| new.root().at(pointer).unwrap();
    let text_of = |span: Option<Span>| span.map(|s| &text[s.start as usize..s.end as usize]);
    for (pointer, span, origin, key) in [
        ("", Some(text), None, None),
        ("/a", Some(r#"{"b": [10, {"c": "x"}], "d": true}"#), None, Some("\"a\"")),
        ("/a/b", Some(r#"[10, {"c": "x"}]"#), None, Some("\"b\"")),
        ("/a/b/0", Some("10"), None, None),
        ("/a/b/1", Some(r#"{"c": "x"}"#), None, None),
        ("/a/b/1/c", Some(r#""x""#), Some("p/r"), Some("\"c\"")),
        ("/a/d", Some("true"), None, Some("\"d\"")),
        ("/a/new", None, Some("p/r"), None),
        ("/a/new/x", None, Some("p/r"), None),
        ("/a/new/x/0", None, Some("p/r"), None),
        ("/e", Some(r#""\u0041""#), None, Some("\"e\"")),
        ("/f", Some(r#"{"g": 1}"#), None, Some("\"f\"")),
        ("/h", Some("1"), None, None),
        ("/i", None, Some("p/r"), None),
    ] {
        let node = at(pointer);
        assert_eq!((text_of(node.span()), node.origin()), (span, origin), "{pointer}");
        assert_eq!(text_of(node.key_span()), key, "{pointer}");
    }
    assert_eq!(at("/e").as_str(), Some("A"));

    // a second version keeps what the first one knew, also around and beside what it makes itself
    let second = operations(&json!([
        {"op":"add","path":"/a/new/x/0","value":0}, {"op":"add","path":"/a/new/z","value":{"deep":[]}},
    ]));
    let second = new.edited(&second, "q/s", Limits::default()).unwrap();
    let origin = |pointer: &str| second.root().at(pointer).unwrap().origin();
    for (pointer, expected) in [
        ("/a", None),
        ("/a/b/1/c", Some("p/r")),
        ("/a/new", Some("p/r")),
        ("/a/new/x", Some("p/r")),
        ("/a/new/x/0", Some("q/s")),
        ("/a/new/x/1", Some("p/r")),
        ("/a/new/z", Some("q/s")),
        ("/a/new/z/deep", Some("q/s")),
        ("/e", None),
        ("/i", Some("p/r")),
    ] {
        assert_eq!(origin(pointer), expected, "{pointer}");
    }
    let e = second.root().get("e").unwrap();
    assert_eq!((text_of(e.span()), e.as_str()), (Some(r#""\u0041""#), Some("A")));
}

#[test]
fn what_replaces_a_scalar_stands_where_that_stood() {
    let text = r#"{"a": 1, "b": null, "c": [2, 3], "d": {"e": 4}, "f": 5}"#;
    let document = read(text);
    let text_of = |span: Option<Span>| span.map(|s| &text[s.start as usize..s.end as usize]);
    for (list, pointer, expected) in [
        (json!([{"op":"replace","path":"/a","value":"x"}]), "/a", Some("1")),
        (json!([{"op":"add","path":"/a","value":"x"}]), "/a", Some("1")),
        // twice
        (
            json!([{"op":"replace","path":"/a","value":0}, {"op":"replace","path":"/a","value":"x"}]),
            "/a",
            Some("1"),
        ),
        (json!([{"op":"replace","path":"/c/1","value":0}]), "/c/1", Some("3")),
        // another item, which no scalar made way for
        (json!([{"op":"add","path":"/c/1","value":0}]), "/c/1", None),
        (json!([{"op":"remove","path":"/a"}, {"op":"add","path":"/a","value":0}]), "/a", None),
        // what is below a value that was made has no place of its own, and the nearest that has one is this
        (json!([{"op":"replace","path":"/b","value":{"x":{"y":1}}}]), "/b", Some("null")),
        (
            json!([{"op":"replace","path":"/b","value":{"x":1}}, {"op":"add","path":"/b/z","value":2}]),
            "/b",
            Some("null"),
        ),
        (
            json!([{"op":"replace","path":"/b","value":{"x":1}}, {"op":"add","path":"/b/z","value":2}]),
            "/b/z",
            None,
        ),
        (
            json!([{"op":"replace","path":"/b","value":[1]}, {"op":"add","path":"/b/0","value":2}]),
            "/b",
            Some("null"),
        ),
        (
            json!([{"op":"replace","path":"/b","value":[1]}, {"op":"replace","path":"/b","value":2}]),
            "/b",
            Some("null"),
        ),
        // only scalars: of a list or an object it is not known which part of it was meant
        (json!([{"op":"replace","path":"/d","value":{"e":5}}]), "/d", None),
        (json!([{"op":"copy","from":"/d/e","path":"/f"}]), "/f", Some("5")),
        (json!([{"op":"move","from":"/d/e","path":"/f"}]), "/f", Some("4")),
    ] {
        let edited = document.edited(&operations(&list), "p/r", Limits::default()).unwrap();
        let again = edited.edited(
            &operations(&json!([{"op":"add","path":"/new","value":1}])),
            "q/s",
            Limits::default(),
        );
        for document in [&edited, &again.unwrap()] {
            assert_eq!(text_of(document.root().at(pointer).unwrap().span()), expected, "{list} {pointer}");
        }
    }
}

/// `set` or, where there is no value, `remove`; twice, of which the second does nothing.
fn changed(text: &str, path: &str, new: Option<&Value>) -> Result<(Value, String), EditError> {
    let document = read(text);
    let (path, label) = (path.parse::<Path>().unwrap(), "t".into());
    let mut editor = Editor::new(&document, Limits::default());
    let go = |editor: &mut Editor<'_, '_>| match new {
        Some(new) => editor.set(&Pointer::default(), &path, &value(new), &label),
        None => editor.remove(&Pointer::default(), &path, &label),
    };
    let first = go(&mut editor)?;
    assert_eq!(go(&mut editor), Ok(false), "{text} {path}");
    assert_eq!(editor.is_unchanged(), !first);
    let (result, operations) = editor.finish()?;
    // in a fresh editor of the result neither
    let mut again = Editor::new(&result, Limits::default());
    assert_eq!(go(&mut again), Ok(false), "{text} {path}");
    Ok((serde_json::to_value(&result).unwrap(), serde_json::to_string(&operations).unwrap()))
}

#[test]
fn set_and_remove() {
    let rows = [
        ("{}", "a", Some(json!(1)), json!({"a":1}), r#"[{"op":"add","path":"/a","value":1}]"#),
        (
            "{}",
            "a.b[\"x/y\"]",
            Some(json!(1)),
            json!({"a":{"b":{"x/y":1}}}),
            r#"[{"op":"add","path":"/a","value":{"b":{"x/y":1}}}]"#,
        ),
        (
            r#"{"a":{}}"#,
            "a[\"x/y\"]",
            Some(json!(1)),
            json!({"a":{"x/y":1}}),
            r#"[{"op":"add","path":"/a/x~1y","value":1}]"#,
        ),
        (r#"{"a":1}"#, "a", Some(json!(1)), json!({"a":1}), "[]"),
        (r#"{"a":1}"#, "a", Some(json!(2)), json!({"a":2}), r#"[{"op":"replace","path":"/a","value":2}]"#),
        (
            r#"{"a":null}"#,
            "a.b.c",
            Some(json!(2)),
            json!({"a":{"b":{"c":2}}}),
            r#"[{"op":"replace","path":"/a","value":{"b":{"c":2}}}]"#,
        ),
        (r#"{"a":null}"#, "a", Some(json!(2)), json!({"a":2}), r#"[{"op":"replace","path":"/a","value":2}]"#),
        (r#"{"a":{"b":{"x":1}}}"#, "a.b", Some(json!({"x":1})), json!({"a":{"b":{"x":1}}}), "[]"),
        (
            r#"{"a":[{"i":"x"}]}"#,
            "a[0].i",
            Some(json!("y")),
            json!({"a":[{"i":"y"}]}),
            r#"[{"op":"replace","path":"/a/0/i","value":"y"}]"#,
        ),
        (
            r#"{"a":[1]}"#,
            "a[1]",
            Some(json!(2)),
            json!({"a":[1,2]}),
            r#"[{"op":"add","path":"/a/1","value":2}]"#,
        ),
        (
            "{}",
            "a.b[0]",
            Some(json!("x")),
            json!({"a":{"b":["x"]}}),
            r#"[{"op":"add","path":"/a","value":{"b":["x"]}}]"#,
        ),
        ("null", "a", Some(json!(1)), json!({"a":1}), r#"[{"op":"replace","path":"","value":{"a":1}}]"#),
        (r#"{"a":{"b":1,"c":2}}"#, "a.b", None, json!({"a":{"c":2}}), r#"[{"op":"remove","path":"/a/b"}]"#),
        (r#"{"a":{"b":null}}"#, "a.b", None, json!({"a":{}}), r#"[{"op":"remove","path":"/a/b"}]"#),
        (r#"{"a":{"c":2}}"#, "a.b", None, json!({"a":{"c":2}}), "[]"),
        (r#"{"a":"c"}"#, "a.b[0].d", None, json!({"a":"c"}), "[]"),
        (r#"{"a":[1]}"#, "a[1]", None, json!({"a":[1]}), "[]"),
        (r#"{"a":[1]}"#, "a[0]", None, json!({"a":[]}), r#"[{"op":"remove","path":"/a/0"}]"#),
    ];
    for (text, path, new, expected, operations) in rows {
        // removing an item brings the next one up, so only an item that is the last is idempotent
        let got = changed(text, path, new.as_ref()).unwrap();
        assert_eq!(got, (expected, operations.to_owned()), "{text} {path}");
    }
}

#[test]
fn set_where_it_cannot_be() {
    for (text, path, message) in [
        (r#"{"a":"x"}"#, "a.b", "\"/a\" is of type string, so it has no member \"b\""),
        (r#"{"a":[]}"#, "a.b", "\"/a\" is of type array, so it has no member \"b\""),
        (r#"{"a":{}}"#, "a[0]", "\"/a\" is of type object, so it has no item [0]"),
        (r#"{"a":[]}"#, "a[0].b", "the list at \"/a\" has 0 items, so there is no [0]"),
        (r#"{"a":[1]}"#, "a[2]", "the list at \"/a\" has 1 items, so there is no [2]"),
        (
            "{}",
            "spec.containers[0].image",
            "the list at \"/spec/containers\" has 0 items, so there is no [0]",
        ),
        ("{}", "a[1]", "the list at \"/a\" has 0 items, so there is no [1]"),
    ] {
        let error = changed(text, path, Some(&json!(1))).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn set_below_an_item() {
    let document = read(r#"{"spec":{"containers":[{},{"name":"b"}]}}"#);
    let mut editor = Editor::new(&document, Limits::default());
    let (base, path): (Pointer, Path) = ("/spec/containers/1".parse().unwrap(), "x.y".parse().unwrap());
    assert_eq!(editor.set(&base, &path, &value(&json!(true)), &"p/r".into()), Ok(true));
    let (new, _) = editor.finish().unwrap();
    assert_eq!(new.root().to_json(), r#"{"spec":{"containers":[{},{"name":"b","x":{"y":true}}]}}"#);
}

#[test]
fn wide_containers_and_many_operations() {
    let wide: String = (0..5_000).map(|i| format!("\"k{i}\":{i},")).collect();
    let text = format!("{{{}\"l\":[{}]}}", wide, vec!["0"; 5_000].join(","));
    let document = read(&text);
    let mut editor = Editor::new(&document, Limits::default());
    let label = "t".into();
    for i in 0..5_000 {
        let path: Pointer = format!("/k{i}").parse().unwrap();
        editor.apply(PatchOperation::Remove { path: path.clone() }, &label).unwrap();
        if i % 2 == 0 {
            editor.apply(PatchOperation::Add { path, value: value(&json!(-i)) }, &label).unwrap();
        }
        let path: Pointer = format!("/l/{i}").parse().unwrap();
        editor.apply(PatchOperation::Replace { path, value: value(&json!(i)) }, &label).unwrap();
    }
    let (new, operations) = editor.finish().unwrap();
    assert_eq!((new.root().len(), operations.len()), (2_501, 12_500));
    assert_eq!(new.root().get("k4998").and_then(NodeRef::as_i64), Some(-4998));
    assert_eq!(new.root().at("/l/4999").and_then(NodeRef::as_i64), Some(4999));
}

#[test]
fn copies_of_copies_end_at_the_limits() {
    // each doubles the document
    let double = |i| json!({"op":"copy","from":"","path":format!("/k{i}")});
    let list = operations(&(0..100).map(double).collect());
    let document = read("{}");
    let limits = Limits { depth: 1000, nodes: 1 << 16 };
    assert_eq!(
        document.edited(&list, "t", limits).unwrap_err().1,
        LimitError::Nodes { limit: 1 << 16 }.into()
    );
    let limits = Limits { depth: 10, nodes: 1 << 16 };
    assert_eq!(
        document.edited(&list[..12], "t", limits).unwrap_err().1,
        LimitError::Depth { limit: 10 }.into()
    );
}

#[test]
fn what_is_shown_of_an_operation_holds_no_value() {
    let list = operations(
        &json!([{"op":"add","path":"/data/a~1b","value":"s3cret"},{"op":"move","from":"/a","path":"/b"}]),
    );
    assert_eq!(list[0].to_string(), "add /data/a~1b");
    assert_eq!(list[1].to_string(), "move /a /b");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4).prop_map(Value::from),
        "[xyz]?".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[ab/~]", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn any_pointer() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec!["a", "b", "~0", "~1", "0", "1", "2", "-", "01"]);
    prop::collection::vec(token, 0..4).prop_map(|t| t.iter().map(|t| format!("/{t}")).collect())
}

fn any_operation() -> impl Strategy<Value = Value> {
    let op = prop::sample::select(vec!["add", "add", "remove", "replace", "move", "copy", "test"]);
    // json-patch takes a final `-` of what is read for the last item (and panics on an empty list); RFC 6902 for none
    let read = || any_pointer().prop_filter("reads no `-`", |p| !p.contains('-'));
    (op, any_pointer(), read(), read(), any_value()).prop_map(|(op, written, read, from, value)| {
        let path = if matches!(op, "add" | "move" | "copy") { written } else { read };
        json!({"op": op, "path": path, "from": from, "value": value})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn agrees_with_json_patch(start in any_value(), list in prop::collection::vec(any_operation(), 1..6)) {
        let text = start.to_string();
        let document = read(&text);
        let patch: json_patch::Patch = serde_json::from_value(Value::Array(list.clone())).unwrap();
        let mut theirs = start.clone();
        // not `patch`, which cannot undo a move to the root and panics
        let their_result = json_patch::patch_unsafe(&mut theirs, &patch);
        let ours = document.edited(&operations(&Value::Array(list.clone())), "t", Limits::default());
        match (their_result, ours) {
            (Ok(()), Ok(ours)) => {
                prop_assert_eq!(serde_json::to_value(&ours).unwrap(), theirs);
                // and the tape is sound
                let copy = Document::from_value(&ours).unwrap();
                prop_assert!(ours.root() == copy.root());
                prop_assert!(ours.root().descendants().all(|n| ours.root().at(&n.pointer()).unwrap().id() == n.id()));
            }
            (Err(error), Err((index, _))) => prop_assert_eq!(error.operation, index),
            (theirs, ours) => prop_assert!(false, "{:?} {:?} {:?}", list, theirs, ours.map(|d| d.root().to_json())),
        }
    }

    #[test]
    fn set_is_a_patch_and_idempotent(
        start in any_value(),
        path in "[ab](\\.[ab]|\\[[012]\\]){0,3}",
        new in any_value(),
        remove in any::<bool>(),
    ) {
        let text = start.to_string();
        let document = read(&text);
        let path: Path = path.parse().unwrap();
        let mut editor = Editor::new(&document, Limits::default());
        let label: Arc<str> = "t".into();
        let done = match remove {
            true => editor.remove(&Pointer::default(), &path, &label),
            false => editor.set(&Pointer::default(), &path, &value(&new), &label),
        };
        let (result, operations) = editor.finish().unwrap();
        let mut theirs = start.clone();
        let patch: json_patch::Patch = serde_json::from_value(serde_json::to_value(&operations).unwrap()).unwrap();
        json_patch::patch(&mut theirs, &patch).unwrap();
        let ours = serde_json::to_value(&result).unwrap();
        prop_assert_eq!(&ours, &theirs);
        if let Ok(changed) = done {
            prop_assert_eq!(changed, ours != start);
            if !remove {
                let pointer: String = path.steps().iter().map(|s| format!("/{}", token(s))).collect();
                prop_assert_eq!(ours.pointer(&pointer), Some(&new));
            }
        }
    }
}

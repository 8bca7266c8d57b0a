//! The document tree, seen from outside.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read(text: &str) -> Document<'_> {
    Document::from_json(text, Limits::default()).expect("JSON")
}

#[test]
fn members_items_and_pointers() {
    let text = r#"{"a":{"b":[1,2.5,"x\n",null,true]},"":{"/~":7}}"#;
    let doc = read(text);
    let root = doc.root();
    assert_eq!(root.get("a").and_then(|a| a.get("b")).map(NodeRef::len), Some(5));
    assert_eq!(root.at("/a/b/0").and_then(NodeRef::as_i64), Some(1));
    assert_eq!(root.at("/a/b/1").and_then(NodeRef::as_f64), Some(2.5));
    assert_eq!(root.at("/a/b/2").and_then(NodeRef::as_str), Some("x\n"));
    assert!(root.at("/a/b/3").is_some_and(NodeRef::is_null));
    assert_eq!(root.at("/a/b/4").and_then(NodeRef::as_bool), Some(true));
    assert_eq!(root.at("//~1~0").and_then(NodeRef::as_i64), Some(7));
    for missing in ["/a/b/5", "/a/b/01", "/a/b/-", "/a/c", "a", "/a/b/0/x"] {
        assert!(root.at(missing).is_none(), "{missing}");
    }
    let deep = root.at("/a/b/2").expect("there");
    assert_eq!((deep.pointer(), deep.path()), ("/a/b/2".to_owned(), "a.b[2]".to_owned()));
    let odd = root.at("//~1~0").expect("there");
    assert_eq!((odd.pointer(), odd.path()), ("//~1~0".to_owned(), r#"[""]["/~"]"#.to_owned()));
    let inner = root.get("a").expect("there");
    assert_eq!(deep.path_from(inner.id()), "b[2]");
}

#[test]
fn numbers_are_what_kubernetes_reads() {
    let cases: [(&str, Scalar<'_>); 7] = [
        ("9223372036854775807", Scalar::Int(i64::MAX)),
        ("-9223372036854775808", Scalar::Int(i64::MIN)),
        ("9223372036854775808", Scalar::Float(9_223_372_036_854_775_808.0)),
        ("1.0", Scalar::Float(1.0)),
        ("1e2", Scalar::Float(100.0)),
        ("18446744073709551616", Scalar::Float(18_446_744_073_709_551_616.0)),
        ("0.1e-6", Scalar::Float(1e-7)),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).root().scalar(), Some(expected), "{text}");
    }
}

#[test]
fn of_duplicate_keys_the_last_counts_and_the_others_are_seen() {
    for filler in [0, 3, 40] {
        let mut text = String::from(r#"{"k":1,"#);
        for i in 0..filler {
            text.push_str(&format!(r#""f{i}":0,"#));
        }
        text.push_str(r#""k":{"x":[2]},"k":3}"#);
        let doc = read(&text);
        let root = doc.root();
        assert_eq!(root.len(), filler + 1);
        assert_eq!(root.get("k").and_then(NodeRef::as_i64), Some(3));
        let hidden: Vec<String> = root.shadowed_members().map(|(_, v)| v.to_json()).collect();
        assert_eq!(hidden, ["1", r#"{"x":[2]}"#]);
        assert!(root.to_json().ends_with(r#""k":3}"#), "{}", root.to_json());
        assert_eq!(root.to_json(), serde_json::to_string(&root).expect("JSON"));
    }
}

#[test]
fn wide_objects_and_arrays_are_indexed() {
    let members: Vec<String> = (0..10_000).map(|i| format!(r#""key{i}":{i}"#)).collect();
    let items: Vec<String> = (0..10_000).map(|i| i.to_string()).collect();
    let text = format!(r#"{{"o":{{{}}},"a":[{}]}}"#, members.join(","), items.join(","));
    let doc = read(&text);
    let (o, a) = (doc.root().get("o").expect("o"), doc.root().get("a").expect("a"));
    for i in 0..10_000_i64 {
        assert_eq!(o.get(&format!("key{i}")).and_then(NodeRef::as_i64), Some(i));
        assert_eq!(a.item(usize::try_from(i).expect("small")).and_then(NodeRef::as_i64), Some(i));
    }
    assert!(o.get("key10000").is_none() && a.item(10_000).is_none());
    assert!(a.items().enumerate().all(|(at, item)| item.position() == at));
}

#[test]
fn limits_have_names() {
    let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
    assert!(Document::from_json(&deep(127), Limits::default()).is_ok());
    let error = Document::from_json(&deep(128), Limits::default()).expect_err("too deep");
    assert!(matches!(error, JsonError::Limit { limit: LimitError::Depth { limit: 127 }, .. }), "{error:?}");
    let many =
        Document::from_json("[1,2,3]", Limits { nodes: 3, ..Limits::default() }).expect_err("too many");
    assert!(
        matches!(many, JsonError::Limit { limit: LimitError::Nodes { limit: 3 }, line: 1, .. }),
        "{many:?}"
    );
    let broken = Document::from_json("{\"a\":\n 1,}", Limits::default()).expect_err("broken");
    assert_eq!(broken.to_string(), "trailing comma at line 2 column 4");
}

#[test]
fn places_in_json() {
    let text = " {\"a\" : [1 , \"x\\\"]\", {} ] ,\n\"b\":null}";
    let doc = Document::from_json_with_places(text, Limits::default()).expect("JSON");
    let part = |n: NodeRef<'_>| n.span().map(|s| &text[s.start as usize..s.end as usize]);
    assert_eq!(part(doc.root()), Some(text.trim()));
    assert_eq!(part(doc.root().at("/a").expect("a")), Some("[1 , \"x\\\"]\", {} ]"));
    assert_eq!(part(doc.root().at("/a/1").expect("a")), Some("\"x\\\"]\""));
    assert_eq!(part(doc.root().at("/a/2").expect("a")), Some("{}"));
    let b = doc.root().get("b").expect("b");
    assert_eq!(part(b), Some("null"));
    assert_eq!(b.key_span().map(|s| &text[s.start as usize..s.end as usize]), Some("\"b\""));
}

#[test]
fn copies_keep_texts_places_and_origins() {
    let text = r#"{"spec":{"image":"nginx","esc":"a\tb"},"n":1}"#;
    let doc = Document::from_json_with_places(text, Limits::default()).expect("JSON");
    let mut builder = Builder::of_version(&doc, Limits::default());
    builder.begin_object().expect("within limits");
    builder.key("copy", None).expect("within limits");
    let copy = builder.copy_node(doc.root().get("spec").expect("spec"), true).expect("within limits");
    builder.key("again", None).expect("within limits");
    let again = builder.copy_subtree(copy).expect("within limits");
    builder.mark_origin(again, &"made-up/rule".into());
    builder.end();
    let new = builder.finish();
    assert_eq!(
        new.root().to_json(),
        r#"{"copy":{"image":"nginx","esc":"a\tb"},"again":{"image":"nginx","esc":"a\tb"}}"#
    );
    assert_eq!(
        new.root().at("/copy/image").and_then(NodeRef::span),
        doc.root().at("/spec/image").and_then(NodeRef::span)
    );
    assert_eq!(new.root().at("/again/esc").and_then(NodeRef::origin), Some("made-up/rule"));
    assert_eq!(new.root().at("/copy/esc").and_then(NodeRef::origin), None);

    let mut other = Builder::new("", Limits::default());
    other.begin_array().expect("within limits");
    other.copy_node(new.root().get("again").expect("again"), false).expect("within limits");
    other.end();
    let other = other.finish();
    assert_eq!(other.root().to_json(), r#"[{"image":"nginx","esc":"a\tb"}]"#);
    assert_eq!(other.root().at("/0/esc").and_then(NodeRef::origin), Some("made-up/rule"));
    assert_eq!(other.root().at("/0/esc").and_then(NodeRef::span), None);
    assert_eq!(other.root().item(0), new.root().get("copy"));
}

#[test]
fn equality_is_by_value() {
    let cases = [
        (r#"{"a":1,"b":[2]}"#, r#"{"b":[2.0],"a":1}"#, true),
        ("9007199254740993", "9007199254740992.0", false),
        ("[1,2]", "[2,1]", false),
        (r#"{"a":null}"#, "{}", false),
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true),
        ("\"1\"", "1", false),
    ];
    for (a, b, expected) in cases {
        assert_eq!(read(a) == read(b), expected, "{a} {b}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 128, 32, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..32).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..32).prop_map(|m| json!(m)),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_read_is_written_again(value in any_json()) {
        let text = serde_json::to_string_pretty(&value).expect("JSON");
        let doc = Document::from_json_with_places(&text, Limits::default()).expect("JSON");
        prop_assert_eq!(&serde_json::from_str::<Value>(&doc.root().to_json()).expect("JSON"), &value);
        prop_assert_eq!(&serde_json::to_value(&doc).expect("JSON"), &value);
        for node in doc.root().descendants() {
            let span = node.span().expect("every node of a text has a place");
            let part = &text[span.start as usize..span.end as usize];
            let again = Document::from_json(part, Limits::default()).expect("a value");
            prop_assert_eq!(again.root(), node);
            prop_assert_eq!(doc.root().at(&node.pointer()).map(NodeRef::id), Some(node.id()));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,64}") {
        let _ = Document::from_json_with_places(&text, Limits::default());
    }
}

#[test]
fn indexes_are_plain_digits_and_found_in_long_lists() {
    let text = format!("[{}]", (0..1000).map(|i| i.to_string()).collect::<Vec<_>>().join(","));
    let doc = read(&text);
    for index in [0, 1, 23, 24, 500, 999] {
        let item = doc.root().item(index).expect("an item");
        assert_eq!((item.position(), item.pointer()), (index, format!("/{index}")));
    }
    for token in ["/+1", "/01", "/-", "/", "/1000", "/ 1", "/99999999999999999999"] {
        assert!(doc.root().at(token).is_none(), "{token}");
    }
}

#[test]
fn what_one_made_in_a_row_is_one_range() {
    let (ours, theirs): (Arc<str>, Arc<str>) = ("ours".into(), "theirs".into());
    let mut builder = Builder::new("", Limits::default());
    builder.begin_array().expect("within limits");
    for label in [Some(&ours), Some(&ours), None, Some(&ours), Some(&theirs)] {
        let id = builder.int(1).expect("within limits");
        label.into_iter().for_each(|label| builder.mark_origin(id, label));
    }
    builder.end();
    let document = builder.finish();
    assert_eq!(document.origins.ranges.len(), 3);
    let made: Vec<Option<&str>> = document.root().items().map(NodeRef::origin).collect();
    assert_eq!(made, [Some("ours"), Some("ours"), None, Some("ours"), Some("theirs")]);
}

#[test]
#[should_panic(expected = "keys that differ")]
#[cfg(debug_assertions)]
fn a_key_that_comes_twice_is_no_distinct_one() {
    let mut builder = Builder::new("", Limits::default());
    builder.begin_object().expect("within limits");
    for key in ["a", "b", "a"] {
        builder.key(key, None).expect("within limits");
        builder.null().expect("within limits");
    }
    builder.end_distinct();
}

#[test]
fn members_in_the_order_of_their_names() {
    for text in [
        r#"{"b":{"y":[1,2.5,{"d":null,"c":"\u00e9"}],"x":true},"a":-7,"":[]}"#,
        r#"{"B":1,"a":2,"aa":3,"A":4}"#,
        "[3,1,2]",
        "{}",
        r#""text""#,
        "1e300",
    ] {
        let value: Value = serde_json::from_str(text).expect("JSON");
        let sorted = read(text).root().sorted().expect("small enough");
        // serde_json keeps members sorted
        assert_eq!(sorted.root().to_json(), value.to_string());
        assert_eq!(sorted.root().to_json(), Document::from_value(&value).expect("JSON").root().to_json());
    }
}

#[test]
fn a_document_is_its_text_until_something_is_made_of_it() {
    let text = r#" {"a": {"b": [1, {"c": 2}], "\u0064": 3}, "e": null} "#;
    let mut document = read(text);
    assert_eq!(document.json_text(), Some(text));
    let keys: Vec<_> = document.nodes().map(|node| (node.key(), node.key_text_start())).collect();
    let at = |key: &str| text.find(&format!("{key}\"")).expect("there");
    assert_eq!(
        keys,
        [
            (None, None),
            (Some("a"), Some(at("a"))),
            (Some("b"), Some(at("b"))),
            (None, None),
            (None, None),
            (Some("c"), Some(at("c"))),
            (Some("d"), None),
            (Some("e"), Some(at("e"))),
        ]
    );
    let following =
        |pointer| document.root().at(pointer).expect("there").following().map(|node| node.pointer());
    assert_eq!(following("/a/b").as_deref(), Some("/a/d"));
    assert_eq!(following("/a").as_deref(), Some("/e"));
    assert_eq!(following("/a/b/1/c").as_deref(), Some("/a/d"));
    assert_eq!(following("/e"), None);
    document.mark_unknown(|_, _| false);
    assert!(document.json_text().is_some());

    let mut document = read(r#"{"a": "$(X)"}"#);
    document.mark_unknown(|text, _| text == "$(X)");
    assert_eq!(document.json_text(), None);
    assert_eq!(Document::null().json_text(), None);
    let mut builder = Builder::of_version(&document, Limits::default());
    builder.copy_node(document.root(), true).expect("within limits");
    assert_eq!(builder.finish().json_text(), None);
}

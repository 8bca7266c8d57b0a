//! Our CEL beside the `cel` crate, in the subset that both have: random expressions give the same value, or fail in both.
//!
//! Left out because the crate differs from cel-go there: mixed number types, optional values, errors under `&&` and `||`;
//! and the empty list, whose element type the checker guesses and the crate has no checker.

use cel::{Context, Program as Theirs};
use plimsoll::cel::activation::Activation;
use plimsoll::cel::declarations::{Env, EnvKind};
use plimsoll::cel::profile::Profile;
use plimsoll::cel::program::{Budget, Program, Variables};
use plimsoll::cel::value::{Value, View};
use plimsoll::document::{Document, Limits};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const OBJECT: &str =
    r#"{"n": 7, "s": "text", "t": true, "l": [1, 2, 3, 4], "w": ["a", "bc", "text"], "m": {"k": "v"}}"#;

/// An expression, by the type it has.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Int,
    Bool,
    Text,
    Ints,
}

fn leaf(kind: Kind) -> BoxedStrategy<String> {
    match kind {
        Kind::Int => prop_oneof![
            (-9_i64..100).prop_map(|number| if number < 0 {
                format!("({number})")
            } else {
                number.to_string()
            }),
            Just("i".to_owned()),
            Just("size(s)".to_owned()),
            Just("l[1]".to_owned()),
        ]
        .boxed(),
        Kind::Bool => prop_oneof![
            Just("true".to_owned()),
            Just("false".to_owned()),
            Just("t".to_owned()),
            Just("has(m.k)".to_owned()),
            Just("has(m.nothing)".to_owned()),
            Just("'k' in m".to_owned()),
        ]
        .boxed(),
        Kind::Text => prop_oneof![
            "[a-c]{0,4}".prop_map(|text| format!("'{text}'")),
            Just("s".to_owned()),
            Just("m.k".to_owned()),
            Just("w[0]".to_owned()),
        ]
        .boxed(),
        Kind::Ints => prop_oneof![
            Just("l".to_owned()),
            prop::collection::vec(0_i64..9, 1..5).prop_map(|items| format!("{items:?}")),
        ]
        .boxed(),
    }
}

fn expression(kind: Kind, depth: u32) -> BoxedStrategy<String> {
    if depth == 0 {
        return leaf(kind);
    }
    let of = |kind: Kind| expression(kind, depth - 1);
    let choice =
        (of(Kind::Bool), of(kind), of(kind)).prop_map(|(test, a, b)| format!("({test} ? {a} : {b})"));
    let own = match kind {
        Kind::Int => prop_oneof![
            (of(Kind::Int), prop_oneof![Just("+"), Just("-"), Just("*")], of(Kind::Int))
                .prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            (of(Kind::Int), prop_oneof![Just("/"), Just("%")], 1_i64..9)
                .prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            of(Kind::Text).prop_map(|text| format!("size({text})")),
            of(Kind::Ints).prop_map(|list| format!("size({list})")),
        ]
        .boxed(),
        Kind::Bool => prop_oneof![
            (of(Kind::Bool), prop_oneof![Just("&&"), Just("||")], of(Kind::Bool))
                .prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            of(Kind::Bool).prop_map(|a| format!("!({a})")),
            (
                of(Kind::Int),
                prop_oneof![Just("<"), Just("<="), Just(">"), Just(">="), Just("=="), Just("!=")],
                of(Kind::Int)
            )
                .prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            (
                of(Kind::Text),
                prop_oneof![Just("startsWith"), Just("endsWith"), Just("contains")],
                of(Kind::Text)
            )
                .prop_map(|(a, function, b)| format!("({a}).{function}({b})")),
            (of(Kind::Int), of(Kind::Ints)).prop_map(|(item, list)| format!("({item} in {list})")),
            (of(Kind::Ints), prop_oneof![Just("all"), Just("exists"), Just("exists_one")], of(Kind::Int))
                .prop_map(|(list, function, bound)| format!("({list}).{function}(x, x > {bound})")),
            (of(Kind::Ints), of(Kind::Ints)).prop_map(|(a, b)| format!("({a} == {b})")),
            (of(Kind::Text), of(Kind::Text)).prop_map(|(a, b)| format!("({a} == {b})")),
        ]
        .boxed(),
        Kind::Text => (of(Kind::Text), of(Kind::Text)).prop_map(|(a, b)| format!("({a} + {b})")).boxed(),
        Kind::Ints => prop_oneof![
            (of(Kind::Ints), of(Kind::Int)).prop_map(|(list, more)| format!("({list}).map(x, x + {more})")),
            (of(Kind::Ints), of(Kind::Int))
                .prop_map(|(list, bound)| format!("({list}).filter(x, x < {bound})")),
            (of(Kind::Ints), of(Kind::Ints)).prop_map(|(a, b)| format!("({a} + {b})")),
        ]
        .boxed(),
    };
    prop_oneof![1 => leaf(kind), 4 => own, 1 => choice].boxed()
}

fn ours_json(value: &Value<'_>) -> Json {
    match value.view() {
        View::Bool(value) => json!(value),
        View::Int(value) => json!(value),
        View::Str(text) => json!(text),
        View::List(list) => list.iter().map(|item| ours_json(&item)).collect(),
        other => panic!("{other:?} is not in the subset"),
    }
}

fn theirs_json(value: &cel::Value) -> Json {
    match value {
        cel::Value::Bool(value) => json!(value),
        cel::Value::Int(value) => json!(value),
        cel::Value::UInt(value) => json!(value),
        cel::Value::String(text) => json!(**text),
        cel::Value::List(list) => list.iter().map(theirs_json).collect(),
        other => panic!("{other:?} is not in the subset"),
    }
}

fn ours(source: &str) -> Result<Json, String> {
    let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
    let object = Document::from_json(OBJECT, Limits::default()).expect("it is JSON");
    let mut activation = Activation::new();
    for (name, member) in [("i", "n"), ("s", "s"), ("t", "t"), ("l", "l"), ("w", "w"), ("m", "m")] {
        env.declare_variable(name, plimsoll::cel::types::Type::Dyn);
        activation.bind(name, object.root().get(member).expect("the member is there"));
    }
    let program = Program::compile(source, &env).map_err(|error| error.to_string())?;
    let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
    outcome.result.map(|value| ours_json(&value)).map_err(|failure| failure.to_string())
}

fn theirs(source: &str) -> Result<Json, String> {
    let mut context = Context::default();
    let object: Json = serde_json::from_str(OBJECT).expect("it is JSON");
    context.add_variable_from_value("i", 7_i64);
    context.add_variable_from_value("s", "text");
    context.add_variable_from_value("t", true);
    context.add_variable_from_value("l", vec![1_i64, 2, 3, 4]);
    context.add_variable("w", &object["w"]).expect("it converts");
    context.add_variable("m", &object["m"]).expect("it converts");
    let program = Theirs::compile(source).map_err(|error| error.to_string())?;
    program.execute(&context).map(|value| theirs_json(&value)).map_err(|error| error.to_string())
}

fn any_expression() -> impl Strategy<Value = String> {
    prop_oneof![Just(Kind::Int), Just(Kind::Bool), Just(Kind::Text), Just(Kind::Ints)]
        .prop_flat_map(|kind| expression(kind, 4))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_give_the_same(source in any_expression()) {
        match (ours(&source), theirs(&source)) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours, theirs, "{}", source),
            (Err(_), Err(_)) => {}
            // the crate reports overflow as ours does, and nothing else fails in the subset
            (ours, theirs) => prop_assert!(false, "{}\n  ours   {:?}\n  theirs {:?}", source, ours, theirs),
        }
    }

    /// Whatever the text, compiling and evaluating it ends, and stays within the limit of one expression.
    #[test]
    fn any_text_ends_within_the_limit(source in "[a-z0-9.()\\[\\]{}?:,+*/%<>=!&|'\" -]{0,40}") {
        let env = Env::new(Profile::NEWEST, EnvKind::Validation);
        if let Ok(program) = Program::compile(&source, &env) {
            let object = Document::from_json(OBJECT, Limits::default()).expect("it is JSON");
            let mut activation = Activation::new();
            activation.bind("object", object.root());
            let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
            prop_assert!(outcome.result.is_err() || outcome.cost <= plimsoll::cel::cost::EXPRESSION_LIMIT);
        }
    }
}

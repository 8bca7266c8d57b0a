//! Expressions made to exhaust the evaluator: each ends soon, on a stack of 2 MiB, within the cost limit, and without a
//! gigabyte.

use std::thread;
use std::time::{Duration, Instant};

use plimsoll::cel::activation::Activation;
use plimsoll::cel::declarations::{Env, EnvKind};
use plimsoll::cel::profile::Profile;
use plimsoll::cel::program::{Budget, Composition, Failure, Program, Variables};
use plimsoll::cel::value::Value;
use plimsoll::document::{Document, Limits};

fn nest(open: &str, middle: &str, close: &str, depth: usize) -> String {
    format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
}

/// How an evaluation may end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Value,
    /// The cost limit.
    Cost,
    /// An error whose text contains this.
    Error(&'static str),
    /// Refused before it runs.
    Refused,
}

/// Runs on a small stack; gives how it ended and how long it took.
fn run(source: &str, variables: &[(String, String)]) -> (End, Duration, String) {
    let (source, variables) = (source.to_owned(), variables.to_vec());
    let small = thread::Builder::new().stack_size(2 << 20);
    let handle = small.spawn(move || {
        let started = Instant::now();
        let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
        let mut composition = Composition::default();
        for (name, source) in &variables {
            composition.add(&mut env, name.clone(), source).expect("the variables compile");
        }
        let checked = match plimsoll::cel::checker::compile(&source, &env) {
            Ok(checked) => checked,
            Err(issues) => return (End::Refused, started.elapsed(), issues.to_string()),
        };
        let program = match Program::plan(checked, &env, &composition) {
            Ok(program) => program,
            Err(error) => return (End::Refused, started.elapsed(), error.to_string()),
        };
        let object =
            Document::from_json(r#"{"l": [1, 2, 3], "s": "text"}"#, Limits::default()).expect("it is JSON");
        let mut activation = Activation::new();
        activation.bind("object", object.root());
        let mut values = Variables::new(&composition);
        let mut budget = Budget::default().with_deadline(Instant::now() + Duration::from_secs(60));
        let outcome = program.evaluate(&activation, &mut values, &mut budget);
        let end = match &outcome.result {
            Ok(_) => End::Value,
            Err(Failure::Error(error)) if error.is_cancelled() => End::Cost,
            Err(_) => End::Error(""),
        };
        let text = match &outcome.result {
            Ok(value) => format!("{:?}", matches!(value, Value::Null)),
            Err(failure) => failure.to_string(),
        };
        (end, started.elapsed(), text)
    });
    handle.expect("a thread starts").join().expect("it does not panic")
}

fn check(name: &str, source: &str, variables: &[(String, String)], expected: End) {
    let (end, took, text) = run(source, variables);
    match expected {
        End::Error(part) => {
            assert_eq!(end, End::Error(""), "{name}: {text}");
            assert!(text.contains(part), "{name}: {text}");
        }
        expected => assert_eq!(end, expected, "{name}: {text}"),
    }
    let bound = if cfg!(debug_assertions) { 30 } else { 3 };
    assert!(took < Duration::from_secs(bound), "{name} took {took:?}");
}

#[test]
fn deep_expressions_run_on_a_small_stack() {
    let cases = [
        ("parentheses", nest("(", "1", ")", 249)),
        ("sums", vec!["1"; 250].join("+")),
        ("nested lists", nest("[", "object.s", "]", 249)),
        ("nested maps", nest("{'a':", "object.s", "}", 249)),
        ("nested all", nest("[1].all(x,", "true", ")", 249)),
        ("nested map", nest("[1].map(x,", "x", ")", 249)),
        ("nested filter", nest("[1].filter(x,", "true", ").size()>0&&true&&[1].size()>0", 1)),
        ("nested transformMap", nest("[1].transformMap(i,v,", "v", ")", 249)),
        ("nested optMap", nest("optional.of(1).optMap(x,", "x", ")", 249)),
        ("chain of optMap", format!("optional.of(1){}", ".optMap(x,x)".repeat(12))),
        ("nested conditions", format!("{}1", "true?1:".repeat(200))),
        ("negations", format!("{}true", "!".repeat(9_000))),
        ("conjunctions", vec!["true"; 16_000].join("&&")),
        ("nested calls", nest("size([", "1", "])", 120)),
        ("selections", format!("dyn({{}}){}", ".?a".repeat(200))),
    ];
    for (name, source) in cases {
        check(name, &source, &[], End::Value);
    }
    // just below the depth from which on evaluation takes a thread of its own
    for depth in 20..60 {
        check("nested all", &nest("[1].all(x,", "true", ")", depth), &[], End::Value);
        check("nested map", &nest("[1].map(x,", "x", ")", depth), &[], End::Value);
        check("nested entries", &nest("[1].transformMap(i,v,true,", "v", ")", depth), &[], End::Value);
    }
}

#[test]
fn work_stops_at_the_cost_limit() {
    let twelve = "[1,2,3,4,5,6,7,8,9,10,11,12]";
    let all = format!("{}true{}", format!("{twelve}.all(x,").repeat(8), ")".repeat(8));
    let map = format!("{}1{}", format!("{twelve}.map(x,").repeat(8), ")".repeat(8));
    let product = format!("{}true{}", "lists.range(1000).all(x,".repeat(3), ")".repeat(3));
    let cases = [
        ("nested all", all),
        ("nested map", map),
        ("nested ranges", product),
        ("a long range", "lists.range(100000000).size() > 0".to_owned()),
        ("the longest range", "lists.range(9223372036854775807).size() > 0".to_owned()),
        ("distinct", "lists.range(1000).distinct().size() == 1".to_owned()),
        // each evaluates what it is called on twice
        ("chain of optMap", format!("optional.of(1){}", ".optMap(x, x)".repeat(249))),
    ];
    for (name, source) in cases {
        check(name, &source, &[], End::Cost);
    }
}

fn chain(first: &str, count: usize, next: impl Fn(usize) -> String) -> Vec<(String, String)> {
    let mut variables = vec![("v0".to_owned(), first.to_owned())];
    variables.extend((1..count).map(|index| (format!("v{index}"), next(index))));
    variables
}

#[test]
fn variables_do_not_multiply() {
    let lists = chain("[object.s]", 60, |i| format!("variables.v{0} + variables.v{0}", i - 1));
    check("doubling lists", "variables.v59.size() > 0", &lists, End::Error("actual cost limit exceeded"));
    let texts = chain("'a' + object.s", 60, |i| format!("variables.v{0} + variables.v{0}", i - 1));
    check("doubling texts", "variables.v59.size() > 0", &texts, End::Error("actual cost limit exceeded"));
    let replaced = chain("'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'", 12, |i| {
        format!("variables.v{0}.replace('a', variables.v{0})", i - 1)
    });
    check("texts in texts", "variables.v11.size() > 0", &replaced, End::Error("actual cost limit exceeded"));
    let long = chain("object.s", 400, |i| format!("variables.v{}", i - 1));
    check("a long chain", "variables.v399.size() > 0", &long, End::Value);
    let deep = chain("[dyn(1)]", 8, |i| nest("[dyn(", &format!("variables.v{}", i - 1), ")]", 100));
    check("deep values", "variables.v7.size() > 0", &deep, End::Error("levels deep"));
    let wide = chain("lists.range(1000)", 12, |i| format!("variables.v{0}.map(x, variables.v{0})", i - 1));
    check("lists of lists", "variables.v11.size() > 0", &wide, End::Value);
}

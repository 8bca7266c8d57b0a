//! Text made to exhaust the front half: it ends soon, and in a stack of 2 MiB.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use kubernetes_cel::checker::compile;
use kubernetes_cel::declarations::{Env, EnvKind};
use kubernetes_cel::profile::Profile;

fn nest(open: &str, middle: &str, close: &str, depth: usize) -> String {
    format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
}

fn list(element: &str, count: usize) -> String {
    format!("[{}]", vec![element; count].join(","))
}

/// `[[]].all(v0, [[]].all(v1, v0 == LINK(v1) && ...))`: each variable's type mentions the next one's.
fn linked(link: impl Fn(usize) -> String, depth: usize) -> String {
    let mut text = String::new();
    for level in 0..depth {
        text.push_str(&format!("[[]].all(v{level}, "));
        if level > 0 {
            text.push_str(&format!("v{} == {} && ", level - 1, link(level)));
        }
    }
    format!("{text}v0 == v0{}", ")".repeat(depth))
}

fn cases() -> Vec<(&'static str, String, &'static str)> {
    let too_deep = "ERROR: <input>:-1:0: max recursion depth exceeded";
    let too_nested = "ERROR: <input>:-1:0: expression recursion limit exceeded: 250";
    vec![
        ("long list", list("1", 49_000), ""),
        ("long list of strings", list("'é'", 24_900), ""),
        ("many empty lists", list("[]", 33_000), ""),
        ("many equations", list("[]==[]", 12_000), ""),
        ("chain of +", vec!["1"; 50_000].join("+"), too_deep),
        ("chain of &&", vec!["true"; 16_000].join("&&"), ""),
        ("chain of .", format!("object{}", ".a".repeat(49_000)), too_deep),
        ("chain of []", format!("object{}", "[0]".repeat(30_000)), too_deep),
        ("parentheses", nest("(", "1", ")", 249), ""),
        ("too many parentheses", nest("(", "1", ")", 49_000), too_nested),
        ("sums in parentheses", nest("1+(", "1", ")", 124), ""),
        ("too many sums in parentheses", nest("1+(", "1", ")", 125), too_nested),
        ("relations in parentheses", nest("true==(", "true", ")", 125), too_nested),
        ("open brackets", "[{(".repeat(30_000), too_nested),
        ("ternaries", format!("{}1", "true?1:".repeat(14_000)), too_nested),
        ("nested lists", nest("[", "1", "]", 249), ""),
        ("nested maps", nest("{1:", "1", "}", 249), ""),
        ("nested all", nest("[1].all(x,", "true", ")", 249), ""),
        ("nested entries", nest("[1].transformMapEntry(i,v,true,{1:", "1", "})", 120), ""),
        ("nested optMap", nest("optional.of(1).optMap(x,", "x", ")", 249), ""),
        ("chain of optMap", format!("optional.of(1){}", ".optMap(x,x)".repeat(249)), ""),
        ("nested &&", nest(&format!("({}", "true&&".repeat(60)), "true", ")", 249), ""),
        ("signs", format!("{}true", "!".repeat(99_000)), ""),
        ("doubling types", format!("[1]{}", ".map(a,{a:a})".repeat(249)), "type has more than 1000 parts"),
        (
            "deepening types",
            format!("[1]{}", format!(".map(a,{})", nest("[", "a", "]", 200)).repeat(200)),
            "type has more than 1000 parts",
        ),
        ("linked types", linked(|next| format!("[v{next}]"), 240), ""),
        (
            "far linked types",
            linked(|next| nest("[", &format!("v{next}"), "]", 100), 140),
            "type has more than 1000 parts",
        ),
        (
            "linked doubling types",
            linked(|next| format!("{{v{next}: v{next}}}"), 240),
            "found no matching overload",
        ),
        (
            "linked doubling lists",
            linked(|next| format!("[{{1: [v{next}], 2: [v{next}]}}.map(k, {{v{next}: v{next}}})]"), 100),
            "type has more than 1000 parts",
        ),
        ("unknown characters", "@".repeat(100_000), "more errors were truncated"),
        ("closing parentheses", ") ".repeat(50_000), "error recovery token lookahead limit exceeded: 256"),
        ("quotes", "\"".repeat(99_999), "Syntax error"),
        ("open texts", "\"\"\"a".repeat(24_999), "Syntax error"),
        ("long name of a message", format!("{}{{}}", vec!["a"; 40_000].join(".")), "undeclared reference"),
        (
            "names that might be dotted",
            list(&format!("google{}", ".a".repeat(240)), 200),
            "undeclared reference",
        ),
        ("format", format!("'{}'.format({})", "%s".repeat(10_000), list("[[1]]", 10_000)), ""),
        ("pattern", format!("'a'.matches('{}')", nest("(", "a", ")", 30_000)), "invalid matches argument"),
    ]
}

#[test]
fn hostile_text_ends_soon_in_a_small_stack() {
    for (name, text, expected) in cases() {
        let started = Instant::now();
        let outcome = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || {
                let env = Env::new(Profile::V1_37, EnvKind::Validation);
                compile(&text, &env).err().map(|issues| issues.to_string()).unwrap_or_default()
            })
            .unwrap()
            .join()
            .unwrap();
        let elapsed = started.elapsed();
        eprintln!("{name}: {elapsed:?}");
        let ends = if expected.is_empty() { outcome.is_empty() } else { outcome.contains(expected) };
        assert!(ends, "{name}: {outcome:.300}");
        assert!(elapsed < Duration::from_secs(20), "{name} took {elapsed:?}");
    }
}

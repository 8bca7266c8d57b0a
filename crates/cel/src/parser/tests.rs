use super::super::ast::{Ast, Expr, ExprId, Literal};
use super::super::profile::Profile;
use super::parse;

/// The tree in one line: calls as `name(…)`, macros' folds as `fold(range var init condition step result)`.
fn shown(ast: &Ast, id: ExprId) -> String {
    let all = |ids: &[ExprId]| ids.iter().map(|id| shown(ast, *id)).collect::<Vec<_>>().join(" ");
    match &ast[id] {
        Expr::Literal(Literal::Int(value)) => value.to_string(),
        Expr::Literal(Literal::Bool(value)) => value.to_string(),
        Expr::Literal(Literal::String(value)) => format!("{value:?}"),
        Expr::Literal(other) => format!("{other:?}"),
        Expr::Ident(name) => name.to_string(),
        Expr::Select { operand, field, test_only: false } => format!("{}.{field}", shown(ast, *operand)),
        Expr::Select { operand, field, test_only: true } => format!("{}.{field}?", shown(ast, *operand)),
        Expr::Call { target: None, function, args } => format!("{function}({})", all(args)),
        Expr::Call { target: Some(target), function, args } => {
            format!("{}.{function}({})", shown(ast, *target), all(args))
        }
        Expr::List { elements, optional } if optional.is_empty() => format!("[{}]", all(elements)),
        Expr::List { elements, optional } => format!("[{} ?{optional:?}]", all(elements)),
        Expr::Map(entries) => {
            let entry = |entry: &super::MapEntry| {
                let mark = if entry.optional { "?" } else { "" };
                format!("{mark}{}:{}", shown(ast, entry.key), shown(ast, entry.value))
            };
            format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(" "))
        }
        Expr::Struct { type_name, fields } => {
            let field = |field: &super::StructField| {
                let mark = if field.optional { "?" } else { "" };
                format!("{mark}{}:{}", field.name, shown(ast, field.value))
            };
            format!("{type_name}{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(" "))
        }
        Expr::Comprehension(fold) => {
            let vars = match &fold.iter_var2 {
                Some(second) => format!("{},{second}", fold.iter_var),
                None => fold.iter_var.to_string(),
            };
            let parts = [fold.iter_range, fold.accu_init, fold.loop_condition, fold.loop_step, fold.result]
                .map(|id| shown(ast, id));
            let [range, init, condition, step, result] = parts;
            format!("fold({range} {vars} {}={init} {condition} {step} {result})", fold.accu_var)
        }
    }
}

fn tree(source: &str) -> String {
    match parse(source, Profile::V1_37) {
        Ok(ast) => shown(&ast, ast.root()),
        Err(issues) => issues.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn operators_bind_as_the_grammar_says() {
    for (source, expected) in [
        ("1 + 2 * 3 - 4", "_-_(_+_(1 _*_(2 3)) 4)"),
        ("1 + 2 < 3 == true", "_==_(_<_(_+_(1 2) 3) true)"),
        ("a || b && c", "_||_(a _&&_(b c))"),
        ("a ? b : c ? d : e", "_?_:_(a b _?_:_(c d e))"),
        ("a in b", "@in(a b)"),
        ("!!a", "a"),
        ("!!!a", "!_(a)"),
        ("-1", "-1"),
        ("--1", "1"),
        ("-a.b", "-_(a.b)"),
        ("-1.size()", "-1.size()"),
        ("2 -1", "_-_(2 1)"),
        ("!-1", "!_(-1)"),
        ("a.?b[?c][0].d(1)", "_[_](_[?_](_?._(a \"b\") c) 0).d(1)"),
        (".a.b", ".a.b"),
        ("[1, ?a, ?b,]", "[1 a b ?[1, 2]]"),
        ("[,]", "[]"),
        ("{?a: 1, 'b': 2,}", "{?a:1 \"b\":2}"),
        (".a.B{c: 1, ?d: 2}", ".a.B{c:1 ?d:2}"),
        ("a.`b-c`", "a.b-c"),
    ] {
        assert_eq!(tree(source), expected, "{source}");
    }
}

#[test]
fn chains_of_logic_are_balanced() {
    for (source, expected) in [
        ("a && b", "_&&_(a b)"),
        ("a && b && c", "_&&_(_&&_(a b) c)"),
        ("a && b && c && d", "_&&_(_&&_(a b) _&&_(c d))"),
        ("a || b || c || d || e", "_||_(_||_(_||_(a b) c) _||_(d e))"),
        ("(a && b) && c", "_&&_(_&&_(a b) c)"),
        ("a && (b && c)", "_&&_(a _&&_(b c))"),
    ] {
        assert_eq!(tree(source), expected, "{source}");
    }
}

#[test]
fn macros_become_folds() {
    let range = "@result";
    for (source, expected) in [
        ("has(a.b.c)", "a.b.c?".to_owned()),
        (
            "l.all(x, p)",
            format!("fold(l x {range}=true @not_strictly_false({range}) _&&_({range} p) {range})"),
        ),
        (
            "l.exists(i, x, p)",
            format!("fold(l i,x {range}=false @not_strictly_false(!_({range})) _||_({range} p) {range})"),
        ),
        (
            "l.exists_one(x, p)",
            format!("fold(l x {range}=0 true _?_:_(p _+_({range} 1) {range}) _==_({range} 1))"),
        ),
        ("l.map(x, f)", format!("fold(l x {range}=[] true _+_({range} [f]) {range})")),
        ("l.map(x, p, f)", format!("fold(l x {range}=[] true _?_:_(p _+_({range} [f]) {range}) {range})")),
        ("l.filter(x, p)", format!("fold(l x {range}=[] true _?_:_(p _+_({range} [x]) {range}) {range})")),
        (
            "l.transformMap(k, v, f)",
            format!("fold(l k,v {range}={{}} true cel.@mapInsert({range} k f) {range})"),
        ),
        (
            "l.transformMapEntry(k, v, p, f)",
            format!("fold(l k,v {range}={{}} true _?_:_(p cel.@mapInsert({range} f) {range}) {range})"),
        ),
        (
            "o.optMap(x, f)",
            "_?_:_(o.hasValue() optional.of(fold([] #unused x=o.value() false x f)) optional.none())"
                .to_owned(),
        ),
        (
            "l.sortBy(x, f)",
            format!(
                "fold([] #unused @__sortBy_input__=l false @__sortBy_input__ @__sortBy_input__.@sortByAssociatedKeys(\
                 fold(@__sortBy_input__ x {range}=[] true _+_({range} [f]) {range})))"
            ),
        ),
        // one variable or none: not the macro
        ("l.existsOne(x, p)", "l.existsOne(x p)".to_owned()),
        ("l.all(x)", "l.all(x)".to_owned()),
        ("all(l, x)", "all(l x)".to_owned()),
    ] {
        assert_eq!(tree(source), expected, "{source}");
    }
}

#[test]
fn misused_macros_are_reported_where_they_are_wrong() {
    for (source, expected) in [
        ("has(a)", "ERROR: <input>:1:5: invalid argument to has() macro"),
        ("[1].all(a.b, true)", "ERROR: <input>:1:10: argument must be a simple name"),
        ("[1].map(1, x)", "ERROR: <input>:1:9: argument is not an identifier"),
        ("[1].all(x, x, true)", "ERROR: <input>:1:12: duplicate variable name: x"),
        (
            "[1].all(__result__, true)",
            "ERROR: <input>:1:9: iteration variable overwrites accumulator variable",
        ),
        ("o.optMap(1, x)", "ERROR: <input>:1:10: optMap() variable name must be a simple identifier"),
    ] {
        assert_eq!(tree(source), expected, "{source}");
    }
}

#[test]
fn nodes_know_their_text() {
    let ast = parse("(a + b) * has(c.d).e( 1 )", Profile::V1_37).unwrap();
    let mut texts: Vec<&str> = ast.ids().map(|id| ast.text(id)).collect();
    texts.dedup();
    assert_eq!(
        texts,
        ["a", "b", "(a + b)", "c", "c.d", "has(c.d)", "1", "has(c.d).e( 1 )", "(a + b) * has(c.d).e( 1 )"]
    );
    let [has] = ast.macro_calls() else { panic!("one macro") };
    assert_eq!((ast.text(has.expansion), &*has.function), ("has(c.d)", "has"));
}

#[test]
fn back_quotes_are_of_1_37() {
    let refused = parse("a.`b`", Profile::V1_36).unwrap_err();
    assert_eq!(refused.to_string(), "ERROR: <input>:1:3: unsupported syntax: '`'\n | a.`b`\n | ..^");
}

mod agreement {
    use proptest::prelude::*;

    use super::super::super::lexer::lex;
    use super::super::{Builder, Depths, Parser, Profile, Stop, recovery};

    const WORDS: [&str; 36] = [
        "a", "b.c", "has", "x.all", "1", "2u", "1.5", "'s'", "b'b'", "`q-q`", "true", "null", "(", ")", "(",
        ")", "[", "]", "{", "}", ".", ",", ":", "?", "-", "!", "+", "*", "==", "<", "in", "&&", "||", "as",
        "@", "-1",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

        /// Two readings of one grammar, written apart: the parser, and the one that finds the errors.
        #[test]
        fn the_parser_and_the_recovery_agree(words in prop::collection::vec(0..WORDS.len(), 0..14), spaced in any::<bool>()) {
            let words: Vec<&str> = words.into_iter().map(|index| WORDS[index]).collect();
            let source = words.join(if spaced { " " } else { "" });
            let lexed = lex(&source);
            let mut parser = Parser {
                source: &source,
                profile: Profile::V1_37,
                tokens: &lexed.tokens,
                at: 0,
                depths: Depths::default(),
                build: Builder::new(8),
                issues: Vec::new(),
            };
            let refused = parser.start() == Err(Stop::Syntax);
            let stopped = lexed.tokens[parser.at].start;
            let (issues, _) = recovery::syntax_issues(&source, &lexed.tokens, &[]);
            prop_assert_eq!(refused, !issues.is_empty(), "{:?}: {:?}", source, issues);
            if let Some(first) = issues.first() {
                // a sign that begins no number is found wanting at what follows it
                let follows = lexed.tokens.get(parser.at + 1).map(|token| token.start);
                let offset = first.offset;
                prop_assert!(offset == Some(stopped) || offset == follows, "{:?}: {} {:?}", source, stopped, issues);
            }
        }

        #[test]
        fn nothing_panics(source in "\\PC{0,60}") {
            let _ = super::parse(&source, Profile::V1_36).map_err(|issues| issues.to_string());
        }
    }
}

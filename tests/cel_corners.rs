//! Corners of Kubernetes' CEL that no golden vector shows: each row was seen in k8s.io/apiserver itself, 0.36.3 with cel-go
//! 0.26 and 0.37 with cel-go 0.28.

use plimsoll::cel::activation::{Activation, Functions};
use plimsoll::cel::checker::{self, OverloadId};
use plimsoll::cel::declarations::{Env, EnvKind};
use plimsoll::cel::error::{Eval, EvalError};
use plimsoll::cel::library::authorizer::{Decision, Question, Subject};
use plimsoll::cel::profile::Profile;
use plimsoll::cel::program::{Budget, Composition, Program, Variables};
use plimsoll::cel::value::{Authorization, Opaque, Value, View};
use plimsoll::document::{Document, Limits};

const OBJECT: &str = r#"{"b": true, "l": [1, 2, 3], "ll": [[1], [], [2, 3]], "cs": [{"image": "y:2"}]}"#;

struct NoOpinion;

impl<'d> Functions<'d> for NoOpinion {
    fn call(&self, _: OverloadId, _: &[Value<'d>]) -> Eval<Value<'d>> {
        Err(EvalError::NoOverload.into())
    }

    fn authorize(&self, _: &Question) -> Eval<Decision> {
        Ok(Decision::default())
    }
}

fn text(value: &Value<'_>) -> String {
    let join = |items: Vec<String>| items.join(", ");
    match value.view() {
        View::Null => "null".to_owned(),
        View::Bool(value) => value.to_string(),
        View::Int(value) => value.to_string(),
        View::Str(text) => format!("'{text}'"),
        View::List(list) => format!("[{}]", join(list.iter().map(|item| text(&item)).collect())),
        View::Map(map) => {
            let entries = map.iter().map(|(key, value)| format!("{}: {}", text(&key), text(&value)));
            format!("{{{}}}", join(entries.collect()))
        }
        View::Object(object) => {
            let fields = object.fields().iter().map(|(name, value)| format!("{name}: {}", text(value)));
            format!("{}{{{}}}", object.type_name(), join(fields.collect()))
        }
        View::Optional(inner) => format!("optional({})", inner.map(text).unwrap_or_default()),
        other => panic!("{other:?} is in no row"),
    }
}

/// `TYPE: VALUE or error, COST`, or the first line of why it is refused.
fn outcome(source: &str, profile: Profile) -> String {
    let mut variables_env = Env::new(profile, EnvKind::Validation);
    let mut composition = Composition::default();
    for (name, source) in [("v", "object.l.size()"), ("bad", "1 / (object.l.size() - 3)")] {
        composition.add(&mut variables_env, name, source).expect("it compiles");
    }
    let mut env = Env::new(profile, EnvKind::Mutation);
    composition.declare(&mut env);
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    let checked = match checker::compile(source, &env) {
        Ok(checked) => checked,
        Err(issues) => return first_line(issues.to_string()),
    };
    let program = match Program::plan(checked, &env, &composition) {
        Ok(program) => program,
        Err(error) => return first_line(error.to_string()),
    };
    let object = Document::from_json(OBJECT, Limits::default()).expect("it is JSON");
    let mut activation = Activation::with_functions(&NoOpinion);
    let authorizer = Authorization::Authorizer(Subject::Requester);
    activation
        .bind("object", object.root())
        .bind("authorizer", Value::opaque(Opaque::Authorization(authorizer)));
    let mut variables = Variables::new(&composition);
    let outcome = program.evaluate(&activation, &mut variables, &mut Budget::default());
    let result = outcome.result.map_or_else(|failure| failure.to_string(), |value| text(&value));
    format!("{}: {result}, {}", program.output_type(), outcome.cost)
}

fn check(rows: &[(&str, &str)]) {
    for profile in Profile::ALL {
        for (source, expected) in rows {
            assert_eq!(outcome(source, profile), *expected, "{source} in {profile}");
        }
    }
}

#[test]
fn fields_of_an_object_are_there_only_where_its_type_is_known() {
    check(&[
        ("Object.a{a: 1}.a", "dyn: 1, 42"),
        ("Object.a{}.a", "dyn: null, 42"),
        ("has(Object.a{}.a)", "bool: false, 41"),
        ("dyn(Object.a{a: 1}).a", "dyn: no such key: a, 43"),
        ("dyn(Object.a{a: 1})['a']", "dyn: no such key: a, 43"),
        ("has(dyn(Object.a{a: 1}).a)", "bool: false, 42"),
        ("Object{a: 1}.?a", "optional_type(dyn): optional(), 41"),
        ("[Object{a: 1}].map(x, x.a)", "list(dyn): [1], 65"),
        // what is read out of one is a map
        ("Object{a: Object.a{b: 1}}.a.b", "dyn: 1, 83"),
        ("Object{a: Object.a{b: 1}}.a", "dyn: {'b': 1}, 82"),
        ("JSONPatch{value: Object{a: 1}}.value.a", "dyn: no such key: a, 83"),
    ]);
    // and there is what the optional makes of it
    let optional = "optional.of(Object{a: 1}).a";
    assert_eq!(outcome(optional, Profile::V1_36), "optional_type(dyn): optional(1), 43");
    assert_eq!(outcome(optional, Profile::V1_37), "optional_type(dyn): optional(), 42");
}

#[test]
fn a_patch_has_four_fields() {
    check(&[
        ("has(JSONPatch{}.op)", "bool: false, 41"),
        ("JSONPatch{}.?op", "optional_type(string): optional(), 41"),
        ("JSONPatch{op: 'x'}.?op", "optional_type(string): optional('x'), 42"),
        ("has(JSONPatch{}.value)", "bool: false, 41"),
        ("dyn(JSONPatch{}).value", "dyn: null, 43"),
        ("dyn(JSONPatch{}).zz", "dyn: unsupported indexer: zz, 43"),
        ("dyn(JSONPatch{})[1]", "dyn: unsupported indexer: %!s(types.Int=1), 43"),
        ("has(dyn(JSONPatch{}).zz)", "bool: unsupported field: zz, 42"),
        ("JSONPatch{dyn: dyn(1)}", "JSONPatch: unexpected JSONPatchType field: dyn, 40"),
        // another field has no type at all
        ("JSONPatch{}.zz", ": unsupported indexer: zz, 42"),
        ("[JSONPatch{}.zz]", "list(dyn): unsupported indexer: zz, 52"),
        ("JSONPatch{}.zz.a", "ERROR: <input>:1:15: type '' does not support field selection"),
        (
            "JSONPatch{}.zz == 1",
            "ERROR: <input>:1:16: found no matching overload for '_==_' applied to '(, int)'",
        ),
    ]);
}

#[test]
fn objects_are_equal_as_go_compares_them() {
    check(&[
        ("Object{a: 1} == Object{a: 1}", "bool: true, 81"),
        ("Object{a: 1} == Object{a: 1.0}", "bool: false, 81"),
        ("Object{a: {'x': 1}} == Object{a: {'x': 1}}", "bool: true, 81"),
        ("Object{a: [1]} == Object{a: [1]}", "bool: false, 81"),
        ("Object{a: object.l} == Object{a: object.l}", "bool: false, 85"),
        ("Object{a: object.cs[0]} == Object{a: object.cs[0]}", "bool: true, 87"),
        ("[Object{a: [1]}].all(x, x == x)", "bool: true, 57"),
        ("Object{a: 0.0/0.0} == Object{a: 0.0/0.0}", "bool: false, 83"),
        ("JSONPatch{value: [1]} == JSONPatch{value: [1.0 == 1.0 ? 1 : 2]}", "bool: true, 92"),
        ("JSONPatch{value: quantity('1')} == JSONPatch{value: 1}", "bool: no such overload, 82"),
    ]);
}

#[test]
fn an_absent_optional_takes_back_what_was_set() {
    check(&[
        ("{'a': 1, ?'a': optional.none()}", "map(string, int): {}, 31"),
        ("Object{a: 1, ?a: optional.none()}", "Object: Object{}, 41"),
        ("JSONPatch{op: 'a', ?op: optional.none()}", "JSONPatch: JSONPatch{op: '', path: '', from: ''}, 41"),
    ]);
}

#[test]
fn variables_as_a_whole_are_a_value() {
    check(&[
        ("variables == variables", "bool: true, 3"),
        ("dyn(variables).v", "dyn: 3, 4"),
        ("dyn(variables)['v']", "dyn: 3, 4"),
        ("dyn(variables).nope", "dyn: no such key: nope, 4"),
        ("dyn(variables).bad", "dyn: composited variable \"bad\" fails to evaluate: division by zero, 4"),
    ]);
}

#[test]
fn steps_of_an_authorization_check_have_no_equality() {
    check(&[
        ("authorizer.path('/a') == authorizer.path('/a')", "bool: no such overload, 5"),
        ("authorizer == null", "bool: false, 2"),
        ("authorizer.path('/a') != authorizer.path('/a')", "bool: true, 5"),
    ]);
}

#[test]
fn what_makes_upstream_panic_ends_the_evaluation() {
    let text = "internal error: interface conversion: types.Null is not traits.Lister: missing method Add";
    // neither the call nor the comparison is charged any more, and `||` absorbs nothing
    check(&[
        ("[1, 2, 3].sortBy(x, string(object) == 'a').size() > 0", &format!("bool: {text}, 48")),
        ("[1, 2, 3].sortBy(x, string(object) == 'a').size() > 0 || true", &format!("bool: {text}, 48")),
    ]);
}

#[test]
fn a_leading_dot_looks_past_variables_of_macros_since_1_37() {
    let source = "object.cs.exists(c, .c.image == 'y:2')";
    assert_eq!(outcome(source, Profile::V1_36), "bool: true, 10");
    let refused = "ERROR: <input>:1:22: undeclared reference to '.c' (in container '')";
    assert_eq!(outcome(source, Profile::V1_37), refused);
}

#[test]
fn small_things() {
    check(&[
        ("string(953006028290549.2)", "string: '9.530060282905492e+14', 0"),
        ("double('NaN') > dyn('a')", "bool: NaN values cannot be ordered, 1"),
        ("dyn('a') > double('NaN')", "bool: no such overload, 1"),
    ]);
    // the cost wraps around, at another place in each release
    let refused = "list(dyn): level must be non-negative";
    let cancelled = "list(dyn): operation cancelled: actual cost limit exceeded";
    for (list, old, new) in [
        ("object.ll", format!("{refused}, 10"), format!("{refused}, 1")),
        ("[[1]]", format!("{refused}, 10"), format!("{cancelled}, 18446744073709551615")),
        ("lists.range(30)", format!("{refused}, 22"), format!("{refused}, 22")),
    ] {
        let source = format!("{list}.flatten(-1)");
        assert_eq!(outcome(&source, Profile::V1_36), old, "{source}");
        assert_eq!(outcome(&source, Profile::V1_37), new, "{source}");
    }
}

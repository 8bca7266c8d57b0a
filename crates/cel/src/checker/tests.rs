use super::super::ast::Expr;
use super::super::declarations::{Env, EnvKind, Overload, Structure};
use super::super::profile::Profile;
use super::super::types::Type;
use super::{Reference, ResultKind, compile};

fn env() -> Env {
    Env::new(Profile::V1_37, EnvKind::Validation)
}

/// The type, or the first line of what is wrong.
fn output(source: &str, env: &Env) -> String {
    match compile(source, env) {
        Ok(checked) => checked.output_type().to_string(),
        Err(issues) => issues.to_string().lines().next().unwrap_or_default().to_owned(),
    }
}

#[test]
fn types_follow_the_declarations() {
    for (source, expected) in [
        ("object.spec.replicas <= 5", "bool"),
        ("[1, 2].map(x, string(x))", "list(string)"),
        ("{'a': [1]}.a", "list(int)"),
        ("[] + ['a']", "list(string)"),
        ("object.?a.?b.orValue('x')", "dyn"),
        ("optional.none()", "optional_type(dyn)"),
        ("type([1])", "type(list(int))"),
        ("google.protobuf.Int32Value{value: 1}", "wrapper(int)"),
        ("request.userInfo.extra", "map(string, list(string))"),
        ("authorizer.requestResource.check('get').allowed()", "bool"),
        ("true ? null : duration('1s')", "null_type"),
        ("request.nope", "ERROR: <input>:1:8: undefined field 'nope'"),
        ("quantity('1').x", "ERROR: <input>:1:14: unexpected failed resolution of 'kubernetes.Quantity'"),
        ("[1, 'a']", "ERROR: <input>:1:5: expected type 'int' but found 'string'"),
        ("'%s'.format([1, 'a'].map(x, x))", "string"),
        ("int{}", "ERROR: <input>:1:4: 'int' is not a message type"),
        ("object{}", "ERROR: <input>:1:7: 'dyn' is not a type"),
    ] {
        assert_eq!(output(source, &env()), expected, "{source}");
    }
}

#[test]
fn references_name_overloads_and_variables() {
    let checked =
        compile("size(object.x) + authorizer.requestResource.check('get').reason().size()", &env()).unwrap();
    let ast = checked.ast();
    let mut seen = Vec::new();
    for id in ast.ids() {
        match checked.reference(id) {
            Reference::Overloads { overloads, .. } => seen.push(format!("{} {overloads:?}", ast.text(id))),
            Reference::Ident { name, .. } => seen.push(format!("{} = {name}", ast.text(id))),
            Reference::None => {}
        }
    }
    assert_eq!(
        seen,
        [
            "object = object",
            "size(object.x) [\"size_bytes\", \"size_list\", \"size_map\", \"size_string\"]",
            "authorizer.requestResource = authorizer.requestResource",
            "authorizer.requestResource.check('get') [\"resourcecheck_check\"]",
            "authorizer.requestResource.check('get').reason() [\"decision_reason\"]",
            "authorizer.requestResource.check('get').reason().size() [\"string_size\"]",
            "size(object.x) + authorizer.requestResource.check('get').reason().size() [\"add_int64\"]",
        ]
    );
}

#[test]
fn a_namespace_is_a_part_of_the_name() {
    let checked = compile("optional.of(1)", &env()).unwrap();
    let root = checked.ast().root();
    assert!(matches!(&checked.ast()[root], Expr::Call { target: Some(_), .. }));
    let expected = Reference::Overloads {
        function: "optional.of".into(),
        overloads: Box::new(["optional_of"]),
        namespaced: true,
    };
    assert_eq!(*checked.reference(root), expected);
}

#[test]
fn our_own_declarations_are_usable() {
    let mut env = env();
    let image = Type::structure("example.Image");
    env.declare_structure("example.Image", Structure::new([("tag", Type::String)]))
        .declare_variable("allContainers", Type::list(Type::Dyn))
        .declare_variable("index", Type::Int)
        .declare_function("image", vec![Overload::global("image_string", [Type::String], image)])
        .declare_function(
            "resources.get",
            vec![Overload::global("resources_get", [Type::String, Type::String, Type::String], Type::Dyn)],
        )
        .declare_function(
            "selector.matches",
            vec![Overload::global("selector_matches", [Type::Dyn, Type::Dyn], Type::Bool)],
        )
        .declare_policy_variable("names", Some(&Type::list(Type::String)));
    for (source, expected) in [
        ("allContainers.all(c, image(c.image).tag != 'latest') && index == 0", "bool"),
        ("resources.get('v1', 'Pod', 'a').spec", "dyn"),
        // a function of ours, not a regular expression
        ("selector.matches('(', object)", "bool"),
        ("variables.names", "list(string)"),
        ("image('a').digest", "ERROR: <input>:1:11: undefined field 'digest'"),
        ("resources.list('v1')", "ERROR: <input>:1:1: undeclared reference to 'resources' (in container '')"),
    ] {
        assert_eq!(output(source, &env), expected, "{source}");
    }
}

#[test]
fn results_are_restricted_to_where_an_expression_stands() {
    let refused = |source: &str, env: &Env, kind| {
        compile(source, env)
            .unwrap()
            .expect_result(kind)
            .err()
            .map(|issues| issues.to_string())
            .unwrap_or_default()
    };
    let mutation = Env::new(Profile::V1_37, EnvKind::Mutation);
    for (source, env, kind, expected) in [
        ("true", &env(), ResultKind::Bool, ""),
        ("object.x", &env(), ResultKind::Bool, "must evaluate to one of [bool] but got dyn"),
        ("null", &env(), ResultKind::StringOrNull, ""),
        ("1", &env(), ResultKind::StringOrNull, "must evaluate to one of [string null_type] but got int"),
        ("Object{}", &mutation, ResultKind::Object, ""),
        (
            "[]",
            &mutation,
            ResultKind::JsonPatches,
            "must evaluate to one of [list(JSONPatch)] but got list(dyn)",
        ),
        ("true ? [JSONPatch{op: 'test'}] : []", &mutation, ResultKind::JsonPatches, ""),
    ] {
        assert_eq!(refused(source, env, kind), expected, "{source}");
    }
}

#[test]
fn a_leading_dot_passes_over_loop_variables_in_1_37() {
    for (profile, expected) in
        [(Profile::V1_36, "list(int)"), (Profile::V1_37, "list(kubernetes.AdmissionRequest)")]
    {
        assert_eq!(output("[1].map(request, .request)", &Env::new(profile, EnvKind::Validation)), expected);
    }
}

use std::sync::Arc;

use super::super::activation::{Binding, Functions};
use super::super::checker::OverloadId;
use super::super::declarations::{EnvKind, Overload};
use super::super::explain::Seen;
use super::super::library::authorizer::{Decision, Question};
use super::super::stored::StoredPrograms;
use super::*;
use document::{Document, Limits};

fn object() -> Document<'static> {
    let text = r#"{"spec": {"n": 3, "l": [{"name": "a", "ports": [80]}, {"name": "b", "ports": [80, 81]}]}}"#;
    Document::from_json(text, Limits::default()).unwrap()
}

fn env() -> Env {
    Env::new(Profile::NEWEST, EnvKind::Validation)
}

/// `request` without its user, `namespaceObject` unknown.
fn activation<'d>(object: &'d Document<'_>, request: &'d Document<'_>) -> Activation<'d, 'd> {
    let mut activation = Activation::new();
    let unknown: Arc<[Vec<String>]> = Arc::from([vec!["userInfo".to_owned()]]);
    activation
        .bind("object", object.root())
        .set("request", Binding::Partial { value: request.root().into(), unknown })
        .set("namespaceObject", Binding::Unknown("Namespace default".into()));
    activation
}

#[test]
fn unknown_spreads() {
    let (object, request) =
        (object(), Document::from_json(r#"{"name": "x", "userInfo": {}}"#, Limits::default()).unwrap());
    let (user, namespace) = ("request.userInfo", "Namespace default");
    for (source, expected) in [
        ("request.name == 'x'", Ok(true)),
        ("request.userInfo.username == 'x'", Err(vec![user])),
        ("has(request.userInfo.uid)", Err(vec![user])),
        ("request == request", Err(vec![user])),
        ("false && request.userInfo.username == 'x'", Ok(false)),
        ("request.userInfo.username == 'x' && false", Ok(false)),
        ("request.userInfo.username == 'x' || true", Ok(true)),
        ("request.userInfo.username == 'x' || false", Err(vec![user])),
        ("request.userInfo.username == 'x' || object.nope", Err(vec![user])),
        ("object.nope || request.userInfo.username == 'x'", Err(vec![user])),
        ("object.nope == request.userInfo.username", Err(vec![user])),
        ("namespaceObject.metadata.name == request.userInfo.username", Err(vec![namespace, user])),
        ("namespaceObject.metadata.name == 'a' && request.userInfo.uid == ''", Err(vec![namespace, user])),
        ("request.userInfo.groups.all(g, g == '')", Err(vec![user])),
        ("object.spec.l.all(c, c.name == request.userInfo.username)", Err(vec![user])),
        ("object.spec.l.exists(c, c.name == 'b' || c.name == request.userInfo.username)", Ok(true)),
        ("request.userInfo.username == '' ? true : false", Err(vec![user])),
    ] {
        let program = Program::compile(source, &env()).unwrap();
        let activation = activation(&object, &request);
        let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
        let got = match &outcome.result {
            Ok(value) => Ok(value.as_bool().unwrap()),
            Err(Failure::Unknown(unknown)) => Err(unknown.of.iter().map(|what| &**what).collect()),
            Err(Failure::Error(error)) => panic!("{source}: {error}"),
        };
        assert_eq!(got, expected, "{source}");
    }
}

#[test]
fn a_failing_quantifier_points_at_the_element() {
    let object = object();
    for (source, expected) in [
        ("object.spec.l.all(c, c.name == 'a')", Some("spec.l[1]")),
        ("object.spec.l.all(c, c.name == 'b')", Some("spec.l[0]")),
        ("!object.spec.l.exists(c, c.name == 'a')", Some("spec.l[0]")),
        ("object.spec.l.all(i, c, c.name == 'b')", Some("spec.l[0]")),
        ("object.spec.l.all(c, c.ports.all(p, p < 81))", Some("spec.l[1].ports[1]")),
        ("!object.spec.l.exists(c, c.name == 'b')", Some("spec.l[1]")),
        ("object.spec.l.all(i, c, c.name == 'a')", Some("spec.l[1]")),
        ("object.spec.l[1].all(k, k != 'ports')", Some("spec.l[1].ports")),
        ("object.spec.l[1].all(k, v, k == 'name')", Some("spec.l[1].ports")),
        ("!object.spec.l[1].exists(k, k == 'name')", Some("spec.l[1].name")),
        ("object.spec.l.all(c, c.all(k, k != 'ports'))", Some("spec.l[0].ports")),
        ("{'a': 1}.all(k, k == 'b')", None),
        ("object.spec.l.all(c, has(c.name))", None),
        ("(object.spec.l.all(c, c.name == 'a') || true) && object.spec.n > 3", None),
        ("object.spec.n > 3", None),
    ] {
        let program = Program::compile(source, &env()).unwrap();
        let mut activation = Activation::new();
        activation.bind("object", object.root());
        let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
        assert_eq!(outcome.culprit.map(|node| node.path()).as_deref(), expected, "{source}");
    }
}

#[test]
fn variables_are_computed_once_and_paid_apart() {
    let object = object();
    let mut env = env();
    let mut composition = Composition::default();
    composition.add(&mut env, "names", "object.spec.l.map(c, c.name)").unwrap();
    composition.add(&mut env, "bad", "1 / (object.spec.n - 3) > 0").unwrap();
    let refused = composition.add(&mut env, "broken", "nope").unwrap_err();
    assert!(refused.to_string().starts_with("ERROR: <input>:1:1: undeclared reference to 'nope'"));
    let mut activation = Activation::new();
    activation.bind("object", object.root());
    let compile =
        |source: &str| Program::plan(checker::compile(source, &env).unwrap(), &env, &composition).unwrap();
    let (first, second) = (compile("variables.names == ['a', 'b']"), compile("variables.names.size() == 2"));
    let mut variables = Variables::new(&composition);
    let mut budget = Budget::new(1_000);
    let outcome = first.evaluate(&activation, &mut variables, &mut budget);
    assert_eq!((outcome.cost, outcome.variables_cost), (3, 32));
    let outcome = second.evaluate(&activation, &mut variables, &mut budget);
    assert_eq!((outcome.cost, outcome.variables_cost), (4, 0));
    assert_eq!(budget.left(), 1_000 - 39);
    assert_eq!(variables.computed().map(|(name, _)| name).collect::<Vec<_>>(), ["names"]);
    let bad = compile("variables.bad || variables.broken == 1");
    let failure = bad.evaluate(&activation, &mut variables, &mut budget).result.unwrap_err();
    assert_eq!(failure.to_string(), "composited variable \"bad\" fails to evaluate: division by zero");
}

#[test]
fn explanations_show_the_parts() {
    let object = object();
    let program =
        Program::compile("object.spec.n < 3 || object.spec.l.all(c, c.name == 'a')", &env()).unwrap();
    let mut activation = Activation::new();
    activation.bind("object", object.root());
    let (outcome, trace) = program.explain(&activation, &mut Variables::none(), &mut Budget::default());
    assert_eq!(outcome.result.unwrap().as_bool(), Some(false));
    let ast = program.ast();
    let parts: Vec<_> = trace
        .seen()
        .iter()
        .filter_map(|(id, seen)| match seen {
            Seen::Value(value) => Some((ast.text(*id), value.as_bool()?)),
            _ => None,
        })
        .collect();
    assert_eq!(
        parts,
        [
            ("object.spec.n < 3", false),
            ("c.name == 'a'", true),
            ("c.name == 'a'", false),
            ("object.spec.l.all(c, c.name == 'a')", false),
            ("object.spec.n < 3 || object.spec.l.all(c, c.name == 'a')", false),
        ]
    );
}

#[test]
fn functions_come_from_outside() {
    struct Inventory(Document<'static>);
    impl<'d> Functions<'d> for &'d Inventory {
        fn call(&self, overload: OverloadId, arguments: &[Value<'d>]) -> Eval<Value<'d>> {
            assert_eq!(overload, "resources_get");
            match arguments[3].as_str() {
                Some("here") => Ok(self.0.root().into()),
                Some("nowhere") => Ok(Value::Null),
                name => Err(Unknown::one(format!("Service default/{}", name.unwrap_or_default())).into()),
            }
        }
        fn authorize(&self, _: &Question) -> Eval<Decision> {
            Err(Unknown::one("authorizer").into())
        }
    }
    let mut env = env();
    let params = [Type::String, Type::String, Type::String, Type::String];
    env.declare_function("resources.get", vec![Overload::global("resources_get", params, Type::Dyn)]);
    let inventory = Inventory(object());
    let inventory = &inventory;
    for (name, expected) in
        [("here", "spec.n"), ("nowhere", "null"), ("elsewhere", "Service default/elsewhere")]
    {
        let source = format!("resources.get('v1', 'Service', 'default', '{name}').?spec.?n.orValue(null)");
        let program = Program::compile(&source, &env).unwrap();
        let activation = Activation::with_functions(&inventory);
        let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
        let got = match outcome.result {
            Ok(value) => value.node().map_or("null".to_owned(), |node| node.path()),
            Err(Failure::Unknown(unknown)) => unknown.of.join(","),
            Err(Failure::Error(error)) => error.to_string(),
        };
        assert_eq!(got, expected);
    }
}

/// A list literal of constants is folded; adding it to an accumulator costs no more room than adding an element does.
#[test]
fn many_constants_are_collected() {
    let program = Program::compile("lists.range(30000).map(i, 'xxxxxxxxxx').join(',').size()", &env());
    let program = program.unwrap();
    let activation = Activation::new();
    let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
    assert_eq!(outcome.result.unwrap().as_int(), Some(329_999));
}

#[test]
fn a_budget_runs_out() {
    let program = Program::compile("[1, 2, 3].all(x, x > 0)", &env()).unwrap();
    let mut budget = Budget::new(20);
    let activation = Activation::new();
    program.evaluate(&activation, &mut Variables::none(), &mut budget);
    assert!(!budget.is_exhausted());
    program.evaluate(&activation, &mut Variables::none(), &mut budget);
    assert!(budget.is_exhausted());
    let mut late = Budget::default().with_deadline(Instant::now());
    let endless =
        Program::compile("lists.range(1000).all(x, lists.range(100).all(y, y < x || true))", &env());
    let endless = endless.unwrap();
    let outcome = endless.evaluate(&activation, &mut Variables::none(), &mut late);
    assert_eq!(outcome.result.unwrap_err(), Failure::Error(EvalError::Deadline));
}

#[test]
fn variables_that_wait_are_compiled_when_they_are_read() {
    let (object, request) = (object(), Document::from_json("{}", Limits::default()).unwrap());
    let mut variables =
        Composition::when_read(StoredPrograms::none(Profile::NEWEST), LazyEnv::new(Box::new(env)));
    variables.add_unread("names", "object.spec.l.map(e, string(e.name))");
    variables.add_unread("first", "variables.names[0]");
    variables.add_unread("broken", "variables.nobody + 1");
    // what is told of their types is what a variable that is compiled at once has
    let names = variables.compile("variables.names.filter(n, n != '')", &env()).unwrap();
    assert_eq!(names.output_type().to_string(), "list(string)");
    let program =
        variables.compile("variables.names.filter(n, n != variables.first) == ['b']", &env()).unwrap();
    let outcome = program.evaluate(
        &activation(&object, &request),
        &mut Variables::new(&variables),
        &mut Budget::default(),
    );
    assert_eq!(outcome.result.unwrap().as_bool(), Some(true));
    assert!(variables.compile("variables.names + 1", &env()).is_err(), "a list is no number");
    let undefined = |source: &str| variables.compile(source, &env()).unwrap_err().to_string();
    assert!(undefined("variables.nobody").contains("undefined field 'nobody'"));
    let named: Vec<&str> = variables.named().map(|(name, _)| name).collect();
    assert_eq!(named, ["names", "first"]);
}

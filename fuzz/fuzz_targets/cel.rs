//! Parse, check, plan and evaluate whatever the fuzzer writes, in both profiles and every environment, over an object,
//! variables, an authorizer and things that are not known.
//!
//! Besides "nothing panics": a value never costs more than the limit, the budget is charged what was spent, the run that
//! keeps an explanation gives the same, and a deadline stops on the same way. libFuzzer's own limits do the rest.
//! How to run it: CONTRIBUTING.md.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use plimsoll::cel::activation::{Activation, Binding, Functions};
use plimsoll::cel::checker::{self, OverloadId, ResultKind};
use plimsoll::cel::cost::EXPRESSION_LIMIT;
use plimsoll::cel::declarations::{Env, EnvKind};
use plimsoll::cel::error::{Eval, EvalError};
use plimsoll::cel::library::authorizer::{Decision, Question, Subject, Verdict};
use plimsoll::cel::profile::Profile;
use plimsoll::cel::program::{Budget, Composition, Failure, Outcome, Program, Variables};
use plimsoll::cel::value::{Authorization, Opaque, Value};
use plimsoll::document::{Document, Limits};

const OBJECT: &str = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x": "y"}},
  "spec": {"replicas": 3, "containers": [{"name": "a", "image": "b:1", "ports": [{"containerPort": 80}]}, {"name": "b"}],
  "n": null, "f": 1.5, "i": -3, "t": true, "q": "100Mi", "ts": "2024-01-01T00:00:00Z"},
  "x": [1, "a", 2.5, null, {"k": []}], "s": "aé𝒳", "l": [3, 1, 2], "m": {"a": 1, "b": {"c": "d"}}}"#;
const REQUEST: &str = r#"{"kind": {"group": "", "version": "v1", "kind": "Pod"}, "operation": "CREATE", "name": "a",
  "resource": {"group": "", "version": "v1", "resource": "pods"}, "namespace": "default", "dryRun": false,
  "userInfo": {"username": "alice", "groups": ["devs"]}}"#;

fn document(text: &str) -> Document<'static> {
    Document::from_json_owned(text.to_owned(), Limits::default()).expect("it is JSON")
}

static OBJECT_DOCUMENT: LazyLock<Document<'static>> = LazyLock::new(|| document(OBJECT));
static REQUEST_DOCUMENT: LazyLock<Document<'static>> = LazyLock::new(|| document(REQUEST));

struct Setting {
    env: Env,
    composition: Composition,
}

/// Each profile with each kind of environment; `params` is declared in every other.
static SETTINGS: LazyLock<Vec<Setting>> = LazyLock::new(|| {
    let kinds = [EnvKind::Validation, EnvKind::Message, EnvKind::Mutation];
    let all = Profile::ALL.into_iter().flat_map(|profile| kinds.map(|kind| (profile, kind)));
    all.enumerate()
        .map(|(index, (profile, kind))| {
            let mut variables = Env::new(profile, EnvKind::Validation);
            let mut env = Env::new(profile, kind);
            if index % 2 == 0 {
                variables.declare_params();
                env.declare_params();
            }
            let mut composition = Composition::default();
            for (name, source) in [
                ("v", "object.spec.containers.map(c, c.name)"),
                ("w", "variables.v.join('/') + string(object.spec.replicas)"),
                ("e", "1 / (object.spec.replicas - 3)"),
                ("o", "optional.of(variables.w)"),
            ] {
                composition.add(&mut variables, name, source).expect("it compiles");
            }
            composition.declare(&mut env);
            Setting { env, composition }
        })
        .collect()
});

/// Allows what is asked about `a…`, and has errors.
struct Authorizer;

impl<'d> Functions<'d> for Authorizer {
    fn call(&self, _: OverloadId, _: &[Value<'d>]) -> Eval<Value<'d>> {
        Err(EvalError::NoOverload.into())
    }

    fn authorize(&self, question: &Question) -> Eval<Decision> {
        let verdict = if question.verb.starts_with('a') { Verdict::Allow } else { Verdict::NoOpinion };
        let error = (question.verb == "error").then(|| "it failed".to_owned());
        Ok(Decision { verdict, reason: question.verb.clone(), error })
    }
}

fn bound<'d>(complete: bool) -> Activation<'d, 'd> {
    let mut activation = Activation::with_functions(&Authorizer);
    activation.bind("object", OBJECT_DOCUMENT.root()).bind("oldObject", Value::Null);
    let authorizer = Authorization::Authorizer(Subject::Requester);
    let request = Value::from(REQUEST_DOCUMENT.root());
    if complete {
        activation
            .bind("params", OBJECT_DOCUMENT.root())
            .bind("request", request)
            .bind("namespaceObject", Value::Null)
            .bind("authorizer", Value::opaque(Opaque::Authorization(authorizer)));
    } else {
        let unknown: Arc<[Vec<String>]> = Arc::from([vec!["userInfo".to_owned()]]);
        activation
            .bind("params", Value::Null)
            .set("request", Binding::Partial { value: request, unknown })
            .set("namespaceObject", Binding::Unknown("Namespace default".into()))
            .set("authorizer", Binding::Unknown("authorizer".into()));
    }
    activation
}

/// An outcome as text: what must be the same each time.
fn told(outcome: &Outcome<'_>) -> String {
    let result = match &outcome.result {
        // a value of a million elements takes longer to write than to compute
        Ok(_) if outcome.cost > 10_000 => "a value".to_owned(),
        Ok(value) => format!("{value:?}"),
        Err(failure) => failure.to_string(),
    };
    format!("{result} {} {}", outcome.cost, outcome.variables_cost)
}

fn judge(outcome: &Outcome<'_>, budget: &Budget) {
    let limited = matches!(&outcome.result, Err(Failure::Error(EvalError::CostLimit)));
    assert!(outcome.cost <= EXPRESSION_LIMIT || limited, "cost {} without an error", outcome.cost);
    let spent = outcome.cost.saturating_add(outcome.variables_cost);
    assert_eq!(budget.left(), 10_000_000_u64.saturating_sub(spent));
    assert_eq!(budget.is_exhausted(), spent > 10_000_000);
}

fn run(program: &Program, setting: &Setting, complete: bool) {
    let activation = bound(complete);
    let variables = || Variables::new(&setting.composition);
    let mut budget = Budget::default();
    let first = program.evaluate(&activation, &mut variables(), &mut budget);
    judge(&first, &budget);
    let (second, _) = program.explain(&activation, &mut variables(), &mut Budget::default());
    assert_eq!(told(&first), told(&second));
    // a deadline that has passed ends it somewhere on the same way
    let mut over = Budget::default().with_deadline(Instant::now());
    let late = program.evaluate(&activation, &mut variables(), &mut over);
    match &late.result {
        Err(Failure::Error(EvalError::Deadline)) => assert!(late.cost <= first.cost),
        _ => assert_eq!(told(&first), told(&late)),
    }
}

fuzz_target!(|source: &str| {
    for setting in SETTINGS.iter() {
        let checked = match checker::compile(source, &setting.env) {
            Ok(checked) => checked,
            Err(issues) => {
                assert!(issues.to_string().starts_with("ERROR: <input>:"), "{issues}");
                continue;
            }
        };
        for kind in [ResultKind::Bool, ResultKind::StringOrNull, ResultKind::Object, ResultKind::JsonPatches]
        {
            let _ = checked.expect_result(kind);
        }
        let program = match Program::plan(checked, &setting.env, &setting.composition) {
            Ok(program) => program,
            Err(error) => {
                assert!(!error.to_string().is_empty());
                continue;
            }
        };
        run(&program, setting, true);
        run(&program, setting, false);
    }
});

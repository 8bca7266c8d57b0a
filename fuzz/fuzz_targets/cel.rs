//! Parse, check, plan and evaluate whatever the fuzzer writes, in both profiles: nothing panics, and nothing costs more than
//! one call beyond the limit.
//!
//! `cargo +nightly fuzz run cel -- -max_total_time=600 -dict=fuzz/cel.dict -timeout=10 -rss_limit_mb=2048`
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plimsoll::cel::activation::Activation;
use plimsoll::cel::declarations::{Env, EnvKind};
use plimsoll::cel::profile::Profile;
use plimsoll::cel::program::{Budget, Program, Variables};
use plimsoll::document::{Document, Limits};

const OBJECT: &str = r#"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "labels": {"x": "y"}},
  "spec": {"containers": [{"name": "a", "image": "b:1", "ports": [{"containerPort": 80}]}, {"name": "b"}],
  "n": null, "f": 1.5, "i": -3, "t": true, "q": "100Mi", "ts": "2024-01-01T00:00:00Z"}}"#;

static DOCUMENT: LazyLock<Document<'static>> =
    LazyLock::new(|| Document::from_json_owned(OBJECT.to_owned(), Limits::default()).expect("it is JSON"));
static ENVS: LazyLock<Vec<Env>> = LazyLock::new(|| {
    Profile::ALL.into_iter().map(|profile| Env::new(profile, EnvKind::Mutation)).collect()
});

fuzz_target!(|source: &str| {
    for env in ENVS.iter() {
        let Ok(program) = Program::compile(source, env) else { continue };
        let mut activation = Activation::new();
        activation.bind("object", DOCUMENT.root());
        let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
        if let Err(failure) = &outcome.result {
            let _ = failure.to_string();
        }
    }
});

//! What `kubernetes_objects` says of mutants beside what a live API server says of them: verdict, causes, and the
//! object that a mutating webhook is sent.
//!
//! ```text
//! objects ─ mutate (seed) ─▶ POST, or PUT over what is stored, with dryRun=All ─▶ kube-apiserver ─▶ webhook, answer
//!                       └──▶ admit, validate ─────────────────────────────────── compared ◀──────────────┘
//! ```
//!
//! `PLIMSOLL_FIDELITY` is how many mutants (300), `PLIMSOLL_FIDELITY_SEED` another seed, `PLIMSOLL_FIDELITY_KIND` the
//! only kind, `PLIMSOLL_FIDELITY_BASE=1` sends the objects as they are instead, `PLIMSOLL_FIDELITY_FOLDER` as many of a
//! folder's documents. What differs goes to
//! `target/tmp/fidelity.txt`. The control plane is that of the end-to-end tests, never a cluster of somebody else's;
//! without it the test is ignored, and says so; with `PLIMSOLL_E2E_REQUIRED=1` that is a failure.

#![allow(clippy::unwrap_used)]

#[path = "../../crates/objects/tests/answers/mod.rs"]
#[allow(dead_code)]
mod answers;
mod bases;
#[path = "../e2e/cluster.rs"]
#[allow(dead_code)]
mod cluster;
#[path = "../e2e/https.rs"]
mod https;
mod live;
mod mutants;
mod ours;
mod random;
mod tally;

use std::process::ExitCode;

use kubernetes_objects::admit::Mode;
use kubernetes_objects::custom::Definitions;
use libtest_mimic::{Arguments, Failed, Trial};
use plimsoll::document::{Document, Limits};
use serde_json::Value;

use bases::{Base, Pool};
use cluster::Source;
use live::Live;
use ours::Case;
use random::Random;
use tally::Tally;

/// That of a run of which nothing else was asked.
const SEED: u64 = 1_877;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let source = match Source::find() {
        Ok(source @ Source::ControlPlane(_)) => Ok(source),
        Ok(_) => Err("KUBECONFIG leads to a cluster that is not ours to fill".to_owned()),
        Err(reason) => Err(reason),
    };
    let trial = match source {
        Ok(source) => Trial::test("mutants_are_judged_as_by_the_live_server", move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(run(&source))
        }),
        Err(reason) => {
            if std::env::var("PLIMSOLL_E2E_REQUIRED").is_ok_and(|value| value == "1") {
                eprintln!("fidelity: FAILED, for PLIMSOLL_E2E_REQUIRED is set and {reason}");
                return ExitCode::FAILURE;
            }
            eprintln!("fidelity: SKIPPED: {reason}");
            arguments.ignored = false;
            arguments.include_ignored = false;
            Trial::test("mutants_are_judged_as_by_the_live_server", || Ok(())).with_ignored_flag(true)
        }
    };
    libtest_mimic::run(&arguments, vec![trial]).exit_code()
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

async fn run(source: &Source) -> Result<(), Failed> {
    let seed = number("PLIMSOLL_FIDELITY_SEED", SEED);
    let count = usize::try_from(number("PLIMSOLL_FIDELITY", 300))?;
    let own = bases::own();
    let all = match std::env::var("PLIMSOLL_FIDELITY_FOLDER") {
        Ok(folder) => [own.clone(), bases::folder(&folder, count, &mut Random::new(seed))].concat(),
        Err(_) => [own.clone(), bases::corpora()].concat(),
    };
    let mut live = Live::start(source).await;
    let stored = live.hold(&own, &all).await;
    let run = Run { pool: Pool::of(&all), definitions: definitions(&own), live: &live };
    let as_they_are = ["PLIMSOLL_FIDELITY_BASE", "PLIMSOLL_FIDELITY_FOLDER"];
    let tally = if as_they_are.iter().any(|name| std::env::var_os(name).is_some()) {
        run.as_they_are(&all).await
    } else {
        run.mutants(&all, &stored, seed, count).await
    };
    live.cluster.stop(false);
    tally.report(seed)
}

fn definitions(own: &[Base]) -> Definitions {
    let mut definitions = Definitions::new();
    for base in own.iter().filter(|base| base.text("kind") == "CustomResourceDefinition") {
        let text = base.object.to_string();
        definitions.add(Document::from_json(&text, Limits::default()).unwrap().root());
    }
    definitions
}

struct Run<'a> {
    pool: Pool,
    definitions: Definitions,
    live: &'a Live,
}

impl Run<'_> {
    /// A kind is drawn before an object of it, so that those of which there are many do not crowd out the others.
    async fn mutants(&self, all: &[Base], stored: &[(Base, Value)], seed: u64, count: usize) -> Tally {
        let mut random = Random::new(seed);
        let mut tally = Tally::default();
        let only = std::env::var("PLIMSOLL_FIDELITY_KIND").ok();
        let wanted = |base: &&Base| only.as_deref().is_none_or(|only| only == base.text("kind"));
        let mut kinds: Vec<String> = all.iter().filter(wanted).map(Base::kind).collect();
        kinds.sort();
        kinds.dedup();
        for index in 0..count {
            let kind = random.choose(&kinds);
            let update = random.percent(30);
            let mode = if random.percent(50) { Mode::Strict } else { Mode::Warn };
            let replaced: Vec<&(Base, Value)> =
                stored.iter().filter(|(base, _)| update && base.kind() == *kind).collect();
            let (base, old) = if replaced.is_empty() {
                let of_kind: Vec<&Base> = all.iter().filter(|base| base.kind() == *kind).collect();
                ((*random.choose(&of_kind)).clone(), None)
            } else {
                let (base, old) = random.choose(&replaced);
                (Base { object: old.clone(), ..base.clone() }, Some(old))
            };
            let (object, what) = mutants::mutate(&base, &self.pool, old.is_some(), &mut random);
            let what = format!("#{index} {} {what}", base.source);
            self.judge(&base, &object, old, mode, &what, &mut tally).await;
        }
        tally
    }

    /// The objects themselves: where these differ, mutants are not worth looking at yet.
    async fn as_they_are(&self, all: &[Base]) -> Tally {
        let mut tally = Tally::default();
        for base in all {
            self.judge(base, &base.object, None, Mode::Warn, &base.source, &mut tally).await;
        }
        tally
    }

    async fn judge(
        &self,
        base: &Base,
        object: &Value,
        old: Option<&Value>,
        mode: Mode,
        what: &str,
        tally: &mut Tally,
    ) {
        let mut path = ours::address(base);
        let mut object = object.clone();
        let mut there = None;
        if old.is_some() {
            path.push_str(&format!("/{}", base.metadata("name")));
            // controllers write their part of it meanwhile
            let now = self.live.send("GET", &path, String::new()).await.body;
            object["metadata"]["resourceVersion"] = now["metadata"]["resourceVersion"].clone();
            there = Some(now);
        }
        let text = mutants::text(&object);
        path.push_str(&format!("?dryRun=All&fieldValidation={mode:?}"));
        let method = if old.is_some() { "PUT" } else { "POST" };
        let answer = self.live.send(method, &path, text.clone()).await;
        let case = Case {
            text: &text,
            mode,
            stored: there.as_ref(),
            definitions: &self.definitions,
            holds: &self.live.holds,
        };
        let comparison = ours::compare(&case, &answer);
        tally.count(&base.kind(), &format!("{method} {mode:?} {what}"), comparison);
    }
}

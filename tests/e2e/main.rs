//! End-to-end tests: a real kube-apiserver and real controllers, with our own webhook in front of them.
//!
//! ```text
//! test ──kubectl, kube──▶ kube-apiserver ──Service (ExternalName)──▶ forwarder ──▶ plimsoll serve, one or several
//!                              ▲                                      follows each /readyz
//!        kube-controller-manager
//! ```
//!
//! The cluster is the first of these:
//!
//! 1. the binary that `PLIMSOLL_CONTROL_PLANE` names;
//! 2. any cluster, through `KUBECONFIG`. One that is not on this machine's loopback must be able to reach this
//!    machine, and `PLIMSOLL_E2E_WEBHOOK_HOST` says by which name: that is asked for, so that the `KUBECONFIG` of a
//!    shell does not get test webhooks by accident;
//! 3. what `tests/control-plane/build.sh` has built.
//!
//! Without one the tests are ignored, and say so; with `PLIMSOLL_E2E_REQUIRED=1` that is a failure.

#![allow(clippy::unwrap_used)]

mod admission_policies;
mod callers;
mod cluster;
mod custom;
mod door;
mod fleet;
mod forwarder;
mod harness;
mod https;
mod in_force;
mod install;
mod installed;
mod lockout;
mod manifest;
mod mutation;
mod offline;
mod operations;
mod own_policies;
mod parity;
mod policies;
mod recovery;
mod semantics;
mod stage;
mod subresources;
mod toy;
mod traffic;
mod volume;
mod webhook;
mod workloads;

use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Trial};

use cluster::{Cluster, Source};

/// What the tests share: started by the first test that runs, so that a filter that leaves none starts nothing.
struct House {
    runtime: tokio::runtime::Runtime,
    source: Source,
    cluster: OnceLock<Arc<Cluster>>,
}

impl House {
    fn cluster(&self) -> Arc<Cluster> {
        self.cluster.get_or_init(|| Arc::new(self.runtime.block_on(Cluster::start(&self.source)))).clone()
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // the tests change what the whole cluster is told to ask
    arguments.test_threads.get_or_insert(1);

    let source = match Source::find() {
        Ok(source) => source,
        Err(reason) => {
            let required = std::env::var("PLIMSOLL_E2E_REQUIRED").is_ok_and(|value| value == "1");
            if required {
                eprintln!("end-to-end tests: FAILED, for PLIMSOLL_E2E_REQUIRED is set and {reason}");
                return ExitCode::FAILURE;
            }
            eprintln!("end-to-end tests: SKIPPED, all of them: {reason}");
            let trials = tests().map(|(name, _)| Trial::test(name, || Ok(())).with_ignored_flag(true));
            arguments.ignored = false;
            arguments.include_ignored = false;
            return libtest_mimic::run(&arguments, trials.collect()).exit_code();
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let house = Arc::new(House { runtime, source, cluster: OnceLock::new() });
    let trials = tests().map(|(name, test)| {
        let house = house.clone();
        Trial::test(name, move || {
            let cluster = house.cluster();
            house.runtime.block_on(test(cluster));
            Ok(())
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if let Some(cluster) = house.cluster.get() {
        cluster.stop(conclusion.has_failed());
    }
    conclusion.exit_code()
}

/// A test: it panics when it fails.
type Test = Box<dyn Fn(Arc<Cluster>) -> futures::future::LocalBoxFuture<'static, ()> + Send + Sync>;

fn tests() -> impl Iterator<Item = (String, Test)> {
    [
        harness::tests(),
        workloads::tests(),
        custom::tests(),
        operations::tests(),
        parity::tests(),
        own_policies::tests(),
        install::tests(),
        mutation::tests(),
        subresources::tests(),
        recovery::tests(),
        semantics::tests(),
        lockout::tests(),
        callers::tests(),
        admission_policies::tests(),
    ]
    .into_iter()
    .flatten()
}

/// Names an async function as a test.
fn test<F>(name: &str, function: fn(Arc<Cluster>) -> F) -> (String, Test)
where
    F: Future<Output = ()> + 'static,
{
    (name.to_owned(), Box::new(move |cluster| Box::pin(function(cluster))))
}

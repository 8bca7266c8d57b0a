//! Every suite of golden vectors under `../shared`, one test per file of vectors, named `SUITE/FILE`.
//!
//! `PLIMSOLL_SHARED=DIR` puts another folder of the same layout in the place of `../shared`. A suite is one file under
//! `tests/conformance/` that implements [`Suite`]; its thresholds stand in `thresholds.rs` and only rise.

#[path = "conformance/admission_objects.rs"]
mod admission_objects;
#[path = "conformance/admission_policies.rs"]
mod admission_policies;
#[path = "conformance/admission_reviews.rs"]
mod admission_reviews;
#[path = "conformance/cel.rs"]
mod cel;
#[path = "conformance/cel_value.rs"]
mod cel_value;
#[path = "conformance/field.rs"]
mod field;
#[path = "conformance/linters.rs"]
mod linters;
#[path = "conformance/mutations.rs"]
mod mutations;
#[path = "conformance/policy_requests.rs"]
mod policy_requests;
#[path = "conformance/policy_writes.rs"]
mod policy_writes;
#[path = "conformance/suite.rs"]
mod suite;
#[path = "conformance/thresholds.rs"]
mod thresholds;
#[path = "conformance/yaml.rs"]
mod yaml;

use libtest_mimic::{Arguments, Failed, Trial};
use suite::{Ledger, Suite};

/// Add a suite here.
const SUITES: &[&dyn Suite] = &[
    &admission_objects::AdmissionObjects,
    &admission_policies::AdmissionPolicies,
    &admission_reviews::AdmissionReviews,
    &cel::Cel,
    &field::Field,
    &linters::Linters,
    &yaml::Yaml,
];

fn main() {
    let arguments = Arguments::from_args();
    let ledger: &'static Ledger = Box::leak(Box::default());
    let shared = suite::shared_folder();
    let mut trials = Vec::new();
    for suite in SUITES {
        let files = suite.files(&shared);
        if files.is_empty() {
            eprintln!("conformance: SKIPPED {}: no data below {}", suite.name(), shared.display());
        }
        for path in files {
            let name = format!("{}/{}", suite.name(), suite.label(&path));
            let test = name.clone();
            trials.push(Trial::test(name, move || {
                let outcome = suite.run(&path);
                let verdict = thresholds::check(suite.name(), &suite.label(&path), &outcome);
                ledger.record(suite.name(), test, outcome);
                verdict.map_err(Failed::from)
            }));
        }
    }
    let listing = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !listing {
        ledger.print();
    }
    conclusion.exit();
}

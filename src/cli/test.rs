//! `plimsoll test`: policies against what their tests expect.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{DONE, FINDINGS, NOT_DONE};
use crate::policytest::{self, junit, text};
use crate::report::ColorChoice;

/// Run policy tests: manifests, and what the policies beside them must say
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Folders with policies and their tests, or test files
    #[arg(value_name = "PATH", default_value = "policies")]
    paths: Vec<PathBuf>,
    /// Write the `expect` of cases anew where it does not hold, and leave the rest of the file as it is
    #[arg(long)]
    update: bool,
    /// Exit with 1, too, when a policy has no test or a rule is never reached
    #[arg(long)]
    fail_on_unreached: bool,
    /// How the outcome is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// When to use colour
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
    /// Only what went wrong, and the counts
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Junit,
}

impl TestArgs {
    /// Runs the tests: 0 all went as expected, 1 some did not, 2 the job could not be done.
    pub fn run(self) -> ExitCode {
        let Self { paths, update, fail_on_unreached, format, color, quiet } = self;
        let outcome = policytest::run(&paths, update);
        super::print_errors(&outcome.errors);
        if outcome.cases().next().is_none() && outcome.errors.is_empty() {
            return super::fail("no test found: expected files with kind PolicyTest");
        }
        match format {
            Format::Text => {
                let color = color.enabled(std::io::stdout().is_terminal(), |name| std::env::var_os(name));
                super::print(&text::render(&outcome, text::TextOptions { color, quiet }));
            }
            Format::Junit => match junit::render(&outcome) {
                Ok(document) => super::print(&document),
                Err(error) => return super::fail(&format!("cannot write JUnit: {error}")),
            },
        }
        let broken = !outcome.errors.is_empty() || outcome.cases().any(|case| !case.errors.is_empty());
        let gaps = !outcome.untested.is_empty() || !outcome.unreached.is_empty();
        ExitCode::from(match () {
            () if broken => NOT_DONE,
            () if outcome.failed() > 0 || (fail_on_unreached && gaps) => FINDINGS,
            () => DONE,
        })
    }
}

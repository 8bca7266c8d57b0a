//! `plimsoll test`: policies against what their tests expect.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::outputs::Output;
use super::{DONE, FINDINGS, NOT_DONE};
use crate::policytest::{self, json, junit, text};
use crate::report::ColorChoice;

/// Run policy tests: manifests, and what the policies beside them must say
#[derive(Debug, Args)]
pub struct TestArgs {
    /// Folders with policies and their tests, or test files [default: policies]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The same as PATH, as in kubectl; may be repeated
    #[arg(long = "filename", short = 'f', value_name = "PATH")]
    filenames: Vec<PathBuf>,
    /// Write the `expect` of cases anew where it does not hold, and leave the rest of the file as it is
    #[arg(long)]
    update: bool,
    /// Exit with 1, too, when a policy has no test or a rule is never reached
    #[arg(long)]
    fail_on_unreached: bool,
    /// How the outcome is written, with a file for it in place of standard output; may be repeated. One of text, json, junit
    /// [default: text]
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = Output::<Format>::parse, value_delimiter = ',')]
    format: Vec<Output<Format>>,
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
    Json,
    Junit,
}

impl TestArgs {
    /// Runs the tests: 0 all went as expected, 1 some did not, 2 the job could not be done.
    pub fn run(self) -> ExitCode {
        let Self { mut paths, filenames, update, fail_on_unreached, mut format, color, quiet } = self;
        if paths.is_empty() && filenames.is_empty() {
            paths.push(PathBuf::from("policies"));
        }
        paths.extend(filenames);
        if format.is_empty() {
            format.push(Output::stdout(Format::Text));
        }
        if let Err(error) = Output::check(&format) {
            return super::fail(&error.to_string());
        }
        let outcome = policytest::run(&paths, update);
        super::print_errors(&outcome.errors);
        if outcome.cases().next().is_none() && outcome.errors.is_empty() {
            return super::fail("no test found: expected files with kind PolicyTest");
        }
        for output in &format {
            let is_terminal = output.file.is_none() && std::io::stdout().is_terminal();
            let written = output.write(|out| match output.format {
                Format::Text => {
                    let color = color.enabled(is_terminal, |name| std::env::var_os(name));
                    out.write_all(text::render(&outcome, text::TextOptions { color, quiet }).as_bytes())
                }
                Format::Json => out.write_all(json::render(&outcome).as_bytes()),
                Format::Junit => {
                    let document = junit::render(&outcome).map_err(std::io::Error::other)?;
                    out.write_all(document.as_bytes())
                }
            });
            if let Err(error) = written {
                return super::fail(&error.to_string());
            }
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

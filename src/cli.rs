//! Arguments and exit codes; one file per subcommand.
//!
//! Subcommands that judge end with 0 (nothing found), 1 (findings) or 2 (the job could not be done); the others
//! with 0 or 2.

pub mod add_ignores;
pub mod asking;
pub mod cel;
pub mod choosing;
pub mod completions;
pub mod config;
pub mod configuration;
mod environment;
pub mod explain;
#[cfg(feature = "server")]
pub mod install;
pub mod lint;
pub mod man;
pub mod mutate;
pub mod outputs;
pub mod paths;
pub mod policies;
pub mod review;
pub mod selection;
#[cfg(feature = "server")]
pub mod serve;
pub mod serving;
mod settled;
pub mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::diagnostic::Diagnostic;
use crate::store::PolicySet;
use crate::store::overlap::overlaps;

/// Nothing found, or done.
pub const DONE: u8 = 0;
/// Findings, or a denial.
pub const FINDINGS: u8 = 1;
/// The job could not be done.
pub const NOT_DONE: u8 = 2;

/// Decides whether a Kubernetes manifest may sail.
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Cel(cel::CelArgs),
    Completions(completions::CompletionsArgs),
    Config(config::ConfigArgs),
    Explain(explain::ExplainArgs),
    #[cfg(feature = "server")]
    Install(install::InstallArgs),
    Lint(Box<lint::LintArgs>),
    Man(man::ManArgs),
    Mutate(mutate::MutateArgs),
    Policies(policies::PoliciesArgs),
    Review(review::ReviewArgs),
    #[cfg(feature = "server")]
    Serve(serve::ServeArgs),
    Test(test::TestArgs),
    /// Print the version
    Version,
}

/// As [`Cli`] with the one subcommand of runs that are over in milliseconds: to say what flags all of them have would be a
/// quarter of such a run.
#[derive(Parser)]
#[command(name = "plimsoll", version, about, max_term_width = 100)]
struct Lint {
    #[command(subcommand)]
    _command: OnlyLint,
}

#[derive(Subcommand)]
enum OnlyLint {
    Lint(Box<lint::LintArgs>),
}

/// The command line, as far as these arguments may name it.
fn command_of(arguments: &[OsString]) -> clap::Command {
    match arguments.get(1) {
        Some(name) if name == "lint" => Lint::command(),
        _ => Cli::command(),
    }
}

/// Runs the program with the arguments of the process.
#[must_use]
pub fn run() -> ExitCode {
    let (Cli { command }, program, matches) = match parse() {
        Ok(parsed) => parsed,
        Err(error) => {
            // help and version are answers, all else is bad usage
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { NOT_DONE } else { DONE });
        }
    };
    match command {
        Command::Cel(args) => args.run(),
        Command::Completions(args) => args.run(),
        Command::Config(args) => args.run(&program, &matches),
        Command::Explain(args) => args.run(),
        #[cfg(feature = "server")]
        Command::Install(args) => args.run(),
        Command::Lint(args) => args.run(),
        Command::Man(args) => args.run(),
        Command::Mutate(args) => args.run(),
        Command::Policies(args) => args.run(),
        Command::Review(args) => args.run(),
        #[cfg(feature = "server")]
        Command::Serve(args) => args.run(),
        Command::Test(args) => args.run(),
        Command::Version => {
            print(&Cli::command().render_version());
            ExitCode::from(DONE)
        }
    }
}

/// What was asked, with clap's own account of it.
fn parse() -> Result<(Cli, clap::Command, ArgMatches), clap::Error> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let mut command = environment::as_set_in_ci(command_of(&arguments));
    let matches = command.try_get_matches_from_mut(&arguments)?;
    let matches = settled::settle(&mut command, matches, &arguments)?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    Ok((cli, command, matches))
}

/// Says why the job could not be done.
fn fail(message: &str) -> ExitCode {
    tell(&format!("error: {message}"));
    ExitCode::from(NOT_DONE)
}

/// Writes to standard output; a reader that has gone is no fault of ours.
fn print(text: &str) {
    use std::io::Write;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error; as with [`print`], nobody need be reading: `eprintln!` would panic.
fn tell(line: &str) {
    use std::io::Write;
    let _ = std::io::stderr().lock().write_all(format!("{line}\n").as_bytes());
}

/// Says which policies write one place.
fn print_overlaps(set: &PolicySet) {
    for overlap in overlaps(set) {
        tell(&format!("warning: {overlap}"));
    }
}

/// Shows what is wrong with policies and configuration.
fn print_errors(errors: &[Diagnostic]) {
    use std::io::IsTerminal;
    let color = std::io::stderr().is_terminal();
    for error in errors {
        tell(&format!("{}\n", error.render(color)));
    }
}

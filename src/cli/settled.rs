//! What the configuration file says in place of flags: it becomes what clap takes where neither flag nor variable speaks.
//!
//! ```text
//! flag ▸ variable ▸ plimsoll.yaml ▸ default
//! ```
//!
//! So one parser reads a value, wherever it was written, and clap knows where it came from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::configuration::Configuration;
use super::paths::first_of;
use crate::document::few::GatherFew as _;

/// The commands for which it does so: those about the manifests of folders.
const COMMANDS: [&str; 2] = ["lint", "mutate"];
/// What means something else to another of them.
const OF_LINT: &str = "format";

/// What is named on the command line takes these back, whatever the file says.
const AGAINST: [(&str, &str); 3] = [("quiet", "verbose"), ("verbose", "quiet"), ("parity", "no_ignore")];

/// The command line, once more, with what the file says for defaults.
pub(super) fn settle(
    command: &mut Command,
    matches: ArgMatches,
    arguments: &[std::ffi::OsString],
) -> Result<ArgMatches, clap::Error> {
    let Some((name, below)) = matches.subcommand() else { return Ok(matches) };
    let mut values = match (name, below.subcommand()) {
        (name, _) if COMMANDS.contains(&name) => values(below),
        ("config", Some(("show", below))) => values(below),
        _ => BTreeMap::new(),
    };
    if name == "mutate" {
        values.remove(OF_LINT);
    }
    if values.is_empty() {
        return Ok(matches);
    }
    let name = name.to_owned();
    let with = std::mem::take(command).mut_subcommand(name, |sub| {
        let sub = with_defaults(sub, &values);
        if sub.get_subcommands().any(|sub| sub.get_name() == "show") {
            sub.mut_subcommand("show", |show| with_defaults(show, &values))
        } else {
            sub
        }
    });
    *command = with;
    command.try_get_matches_from_mut(arguments)
}

fn with_defaults(command: Command, values: &BTreeMap<&'static str, Vec<String>>) -> Command {
    command.mut_args(|arg| match values.get(arg.get_id().as_str()) {
        Some(values) => arg.default_values(values.clone()),
        None => arg,
    })
}

/// What the file of a command says, by the names that clap has for the flags.
fn values(matches: &ArgMatches) -> BTreeMap<&'static str, Vec<String>> {
    let Some(Ok(configuration)) = file(matches).map(|file| Configuration::read(&file)) else {
        // what is wrong with it is said when it is read for good
        return BTreeMap::new();
    };
    configuration.flags().into_iter().filter(|(id, _)| taken_back(id, matches).is_none()).gather()
}

/// The flag that takes an entry back.
pub(super) fn taken_back(id: &str, matches: &ArgMatches) -> Option<&'static str> {
    let named = |id: &str| {
        matches.try_contains_id(id).is_ok() && matches.value_source(id) == Some(ValueSource::CommandLine)
    };
    AGAINST.iter().find(|(one, other)| *one == id && named(other)).map(|(_, other)| *other)
}

/// The configuration file of a command.
pub(super) fn file(matches: &ArgMatches) -> Option<PathBuf> {
    let named = matches.try_get_one::<PathBuf>("config").ok().flatten();
    named.cloned().or_else(|| Configuration::discover(&first_of(matches)))
}

/// Outputs of reports: a file among them counts from where the configuration lies.
pub(super) fn outputs(formats: &[String], folder: &Path) -> Vec<String> {
    let output = |format: &String| match format.split_once('=') {
        Some((name, file)) => format!("{name}={}", folder.join(file).display()),
        None => format.clone(),
    };
    formats.iter().map(output).collect()
}

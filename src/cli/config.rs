//! `plimsoll config`: what a run of `lint` is told, and by whom.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Subcommand};

use super::configuration::Configuration;
use super::lint::LintArgs;
use super::{DONE, NOT_DONE, settled};

/// Show what is in force
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Show what `lint` with the same arguments would go by, and where each value is from
    Show(Box<LintArgs>),
}

/// Entries of the file, and the flags that say the same, by clap's names.
pub const KEYS: [(&str, &str); 30] = [
    ("policies", "policies"),
    ("embedded", "no_embedded"),
    ("packs", "packs"),
    ("only", "only"),
    ("skip", "skip"),
    ("actionOverride", "action_override"),
    ("kubernetesVersion", "kubernetes_version"),
    ("include", "include"),
    ("exclude", "exclude"),
    ("forceExclude", "force_exclude"),
    ("namespace", "namespace"),
    ("complete", "complete"),
    ("operation", "operation"),
    ("old", "old"),
    ("raw", "raw"),
    ("crds", "crds"),
    ("as", "user"),
    ("asGroups", "groups"),
    ("explain", "explain"),
    ("failOn", "fail_on"),
    ("failOnUnknown", "fail_on_unknown"),
    ("allowBroken", "allow_broken"),
    ("parity", "parity"),
    ("exitZero", "exit_zero"),
    ("baseline", "baseline"),
    ("since", "since"),
    ("format", "format"),
    ("color", "color"),
    ("quiet", "quiet"),
    ("verbose", "verbose"),
];

/// Lists to which a flag adds.
const ADDED: [&str; 2] = ["policies", "exclude"];

impl ConfigArgs {
    /// Shows it: 0 done, 2 not. `command` and `matches` are those of the whole program.
    pub fn run(self, command: &Command, matches: &ArgMatches) -> ExitCode {
        let ConfigCommand::Show(_) = self.command;
        let path = ["config", "show"];
        let below = path.iter().try_fold((command, matches), |(command, matches), name| {
            Some((command.find_subcommand(name)?, matches.subcommand_matches(name)?))
        });
        let Some((command, matches)) = below else { return super::fail("config show was not asked for") };
        let file = settled::file(matches);
        let configuration = match file.as_deref().map(Configuration::read).transpose() {
            Ok(configuration) => configuration.unwrap_or_default(),
            Err(error) => {
                super::print_errors(&[error]);
                return ExitCode::from(NOT_DONE);
            }
        };
        super::print(&shown(command, matches, &configuration));
        ExitCode::from(DONE)
    }
}

/// All entries as YAML, each with where it is from.
fn shown(command: &Command, matches: &ArgMatches, configuration: &Configuration) -> String {
    let mut lines: Vec<(String, String)> = Vec::new();
    let entries = configuration.entries();
    for (key, id) in KEYS {
        let Some(arg) = command.get_arguments().find(|arg| arg.get_id() == id) else { continue };
        let flag = told_by_flag(arg, matches);
        let entry = entries.iter().find(|entry| entry.key == key);
        let (value, from) = match (flag, entry) {
            (Some((values, from)), Some(entry)) if ADDED.contains(&key) => {
                let own = value(key, arg, &values);
                // one path may stand without a list
                let listed = entry.value.trim_start_matches('[').trim_end_matches(']');
                let both = format!("[{listed}, {}", own.trim_start_matches('['));
                (both, format!("{}, {from}", entry.place))
            }
            (Some((values, from)), _) => (value(key, arg, &values), from),
            (None, Some(_)) if let Some(other) = settled::taken_back(id, matches) => {
                ("false".to_owned(), format!("--{other}"))
            }
            (None, Some(entry)) => (entry.value.clone(), entry.place.clone()),
            (None, None) => (default(key, arg), "default".to_owned()),
        };
        lines.push((format!("{key}: {value}"), from));
    }
    for entry in entries.iter().filter(|entry| KEYS.iter().all(|(key, _)| entry.key != *key)) {
        lines.push((format!("{}: {}", entry.key, entry.value), entry.place.clone()));
    }
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max();
    let width = width.unwrap_or_default();
    let mut text = match &configuration.source {
        Some(source) => format!("# {}\n", source.name),
        None => "# no configuration file\n".to_owned(),
    };
    for (line, from) in lines {
        let _ = writeln!(text, "{line:width$}  # {from}");
    }
    text
}

/// What the command line or the environment says.
fn told_by_flag(arg: &Arg, matches: &ArgMatches) -> Option<(Vec<String>, String)> {
    let id = arg.get_id().as_str();
    let from = match matches.value_source(id)? {
        ValueSource::CommandLine => format!("--{}", arg.get_long()?),
        ValueSource::EnvVariable => arg.get_env()?.to_string_lossy().into_owned(),
        _ => return None,
    };
    // a switch may be told as 1 or yes
    let values = match matches.try_get_one::<bool>(id) {
        Ok(Some(switch)) => vec![switch.to_string()],
        _ => matches.get_raw(id)?.map(|value| value.to_string_lossy().into_owned()).collect(),
    };
    Some((values, from))
}

fn is_list(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// A value as the file would have it.
fn value(key: &str, arg: &Arg, values: &[String]) -> String {
    let scalar = |value: &String| match value.as_str() {
        "true" | "false" => value.clone(),
        _ => serde_json::to_string(value).unwrap_or_default(),
    };
    match values {
        _ if key == "embedded" => (values.first().is_none_or(|value| value != "true")).to_string(),
        values if is_list(arg) => format!("[{}]", values.iter().map(scalar).collect::<Vec<_>>().join(", ")),
        [value] => scalar(value),
        _ => "true".to_owned(),
    }
}

/// What holds where nobody says anything.
fn default(key: &str, arg: &Arg) -> String {
    let values: Vec<String> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
    match key {
        "packs" => "[\"default\"]".to_owned(),
        "namespace" => "\"default\"".to_owned(),
        "format" => "[\"text\"]".to_owned(),
        "kubernetesVersion" => format!("\"{}\"", crate::cel::profile::Release::NEWEST),
        _ if is_list(arg) => "[]".to_owned(),
        _ if values.is_empty() => "null".to_owned(),
        _ => value(key, arg, &values),
    }
}

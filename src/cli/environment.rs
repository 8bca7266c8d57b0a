//! Variables of the environment that stand for flags, as people set them in CI.

use clap::builder::{BoolishValueParser, OsStr, Resettable};
use clap::{ArgAction, Command};

/// A switch takes `1`, `yes` and `on` as well as `true`, and a variable that is empty is one that is not set: CI systems
/// pass inputs that nobody gave as empty variables. On the command line, `--switch=false` takes back what a file says.
pub(super) fn as_set_in_ci(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let Some(variable) = arg.get_env() else { return arg };
            let empty = std::env::var_os(variable).is_some_and(|value| value.is_empty());
            let arg = if empty { arg.env(Resettable::<OsStr>::Reset) } else { arg };
            match arg.get_action() {
                ArgAction::SetTrue => arg
                    .action(ArgAction::Set)
                    .value_name("BOOL")
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value("true")
                    .default_value("false")
                    .hide_default_value(true)
                    .hide_possible_values(true)
                    .value_parser(BoolishValueParser::new()),
                _ => arg,
            }
        })
        .mut_subcommands(as_set_in_ci)
}

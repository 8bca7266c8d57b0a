//! Whether what people read is coloured.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::Deserialize;

/// `--color`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set or the terminal is dumb.
    #[default]
    Auto,
    /// Whatever the output is.
    Always,
    /// Not at all.
    Never,
}

impl ColorChoice {
    /// As the flag takes it.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Decides. `variable` looks up the environment.
    #[must_use]
    pub fn enabled(self, is_terminal: bool, variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            // https://no-color.org: any value but the empty one
            Self::Auto => {
                is_terminal
                    && variable("NO_COLOR").is_none_or(|v| v.is_empty())
                    && variable("TERM").is_none_or(|v| v != "dumb")
            }
        }
    }
}

//! `plimsoll completions`: what a shell needs to complete commands, flags and their values.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::{Cli, DONE};

/// Print a script for your shell that completes commands, flags and their values
///
/// bash: plimsoll completions bash > ~/.local/share/bash-completion/completions/plimsoll
///
/// zsh: plimsoll completions zsh > a folder of $fpath, as the file _plimsoll
///
/// fish: plimsoll completions fish > ~/.config/fish/completions/plimsoll.fish
///
/// PowerShell: plimsoll completions powershell | Out-String | Invoke-Expression, in $PROFILE
///
/// elvish: eval (plimsoll completions elvish | slurp), in rc.elv
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl CompletionsArgs {
    /// Prints the script.
    pub fn run(self) -> ExitCode {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "plimsoll", &mut script);
        super::print(&String::from_utf8_lossy(&script));
        ExitCode::from(DONE)
    }
}

//! `plimsoll man`: the manual pages, made of the same words as `--help`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_mangen::Man;

use super::{Cli, DONE};
use crate::diagnostic::io_text;

/// Print the manual page (`plimsoll man | man -l -`), or write one for each command into a folder
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder, as in ~/.local/share/man/man1; it is made where it is not there
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

impl ManArgs {
    /// Prints or writes the pages: 0 done, 2 not.
    pub fn run(self) -> ExitCode {
        let written = match &self.folder {
            Some(folder) => write(folder),
            None => render().map(|page| super::print(&page)),
        };
        match (written, &self.folder) {
            (Ok(()), _) => ExitCode::from(DONE),
            (Err(error), folder) => {
                let folder = folder.as_deref().unwrap_or(Path::new("plimsoll.1"));
                super::fail(&format!("{}: {}", folder.display(), io_text(&error.to_string())))
            }
        }
    }
}

fn render() -> io::Result<String> {
    let mut page = Vec::new();
    Man::new(Cli::command().disable_help_subcommand(true)).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    // the pages of `help` would say again what the others say
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder)
}

//! The flags that say which files of folders are read.

use std::path::Path;

use clap::Args;

use super::configuration::Configuration;
use crate::diagnostic::Diagnostic;
use crate::manifest::chosen::{Chosen, FileGlobs};

/// Which files of folders are read. Globs are those of `.gitignore`.
#[derive(Debug, Clone, Default, Args)]
pub struct ChoosingArgs {
    /// Of folders, read the files that match this glob, whatever their extension, in place of .yaml, .yml and .json; may be repeated
    #[arg(
        long,
        value_name = "GLOB",
        env = "PLIMSOLL_INCLUDE",
        value_delimiter = '\n',
        help_heading = "Files"
    )]
    include: Vec<String>,
    /// Of folders, leave out the files and folders that match this glob; may be repeated
    #[arg(
        long,
        value_name = "GLOB",
        env = "PLIMSOLL_EXCLUDE",
        value_delimiter = '\n',
        help_heading = "Files"
    )]
    exclude: Vec<String>,
    /// Leave out what is not included, or excluded, also where the command line names the file, as commit hooks do
    #[arg(long, env = "PLIMSOLL_FORCE_EXCLUDE", help_heading = "Files")]
    force_exclude: bool,
}

impl ChoosingArgs {
    /// Which files are read: `--include` takes the place of what the configuration says, `--exclude` adds to it.
    ///
    /// # Errors
    /// A glob that is none.
    pub fn chosen(&self, configuration: &Configuration) -> Result<Chosen, Diagnostic> {
        let Self { include, exclude, force_exclude } = self;
        let of_flag = |flag: &str, globs: &[String]| {
            FileGlobs::new(Path::new(""), globs)
                .map_err(|error| Diagnostic::of_usage(format!("{flag}: {error}")))
        };
        let folder = configuration.folder();
        let of_file = |key: &str, globs: &[String]| {
            FileGlobs::new(&folder, globs).map_err(|error| {
                configuration.fault(&[key, &error.index.to_string()], false, error.to_string())
            })
        };
        let written = |globs: FileGlobs, all: &[String]| (!all.is_empty()).then_some(globs);
        let include = match include.is_empty() {
            true => written(of_file("include", &configuration.include)?, &configuration.include),
            false => written(of_flag("--include", include)?, include),
        };
        let excluded = [
            written(of_file("exclude", &configuration.exclude)?, &configuration.exclude),
            written(of_flag("--exclude", exclude)?, exclude),
        ];
        Ok(Chosen {
            include: include.into_iter().collect(),
            exclude: excluded.into_iter().flatten().collect(),
            also_named: *force_exclude || configuration.force_exclude,
        })
    }
}

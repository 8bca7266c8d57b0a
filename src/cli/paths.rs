//! Which files: as words of the command line, or behind `-f`, as people type it for kubectl.

use clap::{ArgMatches, Args};

/// The files of a command. Which come first does not matter, but for the configuration file: it is looked for from the
/// first of them.
#[derive(Debug, Clone, Args)]
pub struct Paths {
    /// Files, folders, globs, or `-` [default: .]
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// The same as PATH, as in kubectl; may be repeated
    #[arg(long = "filename", short = 'f', value_name = "PATH")]
    filenames: Vec<String>,
}

impl Paths {
    /// The first of them.
    #[must_use]
    pub fn first(&self) -> String {
        self.paths.first().or(self.filenames.first()).map_or_else(|| ".".to_owned(), Clone::clone)
    }

    /// All of them; without any, the working folder.
    #[must_use]
    pub fn all(self) -> Vec<String> {
        let Self { mut paths, filenames } = self;
        paths.extend(filenames);
        if paths.is_empty() {
            paths.push(".".to_owned());
        }
        paths
    }
}

/// The first of them, where a configuration file is looked for.
pub(super) fn first_of(matches: &ArgMatches) -> String {
    let first = |id: &str| matches.try_get_many::<String>(id).ok().flatten()?.next().cloned();
    first("paths").or_else(|| first("filenames")).unwrap_or_else(|| ".".to_owned())
}

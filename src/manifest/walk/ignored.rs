//! What ignore files say of what lies below a folder.
//!
//! The patterns are those of the `ignore` crate, which is also what the order of the files here is from: the nearest
//! `.plimsollignore` that says something of a path decides, then the nearest `.gitignore`, then the nearest
//! `.git/info/exclude`. The crate's own walk asks the system for these files in each folder; here a folder that holds none
//! costs nothing, as its entries are known.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::IGNORE_FILE;

/// The ignore file of git.
const GITIGNORE: &str = ".gitignore";

/// Where git keeps what belongs to a repository, or says where that is.
const GIT: &str = ".git";

/// What ignore files say of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    Nothing,
    /// It is left out.
    Ignored,
    /// It is not left out, even where it is hidden.
    Kept,
}

/// The ignore files of a folder, and of those above it.
#[derive(Debug)]
pub(super) struct Rules {
    above: Option<Arc<Rules>>,
    /// From the first that decides.
    files: [Gitignore; 3],
}

impl Rules {
    /// Those that hold in a folder for what lies above it.
    pub(super) fn above(folder: &Path) -> Option<Arc<Self>> {
        let mut folders: Vec<&Path> = folder.ancestors().skip(1).collect();
        folders.reverse();
        folders.into_iter().fold(None, |above, folder| {
            let held: Vec<&str> =
                [IGNORE_FILE, GITIGNORE, GIT].into_iter().filter(|name| folder.join(name).exists()).collect();
            Self::within(above, folder, held.into_iter())
        })
    }

    /// Those that hold in a folder which holds entries of these names.
    pub(super) fn within<'n>(
        above: Option<Arc<Self>>,
        folder: &Path,
        names: impl Iterator<Item = &'n str>,
    ) -> Option<Arc<Self>> {
        let mut files = [const { None }; 3];
        for name in names {
            let (at, file) = match name {
                IGNORE_FILE => (0, Some(folder.join(name))),
                GITIGNORE => (1, Some(folder.join(name))),
                GIT => (2, common(&folder.join(name)).map(|git| git.join("info/exclude"))),
                _ => continue,
            };
            files[at] = file.filter(|file| file.exists()).map(|file| read(folder, &file));
        }
        if files.iter().flatten().all(Gitignore::is_empty) {
            return above;
        }
        let files = files.map(|file| file.unwrap_or_else(Gitignore::empty));
        Some(Arc::new(Self { above, files }))
    }

    /// What they say of a path below the folder.
    pub(super) fn say(&self, path: &Path, is_folder: bool) -> Said {
        let mut decisive = [Said::Nothing; 3];
        let mut next = Some(self);
        while let Some(rules) = next {
            for (said, file) in decisive.iter_mut().zip(&rules.files) {
                if *said == Said::Nothing {
                    *said = match file.matched(path, is_folder) {
                        Match::None => Said::Nothing,
                        Match::Ignore(_) => Said::Ignored,
                        Match::Whitelist(_) => Said::Kept,
                    };
                }
            }
            next = rules.above.as_deref();
        }
        decisive.into_iter().find(|said| *said != Said::Nothing).unwrap_or(Said::Nothing)
    }
}

/// The patterns of an ignore file, for paths below a folder; without the lines that are none.
fn read(folder: &Path, file: &Path) -> Gitignore {
    let mut builder = GitignoreBuilder::new(folder);
    // what is wrong with a line is between its writer and git
    let _ = builder.add(file);
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

/// Where git keeps what all worktrees of a repository share: `.git`, or where that leads as a file.
fn common(git: &Path) -> Option<PathBuf> {
    if git.metadata().is_ok_and(|what| !what.is_file()) {
        return Some(git.to_owned());
    }
    let text = fs::read_to_string(git).ok()?;
    let worktree = PathBuf::from(text.lines().next()?.strip_prefix("gitdir: ")?);
    let common = fs::read_to_string(worktree.join("commondir")).ok()?;
    let common = common.lines().next()?;
    Some(if common.starts_with('.') { worktree.join(common) } else { PathBuf::from(common) })
}

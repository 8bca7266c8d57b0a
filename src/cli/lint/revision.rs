//! The input as a revision has it: git is asked, and what is to be linted is put into a folder for a while.
//!
//! Git's own program reads the repository, so that whatever form of it a machine has (worktrees, partial clones,
//! attributes) is read as git reads it. Nothing of the repository is written: the index is one of our own.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::cli::selection::overrides::Moved;
use crate::manifest::STDIN;
use crate::manifest::chosen::Chosen;
use crate::manifest::walk;

/// Files that decide how others are read, wherever in the repository they are.
const DECIDING: [&str; 3] = [".gitignore", walk::IGNORE_FILE, "Chart.yaml"];

/// Why there is nothing to compare with.
#[derive(Debug, thiserror::Error)]
pub(super) enum RevisionError {
    /// It has no history.
    #[error("--since cannot be used with standard input")]
    Stdin,
    /// One repository is compared with itself.
    #[error("--since: {path} is not part of the repository at {root}")]
    Elsewhere {
        /// As it was named.
        path: String,
        /// Of the first path.
        root: String,
    },
    /// Nothing can be done without git.
    #[error("--since needs git: {0}")]
    NoGit(io::Error),
    /// There is no repository, or git does not touch it.
    #[error("--since: {0}")]
    NoRepository(String),
    /// The revision is not known.
    #[error("--since: no revision {revision} in {root}")]
    NoRevision {
        /// As it was named.
        revision: String,
        /// The repository.
        root: String,
    },
    /// The revision may be there, but its history is not.
    #[error(
        "--since: no revision {revision} in {root}, which is a shallow clone: fetch it first (git fetch --depth=1 origin {revision}; of a job, fetch the whole history)"
    )]
    Shallow {
        /// As it was named.
        revision: String,
        /// The repository.
        root: String,
    },
    /// Git could not do it.
    #[error("--since: git {command}: {message}")]
    Git {
        /// What was asked.
        command: String,
        /// What it said.
        message: String,
    },
    /// The files could not be put anywhere.
    #[error("--since: {0}")]
    Io(#[from] io::Error),
}

/// The files of a revision, while it lives.
#[derive(Debug)]
pub(super) struct CheckedOut {
    _folder: TempDir,
    /// The root of the repository.
    root: PathBuf,
    /// The copy of it.
    tree: PathBuf,
    /// The paths of the command line in it, those that are there.
    pub(super) paths: Vec<String>,
}

impl CheckedOut {
    /// Where the files lie now.
    pub(super) fn moved(&self) -> Moved<'_> {
        Moved { from: &self.root, to: &self.tree }
    }
}

/// Puts what the paths of the command line stand for in a revision into a folder.
pub(super) fn check_out(
    revision: &str,
    paths: &[String],
    chosen: &Chosen,
) -> Result<CheckedOut, RevisionError> {
    if paths.iter().any(|path| path == STDIN) {
        return Err(RevisionError::Stdin);
    }
    let start = paths.first().map_or_else(|| PathBuf::from("."), |path| walk::base(path));
    let git = Git::at(&start)?;
    let commit = git.commit(revision)?;
    let folder = tempfile::Builder::new().prefix("plimsoll-since-").tempdir()?;
    let tree = folder.path().join("tree");
    // the root of a repository is where reading ends
    fs::create_dir_all(tree.join(".git"))?;
    let index = folder.path().join("index");
    git.run(&["read-tree", &commit], Some(&index), None)?;
    let listed = git.run(&["ls-files", "-z"], Some(&index), None)?;
    let wanted = paths.iter().map(|path| git.inside(path)).collect::<Result<Vec<_>, _>>()?;
    let named: Vec<&Inside> = wanted.iter().flatten().collect();
    let mut list = Vec::new();
    for file in listed.stdout.split(|byte| *byte == 0).filter(|file| git.is_wanted(file, &named, chosen)) {
        list.extend_from_slice(file);
        list.push(0);
    }
    let mut prefix = OsString::from("--prefix=");
    prefix.push(tree.join(""));
    git.run(
        &[OsStr::new("checkout-index"), OsStr::new("-z"), OsStr::new("--stdin"), &prefix],
        Some(&index),
        Some(&list),
    )?;
    let at = |inside: &&Inside| {
        let base = tree.join(&inside.base);
        // joined with nothing, a file would become a folder
        let whole = if inside.pattern.as_os_str().is_empty() { base } else { base.join(&inside.pattern) };
        whole.display().to_string()
    };
    let paths = named.iter().filter(|inside| tree.join(&inside.base).exists()).map(at).collect();
    Ok(CheckedOut { _folder: folder, root: git.root, tree, paths })
}

/// A path of the command line, from the root of the repository.
struct Inside {
    /// A file or a folder.
    base: PathBuf,
    /// What of it, where the path is a pattern.
    pattern: PathBuf,
}

/// Git in one repository.
struct Git {
    root: PathBuf,
}

impl Git {
    /// In the repository of a file or folder.
    fn at(start: &Path) -> Result<Self, RevisionError> {
        let start = fs::canonicalize(start).unwrap_or_else(|_| start.to_owned());
        let folder = if start.is_dir() { start.as_path() } else { start.parent().unwrap_or(&start) };
        let here = Self { root: folder.to_owned() };
        let output = here.ask(&["rev-parse", "--show-toplevel"], None, None)?;
        if !output.status.success() {
            return Err(RevisionError::NoRepository(said(&output)));
        }
        let root = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']));
        Ok(Self { root: fs::canonicalize(&root).unwrap_or(root) })
    }

    /// The commit of a revision.
    fn commit(&self, revision: &str) -> Result<String, RevisionError> {
        let sought = format!("{revision}^{{commit}}");
        let output =
            self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", &sought], None, None)?;
        let commit = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if output.status.success() && !commit.is_empty() {
            return Ok(commit);
        }
        let (revision, root) = (revision.to_owned(), self.root.display().to_string());
        let shallow = self.ask(&["rev-parse", "--is-shallow-repository"], None, None)?;
        Err(match shallow.stdout.starts_with(b"true") {
            true => RevisionError::Shallow { revision, root },
            false => RevisionError::NoRevision { revision, root },
        })
    }

    /// A path of the command line from the root; `None`: it is not there, which the run itself says.
    fn inside(&self, path: &str) -> Result<Option<Inside>, RevisionError> {
        let base = walk::base(path);
        let Ok(whole) = fs::canonicalize(&base) else { return Ok(None) };
        let Ok(inside) = whole.strip_prefix(&self.root) else {
            let root = self.root.display().to_string();
            return Err(RevisionError::Elsewhere { path: path.to_owned(), root });
        };
        let pattern = match walk::is_pattern(path) {
            true => Path::new(path).strip_prefix(&base).unwrap_or(Path::new(path)).to_owned(),
            false => PathBuf::new(),
        };
        Ok(Some(Inside { base: inside.to_owned(), pattern }))
    }

    /// Whether a file of the repository can be one that is linted, or decides how one is.
    fn is_wanted(&self, file: &[u8], named: &[&Inside], chosen: &Chosen) -> bool {
        let Ok(file) = std::str::from_utf8(file).map(Path::new) else { return false };
        if file.as_os_str().is_empty() {
            return false;
        }
        let decides =
            || file.file_name().is_some_and(|name| DECIDING.iter().any(|deciding| name == *deciding));
        let by_name =
            || chosen.includes(&self.root.join(file)).unwrap_or(false) || walk::manifest_extension(file);
        let is_meant = |inside: &&Inside| {
            file == inside.base
                || file.starts_with(&inside.base) && (!inside.pattern.as_os_str().is_empty() || by_name())
        };
        decides() || named.iter().any(is_meant)
    }

    fn run<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        index: Option<&Path>,
        input: Option<&[u8]>,
    ) -> Result<Output, RevisionError> {
        let output = self.ask(arguments, index, input)?;
        match output.status.success() {
            true => Ok(output),
            false => {
                let command =
                    arguments.first().map(|command| command.as_ref().to_string_lossy().into_owned());
                Err(RevisionError::Git { command: command.unwrap_or_default(), message: said(&output) })
            }
        }
    }

    fn ask<A: AsRef<OsStr>>(
        &self,
        arguments: &[A],
        index: Option<&Path>,
        input: Option<&[u8]>,
    ) -> Result<Output, RevisionError> {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.root).args(arguments);
        // a hook is told of the repository by these, relative to another folder
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"] {
            command.env_remove(name);
        }
        // what LFS keeps elsewhere is no manifest, and nobody is asked for it
        command.env("GIT_LFS_SKIP_SMUDGE", "1").env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        if let Some(index) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(RevisionError::NoGit)?;
        let feeder = child.stdin.take().zip(input.map(<[u8]>::to_vec)).map(|(mut stdin, input)| {
            // beside the reading of its output, lest both wait
            std::thread::spawn(move || stdin.write_all(&input))
        });
        let output = child.wait_with_output()?;
        if let Some(Ok(Err(error))) = feeder.map(std::thread::JoinHandle::join)
            && output.status.success()
        {
            return Err(error.into());
        }
        Ok(output)
    }
}

/// The first line of what git says when it fails.
fn said(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("failed");
    line.strip_prefix("fatal: ").or(line.strip_prefix("error: ")).unwrap_or(line).to_owned()
}

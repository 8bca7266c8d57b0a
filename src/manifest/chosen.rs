//! `include` and `exclude`: which files of a folder are read.
//!
//! Globs are those of `.gitignore`: one without a slash is a name at any depth, one with a slash a path from the folder
//! that it counts from, `dir/` all below a folder. The last one that matches decides, `!` takes back.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::walk::settled;

/// Globs, and the folder that they count from.
#[derive(Debug, Clone)]
pub struct FileGlobs {
    folder: PathBuf,
    /// The same without links, where there is such a folder.
    real: Option<PathBuf>,
    matcher: Gitignore,
}

/// A glob that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{glob:?} is not a glob: {message}")]
pub struct GlobError {
    /// Which of them.
    pub index: usize,
    /// As it is written.
    pub glob: String,
    /// What is wrong with it.
    pub message: String,
}

impl FileGlobs {
    /// Globs that count from a folder; one that is relative is in the working folder.
    ///
    /// # Errors
    /// The first that is no glob.
    pub fn new(folder: &Path, globs: &[String]) -> Result<Self, GlobError> {
        // what the matcher is asked for is relative to its folder already
        let mut builder = GitignoreBuilder::new("");
        builder.allow_unclosed_class(false);
        for (index, glob) in globs.iter().enumerate() {
            let refused = |message: String| GlobError { index, glob: glob.clone(), message };
            // a line of a file may be empty or a comment, and means nothing then
            if glob.trim().is_empty() || glob.starts_with('#') {
                return Err(refused("it matches nothing".to_owned()));
            }
            let glob = glob.strip_prefix("./").unwrap_or(glob);
            builder.add_line(None, glob).map_err(|error| refused(reason(&error)))?;
        }
        let matcher = builder.build().map_err(|error| GlobError {
            index: 0,
            glob: globs.join(", "),
            message: reason(&error),
        })?;
        Ok(Self::of(whole(folder), matcher))
    }

    fn of(folder: PathBuf, matcher: Gitignore) -> Self {
        Self { real: folder.canonicalize().ok(), folder, matcher }
    }

    /// Those that match nothing.
    #[must_use]
    pub fn none(folder: &Path) -> Self {
        Self::of(whole(folder), Gitignore::empty())
    }

    /// The same, counted from another folder.
    #[must_use]
    pub fn at(&self, folder: PathBuf) -> Self {
        Self::of(folder, self.matcher.clone())
    }

    /// The folder that they count from, whole.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a file is meant: by its own name, or by that of a folder above it.
    #[must_use]
    pub fn match_file(&self, file: &Path) -> bool {
        let matches = |below: &Path| self.matcher.matched_path_or_any_parents(below, false).is_ignore();
        let file = whole(file);
        if let Ok(below) = file.strip_prefix(&self.folder) {
            return matches(below);
        }
        // one of them may lead over a link
        let (Some(folder), Ok(file)) = (&self.real, file.canonicalize()) else { return false };
        file.strip_prefix(folder).is_ok_and(matches)
    }
}

fn reason(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        error => error.to_string(),
    }
}

/// A path from the root, without `.` and `..`; links are what they are called.
fn whole(path: &Path) -> PathBuf {
    // an empty path is the working folder, and has no absolute form
    let absolute = std::path::absolute(Path::new(".").join(path)).unwrap_or_else(|_| path.to_owned());
    settled(&absolute)
}

/// Which files are read.
#[derive(Debug, Clone, Default)]
pub struct Chosen {
    /// Those that match one of these, where there are any; else those that have a manifest's extension.
    pub include: Vec<FileGlobs>,
    /// None of these.
    pub exclude: Vec<FileGlobs>,
    /// Whether that holds for files that are named, too.
    pub also_named: bool,
}

impl Chosen {
    /// Whether a file of a folder is one to read, as far as its name says.
    #[must_use]
    pub fn includes(&self, file: &Path) -> Option<bool> {
        let included = || self.include.iter().any(|globs| globs.match_file(file));
        (!self.include.is_empty()).then(included)
    }

    /// Whether a file is left out.
    #[must_use]
    pub fn excludes(&self, file: &Path) -> bool {
        self.exclude.iter().any(|globs| globs.match_file(file))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_globs_mean() {
        let matches = |globs: &[&str], file: &str| {
            let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
            FileGlobs::new(Path::new("/w"), &globs).unwrap().match_file(Path::new(file))
        };
        for (globs, file, expected) in [
            (&["*.yaml"][..], "/w/a/b.yaml", true),
            (&["*.yaml"], "/w/a/b.json", false),
            (&["vendor"], "/w/a/vendor/x/b.yaml", true),
            (&["vendor/"], "/w/a/vendor/b.yaml", true),
            (&["vendor/"], "/w/a/vendor", false),
            (&["a/*.yaml"], "/w/a/b.yaml", true),
            (&["a/*.yaml"], "/w/x/a/b.yaml", false),
            (&["./a/*.yaml"], "/w/a/b.yaml", true),
            (&["/a"], "/w/a/b.yaml", true),
            (&["/b.yaml"], "/w/a/b.yaml", false),
            (&["a/**/c.yaml"], "/w/a/b/b/c.yaml", true),
            (&["*.yaml", "!keep.yaml"], "/w/keep.yaml", false),
            (&["*.yaml"], "/elsewhere/b.yaml", false),
            (&["*.yaml"], "/w/../elsewhere/b.yaml", false),
            (&["*.yaml"], "/v/../w/./b.yaml", true),
            (&[], "/w/b.yaml", false),
        ] {
            assert_eq!(matches(globs, file), expected, "{globs:?} {file}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_on_the_way_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().canonicalize().unwrap().join(path);
        std::fs::create_dir_all(at("real/a")).unwrap();
        std::fs::write(at("real/a/b.yaml"), "").unwrap();
        std::os::unix::fs::symlink(at("real"), at("link")).unwrap();
        let globs = ["a/*.yaml".to_owned()];
        for (of, file) in [("real", "link/a/b.yaml"), ("link", "real/a/b.yaml"), ("link", "link/a/b.yaml")] {
            assert!(FileGlobs::new(&at(of), &globs).unwrap().match_file(&at(file)), "{of} {file}");
        }
    }

    #[test]
    fn what_is_no_glob_is_said() {
        let refused = |glob: &str| {
            let globs = ["ok".to_owned(), glob.to_owned()];
            let error = FileGlobs::new(Path::new("/w"), &globs).unwrap_err();
            assert_eq!(error.index, 1);
            error.to_string()
        };
        assert_eq!(refused("a[b"), "\"a[b\" is not a glob: unclosed character class; missing ']'");
        assert_eq!(refused(" "), "\" \" is not a glob: it matches nothing");
        assert_eq!(refused("# x"), "\"# x\" is not a glob: it matches nothing");
    }
}

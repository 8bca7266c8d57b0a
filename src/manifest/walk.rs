//! Which files are read, and reading them.
//!
//! A path of the command line is a file, read whatever its name; a folder, in which files named
//! `.yaml`, `.yml` and `.json` are read (what kubectl reads of a folder); a pattern such as
//! `deploy/**/*.yaml`; or `-`, standard input. In folders and patterns `.gitignore` and
//! `.plimsollignore` are honoured, whether or not there is a repository, and hidden files are skipped.
//! Links to files are followed, links to folders are not, so there are no loops; how far is decided in [`super::fence`].

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;
use rayon::prelude::*;

use super::decode::decode;
use super::fence::Fence;
use super::source::{Content, ReadError, SourceFile, Sources};

/// What the name of standard input is, on the command line and in reports.
pub const STDIN: &str = "-";

/// The ignore file of this program, with the syntax of `.gitignore`.
pub const IGNORE_FILE: &str = ".plimsollignore";

/// What a file may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimits {
    /// Bytes of one file; a larger one is not read.
    pub file_bytes: u64,
}

impl Default for ReadLimits {
    /// 32 MiB: twenty times what etcd stores of one object, and a whole release rendered into one file.
    fn default() -> Self {
        Self { file_bytes: 32 << 20 }
    }
}

/// A file that was found.
#[derive(Debug)]
enum Found {
    File(PathBuf),
    Ignored,
    /// A link that leads where nothing is read.
    Outside,
    Failed(ReadError),
    Stdin,
}

/// Reads every file that the paths of the command line stand for; files in parallel.
///
/// What cannot be read is among the result, under its name.
pub fn read_sources(paths: &[String], stdin: &mut dyn Read, limits: ReadLimits) -> Sources {
    let mut found = BTreeMap::new();
    let working = std::env::current_dir().ok();
    for path in paths {
        let mut own = BTreeMap::new();
        find(path, &mut own);
        let mut fence = Fence::around(&base(path), Path::new(path).is_dir() || is_pattern(path), working.as_deref());
        for (name, what) in own {
            let what = match what {
                Found::File(file) if !fence.allows(&file) => Found::Outside,
                what => what,
            };
            match found.entry(name) {
                Entry::Vacant(entry) => {
                    entry.insert(what);
                }
                // what one path leaves out another may name
                Entry::Occupied(mut entry) if matches!(what, Found::File(_)) => {
                    entry.insert(what);
                }
                Entry::Occupied(_) => {}
            }
        }
    }
    let mut seen = HashSet::new();
    if paths.len() > 1 {
        // One file under two names is read once.
        found.retain(|_, file| match file {
            Found::File(path) => path.canonicalize().map_or(true, |path| seen.insert(path)),
            _ => true,
        });
    }
    let mut piped = None;
    if found.values().any(|file| matches!(file, Found::Stdin)) {
        piped = Some(read(stdin, limits));
    }
    let files = found.into_iter().collect::<Vec<_>>().into_par_iter().map(|(name, file)| match file {
        Found::File(path) => {
            let content = File::open(&path).map_err(|e| io_error(&e)).and_then(|mut file| {
                let bytes = file.metadata().map_or(0, |meta| if meta.is_file() { meta.len() } else { 0 });
                read_sized(&mut file, bytes, limits)
            });
            let mut file = SourceFile::new(name, content.unwrap_or_else(Content::Unreadable));
            file.in_chart = in_chart(&path);
            file
        }
        Found::Ignored => SourceFile::new(name, Content::Ignored),
        Found::Outside => {
            let mut file = SourceFile::new(name, Content::Ignored);
            file.link_outside = true;
            file
        }
        Found::Failed(error) => SourceFile::new(name, Content::Unreadable(error)),
        Found::Stdin => SourceFile::new(name, Content::Ignored),
    });
    let mut files: Vec<SourceFile> = files.collect();
    if let Some(content) = piped {
        files.retain(|file| file.path() != STDIN);
        files.push(SourceFile::new(STDIN, content.unwrap_or_else(Content::Unreadable)));
    }
    Sources::new(files)
}

fn read(input: &mut dyn Read, limits: ReadLimits) -> Result<Content, ReadError> {
    read_sized(input, 0, limits)
}

fn read_sized(input: &mut dyn Read, size: u64, limits: ReadLimits) -> Result<Content, ReadError> {
    let limit = limits.file_bytes;
    if size > limit {
        return Err(super::decode::DecodeError::TooLarge { bytes: size, limit }.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    input.take(limit + 1).read_to_end(&mut bytes).map_err(|error| io_error(&error))?;
    Ok(Content::Text(decode(bytes, limit)?))
}

fn io_error(error: &io::Error) -> ReadError {
    let message = error.to_string();
    let message = message.split(" (os error").next().unwrap_or(&message).to_lowercase();
    ReadError::Io { message }
}

fn find(path: &str, found: &mut BTreeMap<String, Found>) {
    if path == STDIN {
        found.insert(path.to_owned(), Found::Stdin);
        return;
    }
    let root = Path::new(path);
    match root.metadata() {
        Ok(meta) if meta.is_dir() => walk(root, manifest_extension, found),
        Ok(_) => {
            found.insert(display(root), Found::File(root.to_owned()));
        }
        Err(_) if is_pattern(path) => find_pattern(path, found),
        Err(error) => {
            found.insert(display(root), Found::Failed(io_error(&error)));
        }
    }
}

/// Whether a path of the command line is a pattern, unless there is a file of that name.
#[must_use]
pub fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[', '{']) && !Path::new(path).exists()
}

/// Where a path of the command line begins: itself, the folder that a pattern begins with, and of standard input the
/// working folder.
#[must_use]
pub fn base(path: &str) -> PathBuf {
    if path == STDIN {
        return PathBuf::from(".");
    }
    if !is_pattern(path) {
        return PathBuf::from(path);
    }
    let literal =
        |part: &std::path::Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
    let base: PathBuf = Path::new(path).components().take_while(literal).collect();
    if base.as_os_str().is_empty() { PathBuf::from(".") } else { base }
}

fn find_pattern(pattern: &str, found: &mut BTreeMap<String, Found>) {
    let matcher = match matcher(pattern) {
        Ok(matcher) => matcher,
        Err(error) => {
            let message = error.kind().to_string();
            found.insert(pattern.to_owned(), Found::Failed(ReadError::Pattern { message }));
            return;
        }
    };
    let base = base(pattern);
    let mut matched = BTreeMap::new();
    if base.is_dir() {
        walk(&base, |path| matcher.is_match(path.strip_prefix("./").unwrap_or(path)), &mut matched);
    }
    if matched.values().any(|file| matches!(file, Found::File(_))) {
        found.extend(matched);
    } else {
        found.insert(pattern.to_owned(), Found::Failed(ReadError::NoMatch));
    }
}

fn matcher(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    Ok(GlobBuilder::new(pattern).literal_separator(true).build()?.compile_matcher())
}

/// kubectl's `FileExtensions`, in any case.
fn manifest_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// The files below a folder. The ignored ones are found by a second walk that does not ignore.
fn walk(root: &Path, wanted: impl Fn(&Path) -> bool, found: &mut BTreeMap<String, Found>) {
    for honoured in [true, false] {
        let mut walk = WalkBuilder::new(root);
        walk.standard_filters(false).hidden(true).follow_links(false);
        if honoured {
            walk.parents(true).git_ignore(true).git_exclude(true).require_git(false);
            walk.add_custom_ignore_filename(IGNORE_FILE);
        }
        for entry in walk.build() {
            match entry {
                Ok(entry) => {
                    let path = entry.path();
                    // A link to a file is a file, a link to a folder is none; a broken one fails by name.
                    let link = entry.path_is_symlink();
                    let file = match entry.file_type() {
                        Some(kind) if link || kind.is_symlink() => !path.is_dir(),
                        Some(kind) => kind.is_file(),
                        None => false,
                    };
                    if file && wanted(path) {
                        let what = if honoured { Found::File(path.to_owned()) } else { Found::Ignored };
                        found.entry(display(path)).or_insert(what);
                    }
                }
                Err(error) if honoured => failed(&error, root, found),
                Err(_) => {}
            }
        }
    }
}

/// A folder that cannot be read is an entry of its own; a bad line in an ignore file is not.
fn failed(error: &ignore::Error, root: &Path, found: &mut BTreeMap<String, Found>) {
    let mut path = root;
    let mut at = error;
    loop {
        match at {
            ignore::Error::WithPath { path: inner, err } => (path, at) = (inner, err),
            ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => at = err,
            ignore::Error::Io(error) => {
                found.insert(display(path), Found::Failed(io_error(error)));
                return;
            }
            _ => return,
        }
    }
}

/// A path as it stands in reports: `/` between folders, nothing in front of what is below `.`.
fn display(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() };
    text.strip_prefix("./").map_or(text.clone(), str::to_owned)
}

/// Whether the file lies in the templates of a Helm chart.
fn in_chart(path: &Path) -> bool {
    path.ancestors().skip(1).any(|folder| {
        folder.file_name().is_some_and(|name| name == "templates")
            && folder.parent().is_some_and(|chart| chart.join("Chart.yaml").is_file())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "walk/tests.rs"]
mod tests;

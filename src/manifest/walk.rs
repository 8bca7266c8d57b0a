//! Which files are read, and reading them.
//!
//! A path of the command line is a file, read whatever its name; a folder, in which files named
//! `.yaml`, `.yml` and `.json` are read (what kubectl reads of a folder); a pattern such as
//! `deploy/**/*.yaml`; or `-`, standard input. In folders and patterns `.gitignore` and
//! `.plimsollignore` are honoured, whether or not there is a repository. Hidden files and folders are left out under
//! their names. Links to files are followed, links to folders are not, so there are no loops; how far is decided
//! in [`super::fence`]. A link to a file that is read anyway is not read again.

use std::collections::{BTreeMap, HashMap, HashSet, btree_map, hash_map};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use rayon::prelude::*;

use self::below::{Entry, Left, What, below};
use super::chosen::Chosen;
use super::decode::decode;
use super::fence::{Fence, Roots};
use super::source::{Content, ReadError, SourceFile, Sources, Stamp};

mod below;
mod ignored;

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

/// Why a file that the configuration leaves out is ignored.
const EXCLUDED: &str = "excluded";

/// Why a link that leads where nothing is read is ignored.
pub(crate) const LINK_OUTSIDE: &str = "link outside";

/// A file that was found.
#[derive(Debug)]
enum Found {
    /// Named on the command line.
    File(Way),
    /// Found in a folder or by a pattern.
    Walked(Way),
    /// Left out, and why where that is not for an ignore file.
    Ignored(Option<String>),
    Failed(ReadError),
    Stdin,
}

/// How a file is reached.
#[derive(Debug)]
struct Way {
    path: PathBuf,
    /// Whether its last part is a link.
    is_link: bool,
}

impl Found {
    /// How it is reached, of a file that is to be read.
    fn way(&self) -> Option<&Way> {
        match self {
            Self::File(way) | Self::Walked(way) => Some(way),
            Self::Ignored(_) | Self::Failed(_) | Self::Stdin => None,
        }
    }
}

/// Reads every file that the paths of the command line stand for; files in parallel.
///
/// What cannot be read is among the result, under its name.
pub fn read_sources(paths: &[String], stdin: &mut dyn Read, limits: ReadLimits) -> Sources {
    read_chosen(paths, stdin, limits, &Chosen::default(), None)
}

/// As [`read_sources`], of those files that are chosen; the others are in the result, too, as ignored ones. Of a file that
/// looks as it did in an earlier run, the text of then is taken over.
pub fn read_chosen(
    paths: &[String],
    stdin: &mut dyn Read,
    limits: ReadLimits,
    chosen: &Chosen,
    earlier: Option<Sources>,
) -> Sources {
    let found = find_all(paths, chosen);
    let mut piped = None;
    if found.values().any(|file| matches!(file, Found::Stdin)) {
        piped = Some(read(stdin, limits));
    }
    let earlier = earlier.map_or_else(Vec::new, Sources::into_files);
    let mut earlier: HashMap<String, SourceFile> =
        earlier.into_iter().map(|file| (file.path().to_owned(), file)).collect();
    let found: Vec<_> = found.into_iter().map(|(name, file)| (earlier.remove(&name), name, file)).collect();
    let files = found.into_par_iter().map(|(earlier, name, file)| match file {
        Found::File(way) => read_file(name, &way.path, limits, earlier),
        Found::Walked(way) => {
            let mut file = read_file(name, &way.path, limits, earlier);
            file.walked = true;
            file
        }
        Found::Ignored(reason) => {
            let mut file = SourceFile::new(name, Content::Ignored);
            file.reason = reason.map(Into::into);
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

/// What every file that would be read looks like, without reading it; `None` of one that nothing can be told of.
#[must_use]
pub fn stamps(paths: &[String], chosen: &Chosen) -> BTreeMap<PathBuf, Option<Stamp>> {
    let files = find_all(paths, chosen).into_iter().filter_map(|(name, file)| match file {
        Found::File(Way { path, .. }) | Found::Walked(Way { path, .. }) => {
            let stamp = stamp(&path);
            Some((path, stamp))
        }
        // that there is such a file is part of the report
        Found::Ignored(_) | Found::Failed(_) => Some((PathBuf::from(name), None)),
        Found::Stdin => None,
    });
    files.collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    path.metadata().ok().as_ref().and_then(Stamp::of)
}

/// Everything that the paths of the command line stand for, by name.
fn find_all(paths: &[String], chosen: &Chosen) -> BTreeMap<String, Found> {
    let mut found = BTreeMap::new();
    let working = std::env::current_dir().ok();
    let mut roots = Roots::new();
    for path in paths {
        let mut own = BTreeMap::new();
        find(path, chosen, &mut own);
        let is_walked = Path::new(path).is_dir() || is_pattern(path);
        let mut fence = Fence::around(&base(path), is_walked, working.as_deref(), &mut roots);
        for what in own.values_mut() {
            let left_out = match what {
                Found::File(way) | Found::Walked(way) if !fence.allows(&way.path, way.is_link) => {
                    Some(LINK_OUTSIDE)
                }
                Found::Walked(way) if chosen.excludes(&way.path) => Some(EXCLUDED),
                Found::File(way)
                    if chosen.also_named
                        && (chosen.excludes(&way.path) || chosen.includes(&way.path) == Some(false)) =>
                {
                    Some(EXCLUDED)
                }
                _ => None,
            };
            if let Some(reason) = left_out {
                *what = Found::Ignored(Some(reason.to_owned()));
            }
        }
        if found.is_empty() {
            found = own;
            continue;
        }
        for (name, what) in own {
            match found.entry(name) {
                btree_map::Entry::Vacant(entry) => {
                    entry.insert(what);
                }
                // what one path leaves out another may name
                btree_map::Entry::Occupied(mut entry)
                    if matches!(what, Found::File(_) | Found::Walked(_)) =>
                {
                    entry.insert(what);
                }
                btree_map::Entry::Occupied(_) => {}
            }
        }
    }
    read_once(&mut found, paths.len() > 1);
    found
}

fn read_file(name: String, path: &Path, limits: ReadLimits, earlier: Option<SourceFile>) -> SourceFile {
    let mut stamp = earlier.as_ref().and_then(|_| stamp(path));
    let content = earlier.and_then(|earlier| earlier.still(stamp)).map_or_else(
        || {
            let mut file = File::open(path).map_err(|e| io_error(&e))?;
            let metadata = file.metadata().ok();
            stamp = metadata.as_ref().and_then(Stamp::of);
            let bytes = metadata.map_or(0, |meta| if meta.is_file() { meta.len() } else { 0 });
            read_sized(&mut file, bytes, limits)
        },
        Ok,
    );
    let mut file = SourceFile::new(name, content.unwrap_or_else(Content::Unreadable));
    file.stamp = stamp;
    file.in_chart = file.path().contains(TEMPLATES) && in_chart(path);
    file
}

/// One file under two names is read once: under its own rather than a link's, else under the first. Names that can be
/// of one file are those of several paths of the command line, and links.
fn read_once(found: &mut BTreeMap<String, Found>, several_paths: bool) {
    let path_of = |file: &Found| file.way().map(|way| way.path.clone());
    let own_path_of = |file: &Found| file.way().filter(|way| !way.is_link).map(|way| way.path.clone());
    let links: Vec<String> = found
        .iter()
        .filter(|(_, file)| file.way().is_some_and(|way| way.is_link))
        .map(|(name, _)| name.clone())
        .collect();
    if links.is_empty() && !several_paths {
        return;
    }
    let mut known: HashMap<PathBuf, String> = HashMap::new();
    let mut folders = HashMap::new();
    if several_paths {
        found.retain(|name, file| match own_path_of(file) {
            Some(path) => place_of(&path, &mut folders).is_none_or(|place| match known.entry(place) {
                hash_map::Entry::Occupied(_) => false,
                hash_map::Entry::Vacant(entry) => {
                    entry.insert(name.clone());
                    true
                }
            }),
            None => true,
        });
    } else {
        let targets: HashSet<PathBuf> =
            links.iter().filter_map(|link| path_of(&found[link])?.canonicalize().ok()).collect();
        for (name, file) in found.iter() {
            // only what has the name of a target can be one
            let Some(way) = file.way().filter(|way| !way.is_link) else { continue };
            let named = targets.iter().any(|target| target.file_name() == way.path.file_name());
            if let Some(path) = way.path.canonicalize().ok().filter(|path| named && targets.contains(path)) {
                known.insert(path, name.clone());
            }
        }
    }
    for link in links {
        let Some(target) = found.get(&link).and_then(path_of).and_then(|path| path.canonicalize().ok())
        else {
            continue;
        };
        match known.get(&target) {
            Some(name) => {
                let reason = format!("a link to {name}, which is read");
                found.insert(link, Found::Ignored(Some(reason)));
            }
            None => {
                known.insert(target, link);
            }
        }
    }
}

/// Where a file lies that is no link itself, by the places of folders that are known.
fn place_of(file: &Path, folders: &mut HashMap<PathBuf, Option<PathBuf>>) -> Option<PathBuf> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return file.canonicalize().ok();
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    if !folders.contains_key(folder) {
        folders.insert(folder.to_owned(), folder.canonicalize().ok());
    }
    Some(folders.get(folder)?.as_ref()?.join(name))
}

fn read(input: &mut dyn Read, limits: ReadLimits) -> Result<Content, ReadError> {
    read_sized(input, 0, limits)
}

fn read_sized(input: &mut dyn Read, size: u64, limits: ReadLimits) -> Result<Content, ReadError> {
    let limit = limits.file_bytes;
    if size > limit {
        return Err(super::decode::DecodeError::TooLarge { bytes: size, limit }.into());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // where the size is known, nobody asks whether there is more
    let most = if size == 0 { limit + 1 } else { size };
    input.take(most).read_to_end(&mut bytes).map_err(|error| io_error(&error))?;
    Ok(Content::Text(decode(bytes, limit)?))
}

fn io_error(error: &io::Error) -> ReadError {
    let message = error.to_string();
    let message = message.split(" (os error").next().unwrap_or(&message).to_lowercase();
    ReadError::Io { message }
}

fn find(path: &str, chosen: &Chosen, found: &mut BTreeMap<String, Found>) {
    let wanted = |file: &Path| chosen.includes(file).unwrap_or_else(|| manifest_extension(file));
    if path == STDIN {
        found.insert(path.to_owned(), Found::Stdin);
        return;
    }
    let root = Path::new(path);
    match root.metadata() {
        Ok(meta) if meta.is_dir() => walk(root, wanted, found),
        Ok(_) => {
            let way = Way { path: root.to_owned(), is_link: root.is_symlink() };
            found.insert(display(root), Found::File(way));
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
    let literal = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
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
    // what is left out by a walk is no match of the pattern
    matched.retain(|name, file| !matches!(file, Found::Ignored(Some(_))) || matcher.is_match(name));
    if matched.values().any(|file| matches!(file, Found::Walked(_))) {
        found.extend(matched);
    } else {
        found.insert(pattern.to_owned(), Found::Failed(ReadError::NoMatch));
    }
}

fn matcher(pattern: &str) -> Result<GlobMatcher, globset::Error> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    Ok(GlobBuilder::new(pattern).literal_separator(true).build()?.compile_matcher())
}

/// kubectl's `FileExtensions`, in any case; and the name under which kustomize reads a file without one.
#[must_use]
pub fn manifest_extension(path: &Path) -> bool {
    if path.file_name().is_some_and(|name| name == "Kustomization") {
        return true;
    }
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// The files below a folder, and what is left out of it, by its name.
fn walk(root: &Path, wanted: impl Fn(&Path) -> bool, found: &mut BTreeMap<String, Found>) {
    let ignored = |reason: &str| Found::Ignored(Some(reason.to_owned()));
    below(root, |entry| {
        let Entry { path, what, left } = match entry {
            Ok(entry) => entry,
            Err((folder, error)) => {
                found.insert(display(folder), Found::Failed(io_error(&error)));
                return;
            }
        };
        let is_link = what == What::Link;
        let what = match (what, left) {
            (What::Folder | What::FolderLink, Left::Hidden) => ignored("a hidden folder"),
            (What::FolderLink, _) => ignored("a link to a folder"),
            (What::Folder, _) => return,
            (What::File | What::Link, _) if !wanted(&path) => return,
            (_, Left::Hidden) => ignored("a hidden file"),
            (_, Left::Out) => Found::Ignored(None),
            (_, Left::In) => Found::Walked(Way { path: path.clone(), is_link }),
        };
        found.insert(display(&path), what);
    });
}

/// Without `.`, and without `..` where that can be told from the names alone.
#[must_use]
pub fn settled(path: &Path) -> PathBuf {
    let mut settled = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(settled.components().next_back(), Some(Component::Normal(_))) =>
            {
                settled.pop();
            }
            part => settled.push(part),
        }
    }
    settled
}

/// A path as it stands in reports: `/` between folders, nothing in front of what is below `.`.
fn display(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) { text.replace('\\', "/") } else { text.into_owned() };
    match text.strip_prefix("./") {
        Some(below) => below.to_owned(),
        None => text,
    }
}

/// The folder of a Helm chart in which its templates are.
const TEMPLATES: &str = "templates";

/// Whether the file lies in the templates of a Helm chart.
fn in_chart(path: &Path) -> bool {
    path.ancestors().skip(1).any(|folder| {
        folder.file_name().is_some_and(|name| name == TEMPLATES)
            && folder.parent().is_some_and(|chart| chart.join("Chart.yaml").is_file())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "walk/tests.rs"]
mod tests;

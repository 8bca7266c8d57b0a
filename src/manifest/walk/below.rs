//! What lies below a folder: each folder is read once, and what ignore files leave out is named, too.

use std::ffi::OsStr;
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ignored::{Rules, Said};

/// Hidden folders that version control keeps: what is in them is nobody's manifest.
const VERSION_CONTROL: [&str; 4] = [".git", ".hg", ".svn", ".jj"];

/// An entry of a folder.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) what: What,
    pub(super) left: Left,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    File,
    Folder,
    /// A link to a file, or to nothing.
    Link,
    /// A link to a folder.
    FolderLink,
}

/// Whether an entry is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    Out,
    Hidden,
    In,
}

/// A folder that is still to be read.
struct Folder {
    path: PathBuf,
    /// The same without links.
    place: PathBuf,
    rules: Option<Arc<Rules>>,
    /// Whether the folder, or one that it lies in, is left out: what is in it is named.
    is_out: bool,
}

/// Gives each entry below a folder but those of hidden folders and of version control, in no order; and what cannot be read.
/// A folder that is a link is read where it is the first.
pub(super) fn below(root: &Path, mut each: impl FnMut(Result<Entry, (&Path, io::Error)>)) {
    let place = root.canonicalize();
    let rules = place.as_ref().ok().and_then(|place| Rules::above(place));
    let place = place.unwrap_or_else(|_| root.to_owned());
    let mut folders = vec![Folder { path: root.to_owned(), place, rules, is_out: false }];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder.path) {
            Ok(entries) => entries,
            Err(error) => {
                report(&folder, error, &mut each);
                continue;
            }
        };
        let mut held = Vec::new();
        for entry in entries {
            match entry {
                Ok(entry) => held.push((entry.file_name(), entry)),
                Err(error) => report(&folder, error, &mut each),
            }
        }
        let mut rules = folder.rules.clone();
        if !folder.is_out {
            let names = held.iter().filter_map(|(name, _)| name.to_str());
            rules = Rules::within(rules, &folder.place, names);
        }
        for (name, entry) in held {
            if is_of_version_control(&name) {
                continue;
            }
            let path = entry.path();
            let Some(kind) = file_type(&entry, &path) else { continue };
            let what = match (kind.is_symlink(), kind.is_dir(), kind.is_file()) {
                (true, ..) if path.is_dir() => What::FolderLink,
                (true, ..) => What::Link,
                (_, true, _) => What::Folder,
                (_, _, true) => What::File,
                // a pipe or a device
                _ => continue,
            };
            let place = (what == What::Folder || rules.is_some()).then(|| folder.place.join(&name));
            let left = left(&name, &folder, rules.as_deref().zip(place.as_deref()), what);
            if let (What::Folder, Left::In | Left::Out, Some(place)) = (what, left, place) {
                let (path, rules) = (path.clone(), rules.clone());
                folders.push(Folder { path, place, rules, is_out: left == Left::Out });
            }
            each(Ok(Entry { path, what, left }));
        }
    }
}

/// Of a folder that is left out nobody asked whether it can be read.
fn report(folder: &Folder, error: io::Error, each: &mut impl FnMut(Result<Entry, (&Path, io::Error)>)) {
    if !folder.is_out {
        each(Err((&folder.path, error)));
    }
}

fn file_type(entry: &DirEntry, path: &Path) -> Option<FileType> {
    entry.file_type().or_else(|_| path.symlink_metadata().map(|what| what.file_type())).ok()
}

fn left(name: &OsStr, folder: &Folder, rules: Option<(&Rules, &Path)>, what: What) -> Left {
    let hidden = is_hidden(name);
    if folder.is_out {
        return if hidden { Left::Hidden } else { Left::Out };
    }
    match rules.map_or(Said::Nothing, |(rules, place)| rules.say(place, what == What::Folder)) {
        Said::Kept => Left::In,
        _ if hidden => Left::Hidden,
        Said::Ignored => Left::Out,
        Said::Nothing => Left::In,
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

fn is_of_version_control(name: &OsStr) -> bool {
    VERSION_CONTROL.iter().any(|known| name == *known)
}

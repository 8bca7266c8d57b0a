//! Where policies come from: each kind of source in one type, behind one trait.
//!
//! A source gives texts. What is in them, and what is wrong with it, is for [`super::load`] to say; what of it is in force
//! is for [`super::kept`]. A further kind of source is a type with its line in [`PolicySources::all`].

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use super::embedded;
use super::load::{Loaded, read_text};
use super::outline::Outline;
use crate::cel::profile::Profile;
use crate::diagnostic::{Diagnostic, io_text};
use crate::manifest::decode::decode;

/// The largest policy file that is read.
const FILE_LIMIT: u64 = 4 << 20;

/// A place that policies come from.
pub trait Source {
    /// Adds its policies to what is loaded, and what is wrong with the others. Those of which nothing can be wrong may wait
    /// until an object meets them; where `packs` are given, those that are in packs and in none of these are not read at all.
    fn read(&self, packs: Option<&BTreeSet<String>>, profile: Profile, loaded: &mut Loaded);

    /// Its texts as they are written; those that cannot be read are left out.
    fn texts(&self) -> Vec<String>;
}

/// The sources of a run.
#[derive(Debug, Clone)]
pub struct PolicySources {
    /// Whether the embedded library counts.
    pub embedded: bool,
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// The CEL that the policies are written in.
    pub profile: Profile,
}

impl PolicySources {
    /// In the order in which they count: of two policies of one name the first is taken.
    #[must_use]
    pub fn all(&self) -> Vec<Box<dyn Source + '_>> {
        let library = self.embedded.then(|| Box::new(Library) as Box<dyn Source>);
        let files = self.paths.iter().map(|path| Box::new(Files(path)) as Box<dyn Source>);
        library.into_iter().chain(files).collect()
    }
}

/// The library that is part of the binary.
struct Library;

impl Source for Library {
    fn read(&self, packs: Option<&BTreeSet<String>>, profile: Profile, loaded: &mut Loaded) {
        loaded.profile = Some(profile);
        let of_run = |outline: &&Outline| {
            let Some(packs) = packs.filter(|packs| !packs.contains("all")) else { return true };
            let mut named = outline.all_packs().peekable();
            named.peek().is_none() || named.any(|pack| packs.contains(pack))
        };
        let (chosen, unread): (Vec<_>, Vec<_>) = embedded::outlines().iter().partition(of_run);
        loaded.unread.extend(unread);
        // what `workloads` means must be known before any policy is asked for
        let (now, when_met): (Vec<_>, Vec<_>) =
            chosen.into_iter().partition(|outline| outline.declares_templates);
        loaded.read_library(now);
        loaded.origins.extend(when_met.iter().map(|outline| (outline.id(), outline.origin())));
        loaded.unmet.extend(when_met);
    }

    fn texts(&self) -> Vec<String> {
        embedded::files().iter().map(|(_, text)| (*text).to_owned()).collect()
    }
}

/// A file, or all files of a folder.
struct Files<'p>(&'p Path);

impl Source for Files<'_> {
    fn read(&self, _: Option<&BTreeSet<String>>, profile: Profile, loaded: &mut Loaded) {
        let known = loaded.errors.len();
        let files = files(self.0, &mut loaded.errors);
        if loaded.errors.len() > known {
            loaded.refuse(&self.0.display().to_string(), None);
        }
        loaded.add_all(&files, |file, part| read_file(file, profile, part));
    }

    fn texts(&self) -> Vec<String> {
        let files = files(self.0, &mut Vec::new()).into_iter();
        files.filter_map(|file| decode(fs::read(file).ok()?, FILE_LIMIT).ok()).collect()
    }
}

/// The files of a path, in the order of their names, without those of folders named `tests`.
fn files(path: &Path, errors: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let is_test = |file: &PathBuf| {
        file.strip_prefix(path)
            .is_ok_and(|inside| inside.components().rev().skip(1).any(|folder| folder.as_os_str() == "tests"))
    };
    let mut found = Vec::new();
    for file in files_below(path) {
        match file {
            Ok(file) if is_test(&file) => {}
            Ok(file) => found.push(file),
            Err(error) => errors.push(error),
        }
    }
    found
}

/// The YAML and JSON files below a folder, in the order of their paths, and what cannot be read; a file that is named is a file
/// that is meant. Ignore files do not count: flags and configuration say what is in force. What is hidden is passed over: a
/// ConfigMap volume has its files twice, once behind `..data`.
///
/// # Errors
/// Each entry that cannot be read, and each link to a folder that it lies in.
pub(crate) fn files_below(root: &Path) -> impl Iterator<Item = Result<PathBuf, Diagnostic>> {
    let is_hidden = |name: &str| name.starts_with('.');
    let walk = WalkDir::new(root).follow_links(true).sort_by_file_name().into_iter();
    let walk = walk
        .filter_entry(move |entry| entry.depth() == 0 || !is_hidden(&entry.file_name().to_string_lossy()));
    walk.filter_map(move |entry| match entry {
        Ok(entry) => {
            let name = entry.file_name().to_string_lossy();
            let is_meant =
                entry.depth() == 0 || [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
            (is_meant && entry.path().is_file()).then(|| Ok(entry.into_path()))
        }
        Err(error) => {
            let at = error.path().unwrap_or(root).display().to_string();
            let why = match (error.io_error(), error.loop_ancestor()) {
                (Some(error), _) => io_text(&error.to_string()),
                (None, Some(above)) => format!("a link to {}, which it lies in", above.display()),
                (None, None) => io_text(&error.to_string()),
            };
            Some(Err(Diagnostic::of_file(at, why)))
        }
    })
}

fn read_file(path: &Path, profile: Profile, loaded: &mut Loaded) {
    let name = path.display().to_string();
    let bytes = match fs::metadata(path).and_then(|meta| {
        if meta.len() > FILE_LIMIT {
            return Err(std::io::Error::other(format!("larger than {} MiB", FILE_LIMIT >> 20)));
        }
        fs::read(path)
    }) {
        Ok(bytes) => bytes,
        Err(error) => {
            loaded.refuse(&name, None);
            return loaded.errors.push(Diagnostic::of_file(name, io_text(&error.to_string())));
        }
    };
    match decode(bytes, FILE_LIMIT) {
        Ok(text) => read_text(&name, &text, false, profile, loaded),
        Err(error) => {
            loaded.refuse(&name, None);
            loaded.errors.push(Diagnostic::of_file(name, error.to_string()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn files_below_are_those_that_are_meant() {
        use std::fs;
        use std::os::unix::fs::symlink;

        let tree = tempfile::tempdir().expect("a folder");
        let root = tree.path();
        fs::create_dir_all(root.join("a/..data")).expect("made");
        for file in ["a/..data/x.yaml", "a/.hidden.yaml", "b.json", "c.yml", "d.txt", ".ignore"] {
            fs::write(root.join(file), "c.yml\n").expect("written");
        }
        symlink("..data/x.yaml", root.join("a/x.yaml")).expect("linked");
        symlink("..", root.join("a/up")).expect("linked");
        symlink("nowhere.yaml", root.join("e.yaml")).expect("linked");
        let told = |path: &str| {
            let inside = |text: &str| text.replace(&root.display().to_string(), "");
            let entry = |file: Result<PathBuf, Diagnostic>| match file {
                Ok(file) => inside(&file.display().to_string()),
                Err(error) => format!("! {}", inside(&error.message)),
            };
            files_below(&root.join(path)).map(entry).collect::<Vec<_>>()
        };
        let up = "! a link to /, which it lies in";
        assert_eq!(told(""), [up, "/a/x.yaml", "/b.json", "/c.yml", "! no such file or directory"]);
        assert_eq!(told("d.txt"), ["/d.txt"], "what is named is meant");
        assert_eq!(told("a/..data"), ["/a/..data/x.yaml"]);
    }
}

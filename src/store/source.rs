//! Where policies come from: each kind of source in one type, behind one trait.
//!
//! A source gives texts. What is in them, and what is wrong with it, is for [`super::load`] to say; what of it is in force
//! is for [`super::kept`]. A further kind of source is a type with its line in [`PolicySources::all`].

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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

/// The YAML and JSON files below a path, in the order of their names; a file named is a file meant.
fn files(path: &Path, errors: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let mut found = Vec::new();
    // Flags and configuration say which policies are in force, ignore files of search tools do not. Hidden folders are
    // passed over: a ConfigMap volume has its files twice, once behind `..data`
    let walk = ignore::WalkBuilder::new(path).standard_filters(false).hidden(true).follow_links(true).build();
    for entry in walk {
        match entry {
            Ok(entry) => {
                let name = entry.file_name().to_string_lossy();
                let is_test = entry
                    .path()
                    .strip_prefix(path)
                    .is_ok_and(|p| p.components().rev().skip(1).any(|c| c.as_os_str() == "tests"));
                if entry.path().is_file()
                    && !is_test
                    && [".yaml", ".yml", ".json"].iter().any(|e| name.ends_with(e))
                {
                    found.push(entry.into_path());
                }
            }
            Err(error) => errors.push(Diagnostic::of_file(path.display(), io_text(&error.to_string()))),
        }
    }
    found.sort();
    found
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

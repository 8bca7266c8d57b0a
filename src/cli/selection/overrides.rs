//! `overrides` of the configuration: files of some paths are judged by other packs, severities and parameters.
//!
//! Files that the same overrides are about share a set of policies; there are as many as are needed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Selected;
use crate::cli::configuration::WrittenLevel;
use crate::finding::{PolicyRef, Severity};
use crate::manifest::chosen::{Chosen, FileGlobs};
use crate::manifest::codes::Reserved;
use crate::manifest::{FileId, Sources};
use crate::report::Policies;
use crate::store::PolicySet;
use crate::store::kept::{self, Origin};
use crate::store::load;
use crate::store::set::Adjustments;

/// What is different for some files.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Override {
    /// Which files: globs as in `.gitignore`, from the folder of this file.
    pub paths: Vec<String>,
    /// Which embedded policies, in place of the packs of the run.
    #[serde(default)]
    pub packs: Option<Vec<String>>,
    /// Policies, rules (`policy/rule`) or codes that do not run.
    #[serde(default)]
    pub skip: Vec<String>,
    /// Severities by policy, `policy/rule` or reserved code; `off` for none.
    #[serde(default)]
    pub severities: BTreeMap<String, WrittenLevel>,
    /// Parameters by policy name.
    #[serde(default)]
    pub parameters: BTreeMap<String, BTreeMap<String, Value>>,
}

/// The policies of each file.
#[derive(Debug)]
pub struct Variants<'s> {
    base: &'s Selected,
    others: Vec<Variant>,
    /// Of each file that overrides are about: which of the others.
    of_file: BTreeMap<FileId, usize>,
}

/// The policies under some of the overrides.
#[derive(Debug)]
pub(super) struct Variant {
    pub(super) set: PolicySet,
    adjustments: Adjustments,
    pub(super) origins: BTreeMap<PolicyRef, Origin>,
}

/// A folder, and where a copy of it lies.
#[derive(Debug, Clone, Copy)]
pub struct Moved<'m> {
    /// The folder that is copied.
    pub from: &'m Path,
    /// The copy, which is read in its place.
    pub to: &'m Path,
}

impl Moved<'_> {
    /// Which files of the copy are read.
    #[must_use]
    pub fn chosen(&self, chosen: &Chosen) -> Chosen {
        let Chosen { include, exclude, also_named } = chosen;
        let moved = |all: &[FileGlobs]| all.iter().map(|globs| self.globs(globs)).collect();
        Chosen { include: moved(include), exclude: moved(exclude), also_named: *also_named }
    }

    fn globs(&self, globs: &FileGlobs) -> FileGlobs {
        match globs.folder().strip_prefix(self.from) {
            Ok(inside) => globs.at(self.to.join(inside)),
            Err(_) => globs.clone(),
        }
    }
}

impl Selected {
    /// The policies of each of these files; `moved`: where they lie when they are a copy.
    #[must_use]
    pub fn variants(&self, sources: &Sources, moved: Option<Moved<'_>>) -> Variants<'_> {
        let globs: Vec<FileGlobs> = match moved {
            Some(moved) => self.override_paths.iter().map(|globs| moved.globs(globs)).collect(),
            None => self.override_paths.clone(),
        };
        let mut variants = Variants { base: self, others: Vec::new(), of_file: BTreeMap::new() };
        if globs.is_empty() {
            return variants;
        }
        let mut known: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        for (id, file) in sources.iter() {
            let path = PathBuf::from(file.path());
            let about: Vec<usize> =
                (0..globs.len()).filter(|index| globs[*index].match_file(&path)).collect();
            if about.is_empty() {
                continue;
            }
            let variant = *known.entry(about).or_insert_with_key(|about| {
                variants.others.push(self.variant(about));
                variants.others.len() - 1
            });
            variants.of_file.insert(id, variant);
        }
        variants
    }

    /// The policies under some of the overrides; the last one has the last word.
    pub(super) fn variant(&self, about: &[usize]) -> Variant {
        let mut loaded = load::load_when_met(&self.sources, None, &self.input);
        loaded.for_release(self.release);
        let mut adjustments = self.adjustments.clone();
        // what is wrong with them was said when they were first read
        let mut said = Vec::new();
        let (names, file) = (loaded.names(), &self.configuration);
        super::override_parameters(&mut loaded, &names, (&file.parameters, &[]), file, &mut said);
        for other in about.iter().filter_map(|index| file.overrides.get(*index)) {
            let Override { paths: _, packs, skip, severities, parameters } = other;
            if let Some(packs) = packs {
                adjustments.packs = Some(packs.iter().cloned().collect());
            }
            adjustments.skip.extend(skip.iter().cloned());
            adjustments.severities.extend(severities.iter().map(|(name, level)| (name.clone(), level.0)));
            super::override_parameters(&mut loaded, &names, (parameters, &[]), file, &mut said);
        }
        let origins = std::mem::take(&mut loaded.origins);
        let set = loaded.into_set(&adjustments, self.templates.clone()).for_input();
        Variant { set, adjustments, origins }
    }
}

impl Variants<'_> {
    /// The policies of a file.
    #[must_use]
    pub fn set(&self, file: FileId) -> &PolicySet {
        match self.of_file.get(&file) {
            Some(index) => &self.others[*index].set,
            None => &self.base.set,
        }
    }

    /// All sets of policies.
    pub fn sets(&self) -> impl Iterator<Item = &PolicySet> {
        self.others.iter().map(|other| &other.set).chain([&self.base.set])
    }

    /// Whether the API server's own mutating policies are among them.
    #[must_use]
    pub fn mutate_by_server(&self) -> bool {
        self.sets().any(|set| !set.mutating().is_empty())
    }

    /// The severity of a reserved code in a file; `None` when the run does not want it.
    #[must_use]
    pub fn reserved(&self, file: FileId, row: &Reserved) -> Option<Severity> {
        let adjustments = match self.of_file.get(&file) {
            Some(index) => &self.others[*index].adjustments,
            None => &self.base.adjustments,
        };
        adjustments.reserved(row)
    }

    /// The codes that findings of the run can have.
    #[must_use]
    pub fn codes(&self) -> HashSet<&str> {
        let mut codes = super::codes_of(&self.base.set, &self.base.adjustments);
        for Variant { set, adjustments, origins: _ } in &self.others {
            codes.extend(super::codes_of(set, adjustments));
        }
        codes
    }

    /// The policies, as a report names them; without their hash, where it does not tell that.
    #[must_use]
    pub fn told(&self, with_hash: bool) -> Policies {
        if !with_hash {
            return Policies { generation: 1, ran: self.ran(), ..Policies::default() };
        }
        let base = self.base.told();
        if self.others.is_empty() {
            return base;
        }
        let mut text = base.hash;
        for Variant { set, origins, adjustments: _ } in &self.others {
            text.push_str(&kept::hash(set, origins));
        }
        let paths = self.base.configuration.overrides.iter().flat_map(|other| &other.paths);
        paths.for_each(|path| text.push_str(path));
        Policies { hash: format!("{:016x}", kept::digest(text.as_bytes())), ran: self.ran(), ..base }
    }

    /// How many policies run.
    fn ran(&self) -> usize {
        if self.others.is_empty() {
            return self.base.set.entries().len();
        }
        let ids = self.sets().flat_map(|set| set.entries().map(|policy| policy.id()));
        ids.collect::<BTreeSet<PolicyRef>>().len()
    }
}

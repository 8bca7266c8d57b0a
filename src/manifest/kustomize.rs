//! Kustomizations of the input: which files they read without applying them, and what they make of what they list.
//!
//! Nothing is built here; `kustomize build` does that, and its output can be linted. But a patch is not an object, and an
//! image whose tag the kustomization sets has one. So for each file it is known which kustomizations list it, directly
//! and through others (a *chain* from the one that lists the file up to one that nobody lists), and what each chain does
//! with names, namespaces, labels, images and the numbers of Pods. Several chains are alternatives.
//!
//! Source: the fields of `Kustomization` (sigs.k8s.io/kustomize, api/types/kustomization.go), and its reference,
//! <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>.

mod applied;
mod change;
mod generated;
mod scaled;

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use foldhash::fast::RandomState;

use crate::document::{Document, NodeRef};

pub(super) use applied::Applied;
pub use applied::{Form, Made};
pub use change::Change;
pub use generated::Generated;
use scaled::Scaled;

/// The names under which kustomize looks for its file (`konfig.RecognizedKustomizationFileNames`).
const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
/// So many ways up are followed from one file; more are more of the same.
const MOST_CHAINS: usize = 16;
/// A longer way up is a circle, or nobody's.
const DEEPEST: usize = 32;

/// Whether a file is a kustomization by its name.
#[must_use]
pub fn is_kustomization(path: &str) -> bool {
    NAMES.contains(&path.rsplit('/').next().unwrap_or(path))
}

/// A kustomization of the input.
#[derive(Debug, Default)]
struct Kustomization {
    /// The index of its file.
    file: usize,
    /// Its folder, as reports name it.
    folder: String,
    /// The files that it lists as resources.
    resources: Vec<usize>,
    /// The kustomizations that it lists, and its components.
    bases: Vec<usize>,
    components: Vec<usize>,
    /// Files that it reads and does not apply.
    read: Vec<usize>,
    /// Kustomizations of transformers and generators.
    plugins: Vec<usize>,
    /// Whether it lists something that is not in the input.
    open: bool,
    change: Change,
    generated: Vec<Generated>,
}

/// All kustomizations of an input.
#[derive(Debug, Default)]
pub struct Kustomizations {
    all: Vec<Kustomization>,
    /// By file: the kustomizations that list it.
    listed: HashMap<usize, Vec<u32>, RandomState>,
    /// By kustomization: those that list it.
    parents: Vec<Vec<usize>>,
    patches: BTreeSet<usize>,
}

impl Kustomizations {
    /// Reads the kustomizations among files, given by their names and, where they are one, their first document; `patches`
    /// gives the text of a file and the documents of a text.
    #[must_use]
    pub fn read(paths: &[&str], documents: &HashMap<usize, NodeRef<'_>>, patches: &Patches<'_>) -> Self {
        let mut files: Vec<usize> = documents.keys().copied().collect();
        files.sort_unstable();
        if files.is_empty() {
            return Self::default();
        }
        let places = Places::new(paths, &files);
        let all: Vec<Kustomization> = files
            .iter()
            .map(|file| Kustomization::read(*file, paths[*file], documents[file], &places, patches))
            .collect();
        let mut this = Self { parents: vec![Vec::new(); all.len()], all, ..Self::default() };
        for (index, kustomization) in (0_u32..).zip(&this.all) {
            for file in &kustomization.resources {
                this.listed.entry(*file).or_default().push(index);
            }
            for base in kustomization.bases.iter().chain(&kustomization.components) {
                this.parents[*base].push(index as usize);
            }
        }
        this.patches = this.not_applied();
        this
    }

    /// The files that are read and not applied: patches and the like, and what transformers and generators are made of.
    fn not_applied(&self) -> BTreeSet<usize> {
        let mut plugins: Vec<usize> = self.all.iter().flat_map(|k| &k.plugins).copied().collect();
        let mut of_plugins = BTreeSet::new();
        while let Some(plugin) = plugins.pop() {
            if of_plugins.insert(plugin) {
                plugins.extend(&self.all[plugin].bases);
            }
        }
        let is_plugin = |index: &u32| of_plugins.contains(&(*index as usize));
        let applied = |file: &usize| self.listed.get(file).is_some_and(|by| !by.iter().all(is_plugin));
        let read = self.all.iter().flat_map(|k| &k.read).copied();
        let parts = of_plugins.iter().flat_map(|plugin| &self.all[*plugin].resources).copied();
        read.chain(parts).filter(|file| !applied(file)).collect()
    }

    /// Whether a kustomization reads a file without applying it.
    #[must_use]
    pub fn is_patch(&self, file: usize) -> bool {
        self.patches.contains(&file)
    }

    /// The kustomizations that list a file.
    #[must_use]
    pub fn listing(&self, file: usize) -> &[u32] {
        self.listed.get(&file).map_or(&[], Vec::as_slice)
    }

    /// Whether what one file holds is built together with what another holds: nothing is known of a file that no
    /// kustomization lists, and what one lists belongs to the builds that it is part of.
    #[must_use]
    pub fn are_together(&self, file: usize, other: usize) -> bool {
        let others = self.tops(other);
        others.is_empty() || !self.tops(file).is_disjoint(&others)
    }

    /// The kustomizations that a file ends up in, those that no other lists.
    fn tops(&self, file: usize) -> BTreeSet<usize> {
        let mut open: Vec<usize> = self.listing(file).iter().map(|index| *index as usize).collect();
        let (mut seen, mut tops) = (BTreeSet::new(), BTreeSet::new());
        while let Some(index) = open.pop() {
            if seen.insert(index) {
                let parents = &self.parents[index];
                open.extend(parents);
                if parents.is_empty() {
                    tops.insert(index);
                }
            }
        }
        // a circle has no top
        if tops.is_empty() { seen } else { tops }
    }

    /// The file of a kustomization.
    pub(super) fn path_of<'p>(&self, index: u32, paths: &[&'p str]) -> &'p str {
        self.all.get(index as usize).and_then(|k| paths.get(k.file)).copied().unwrap_or("kustomization.yaml")
    }

    /// Whether some kustomization brings what is not in the input: a remote base, a chart, a generator.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.all.iter().any(|k| k.open)
    }

    /// What each chain that begins at one of these kustomizations does, in the order of the input.
    fn changes(&self, from: &[u32]) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut open: Vec<Vec<usize>> = from.iter().rev().map(|k| vec![*k as usize]).collect();
        while let Some(chain) = open.pop() {
            let Some(last) = chain.last() else { continue };
            let parents = &self.parents[*last];
            if parents.is_empty() || chain.len() >= DEEPEST {
                let mut change = Change::default();
                for kustomization in &chain {
                    for component in &self.all[*kustomization].components {
                        change.then(&self.all[*component].change);
                    }
                    change.then(&self.all[*kustomization].change);
                }
                changes.push(change);
                if changes.len() >= MOST_CHAINS {
                    break;
                }
                continue;
            }
            for parent in parents.iter().rev().filter(|parent| !chain.contains(parent)) {
                open.push(chain.iter().copied().chain([*parent]).collect());
            }
        }
        changes
    }

    /// What is made of the objects of a file, by each chain of kustomizations; alternatives where they are several.
    #[must_use]
    pub fn changes_of(&self, file: usize) -> Vec<Change> {
        self.changes(self.listing(file))
    }

    /// An object that a kustomization generates.
    #[must_use]
    pub fn generated(&self, made: &Made) -> Option<&Generated> {
        self.all.get(made.kustomization)?.generated.get(made.index)
    }

    /// The folders that can be built by themselves: of kustomizations that no other of the input lists.
    #[must_use]
    pub fn roots(&self) -> Vec<&str> {
        let of_plugins: BTreeSet<usize> = self.all.iter().flat_map(|k| &k.plugins).copied().collect();
        let alone = |index: usize| self.parents[index].is_empty() && !of_plugins.contains(&index);
        let roots = self.all.iter().enumerate().filter(|(index, _)| alone(*index));
        roots.map(|(_, k)| if k.folder.is_empty() { "." } else { k.folder.as_str() }).collect()
    }
}

/// How patches are read.
pub struct Patches<'p> {
    /// The text of a file.
    pub text: &'p dyn Fn(usize) -> Option<&'p str>,
    /// The documents of a text.
    pub parse: &'p dyn Fn(&str) -> Vec<Document<'_>>,
}

/// The files and kustomizations of the input by their places.
struct Places<'p> {
    files: HashMap<Cow<'p, str>, usize, RandomState>,
    /// Folder → index of the kustomization in it.
    kustomizations: HashMap<&'p str, usize>,
}

/// What an entry of a kustomization stands for.
enum Target {
    File(usize),
    Kustomization(usize),
    Elsewhere,
}

impl<'p> Places<'p> {
    fn new(paths: &[&'p str], kustomizations: &[usize]) -> Self {
        let plain = |path: &'p str| match is_settled(path) {
            true => Cow::Borrowed(path),
            false => Cow::Owned(joined("", path)),
        };
        let files = paths.iter().enumerate().map(|(file, path)| (plain(path), file)).collect();
        let kustomizations = (0..).zip(kustomizations).map(|(index, file)| (folder_of(paths[*file]), index));
        Self { files, kustomizations: kustomizations.collect() }
    }

    fn find(&self, folder: &str, entry: &str) -> Target {
        let path = joined(folder, entry);
        if let Some(file) = self.files.get(path.as_str()) {
            return Target::File(*file);
        }
        match self.kustomizations.get(path.as_str()) {
            Some(kustomization) => Target::Kustomization(*kustomization),
            None => Target::Elsewhere,
        }
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whether a path has no part that [`joined`] leaves out.
fn is_settled(path: &str) -> bool {
    // what leads out of the folder stays in front
    let path = path.trim_start_matches("../");
    let begins_odd = path.starts_with(['.', '/']);
    !begins_odd
        && !path.ends_with('/')
        && !path.as_bytes().windows(2).any(|pair| matches!(pair, b"//" | b"/."))
}

/// A path below a folder, without `.` and `..` as far as that goes.
fn joined(folder: &str, path: &str) -> String {
    let from_root = path.starts_with('/') || (folder.starts_with('/') && !path.starts_with('/'));
    let folder = if path.starts_with('/') { "" } else { folder };
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let text = parts.join("/");
    if from_root { format!("/{text}") } else { text }
}

impl Kustomization {
    fn read(file: usize, path: &str, root: NodeRef<'_>, places: &Places<'_>, patches: &Patches<'_>) -> Self {
        let folder = folder_of(path).to_owned();
        let open = |entry: &str| match places.find(&folder, entry) {
            Target::File(file) => (patches.text)(file),
            Target::Kustomization(_) | Target::Elsewhere => None,
        };
        let change = Change::read(root, Scaled::all(root, &open, patches.parse));
        let mut this = Self { file, folder, change, ..Self::default() };
        for entry in texts(root, "resources").chain(texts(root, "bases")) {
            match places.find(&this.folder, entry) {
                Target::File(file) => this.resources.push(file),
                Target::Kustomization(base) => this.bases.push(base),
                Target::Elsewhere => this.open = true,
            }
        }
        for entry in texts(root, "components") {
            match places.find(&this.folder, entry) {
                Target::Kustomization(component) => this.components.push(component),
                Target::File(_) | Target::Elsewhere => this.open = true,
            }
        }
        for entry in read_files(root) {
            match places.find(&this.folder, entry) {
                Target::File(file) => this.read.push(file),
                Target::Kustomization(plugin) => this.plugins.push(plugin),
                // what is written here, or is no file of the input
                Target::Elsewhere => {}
            }
        }
        let some = |field| root.get(field).is_some_and(|list| !list.is_empty());
        this.open |= some("generators") || some("helmCharts") || some("helmChartInflationGenerator");
        this.generated = Generated::all(root);
        this
    }
}

/// The texts of a list.
fn texts<'d>(root: NodeRef<'d>, field: &str) -> impl Iterator<Item = &'d str> + use<'d> {
    root.get(field).into_iter().flat_map(NodeRef::items).filter_map(NodeRef::as_str)
}

/// The files that a kustomization reads and does not apply as they are.
fn read_files<'d>(root: NodeRef<'d>) -> Vec<&'d str> {
    let items = |field| root.get(field).into_iter().flat_map(NodeRef::items);
    let mut files: Vec<&'d str> = Vec::new();
    // before 3.0 `patches` was what `patchesStrategicMerge` is
    for field in [
        "patches",
        "patchesStrategicMerge",
        "transformers",
        "validators",
        "generators",
        "configurations",
        "crds",
    ] {
        files.extend(texts(root, field));
    }
    for field in ["patches", "patchesJson6902", "replacements", "openapi"] {
        let own = root.get(field).filter(|node| node.is_object());
        files.extend(items(field).chain(own).filter_map(|entry| entry.get_str("path")));
    }
    for generator in items("configMapGenerator").chain(items("secretGenerator")) {
        files.extend(generator.get_str("env"));
        files.extend(texts(generator, "envs"));
        // key=path, or the path alone
        files.extend(
            texts(generator, "files").map(|file| file.split_once('=').map_or(file, |(_, path)| path)),
        );
    }
    for chart in items("helmCharts").chain(items("helmChartInflationGenerator")) {
        files.extend(["valuesFile", "values"].into_iter().filter_map(|field| chart.get_str(field)));
        files.extend(texts(chart, "additionalValuesFiles"));
    }
    files
}

#[cfg(test)]
#[path = "kustomize/tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;

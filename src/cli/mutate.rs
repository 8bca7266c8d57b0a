//! `plimsoll mutate`: the manifests as the webhook would leave them.
//!
//! How the text of a file comes to say what policies made of its objects is decided in [`rewrite`].

mod rewrite;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::asking::AskingArgs;
use super::choosing::ChoosingArgs;
use super::paths::Paths;
use super::selection::overrides::Variants;
use super::selection::{Selected, Selection};
use super::serving::DefinitionArgs;
use super::{DONE, NOT_DONE};
use crate::admission::Stages;
use crate::document::NodeId;
use crate::document::edit::PatchOperation;
use crate::document::path::Pointer;
use crate::manifest::{FileId, Inventory, ReadLimits, Sources, read_chosen};
use crate::offline::{Canonical, Offline};
use crate::report::masked;
use rewrite::{Change, rewritten};

/// Show manifests as the webhook would change them
#[derive(Debug, Args)]
pub struct MutateArgs {
    #[command(flatten)]
    paths: Paths,
    /// The manifests as YAML, the changes as a unified diff, or the JSON patches
    #[arg(long, short = 'o', alias = "output", value_enum, default_value_t = Format::Yaml)]
    format: Format,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    choosing: ChoosingArgs,
    #[command(flatten)]
    asking: AskingArgs,
    #[command(flatten)]
    definitions: DefinitionArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Yaml,
    Diff,
    Patch,
}

/// The text of one file before and after, and what was done to which object.
struct Mutated<'s> {
    path: &'s str,
    before: &'s str,
    after: String,
}

impl MutateArgs {
    /// Shows the manifests: 0 done, 2 not.
    pub fn run(self) -> ExitCode {
        let Self { paths, format, selection, choosing, asking: asking_args, definitions } = self;
        let paths = paths.all();
        let first = paths.first().map(String::as_str);
        let selected = selection.load(first, &[], &[]);
        let chosen = match choosing.chosen(&selected.configuration) {
            Ok(chosen) => chosen,
            Err(error) => {
                super::print_errors(&selected.errors);
                super::print_errors(&[error]);
                return ExitCode::from(NOT_DONE);
            }
        };
        let sources = read_chosen(&paths, &mut io::stdin().lock(), ReadLimits::default(), &chosen, None);
        let of_input = selection.load_input(&selected, first, (&[], &[]), &sources);
        let selected = of_input.unwrap_or(selected);
        let Selected { errors, configuration, .. } = &selected;
        super::print_errors(errors);
        let set = selected.variants(&sources, None);
        let inventory = Inventory::load(&sources);
        let asking = asking_args.asking(configuration.namespace.as_deref());
        let old_sources = super::lint::read_old(asking_args.old.as_ref());
        let old = old_sources.as_ref().map(Inventory::load);
        // what the API server's own policies are shown
        let server = match set.mutate_by_server() {
            true => definitions.server(selected.release, &inventory).map(Some),
            false => Ok(None),
        };
        let Ok(server) = server else { return ExitCode::from(NOT_DONE) };
        let canonical =
            server.as_ref().map(|server| Canonical::of(&inventory, old.as_ref(), &asking, server));
        let offline = Offline::written_for(&inventory, old.as_ref(), &asking, canonical.as_ref());

        let mut good = errors.is_empty() && super::lint::report_broken(&sources, &inventory);
        let shown: Vec<String> = match format {
            Format::Patch => vec![patches(&inventory, &offline, &set, &mut good)],
            Format::Diff => {
                mutated(&sources, &inventory, &offline, &set, &mut good).iter().map(diff).collect()
            }
            Format::Yaml => {
                mutated(&sources, &inventory, &offline, &set, &mut good).iter().map(yaml).collect()
            }
        };
        shown.iter().for_each(|text| super::print(text));
        // an empty answer may as well be a mistake in what was asked
        if good && !inventory.manifests().is_empty() && shown.iter().all(String::is_empty) {
            super::tell("note: no policy changes these manifests");
        }
        if inventory.manifests().is_empty() && good {
            return super::fail("no Kubernetes manifest found");
        }
        ExitCode::from(if good { DONE } else { NOT_DONE })
    }
}

/// One object a line: which it is, and its patch.
fn patches(inventory: &Inventory<'_>, offline: &Offline<'_>, set: &Variants<'_>, good: &mut bool) -> String {
    let mut out = String::new();
    for index in 0..inventory.manifests().len() {
        let of = set.set(inventory.manifests()[index].file);
        let (_, mutation) = offline.admit(of, Stages::MUTATE, index);
        *good &= show_failures(&mutation.findings);
        if mutation.patch.is_empty() {
            continue;
        }
        let identity = offline.identity(index);
        let line = serde_json::json!({
            "kind": identity.gvk.kind, "namespace": identity.namespace, "name": identity.name,
            "rules": mutation.rules, "patch": mutation.patch,
        });
        let _ = writeln!(out, "{line}");
    }
    out
}

fn show_failures(findings: &[crate::finding::Finding]) -> bool {
    for finding in findings {
        super::tell(&format!("error: {}", crate::verdict::line(finding)));
    }
    findings.is_empty()
}

/// The files with manifests, in their order.
fn mutated<'s>(
    sources: &'s Sources,
    inventory: &Inventory<'_>,
    offline: &Offline<'_>,
    set: &Variants<'_>,
    good: &mut bool,
) -> Vec<Mutated<'s>> {
    let mut documents: BTreeMap<FileId, Vec<usize>> = BTreeMap::new();
    for (index, document) in inventory.documents().iter().enumerate() {
        documents.entry(document.file).or_default().push(index);
    }
    let mut manifests: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (index, manifest) in inventory.manifests().iter().enumerate() {
        manifests.entry(manifest.document.index()).or_default().push(index);
    }
    let mut files = Vec::new();
    for (id, documents) in documents {
        let file = sources.file(id);
        let changes: Vec<Change<'_>> = documents
            .into_iter()
            .map(|index| {
                let own = manifests.get(&index).map_or(&[][..], Vec::as_slice);
                let operations = operations_on(inventory, offline, set, own, good);
                Change { document: &inventory.documents()[index].document, operations }
            })
            .collect();
        let after = rewritten(file.text(), &changes).unwrap_or_else(|error| {
            super::tell(&format!("error: {}: {error}", file.path()));
            *good = false;
            file.text().to_owned()
        });
        files.push(Mutated { path: file.path(), before: file.text(), after });
    }
    files
}

/// The operations on a whole document, those on the items of a List with their place in front.
fn operations_on(
    inventory: &Inventory<'_>,
    offline: &Offline<'_>,
    set: &Variants<'_>,
    manifests: &[usize],
    good: &mut bool,
) -> Vec<PatchOperation> {
    let mut operations = Vec::new();
    for index in manifests {
        let manifest = &inventory.manifests()[*index];
        let (_, mutation) = offline.admit(set.set(manifest.file), Stages::MUTATE, *index);
        *good &= show_failures(&mutation.findings);
        let root = Pointer::of(inventory.object(manifest), NodeId::ROOT);
        operations.extend(mutation.patch.into_iter().map(|operation| operation.below(&root)));
    }
    operations
}

fn diff(file: &Mutated<'_>) -> String {
    if file.before == file.after {
        return String::new();
    }
    // the YAML is data for a program, and whole; this is for eyes and logs
    // `git apply` and `patch -p1` take the first folder of a name away
    let (before, after) = (masked(file.before), masked(&file.after));
    let diff = similar::TextDiff::from_lines(&before, &after);
    let path = file.path.trim_start_matches('/');
    diff.unified_diff().header(&format!("a/{path}"), &format!("b/{path}")).to_string()
}

/// Documents of several files as one stream.
fn yaml(file: &Mutated<'_>) -> String {
    let text = file.after.trim_end();
    let begin = if text.trim_start().starts_with("---") { "" } else { "---\n" };
    format!("{begin}{text}\n")
}

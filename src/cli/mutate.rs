//! `plimsoll mutate`: the manifests as the webhook would leave them.
//!
//! What policies replace by one value is replaced in the text, and comments and layout stay. A document
//! that changes in other ways is written anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::asking::AskingArgs;
use super::selection::{Selected, Selection};
use super::{DONE, NOT_DONE};
use crate::document::edit::Operation;
use crate::document::path::Pointer;
use crate::document::{Document, Kind, Limits, NodeId};
use crate::manifest::{FileId, Inventory, Outcome, ReadLimits, STDIN, Sources, read_sources};
use crate::offline::Offline;
use crate::policy::PolicySet;
use crate::report::{masked, refusal};

/// Show manifests as the webhook would leave them
#[derive(Debug, Args)]
pub struct MutateArgs {
    /// Files, folders, globs, or `-`
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<String>,
    /// The manifests as YAML, what changes as a unified diff, or the JSON patches
    #[arg(long, short, value_enum, default_value_t = Output::Yaml)]
    output: Output,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    asking: AskingArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
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
        let Self { paths, output, selection, asking: asking_args } = self;
        let first = paths.first().filter(|p| *p != STDIN).map(Path::new);
        let Selected { set, errors, configuration, .. } = selection.load(first, &[], &[]);
        super::print_errors(&errors);
        let sources = read_sources(&paths, &mut io::stdin().lock(), ReadLimits::default());
        let inventory = Inventory::load(&sources);
        let asking = asking_args.asking(configuration.namespace.as_deref());
        let old_sources = super::lint::read_old(asking_args.old.as_ref());
        let old = old_sources.as_ref().map(Inventory::load);
        let offline = Offline::new(&inventory, old.as_ref(), &asking);

        let mut good = errors.is_empty() && report_broken(&sources, &inventory);
        if output == Output::Patch {
            super::print(&patches(&inventory, &offline, &set, &mut good));
        } else {
            for file in mutated(&sources, &inventory, &offline, &set, &mut good) {
                super::print(&match output {
                    Output::Diff => diff(&file),
                    _ => yaml(&file),
                });
            }
        }
        if inventory.manifests().is_empty() {
            return super::fail("no manifest found");
        }
        ExitCode::from(if good { DONE } else { NOT_DONE })
    }
}

fn report_broken(sources: &Sources, inventory: &Inventory<'_>) -> bool {
    let mut good = true;
    for record in inventory.ledger().iter().filter(|r| r.outcome == Outcome::Broken) {
        good = false;
        for error in &record.errors {
            let (path, at) = (sources.file(record.file).path(), error.position);
            let why = refusal(sources.file(record.file).text(), &error.error);
            eprintln!("error: {path}:{}:{}: {why}", at.line, at.column);
        }
    }
    good
}

/// One object a line: which it is, and its patch.
fn patches(inventory: &Inventory<'_>, offline: &Offline<'_>, set: &PolicySet, good: &mut bool) -> String {
    let mut out = String::new();
    for index in 0..inventory.manifests().len() {
        let (_, mutation) = offline.mutate(set, index);
        *good &= show_failures(&mutation.findings);
        if mutation.patch.is_empty() {
            continue;
        }
        let identity = offline.identity(index);
        let line = serde_json::json!({
            "kind": identity.kind.kind, "namespace": identity.namespace, "name": identity.name,
            "rules": mutation.rules, "patch": mutation.patch,
        });
        let _ = writeln!(out, "{line}");
    }
    out
}

fn show_failures(findings: &[crate::finding::Finding]) -> bool {
    for finding in findings {
        eprintln!("error: {}", crate::verdict::line(finding));
    }
    findings.is_empty()
}

/// The files with manifests, in their order.
fn mutated<'s>(
    sources: &'s Sources,
    inventory: &Inventory<'_>,
    offline: &Offline<'_>,
    set: &PolicySet,
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
        let mut edits = Vec::new();
        for index in documents {
            let own = manifests.get(&index).map_or(&[][..], Vec::as_slice);
            let operations = operations_on(inventory, offline, set, own, good);
            match splices(&inventory.documents()[index].document, &operations) {
                Ok(splices) => edits.extend(splices),
                Err(error) => {
                    eprintln!("error: {}: {error}", file.path());
                    *good = false;
                }
            }
        }
        files.push(Mutated { path: file.path(), before: file.text(), after: spliced(file.text(), edits) });
    }
    files
}

/// The operations on a whole document, those on the items of a List with their place in front.
fn operations_on(
    inventory: &Inventory<'_>,
    offline: &Offline<'_>,
    set: &PolicySet,
    manifests: &[usize],
    good: &mut bool,
) -> Vec<Operation> {
    let mut operations = Vec::new();
    for index in manifests {
        let (_, mutation) = offline.mutate(set, *index);
        *good &= show_failures(&mutation.findings);
        let root = Pointer::of(inventory.object(&inventory.manifests()[*index]), NodeId::ROOT);
        operations.extend(mutation.patch.into_iter().map(|operation| operation.below(&root)));
    }
    operations
}

/// Bytes of the file and what stands there instead.
type Splice = (std::ops::Range<usize>, String);

/// What changes in the text of a document.
fn splices(document: &Document<'_>, operations: &[Operation]) -> Result<Vec<Splice>, String> {
    if operations.is_empty() {
        return Ok(Vec::new());
    }
    if let Some(splices) = scalar_splices(document, operations) {
        return Ok(splices);
    }
    let limits = Limits { depth: 1_000, ..Limits::default() };
    let changed =
        document.edited(operations, "plimsoll mutate", limits).map_err(|(_, error)| error.to_string())?;
    let text = serde_saphyr::to_string(&changed).map_err(|error| error.to_string())?;
    let span = document.root().span().ok_or("the document has no place in the text")?;
    Ok(vec![(span.start as usize..span.end as usize, text.trim_end().to_owned())])
}

/// Replacements of single values that stand in one line, as splices; `None` where there are other changes.
fn scalar_splices(document: &Document<'_>, operations: &[Operation]) -> Option<Vec<Splice>> {
    let mut splices: Vec<Splice> = Vec::new();
    for operation in operations {
        let Operation::Replace { path, value } = operation else { return None };
        let node = document.root().at(&path.to_string())?;
        let text = value.root().as_str()?;
        let span = node.span().filter(|_| node.kind() == Kind::String)?;
        let range = span.start as usize..span.end as usize;
        let written = document.source_text().get(range.clone())?;
        if written.contains('\n') || splices.iter().any(|(other, _)| *other == range && range.is_empty()) {
            return None;
        }
        splices.retain(|(other, _)| *other != range);
        splices.push((range, as_written(written, text)));
    }
    Some(splices)
}

/// A string in the manner of the one it replaces, where that can hold it.
fn as_written(written: &str, text: &str) -> String {
    let plain = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"./:@_-".contains(&b))
        && text.starts_with(|c: char| c.is_ascii_alphabetic());
    match written.as_bytes().first() {
        Some(b'\'') if plain => format!("'{text}'"),
        Some(b'"') | Some(b'\'') => serde_json::Value::from(text).to_string(),
        _ if plain => text.to_owned(),
        _ => serde_json::Value::from(text).to_string(),
    }
}

fn spliced(text: &str, mut edits: Vec<Splice>) -> String {
    edits.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for (range, new) in edits {
        if range.start >= from {
            out.push_str(&text[from..range.start]);
            out.push_str(&new);
            from = range.end;
        }
    }
    out.push_str(&text[from..]);
    out
}

fn diff(file: &Mutated<'_>) -> String {
    if file.before == file.after {
        return String::new();
    }
    // the YAML is data for a program, and whole; this is for eyes and logs
    let (before, after) = (masked(file.before), masked(&file.after));
    let diff = similar::TextDiff::from_lines(&before, &after);
    diff.unified_diff().header(file.path, file.path).to_string()
}

/// Documents of several files as one stream.
fn yaml(file: &Mutated<'_>) -> String {
    let text = file.after.trim_end();
    let begin = if text.trim_start().starts_with("---") { "" } else { "---\n" };
    format!("{begin}{text}\n")
}

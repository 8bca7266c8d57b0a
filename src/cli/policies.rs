//! `plimsoll policies`: what is loaded, what a policy says, whether policies compile, what a cluster has, the format's
//! schema.

mod check;
#[cfg(feature = "server")]
mod pull;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::selection::{Selected, Selection};
use super::{DONE, NOT_DONE};
use crate::check::Policy;
use crate::diagnostic::io_text;
use crate::explain::{embedded_tests, markdown, text};
use crate::packed::packed;
use crate::policytest::read;
use crate::store::load;

/// List, show and check policies
#[derive(Debug, Args)]
pub struct PoliciesArgs {
    #[command(subcommand)]
    command: PoliciesCommand,
}

#[derive(Debug, Subcommand)]
enum PoliciesCommand {
    /// List policies, of all packs or of those named (`--pack default` is what lint runs)
    List {
        /// Format of the list
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
        #[command(flatten)]
        selection: Selection,
    },
    /// Show a policy's YAML
    Show {
        /// The policy's name
        name: String,
        #[command(flatten)]
        selection: Selection,
    },
    /// Check that policies compile, and show every error with its place
    Check(check::CheckArgs),
    /// Write a cluster's own admission policies, with bindings and parameters, into a folder
    #[cfg(feature = "server")]
    Pull(pull::PullArgs),
    /// Write a page for each policy, and an index
    Docs {
        /// The folder; of the files in it, only pages that this command generated are overwritten or removed
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        #[command(flatten)]
        selection: Selection,
    },
    /// Print a JSON Schema, for editors
    Schema {
        /// The file format
        #[arg(value_enum, default_value_t = SchemaOf::Policy)]
        of: SchemaOf,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ListFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SchemaOf {
    Policy,
    Exception,
    Configuration,
    Test,
}

impl PoliciesArgs {
    /// Runs the subcommand: 0 done, 2 not.
    pub fn run(self) -> ExitCode {
        match self.command {
            PoliciesCommand::List { format, selection } => list(format, &selection),
            PoliciesCommand::Show { name, selection } => show(&name, &selection),
            PoliciesCommand::Check(args) => args.run(),
            #[cfg(feature = "server")]
            PoliciesCommand::Pull(args) => args.run(),
            PoliciesCommand::Schema { of } => schema(of),
            PoliciesCommand::Docs { folder, selection } => docs(&folder, &selection),
        }
    }
}

fn list(format: ListFormat, selection: &Selection) -> ExitCode {
    let Selected { set, errors, .. } = selection.load_all(Some("."));
    super::print_errors(&errors);
    match format {
        ListFormat::Text => super::print(&text::list(set.policies().iter().map(|p| &**p))),
        ListFormat::Json => {
            let rows: Vec<_> = set.policies().iter().map(|p| row(p)).collect();
            print_json(&rows);
        }
    }
    ExitCode::from(if errors.is_empty() { DONE } else { NOT_DONE })
}

fn print_json<T: serde::Serialize>(value: &T) {
    super::print(&(serde_json::to_string_pretty(value).unwrap_or_default() + "\n"));
}

fn row(policy: &Policy) -> serde_json::Value {
    let rules: Vec<_> = policy
        .rules
        .iter()
        .map(|r| serde_json::json!({"code": r.info.code, "severity": r.severity, "action": r.actions.strongest()}))
        .collect();
    serde_json::json!({
        "kind": policy.id.kind, "namespace": policy.id.namespace, "name": policy.id.name,
        "title": policy.about.title, "category": policy.about.category, "packs": policy.about.packs, "rules": rules,
    })
}

fn show(name: &str, selection: &Selection) -> ExitCode {
    let Selected { set, errors, sources, .. } = selection.load_all(Some("."));
    super::print_errors(&errors);
    let of_name: Vec<_> = set.policies().iter().filter(|policy| policy.id.name == name).collect();
    if of_name.is_empty() {
        let names = set.policies().iter().map(|p| p.id.name.as_str());
        let hint = match crate::nearest::nearest(name, names) {
            Some(nearest) => format!("did you mean {nearest}?"),
            None => "`plimsoll policies list` shows the names".to_owned(),
        };
        return super::fail(&format!("no policy is named {name}: {hint}"));
    }
    for (index, policy) in of_name.into_iter().enumerate() {
        let Some(text) = load::written(&sources, &policy.id) else {
            return super::fail(&format!("{} cannot be read again", policy.id));
        };
        super::print(&format!("{}{text}", if index > 0 { "---\n" } else { "" }));
    }
    ExitCode::from(if errors.is_empty() { DONE } else { NOT_DONE })
}

fn plural<'w>(count: usize, one: &'w str, many: &'w str) -> &'w str {
    if count == 1 { one } else { many }
}

fn docs(folder: &Path, selection: &Selection) -> ExitCode {
    let Selected { set, errors, sources, .. } = selection.load_all(Some("."));
    super::print_errors(&errors);
    if set.is_empty() {
        return super::fail("no policies are loaded");
    }
    let mut tests = embedded_tests();
    let own = read::find(&sources.paths);
    tests.extend(own.tests);
    let pages = markdown::pages(&set, &tests);
    match write_pages(folder, &pages) {
        Ok(Written { written, removed, kept }) => {
            for name in kept {
                super::tell(&format!(
                    "note: {} was not generated by plimsoll, and is left as it is",
                    folder.join(name).display()
                ));
            }
            let removed = match removed {
                0 => String::new(),
                removed => format!(", {removed} removed"),
            };
            let what = plural(written, "page", "pages");
            super::print(&format!("wrote {written} {what} to {}{removed}\n", folder.display()));
            ExitCode::from(if errors.is_empty() { DONE } else { NOT_DONE })
        }
        Err(error) => super::fail(&format!("{}: {}", folder.display(), io_text(&error.to_string()))),
    }
}

/// What became of the files of a folder.
struct Written {
    written: usize,
    removed: usize,
    /// Files in the place of pages that are somebody else's.
    kept: Vec<String>,
}

/// Writes pages in the place of those that were generated before, and removes those of policies that are no longer
/// there. What was not generated stays, whatever its name; so do links, wherever they lead.
fn write_pages(folder: &Path, pages: &BTreeMap<String, String>) -> io::Result<Written> {
    std::fs::create_dir_all(folder)?;
    let mut outcome = Written { written: 0, removed: 0, kept: Vec::new() };
    let mut foreign = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let generated = name.ends_with(".md")
            && entry.file_type()?.is_file()
            && std::fs::read_to_string(entry.path()).is_ok_and(|text| markdown::is_generated(&text));
        match (generated, pages.contains_key(&name)) {
            (true, false) => {
                std::fs::remove_file(entry.path())?;
                outcome.removed += 1;
            }
            (false, true) => {
                foreign.insert(name);
            }
            _ => {}
        }
    }
    for (name, text) in pages.iter().filter(|(name, _)| !foreign.contains(*name)) {
        std::fs::write(folder.join(name), text)?;
        outcome.written += 1;
    }
    outcome.kept.extend(foreign);
    Ok(outcome)
}

/// The committed schemas, which a test holds to the types that read the files: making them anew would need the code
/// that makes them, for a text that never changes.
fn schema(of: SchemaOf) -> ExitCode {
    super::print(&match of {
        SchemaOf::Exception => packed!("exception.json"),
        SchemaOf::Policy => packed!("policy.json"),
        SchemaOf::Configuration => packed!("configuration.json"),
        SchemaOf::Test => packed!("test.json"),
    });
    ExitCode::from(DONE)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_generated_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
        let old = "# x\n\n<!-- generated from policies/ by `plimsoll policies docs docs/policies`; do not edit -->\n";
        write("README.md", "Our policies.\n");
        write("travel.md", "How we book.\n");
        write("gone.md", old);
        write("stale.md", old);
        write(
            "quoted.md",
            "# How\n\nwe\n\nwork\n\n\n<!-- generated by `plimsoll policies docs`; do not edit -->\n",
        );
        write("notes.txt", old);
        std::fs::create_dir(at("folder.md")).unwrap();
        let pages: BTreeMap<String, String> = ["README.md", "stale.md", "new.md", "folder.md"]
            .into_iter()
            .map(|name| (name.to_owned(), format!("# {name}\n")))
            .collect();
        let Written { written, removed, kept } = write_pages(folder.path(), &pages).unwrap();
        assert_eq!((written, removed), (2, 1));
        assert_eq!(kept, ["README.md", "folder.md"]);
        let read = |name: &str| std::fs::read_to_string(at(name)).ok();
        for (name, expected) in [
            ("README.md", Some("Our policies.\n")),
            ("travel.md", Some("How we book.\n")),
            ("gone.md", None),
            ("stale.md", Some("# stale.md\n")),
            ("new.md", Some("# new.md\n")),
            ("notes.txt", Some(old)),
        ] {
            assert_eq!(read(name).as_deref(), expected, "{name}");
        }
        assert!(at("quoted.md").exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let target = other.path().join("page.md");
        std::fs::write(&target, "<!-- generated by `plimsoll policies docs`; do not edit -->\n").unwrap();
        std::os::unix::fs::symlink(&target, folder.path().join("page.md")).unwrap();
        let pages = BTreeMap::from([("page.md".to_owned(), "new".to_owned())]);
        assert_eq!(write_pages(folder.path(), &pages).unwrap().kept, ["page.md"]);
        assert!(std::fs::read_to_string(&target).unwrap().starts_with("<!--"));
    }
}

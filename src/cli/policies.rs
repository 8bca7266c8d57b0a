//! `plimsoll policies`: what is loaded, what a policy says, whether policies compile, the format's schema.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::configuration::Configuration;
use super::selection::{Selected, Selection};
use super::{DONE, NOT_DONE};
use crate::cel::profile::Profile;
use crate::dialect::native::written::PolicyFile;
use crate::explain::markdown;
use crate::policy::{Policy, embedded};
use crate::policytest::written::TestFile;

/// List, show and check policies
#[derive(Debug, Args)]
pub struct PoliciesArgs {
    #[command(subcommand)]
    command: PoliciesCommand,
}

#[derive(Debug, Subcommand)]
enum PoliciesCommand {
    /// The policies of all packs, or of those named (`--pack default` is what a run takes): name, severity, action, packs, title
    List {
        /// As text or JSON
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
        #[command(flatten)]
        selection: Selection,
    },
    /// A policy of the run as it is written, or described
    Show {
        /// The policy's name
        name: String,
        #[command(flatten)]
        selection: Selection,
    },
    /// Whether policies compile: every fault with its place
    Check {
        /// Policy files and folders
        #[arg(value_name = "PATH", required = true)]
        paths: Vec<PathBuf>,
    },
    /// Write the pages of the embedded library, and their index
    Docs {
        /// The folder; pages of policies that are gone are removed
        #[arg(value_name = "DIR", default_value = "docs/policies")]
        folder: PathBuf,
    },
    /// The JSON Schema of the format, for editors
    Schema {
        /// Of which file
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
    Configuration,
    Test,
}

impl PoliciesArgs {
    /// Runs the subcommand: 0 done, 2 not.
    pub fn run(self) -> ExitCode {
        match self.command {
            PoliciesCommand::List { format, selection } => list(format, &selection),
            PoliciesCommand::Show { name, selection } => show(&name, &selection),
            PoliciesCommand::Check { paths } => check(paths),
            PoliciesCommand::Schema { of } => schema(of),
            PoliciesCommand::Docs { folder } => docs(&folder),
        }
    }
}

fn list(format: ListFormat, selection: &Selection) -> ExitCode {
    let Selected { set, errors, .. } = selection.load_all(Some(".".as_ref()));
    super::print_errors(&errors);
    match format {
        ListFormat::Text => list_text(set.policies().iter().map(|p| &**p)),
        ListFormat::Json => {
            let rows: Vec<_> = set.policies().iter().map(|p| row(p)).collect();
            print_json(&rows);
        }
    }
    ExitCode::from(if errors.is_empty() { DONE } else { NOT_DONE })
}

fn list_text<'p>(policies: impl Iterator<Item = &'p Policy>) {
    let mut rows = vec![["NAME", "SEVERITY", "ACTION", "PACKS", "TITLE"].map(str::to_owned)];
    for policy in policies {
        let rule = policy.rules.iter().max_by_key(|r| (r.severity, r.action));
        rows.push([
            policy.id.name.clone(),
            rule.map_or("", |r| r.severity.name()).to_owned(),
            rule.map_or("", |r| r.action.name()).to_owned(),
            policy.about.packs.join(","),
            policy.about.title.clone().unwrap_or_default(),
        ]);
    }
    let width = |column: usize| rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let mut text = String::new();
    for [name, severity, action, packs, title] in &rows {
        let [a, b, c, d] = widths;
        text.push_str(format!("{name:a$}  {severity:b$}  {action:c$}  {packs:d$}  {title}").trim_end());
        text.push('\n');
    }
    super::print(&text);
}

fn print_json<T: serde::Serialize>(value: &T) {
    super::print(&(serde_json::to_string_pretty(value).unwrap_or_default() + "\n"));
}

fn row(policy: &Policy) -> serde_json::Value {
    let rules: Vec<_> = policy
        .rules
        .iter()
        .map(|r| serde_json::json!({"code": r.info.code, "severity": r.severity, "action": r.action}))
        .collect();
    serde_json::json!({
        "kind": policy.id.kind, "namespace": policy.id.namespace, "name": policy.id.name,
        "title": policy.about.title, "category": policy.about.category, "packs": policy.about.packs, "rules": rules,
    })
}

fn show(name: &str, selection: &Selection) -> ExitCode {
    let Selected { set, errors, .. } = selection.load_all(Some(".".as_ref()));
    super::print_errors(&errors);
    let Some(policy) = set.policies().iter().find(|p| p.id.name == name) else {
        let names = set.policies().iter().map(|p| p.id.name.as_str());
        let hint =
            crate::dialect::nearest(name, names).map(|n| format!(", did you mean {n}?")).unwrap_or_default();
        return super::fail(&format!("no policy is named {name}{hint}"));
    };
    let needle = format!("name: {name}\n");
    match embedded::files().iter().find(|(_, text)| text.contains(&needle)) {
        Some((_, text)) => super::print(text),
        None => print_json(&row(policy)),
    }
    ExitCode::from(DONE)
}

fn check(paths: Vec<PathBuf>) -> ExitCode {
    let sources = crate::policy::load::Sources { embedded: false, paths, profile: Profile::NEWEST };
    let loaded = crate::policy::load::load(&sources);
    super::print_errors(&loaded.errors);
    for (policy, _) in &loaded.policies {
        for said in crate::matching::unasked(policy) {
            eprintln!("warning: policy {}: {said}; offline it is judged", policy.id.name);
        }
    }
    let (good, bad) = (loaded.policies.len(), loaded.errors.len());
    let (policies, faults) = (plural(good, "policy", "policies"), plural(bad, "fault", "faults"));
    super::print(&format!("{good} {policies} compile, {bad} {faults}\n"));
    if good == 0 && bad == 0 {
        return super::fail("no policy found");
    }
    ExitCode::from(if bad == 0 { DONE } else { NOT_DONE })
}

fn plural<'w>(count: usize, one: &'w str, many: &'w str) -> &'w str {
    if count == 1 { one } else { many }
}

fn docs(folder: &Path) -> ExitCode {
    let pages = markdown::library();
    let written = std::fs::create_dir_all(folder).and_then(|()| {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if name.ends_with(".md") && !pages.contains_key(&*name) {
                std::fs::remove_file(&path)?;
            }
        }
        pages.iter().try_for_each(|(name, text)| std::fs::write(folder.join(name), text))
    });
    match written {
        Ok(()) => {
            super::print(&format!("{} pages in {}\n", pages.len(), folder.display()));
            ExitCode::from(DONE)
        }
        Err(error) => super::fail(&format!("{}: {error}", folder.display())),
    }
}

fn schema(of: SchemaOf) -> ExitCode {
    let schema = match of {
        SchemaOf::Policy => schemars::schema_for!(PolicyFile),
        SchemaOf::Configuration => schemars::schema_for!(Configuration),
        SchemaOf::Test => schemars::schema_for!(TestFile),
    };
    print_json(&schema);
    ExitCode::from(DONE)
}

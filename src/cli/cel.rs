//! `plimsoll cel`: an expression against a manifest, or whether it compiles.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::asking::AskingArgs;
use super::{DONE, NOT_DONE};
use crate::cel::profile::Profile;
use crate::cel::program::Program;
use crate::dialect::native;
use crate::document::{Document, Limits};
use crate::evaluate::explain::{Inspection, inspect};
use crate::manifest::{Inventory, ReadLimits, read_sources};
use crate::offline::Offline;
use crate::resource::workload::TemplatePaths;

/// Evaluate or check CEL expressions as policies use them
#[derive(Debug, Args)]
pub struct CelArgs {
    #[command(subcommand)]
    command: CelCommand,
}

#[derive(Debug, Subcommand)]
enum CelCommand {
    /// What an expression gives for each manifest of a file: type, value, cost
    Eval {
        /// The expression
        expression: String,
        /// The manifests; `-` is standard input
        #[arg(value_name = "FILE", default_value = "-")]
        file: String,
        /// Show the parts of the expression and what they came to, the false ones first
        #[arg(long)]
        explain: bool,
        /// What `params` is, as JSON or YAML in a file
        #[arg(long, value_name = "FILE")]
        params: Option<PathBuf>,
        /// The Kubernetes version whose CEL counts, as in 1.36
        #[arg(long, value_name = "VERSION")]
        kubernetes_version: Option<String>,
        #[command(flatten)]
        asking: AskingArgs,
    },
    /// Whether an expression compiles, and its type
    Check {
        /// The expression
        expression: String,
        /// The Kubernetes version whose CEL counts, as in 1.36
        #[arg(long, value_name = "VERSION")]
        kubernetes_version: Option<String>,
    },
}

impl CelArgs {
    /// Runs the subcommand: 0 done, 2 not.
    pub fn run(self) -> ExitCode {
        match self.command {
            CelCommand::Check { expression, kubernetes_version } => {
                match compile(&expression, kubernetes_version.as_deref()) {
                    Ok((program, profile)) => {
                        super::print(&format!("{} (Kubernetes {profile})\n", program.output_type()));
                        ExitCode::from(DONE)
                    }
                    Err(message) => refuse(&message),
                }
            }
            CelCommand::Eval { expression, file, explain, params, kubernetes_version, asking } => {
                let program = match compile(&expression, kubernetes_version.as_deref()) {
                    Ok((program, _)) => program,
                    Err(message) => return refuse(&message),
                };
                let params = match params.as_ref().map(read_params).transpose() {
                    Ok(params) => params.unwrap_or_else(Document::null),
                    Err(message) => return super::fail(&message),
                };
                eval(&program, &file, &params, explain, &asking)
            }
        }
    }
}

/// What the compiler says already has its own form: position, excerpt, caret.
fn refuse(message: &str) -> ExitCode {
    eprintln!("{}", message.trim_end());
    ExitCode::from(NOT_DONE)
}

fn compile(expression: &str, version: Option<&str>) -> Result<(Program, Profile), String> {
    let profile = super::selection::profile_of(version)?;
    let program = Program::compile(expression, &native::environment(profile)).map_err(|e| e.to_string())?;
    Ok((program, profile))
}

fn read_params(path: &PathBuf) -> Result<Document<'static>, String> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let composed = crate::manifest::compose::compose(&text, 0..text.len())
        .map_err(|refusal| format!("{name}: {}", refusal.error))?;
    let document = composed.document.ok_or_else(|| format!("{name}: holds nothing"))?;
    document.root().to_document(Limits::default()).map_err(|error| format!("{name}: {error}"))
}

fn eval(
    program: &Program,
    file: &str,
    params: &Document<'_>,
    explain: bool,
    asking: &AskingArgs,
) -> ExitCode {
    let sources = read_sources(&[file.to_owned()], &mut io::stdin().lock(), ReadLimits::default());
    let inventory = Inventory::load(&sources);
    let old_sources = super::lint::read_old(asking.old.as_ref());
    let old = old_sources.as_ref().map(Inventory::load);
    let asked = asking.asking(None);
    let offline = Offline::new(&inventory, old.as_ref(), &asked);
    if inventory.manifests().is_empty() {
        return super::fail(&format!("{file}: no manifest found"));
    }
    let templates = TemplatePaths::default();
    for index in 0..inventory.manifests().len() {
        let request = offline.request(index);
        let host = offline.host(index);
        let Inspection { value, cost, parts } = inspect(program, &request, &templates, params.root(), &host);
        let identity = offline.identity(index);
        let (kind, name) = (identity.kind.kind, identity.name.unwrap_or_default());
        let value = match value {
            Ok(value) => value,
            Err(error) => format!("error: {error}"),
        };
        let mut text = format!("{kind} {name}: {value}   type {}, cost {cost}\n", program.output_type());
        if explain {
            let width = parts.iter().map(|p| p.value.chars().count().min(40)).max().unwrap_or(0);
            for part in parts {
                text.push_str(&format!("    {:width$}  {}\n", part.value, part.text));
            }
        }
        super::print(&text);
    }
    ExitCode::from(DONE)
}

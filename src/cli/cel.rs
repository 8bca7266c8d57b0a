//! `plimsoll cel`: an expression against a manifest, or whether it compiles.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::asking::AskingArgs;
use super::{DONE, FINDINGS, NOT_DONE};
use crate::cel::ast::Expr;
use crate::cel::profile::{Profile, Release};
use crate::cel::program::Program;
use crate::check::inspect::{Inspection, PartValue, inspect};
use crate::diagnostic::io_text;
use crate::document::edit::{PatchOperation, string};
use crate::document::path::Pointer;
use crate::document::{Document, Limits, NodeRef};
use crate::host::Host;
use crate::manifest::source::Content;
use crate::manifest::{Inventory, ReadLimits, STDIN, SourceFile, Sources, read_sources};
use crate::offline::Offline;
use crate::policy::environment::environment;
use crate::request::Request;
use crate::resource::secret::{self, MASK};
use crate::resource::workload::TemplatePaths;

/// Evaluate or check CEL expressions as policies use them
#[derive(Debug, Args)]
pub struct CelArgs {
    #[command(subcommand)]
    command: CelCommand,
}

#[derive(Debug, Subcommand)]
enum CelCommand {
    /// Evaluate an expression over each manifest of a file: value, type and cost
    Eval(EvalArgs),
    /// Check whether an expression compiles, and show its type
    Check {
        /// The expression
        expression: String,
        /// The cluster's Kubernetes version, as in 1.36
        #[arg(long, value_name = "VERSION")]
        kubernetes_version: Option<String>,
    },
}

#[derive(Debug, Args)]
struct EvalArgs {
    /// The expression
    expression: String,
    /// The manifests; `-` is standard input. Not needed by an expression that reads no object
    #[arg(value_name = "FILE")]
    file: Option<String>,
    /// Show the parts of the expression and their values, false ones first
    #[arg(long)]
    explain: bool,
    /// A JSON or YAML file with the value of `params`
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// The cluster's Kubernetes version, as in 1.36
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    #[command(flatten)]
    asking: AskingArgs,
}

/// The variables that a request fills.
const OF_OBJECTS: [&str; 7] =
    ["object", "oldObject", "request", "namespaceObject", "podSpec", "podMetadata", "allContainers"];

impl CelArgs {
    /// Runs the subcommand: 0 done, 1 the expression failed for some manifest, 2 the job could not be done.
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
            CelCommand::Eval(args) => args.run(),
        }
    }
}

/// What the compiler says already has its own form: position, excerpt, caret.
fn refuse(message: &str) -> ExitCode {
    super::tell(message.trim_end());
    ExitCode::from(NOT_DONE)
}

fn compile(expression: &str, version: Option<&str>) -> Result<(Program, Profile), String> {
    let release = match version {
        Some(version) => super::selection::release_of(version)
            .map_err(|why| format!("error: --kubernetes-version: {why}"))?,
        None => Release::NEWEST,
    };
    let profile = release.profile();
    let program = Program::compile(expression, &environment(profile)).map_err(|e| e.to_string())?;
    Ok((program, profile))
}

fn read_params(path: &PathBuf) -> Result<Document<'static>, String> {
    let name = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{name}: {}", io_text(&error.to_string())))?;
    let composed = crate::manifest::compose::compose(&text, 0..text.len())
        .map_err(|refusal| format!("{name}: {}", refusal.error))?;
    let document = composed.document.ok_or_else(|| format!("{name}: the file is empty"))?;
    document.root().to_document(Limits::default()).map_err(|error| format!("{name}: {error}"))
}

impl EvalArgs {
    fn run(self) -> ExitCode {
        let Self { expression, file, explain, params, kubernetes_version, asking } = self;
        let program = match compile(&expression, kubernetes_version.as_deref()) {
            Ok((program, _)) => program,
            Err(message) => return refuse(&message),
        };
        let params = match params.as_ref().map(read_params).transpose() {
            Ok(params) => params.unwrap_or_else(Document::null),
            Err(message) => return super::fail(&message),
        };
        let named = file.is_some();
        let sources = match (file, object_variable(&program)) {
            (Some(file), _) => read(&file),
            (None, None) => nothing(),
            (None, Some(variable)) if io::stdin().is_terminal() => {
                return super::fail(&format!(
                    "the expression reads `{variable}`: name a manifest, or - for standard input"
                ));
            }
            (None, Some(_)) => read(STDIN),
        };
        let inventory = Inventory::load(&sources);
        let good = super::lint::report_broken(&sources, &inventory);
        if inventory.manifests().is_empty() && good {
            return super::fail(match named {
                true => "no Kubernetes manifest found",
                false => {
                    "the expression reads an object, and there is no manifest on standard input: name a file"
                }
            });
        }
        let failed = eval(&program, &inventory, &params, explain, &asking);
        ExitCode::from(match (good, failed) {
            (false, _) => NOT_DONE,
            (true, true) => FINDINGS,
            (true, false) => DONE,
        })
    }
}

fn read(file: &str) -> Sources {
    read_sources(&[file.to_owned()], &mut io::stdin().lock(), ReadLimits::default())
}

/// An object for an expression that reads none.
fn nothing() -> Sources {
    Sources::new(vec![SourceFile::new(STDIN, Content::Text("apiVersion: v1\nkind: Nothing\n".to_owned()))])
}

/// The first variable of an object that the expression reads.
fn object_variable(program: &Program) -> Option<&'static str> {
    let ast = program.ast();
    ast.ids().find_map(|id| match &ast[id] {
        Expr::Ident(name) => {
            OF_OBJECTS.into_iter().find(|variable| name.trim_start_matches('.') == *variable)
        }
        _ => None,
    })
}

/// Prints what the expression gives for each manifest. Whether it failed for one of them.
fn eval(
    program: &Program,
    inventory: &Inventory<'_>,
    params: &Document<'_>,
    explain: bool,
    asking: &AskingArgs,
) -> bool {
    let old_sources = super::lint::read_old(asking.old.as_ref());
    let old = old_sources.as_ref().map(Inventory::load);
    let asked = asking.asking(None);
    let offline = Offline::new(inventory, old.as_ref(), &asked);
    let mut failed = false;
    for index in 0..inventory.manifests().len() {
        let host = offline.host(index);
        let Inspection { value, cost, parts } =
            inspect_masked(program, &offline.request(index), params.root(), &host);
        failed |= value.is_err();
        let identity = offline.identity(index);
        let subject = match (identity.gvk.kind, identity.name) {
            _ if object_variable(program).is_none() => String::new(),
            (kind, Some(name)) => format!("{kind} {name}: "),
            (kind, None) => format!("{kind}: "),
        };
        let value = value.unwrap_or_else(|error| format!("error: {error}"));
        let mut text = format!("{subject}{value}   type {}, cost {cost}\n", program.output_type());
        if explain {
            let width = parts.iter().map(|p| p.value.chars().count().min(40)).max().unwrap_or(0);
            for part in parts {
                text.push_str(&format!("    {:width$}  {}\n", part.value, part.text));
            }
        }
        super::print(&text);
        if object_variable(program).is_none() {
            break;
        }
    }
    failed
}

/// What an expression gives, without what Secrets hold: it is evaluated once more over an object whose values are
/// masked, and what comes out differently depends on them. Of that only truth values are shown.
fn inspect_masked(
    program: &Program,
    request: &Request<'_>,
    params: NodeRef<'_>,
    host: &dyn Host,
) -> Inspection {
    let templates = TemplatePaths::default();
    let mut plain = inspect(program, request, &templates, params, host);
    let (object, old_object) = (request.object.and_then(masked), request.old_object.and_then(masked));
    if object.is_none() && old_object.is_none() {
        return plain;
    }
    let request = Request {
        object: object.as_ref().map(Document::root).or(request.object),
        old_object: old_object.as_ref().map(Document::root).or(request.old_object),
        ..request.clone()
    };
    let without = inspect(program, &request, &templates, params, host);
    for part in &mut plain.parts {
        if !without.parts.contains(part) && !is_truth(&part.value) {
            MASK.clone_into(&mut part.value);
        }
    }
    plain.parts.dedup_by(|a: &mut PartValue, b: &mut PartValue| a == b);
    plain.value = conceal(plain.value, without.value);
    plain
}

fn is_truth(value: &str) -> bool {
    matches!(value, "true" | "false")
}

/// What may be said of a value, given the one of masked objects.
fn conceal(plain: Result<String, String>, without: Result<String, String>) -> Result<String, String> {
    match (plain, without) {
        (plain, without) if plain == without => plain,
        (Ok(plain), _) if is_truth(&plain) => Ok(plain),
        (Ok(_), Ok(without)) if without.contains(MASK) => Ok(without),
        (Ok(_), _) => Ok(MASK.to_owned()),
        (Err(_), Err(without)) => Err(without),
        (Err(_), Ok(_)) => Err("the expression fails on what the Secret holds".to_owned()),
    }
}

/// A Secret with masks in place of its values; `None` for all else.
fn masked(object: NodeRef<'_>) -> Option<Document<'_>> {
    let values = secret::values(object);
    if values.is_empty() {
        return None;
    }
    let operation = |node: NodeRef<'_>| PatchOperation::Replace {
        path: Pointer::of(node, object.id()),
        value: string(MASK),
    };
    let operations: Vec<PatchOperation> = values.into_iter().map(operation).collect();
    let limits = Limits { depth: 1_000, ..Limits::default() };
    let copy = object.to_document(limits).ok()?;
    // a key that is written twice has one value, and the other's place may be missing
    let there = |operation: &PatchOperation| copy.root().at(&operation.path().to_string()).is_some();
    let operations: Vec<PatchOperation> = operations.into_iter().filter(there).collect();
    copy.edited(&operations, "mask", limits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_truth_comes_through() {
        let ok = |text: &str| Ok(text.to_owned());
        let err = |text: &str| Err(text.to_owned());
        for (plain, without, expected) in [
            (ok("\"name\""), ok("\"name\""), ok("\"name\"")),
            (ok("\"hunter2\""), ok("\"***\""), ok("\"***\"")),
            (ok("\"hun\""), ok("\"*\""), ok("***")),
            (ok("7"), ok("4"), ok("***")),
            (ok("true"), ok("false"), ok("true")),
            (ok("\"hunter2\""), err("illegal base64"), ok("***")),
            (err("cannot parse hunter2"), err("cannot parse ***"), err("cannot parse ***")),
            (err("cannot parse hunter2"), ok("1"), err("the expression fails on what the Secret holds")),
        ] {
            let without = without.map(|text| text.replace("***", MASK));
            let expected = expected.map(|text: String| text.replace("***", MASK));
            let expected = expected.map_err(|text: String| text.replace("***", MASK));
            let without = without.map_err(|text| text.replace("***", MASK));
            assert_eq!(conceal(plain.clone(), without), expected, "{plain:?}");
        }
    }
}

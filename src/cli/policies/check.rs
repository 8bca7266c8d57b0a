//! `plimsoll policies check`: whether policies load, and what about them is likely a mistake.

use std::cell::LazyCell;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::super::outputs::Output;
use super::super::{DONE, NOT_DONE, fail, print_errors, tell};
use super::plural;
use super::types;
use crate::cel::profile::{Profile, Release};
use crate::check::{Policy, whole};
use crate::diagnostic::Diagnostic;
use crate::dialect::native::{API_VERSION, CLUSTER_KIND, NAMESPACED_KIND};
use crate::finding::PolicyRef;
use crate::policy::exception::Exception;
use crate::report::json::{Tool, VERSION};
use crate::resource::workload::TemplatePaths;
use crate::store::includes::unknown_includes;
use crate::store::load::{self, Loaded};
use crate::store::overlap::overlaps;
use crate::store::set::{Adjustments, Names, UnknownName};

/// So many kinds of one policy about which the webhook is never asked are told with the reason.
const UNASKED_TOLD: usize = 3;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Policy files and folders
    #[arg(value_name = "PATH", required_unless_present = "filenames")]
    paths: Vec<PathBuf>,
    /// The same as PATH, as in kubectl; may be repeated
    #[arg(long = "filename", short = 'f', value_name = "PATH")]
    filenames: Vec<PathBuf>,
    /// How the outcome is written, with a file for it in place of standard output; may be repeated. One of text, json
    /// [default: text]
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = Output::<Format>::parse, value_delimiter = ',')]
    format: Vec<Output<Format>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What came of the check, as programs read it.
#[derive(Serialize)]
struct Checked {
    version: u32,
    tool: Tool<'static>,
    policies: Vec<Row>,
    /// The names of the `ManifestException` objects that load.
    exceptions: Vec<String>,
    errors: Vec<Diagnostic>,
    warnings: Vec<String>,
    summary: Counts,
}

#[derive(Serialize)]
struct Counts {
    policies: usize,
    exceptions: usize,
    errors: usize,
    warnings: usize,
}

/// A policy that loads.
#[derive(Serialize)]
struct Row {
    #[serde(flatten)]
    policy: PolicyRef,
    rules: Vec<String>,
}

impl CheckArgs {
    /// Checks: 0 all load, 2 some do not.
    pub(super) fn run(self) -> ExitCode {
        let Self { mut paths, filenames, mut format } = self;
        paths.extend(filenames);
        if format.is_empty() {
            format.push(Output::stdout(Format::Text));
        }
        if let Err(error) = Output::check(&format) {
            return fail(&error.to_string());
        }
        let checked = check(paths);
        // what JSON holds need not be said twice
        if format.iter().any(|output| output.format == Format::Text) {
            print_errors(&checked.errors);
            checked.warnings.iter().for_each(|warning| tell(&format!("warning: {warning}")));
        }
        if checked.policies.is_empty() && checked.exceptions.is_empty() && checked.errors.is_empty() {
            return fail(&format!(
                "no policy found: expected an object with apiVersion {API_VERSION} and kind {CLUSTER_KIND} or {NAMESPACED_KIND}"
            ));
        }
        for output in &format {
            let text = match output.format {
                Format::Text => checked.text(),
                Format::Json => serde_json::to_string_pretty(&checked).unwrap_or_default() + "\n",
            };
            if let Err(error) = output.write(|out| out.write_all(text.as_bytes())) {
                return fail(&error.to_string());
            }
        }
        ExitCode::from(if checked.errors.is_empty() { DONE } else { NOT_DONE })
    }
}

impl Checked {
    fn text(&self) -> String {
        let (good, bad) = (self.policies.len(), self.errors.len());
        let mut checked = format!("{good} {}", plural(good, "policy", "policies"));
        if let exceptions @ 1.. = self.exceptions.len() {
            checked.push_str(&format!(" and {exceptions} {}", plural(exceptions, "exception", "exceptions")));
        }
        match bad {
            0 => format!("checked {checked}: no errors\n"),
            _ => format!("{bad} {}; {checked} without errors\n", plural(bad, "error", "errors")),
        }
    }
}

fn check(paths: Vec<PathBuf>) -> Checked {
    let mut loaded = load::load(&load::PolicySources { embedded: false, paths, profile: Profile::NEWEST });
    let errors = std::mem::take(&mut loaded.errors);
    let policies = loaded.policies.iter().map(|(policy, _)| Row {
        policy: policy.id.clone(),
        rules: policy.rules.iter().map(|rule| rule.info.code.clone()).collect(),
    });
    let policies: Vec<Row> = policies.collect();
    let mut warnings = admission_policies(&loaded);
    warnings.extend(unasked(&loaded));
    let minor = u8::try_from(Release::NEWEST.minor).unwrap_or(u8::MAX);
    warnings.extend(types::misspelt(loaded.policies.iter().map(|(policy, _)| policy), minor));
    // compiled where something may speak of it
    let library = LazyCell::new(|| {
        load::load(&load::PolicySources { embedded: true, paths: Vec::new(), profile: Profile::NEWEST })
    });
    warnings.extend(includes(&loaded, &library));
    warnings.extend(unknown_exceptions(&loaded, &library));
    let exceptions: Vec<String> =
        loaded.exceptions.iter().map(|exception| exception.info.id.to_string()).collect();
    // as all other commands say it when they load these
    let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
    warnings.extend(overlaps(&set).iter().map(ToString::to_string));
    let summary = Counts {
        policies: policies.len(),
        exceptions: exceptions.len(),
        errors: errors.len(),
        warnings: warnings.len(),
    };
    Checked {
        version: VERSION,
        tool: Tool::judging_for(None),
        policies,
        exceptions,
        errors,
        warnings,
        summary,
    }
}

/// What the API server would say of its own policies without refusing them, and what of them does nothing.
fn admission_policies(loaded: &Loaded) -> Vec<String> {
    let mut warnings: Vec<String> = loaded.remarks().iter().map(ToString::to_string).collect();
    // a binding that is wrong has been told; it names its policy all the same
    let bound = |id: &PolicyRef, policy: &Policy| {
        loaded.badly_bound.contains(id) || whole(policy).is_some_and(|own| own.is_bound_by(&loaded.bindings))
    };
    let own = loaded.policies.iter().filter(|(policy, _)| whole(policy).is_some());
    let unbound = own.filter(|(policy, _)| !bound(&policy.id, policy)).map(|(policy, _)| &policy.id);
    warnings
        .extend(unbound.map(|id| format!("{id}: no binding among these files names it: it is not asked")));
    warnings
}

/// Kinds about which the webhook is never asked.
fn unasked(loaded: &Loaded) -> Vec<String> {
    let mut warnings = Vec::new();
    for (policy, _) in &loaded.policies {
        // what the API server asks itself
        if whole(policy).is_some() {
            continue;
        }
        let name = &policy.id.name;
        let said = crate::matching::unasked(&policy.matches);
        for said in said.iter().take(UNASKED_TOLD) {
            warnings.push(format!("policy {name}: {said}; offline it is judged"));
        }
        if let more @ 1.. = said.len().saturating_sub(UNASKED_TOLD) {
            let kinds = plural(more, "kind", "kinds");
            warnings.push(format!(
                "policy {name}: nor is the webhook asked about {more} other {kinds} that it names"
            ));
        }
    }
    warnings
}

/// What the library has.
type Library<F> = LazyCell<Loaded, F>;

/// Rules that are included and that nobody has.
fn includes<F: FnOnce() -> Loaded>(loaded: &Loaded, library: &Library<F>) -> Vec<String> {
    let mut rules = loaded.policies.iter().flat_map(|(policy, _)| &policy.rules);
    if rules.all(|rule| rule.info.includes.is_empty()) {
        return Vec::new();
    }
    let own = loaded.policies.iter().map(|(policy, _)| policy);
    let unknown = unknown_includes(own, library.policies.iter().map(|(policy, _)| policy));
    unknown.iter().map(ToString::to_string).collect()
}

/// Codes of exceptions that neither these policies nor those of the library have.
fn unknown_exceptions<F: FnOnce() -> Loaded>(loaded: &Loaded, library: &Library<F>) -> Vec<String> {
    if loaded.exceptions.is_empty() {
        return Vec::new();
    }
    let names = Names::of(loaded.policies.iter().chain(&library.policies).map(|(policy, _)| policy));
    let of_one = |exception: &Exception| {
        let unknown = exception.patterns.iter().filter_map(|pattern| names.check_pattern(pattern));
        let id = &exception.info.id;
        unknown.map(|UnknownName { message, help }| format!("{id}: {message}: {help}")).collect::<Vec<_>>()
    };
    loaded.exceptions.iter().flat_map(of_one).collect()
}

//! `plimsoll lint`: manifests in, findings out.

mod earlier;
mod revision;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, ValueEnum};

use self::earlier::EarlierArgs;
use self::revision::CheckedOut;
use super::asking::AskingArgs;
use super::choosing::ChoosingArgs;
use super::outputs::Output;
use super::paths::Paths;
use super::selection::{Selected, Selection};
use super::{DONE, FINDINGS, NOT_DONE};
use crate::baseline::{Baseline, Origin};
use crate::explain::catalogue::catalogue;
use crate::finding::Severity;
use crate::manifest::chosen::{Chosen, Globs};
use crate::manifest::{Inventory, LoadError, Outcome, ReadLimits, Sources, read_chosen, read_sources};
use crate::offline::{Asking, Offline};
use crate::report::catalogue::Catalogue;
use crate::report::{
    ColorChoice, Earlier, Format, Gate, Identity, Report, Run, Subject, TextOptions, notices, refusal,
};

/// Check manifests: files, folders, globs, or `-` for standard input
#[derive(Debug, Args)]
pub struct LintArgs {
    #[command(flatten)]
    paths: Paths,
    /// Run only these policies, rules (policy/rule) or codes (yaml/octal); may be repeated
    #[arg(
        long,
        value_name = "NAME",
        env = "PLIMSOLL_ONLY",
        value_delimiter = ',',
        help_heading = "Policies"
    )]
    only: Vec<String>,
    /// Do not run these policies, rules or codes; may be repeated
    #[arg(
        long,
        value_name = "NAME",
        env = "PLIMSOLL_SKIP",
        value_delimiter = ',',
        help_heading = "Policies"
    )]
    skip: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    asking: AskingArgs,
    /// Show the parts of a failing expression and their values, false ones first
    #[arg(long, env = "PLIMSOLL_EXPLAIN", help_heading = "Result")]
    explain: bool,
    /// Exit with 1 when there is a finding of this severity or a higher one
    #[arg(long, value_enum, env = "PLIMSOLL_FAIL_ON", default_value_t = FailOn::Error, help_heading = "Result")]
    fail_on: FailOn,
    /// Exit with 1 also when the input cannot answer a question
    #[arg(long, env = "PLIMSOLL_FAIL_ON_UNKNOWN", help_heading = "Result")]
    fail_on_unknown: bool,
    /// Do not exit with 2 because of broken files; they are still reported
    #[arg(long, env = "PLIMSOLL_ALLOW_BROKEN", help_heading = "Result")]
    allow_broken: bool,
    #[command(flatten)]
    choosing: ChoosingArgs,
    #[command(flatten)]
    earlier: EarlierArgs,
    /// Exit with 0 in place of 1: findings are shown, and nothing stops because of them
    #[arg(long, env = "PLIMSOLL_EXIT_ZERO", help_heading = "Result")]
    exit_zero: bool,
    /// Format of the report, with a file to write it to in place of standard output; may be repeated. One of text,
    /// concise, summary, json, sarif, junit, github, gitlab, markdown, html [default: text; on a terminal summary, where there are more than 50 findings]
    #[arg(
        long,
        value_name = "FORMAT[=FILE]",
        env = "PLIMSOLL_FORMAT",
        value_parser = Output::<Format>::parse,
        value_delimiter = ',',
        help_heading = "Result"
    )]
    format: Vec<Output<Format>>,
    /// When to use colour
    #[arg(long, value_enum, env = "PLIMSOLL_COLOR", default_value_t = ColorChoice::Auto, help_heading = "Result")]
    color: ColorChoice,
    /// Print findings only, no notes and no summary
    #[arg(long, short, env = "PLIMSOLL_QUIET", help_heading = "Result")]
    quiet: bool,
    /// Name the files that are passed over, and say why
    #[arg(long, short, env = "PLIMSOLL_VERBOSE", conflicts_with = "quiet", help_heading = "Result")]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Error,
    Warning,
    Info,
}

/// More findings than this are not shown one by one on a terminal, unless that is asked for.
const SHOWN: usize = 50;
/// So many rules of a summary that was not asked for: with the rest of it, they fit a screen.
const ROWS: usize = 30;

impl LintArgs {
    /// Lints: 0 nothing found, 1 findings, 2 the job could not be done.
    pub fn run(self) -> ExitCode {
        let start = Instant::now();
        let Self {
            paths,
            only,
            skip,
            selection,
            asking: asking_args,
            explain,
            fail_on,
            fail_on_unknown,
            allow_broken,
            choosing,
            earlier,
            exit_zero,
            mut format,
            color,
            quiet,
            verbose,
        } = self;
        let paths = paths.all();
        if let Err(error) = Output::check(&format) {
            return super::fail(&error.to_string());
        }
        let selected = selection.load(paths.first().map(String::as_str), &only, &skip);
        let Selected { set, errors, configuration, release, .. } = &selected;
        super::print_errors(errors);
        if set.is_empty() && errors.is_empty() && !selected.adjustments.only_reserved() {
            return super::fail("no policies are loaded");
        }
        let asking = Asking { explain, ..asking_args.asking(configuration.namespace.as_deref()) };
        let chosen = match choosing.chosen(configuration) {
            Ok(chosen) => chosen,
            Err(error) => {
                super::print_errors(&[error]);
                return ExitCode::from(NOT_DONE);
            }
        };
        let before = |tree: &CheckedOut, origin| found_before(tree, origin, &chosen, &selected, &asking);
        let baseline = match earlier.earlier(&paths, &chosen, configuration, before) {
            Ok(baseline) => baseline,
            Err(error) => return super::fail(&error.to_string()),
        };
        let sources = read_chosen(&paths, &mut io::stdin().lock(), ReadLimits::default(), &chosen);
        let inventory = Inventory::load(&sources);
        let variants = selected.variants(&sources, None);
        let old_sources = read_old(asking_args.old.as_ref());
        let old = old_sources.as_ref().map(Inventory::load);
        let offline = Offline::new(&inventory, old.as_ref(), &asking);
        let mut subjects = subjects(&inventory, &offline);
        let mut findings = offline.judge_each(|file| variants.set(file));
        findings
            .extend(notices::findings(&inventory, &mut subjects, |file, code| variants.reserved(file, code)));
        let fail_on = match fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Info => Severity::Info,
        };
        let gate = Gate { fail_on, fail_on_unknown, allow_broken };
        let codes = variants.codes();
        let looks_at = |code: &str| codes.contains(code);
        let known = baseline.as_ref().map(|baseline| Earlier { baseline, looks_at: &looks_at });
        let report = Report::since(&sources, &inventory, subjects, findings, known)
            .for_kubernetes(release.to_string())
            .with_notes(offline.notes(set.templates()))
            .of_run(Run {
                configuration: selected.configuration_file(),
                packs_not_run: selected.packs_not_run.clone(),
                policies: variants.told(),
                folder: std::env::current_dir().ok(),
                gate,
            })
            .with_catalogue(match format.iter().any(|output| output.format.tells_of_rules()) {
                true => catalogue(set),
                false => Catalogue::default(),
            });

        let exit = match gate.judge(&report).code() {
            FINDINGS if exit_zero => DONE,
            exit => exit,
        };
        if let Some(file) = earlier.to_write(configuration) {
            let now = report.baseline(Origin::File(file.display().to_string()));
            match earlier::write(file, &now, exit != NOT_DONE && errors.is_empty(), baseline.as_ref()) {
                Ok(done) => {
                    super::print(&format!("{done}\n"));
                    return ExitCode::from(DONE);
                }
                Err(error) => super::tell(&format!("error: {error}")),
            }
        }

        let is_terminal = io::stdout().is_terminal();
        let options = |is_terminal| TextOptions {
            color: color.enabled(is_terminal, |name| std::env::var_os(name)),
            links: is_terminal && supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout),
            quiet,
            verbose,
            elapsed: Some(start.elapsed()),
            columns: terminal_size::terminal_size().filter(|_| is_terminal).map(|(width, _)| width.0.into()),
        };
        let too_many = format.is_empty() && is_terminal && report.entries().len() > SHOWN;
        if format.is_empty() {
            format.push(Output::stdout(Format::Text));
        }
        let mut written = true;
        for output in &format {
            let options = options(is_terminal && output.file.is_none());
            let result = output.write(|out| match too_many {
                true => report.write_overview(out, &options, Some(ROWS)),
                false => report.write(output.format, out, &options),
            });
            if let Err(error) = result {
                super::tell(&format!("error: {error}"));
                written = false;
            }
        }
        // the process ends: giving back millions of small pieces one by one would only take time
        std::mem::forget((report, offline));
        let wrote = written && !earlier.writes();
        ExitCode::from(if errors.is_empty() && wrote { exit } else { NOT_DONE })
    }
}

/// The findings of a revision, as something to compare with: what could not be read there has none.
fn found_before(
    tree: &CheckedOut,
    origin: Origin,
    chosen: &Chosen,
    selected: &Selected,
    asking: &Asking,
) -> Baseline {
    let moved = tree.moved();
    let globs = |all: &[Globs]| all.iter().map(|globs| moved.globs(globs)).collect();
    let Chosen { include, exclude, also_named } = chosen;
    let chosen = Chosen { include: globs(include), exclude: globs(exclude), also_named: *also_named };
    let sources = read_chosen(&tree.paths, &mut io::empty(), ReadLimits::default(), &chosen);
    let inventory = Inventory::load(&sources);
    let variants = selected.variants(&sources, Some(moved));
    let offline = Offline::new(&inventory, None, asking);
    let mut subjects = subjects(&inventory, &offline);
    let mut findings = offline.judge_each(|file| variants.set(file));
    findings.extend(notices::findings(&inventory, &mut subjects, |file, code| variants.reserved(file, code)));
    Report::new(&sources, &inventory, subjects, findings).baseline(origin)
}

/// Says which files could not be read, and where. Whether all could.
pub(super) fn report_broken(sources: &Sources, inventory: &Inventory<'_>) -> bool {
    let mut good = true;
    for record in inventory.ledger().iter().filter(|record| record.outcome == Outcome::Broken) {
        good = false;
        let file = sources.file(record.file);
        for error in &record.errors {
            let (path, at) = (file.path(), error.position);
            let why = refusal(file.text(), &error.error);
            match &error.error {
                LoadError::Read(_) => super::tell(&format!("error: {path}: {why}")),
                _ => super::tell(&format!("error: {path}:{}:{}: {why}", at.line, at.column)),
            }
        }
    }
    good
}

/// The files with the old objects.
pub(super) fn read_old(path: Option<&String>) -> Option<Sources> {
    path.map(|path| read_sources(std::slice::from_ref(path), &mut io::empty(), ReadLimits::default()))
}

/// The manifests of the inventory, as a report names them.
pub(super) fn subjects<'i>(inventory: &'i Inventory<'i>, offline: &Offline<'i>) -> Vec<Subject<'i>> {
    let manifests = inventory.manifests().iter().enumerate();
    manifests
        .map(|(index, manifest)| {
            let identity = offline.identity(index);
            let kind = identity.kind;
            let api_version = inventory.object(manifest).get_str("apiVersion").unwrap_or_default();
            Subject::of(
                inventory,
                manifest,
                Identity {
                    api_version: api_version.to_owned(),
                    kind: kind.kind.to_owned(),
                    namespace: identity.namespace.map(str::to_owned),
                    name: identity.name.map(str::to_owned),
                },
            )
        })
        .collect()
}

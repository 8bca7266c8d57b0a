//! `plimsoll lint`: manifests in, findings out.

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, ValueEnum};

use super::add_ignores::{self, AddArgs};
use super::asking::AskingArgs;
use super::outputs::Output;
use super::selection::{Selected, Selection};
use super::{DONE, NOT_DONE};
use crate::explain::catalogue::catalogue;
use crate::finding::Severity;
use crate::manifest::{Inventory, LoadError, Outcome, ReadLimits, Sources, read_sources};
use crate::offline::{Asking, Offline};
use crate::report::catalogue::Catalogue;
use crate::report::waived::{self, targets};
use crate::report::{
    ColorChoice, Format, Gate, Identity, Report, Run, Subject, TextOptions, notices, refusal,
};
use crate::waiver::{self, Applied, Beside, Codes};

/// Check manifests: files, folders, globs, or `-` for standard input
#[derive(Debug, Args)]
pub struct LintArgs {
    /// Files, folders, globs, or `-`
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<String>,
    /// Run only these policies, rules (policy/rule) or codes (yaml/octal); may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Policies")]
    only: Vec<String>,
    /// Do not run these policies, rules or codes; may be repeated
    #[arg(long, value_name = "NAME", value_delimiter = ',', help_heading = "Policies")]
    skip: Vec<String>,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    asking: AskingArgs,
    /// Show the parts of a failing expression and their values, false ones first
    #[arg(long, help_heading = "Result")]
    explain: bool,
    /// Count what comments, annotations, `ignore:` and ManifestExceptions waive
    #[arg(long, help_heading = "Waivers")]
    no_ignore: bool,
    /// Make errors of findings that are waived here and denied by the webhook all the same
    #[arg(long, conflicts_with = "no_ignore", help_heading = "Waivers")]
    parity: bool,
    #[command(flatten)]
    adding: AddArgs,
    /// Exit with 1 when there is a finding of this severity or a higher one
    #[arg(long, value_enum, default_value_t = FailOn::Error, help_heading = "Result")]
    fail_on: FailOn,
    /// Exit with 1 also when the input cannot answer a question
    #[arg(long, help_heading = "Result")]
    fail_on_unknown: bool,
    /// Do not exit with 2 because of broken files; they are still reported
    #[arg(long, help_heading = "Result")]
    allow_broken: bool,
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
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, help_heading = "Result")]
    color: ColorChoice,
    /// Print findings only, no notes and no summary
    #[arg(long, short, help_heading = "Result")]
    quiet: bool,
    /// Name the files that are passed over, and say why
    #[arg(long, short, conflicts_with = "quiet", help_heading = "Result")]
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
            no_ignore,
            parity,
            adding,
            fail_on,
            fail_on_unknown,
            allow_broken,
            mut format,
            color,
            quiet,
            verbose,
        } = self;
        if let Err(error) = Output::check(&format) {
            return super::fail(&error.to_string());
        }
        let selected = selection.load(paths.first().map(String::as_str), &only, &skip);
        let Selected { set, errors, configuration, release, .. } = &selected;
        super::print_errors(errors);
        if set.is_empty() && errors.is_empty() && !selected.adjustments.only_reserved() {
            return super::fail("no policies are loaded");
        }
        let mut sources = read_sources(&paths, &mut io::stdin().lock(), ReadLimits::default());
        let beside = Beside::of(&mut sources, &selected.ignores, set.exceptions());
        let inventory = Inventory::load(&sources);
        let asking = Asking { explain, ..asking_args.asking(configuration.namespace.as_deref()) };
        let old_sources = read_old(asking_args.old.as_ref());
        let old = old_sources.as_ref().map(Inventory::load);
        let offline = Offline::new(&inventory, old.as_ref(), &asking);
        let mut subjects = subjects(&inventory, &offline);
        let mut findings = offline.judge_all(set);
        findings.extend(notices::findings(&inventory, &mut subjects, |code| selected.reserved(code)));
        let (findings, waived) = match no_ignore {
            true => (findings, Vec::new()),
            false => {
                let codes = Codes {
                    names: &|| selected.all_names(),
                    reserved: &|row| selected.adjustments.reserved(row),
                };
                let working = std::env::current_dir().unwrap_or_default();
                let run = waiver::Run {
                    sources: &sources,
                    inventory: &inventory,
                    offline: &offline,
                    set,
                    beside: &beside,
                    ignores: &selected.ignores,
                    codes: &codes,
                    today: asking.today,
                    parity,
                    working: &working,
                };
                let targets = targets(&subjects);
                let Applied { mut kept, waived, about } = waiver::apply(&run, &targets, findings);
                match adding.writing(|| selected.all_names()) {
                    Ok(None) => {}
                    Ok(Some(writing)) => {
                        let good = add_ignores::write(&writing, &sources, &inventory, &targets, &kept);
                        return ExitCode::from(if errors.is_empty() && good { DONE } else { NOT_DONE });
                    }
                    Err(error) => return super::fail(&error),
                }
                kept.extend(waived::about(about, &mut subjects));
                (kept, waived)
            }
        };
        let fail_on = match fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Info => Severity::Info,
        };
        let gate = Gate { fail_on, fail_on_unknown, allow_broken };
        let report = Report::with_waived(&sources, &inventory, subjects, findings, waived)
            .for_kubernetes(release.to_string())
            .with_notes(offline.notes(set.templates()))
            .of_run(Run {
                configuration: selected.configuration_file(),
                packs_not_run: selected.packs_not_run.clone(),
                policies: selected.told(),
                folder: std::env::current_dir().ok(),
                gate,
            })
            .with_catalogue(match format.iter().any(|output| output.format.tells_of_rules()) {
                true => catalogue(set),
                false => Catalogue::default(),
            });

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
        let exit = gate.judge(&report).code();
        // the process ends: giving back millions of small pieces one by one would only take time
        std::mem::forget((report, offline));
        ExitCode::from(if errors.is_empty() && written { exit } else { NOT_DONE })
    }
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

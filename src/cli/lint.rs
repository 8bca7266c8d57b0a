//! `plimsoll lint`: manifests in, findings out.

mod earlier;
mod progress;
mod revision;
mod threads;
mod watch;

use std::cell::OnceCell;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, ValueEnum};

use self::earlier::EarlierArgs;
use self::revision::CheckedOut;
use super::add_ignores::{self, AddArgs};
use super::asking::AskingArgs;
use super::choosing::ChoosingArgs;
use super::outputs::Output;
use super::paths::Paths;
use super::selection::overrides::Variants;
use super::selection::{Selected, Selection};
use super::serving::ServingArgs;
use super::{DONE, FINDINGS, NOT_DONE};
use crate::baseline::{Baseline, Origin};
use crate::cli;
use crate::explain::catalogue::catalogue;
use crate::finding::terms::is_waivable;
use crate::finding::{Certainty, Finding, ObjectId, Severity};
use crate::manifest::chosen::Chosen;
use crate::manifest::{
    FileOutcome, Inventory, LoadError, NoticeCode, ReadLimits, Sources, codes, read_chosen, read_sources,
};
use crate::offline::{Asking, Canonical, Offline, Parts};
use crate::report::catalogue::Catalogue;
use crate::report::waived::{self, targets};
use crate::report::{
    self, ColorChoice, Earlier, Format, Found, Gate, Report, ReportedObject, Run, TextOptions, notices,
    refusal,
};
use crate::waiver::{self, Applied, Applying, Beside, Codes, Target};
use progress::Progress;
use watch::Kept;

/// Check manifests: files, folders, globs, or `-` for standard input
#[derive(Debug, Clone, Args)]
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
    #[command(flatten)]
    serving: ServingArgs,
    /// Show the parts of a failing expression and their values, false ones first
    #[arg(long, env = "PLIMSOLL_EXPLAIN", help_heading = "Result")]
    explain: bool,
    /// Count what comments, annotations, `ignore:` and ManifestExceptions waive
    #[arg(long, env = "PLIMSOLL_NO_IGNORE", help_heading = "Waivers")]
    no_ignore: bool,
    /// Make errors of findings that are waived here and denied by the webhook all the same
    #[arg(long, env = "PLIMSOLL_PARITY", conflicts_with = "no_ignore", help_heading = "Waivers")]
    parity: bool,
    #[command(flatten)]
    adding: AddArgs,
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
    /// Lint again when a manifest, a policy or the configuration changes, until Ctrl-C
    #[arg(long, env = "PLIMSOLL_WATCH", help_heading = "Result")]
    watch: bool,
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
        match self.watch {
            true => watch::run(&self),
            false => ExitCode::from(self.once(None)),
        }
    }

    /// One run. With `kept`, it takes what an earlier run has left, and leaves the same for the next.
    fn once(&self, mut kept: Option<&mut Kept>) -> u8 {
        if let Err(error) = Output::check(&self.format) {
            let Stopped = stop(&error.to_string());
            return NOT_DONE;
        }
        // who watches will be shown other files
        if kept.is_none() {
            threads::settle(&self.paths.clone().all());
        }
        let earlier = kept.as_deref_mut().and_then(|kept| kept.selected(self));
        let selected = earlier.unwrap_or_else(|| self.select());
        let code = self.lint(&self.paths.clone().all(), &selected, kept.as_deref_mut());
        match kept {
            Some(kept) => kept.keep(self, selected),
            // as below: the process ends
            None => std::mem::forget(selected),
        }
        code.unwrap_or(NOT_DONE)
    }

    fn lint(
        &self,
        paths: &[String],
        selected: &Selected,
        mut kept: Option<&mut Kept>,
    ) -> Result<u8, Stopped> {
        let start = Instant::now();
        let progress = Progress::of_run(self.quiet);
        let chosen = self.choosing.chosen(&selected.configuration).map_err(|error| {
            cli::print_errors(&selected.errors);
            cli::print_errors(&[error]);
            Stopped
        })?;
        let texts = kept.as_deref_mut().and_then(|kept| kept.sources.take());
        let mut sources = read_chosen(paths, &mut io::stdin().lock(), ReadLimits::default(), &chosen, texts);
        let first = self.paths.first();
        let of_input = self.selection.load_input(selected, Some(&first), (&self.only, &self.skip), &sources);
        let selected = of_input.as_ref().unwrap_or(selected);
        let Selected { set, errors, configuration, .. } = selected;
        cli::print_errors(errors);
        if set.is_empty() && errors.is_empty() && !selected.adjustments.only_reserved() {
            return Err(stop("no policies are loaded"));
        }
        let fingerprints = self.earlier.compares(configuration)
            || self.format.iter().any(|output| output.format.has_fingerprints());
        let asking = Asking {
            explain: self.explain,
            fingerprints,
            ..self.asking.asking(configuration.namespace.as_deref())
        };
        let before = |tree: &CheckedOut, origin| self.found_before(tree, origin, &chosen, selected, &asking);
        let baseline = self.earlier.earlier(paths, &chosen, configuration, before);
        let baseline = baseline.map_err(|error| stop(&error.to_string()))?;
        let beside = Beside::of(&mut sources, &selected.ignores, set.exceptions());
        let inventory = Inventory::load(&sources).without_foreign();
        let variants = selected.variants(&sources, None);
        let old_sources = read_old(self.asking.old.as_ref());
        let old = old_sources.as_ref().map(Inventory::load);
        let server = self.serving.server(selected.release, &inventory).map_err(|_| Stopped)?;
        let raw = self.serving.is_raw();
        let canonical = (!raw || variants.mutate_by_server()).then(|| {
            let parts = if raw { None } else { Parts::looked_up(&inventory, variants.sets()) };
            Canonical::in_parts(&inventory, old.as_ref(), &asking, &server, parts.as_ref())
        });
        let offline = match raw {
            true => Offline::written_for(&inventory, old.as_ref(), &asking, canonical.as_ref()),
            false => Offline::over(&inventory, old.as_ref(), &asking, canonical.as_ref()),
        };
        progress.read(inventory.manifests().len());
        let input = Input {
            selected,
            variants: &variants,
            sources: &sources,
            inventory: &inventory,
            offline: &offline,
            beside: &beside,
        };
        let (mut subjects, notices) = input.subjects();
        let targets = targets(&subjects);
        let (mut found, Applied { waived, about }) =
            self.find(input, &asking, (&subjects, &targets), notices, &|| progress.judged());
        let writing = self.adding.writing(|| selected.all_names()).map_err(|error| stop(&error))?;
        if let Some(writing) = writing {
            drop(progress);
            let findings = found.of_code(|code| writing.pattern().matches(code));
            let good = add_ignores::write(&writing, &sources, &inventory, &targets, &findings);
            return Ok(if errors.is_empty() && good { DONE } else { NOT_DONE });
        }
        for (id, finding) in waived::about(about, &mut subjects) {
            found.push(&subjects, id, finding);
        }
        let codes = OnceCell::new();
        let looks_at = |code: &str| codes.get_or_init(|| variants.codes()).contains(code);
        let earlier = baseline.as_ref().map(|baseline| Earlier { baseline, looks_at: &looks_at });
        let beside = report::Beside { waived, earlier };
        let report = Report::compared(&sources, &inventory, subjects, found, beside);
        let report = self.told(report, input);
        // no report looks things up: it is written in the room that the index leaves
        drop(offline);
        drop(progress);
        let exit = match self.gate().judge(&report).code() {
            FINDINGS if self.exit_zero => DONE,
            exit => exit,
        };
        let exit = if errors.is_empty() { exit } else { NOT_DONE };
        let exit = match self.earlier.to_write(configuration) {
            Some(file) => self.write_baseline(file, exit, &report, baseline.as_ref(), start),
            None => self.write(exit, &report, start),
        };
        match kept {
            Some(kept) => {
                drop(report);
                drop(canonical);
                drop(inventory);
                kept.sources = Some(sources);
                kept.chosen = chosen;
            }
            // the process ends: giving back millions of small pieces one by one would only take time
            None => {
                std::mem::forget(report);
                std::mem::forget(canonical);
                std::mem::forget(inventory);
                std::mem::forget(sources);
            }
        }
        Ok(exit)
    }

    /// The report, with what the run was told.
    fn told<'i>(&self, report: Report<'i>, input: Input<'_, 'i>) -> Report<'i> {
        let Input { selected, variants, offline, .. } = input;
        let set = &selected.set;
        report
            .for_kubernetes(selected.release.to_string())
            .with_notes(
                offline
                    .notes(set.templates())
                    .into_iter()
                    .chain(offline.policies_not_run(|kind, name| selected.has_read(kind, name)))
                    .collect(),
            )
            .of_run(Run {
                configuration: selected.configuration_file(),
                packs_not_run: selected.packs_not_run.clone(),
                policies: variants.told(self.format.iter().any(|output| output.format.tells_of_policies())),
                folder: std::env::current_dir().ok(),
                gate: self.gate(),
            })
            .with_catalogue(match self.format.iter().any(|output| output.format.tells_of_rules()) {
                true => catalogue(set),
                false => Catalogue::default(),
            })
    }

    /// The findings of a revision, as something to compare with: what could not be read there has none. What was waived then
    /// and is no longer is new.
    fn found_before(
        &self,
        tree: &CheckedOut,
        origin: Origin,
        chosen: &Chosen,
        selected: &Selected,
        asking: &Asking,
    ) -> Baseline {
        let chosen = tree.moved().chosen(chosen);
        let mut sources = read_chosen(&tree.paths, &mut io::empty(), ReadLimits::default(), &chosen, None);
        let beside = Beside::of(&mut sources, &selected.ignores, selected.set.exceptions());
        let inventory = Inventory::load(&sources);
        let variants = selected.variants(&sources, Some(tree.moved()));
        // what cannot be read now has been said
        let server = self.serving.server(selected.release, &inventory).ok();
        let raw = self.serving.is_raw();
        let server = server.as_ref().filter(|_| !raw || variants.mutate_by_server());
        let canonical = server.map(|server| Canonical::of(&inventory, None, asking, server));
        let offline = match raw {
            true => Offline::written_for(&inventory, None, asking, canonical.as_ref()),
            false => Offline::over(&inventory, None, asking, canonical.as_ref()),
        };
        let input = Input {
            selected,
            variants: &variants,
            sources: &sources,
            inventory: &inventory,
            offline: &offline,
            beside: &beside,
        };
        let (subjects, notices) = input.subjects();
        let targets = targets(&subjects);
        let (found, _) = self.find(input, asking, (&subjects, &targets), notices, &|| {});
        Report::compared(&sources, &inventory, subjects, found, report::Beside::default()).baseline(origin)
    }

    /// What is found, and what of it is waived; `judged` is called for each manifest.
    fn find(
        &self,
        input: Input<'_, '_>,
        asking: &Asking,
        (subjects, targets): (&[ReportedObject<'_>], &[Target<'_>]),
        notices: Vec<(ObjectId, Finding)>,
        judged: &(dyn Fn() + Sync),
    ) -> (Found, Applied) {
        let Input { selected, variants, sources, inventory, offline, beside } = input;
        // gathered where a waiver asks for them
        let ran = OnceCell::new();
        let codes = Codes {
            names: &|| selected.all_names(),
            reserved: &|row| selected.adjustments.reserved(row),
            ran: &|pattern| {
                let ran = ran.get_or_init(|| variants.codes());
                ran.iter().any(|code| is_waivable(code) && pattern.matches(code))
            },
        };
        let run = waiver::Run {
            sources,
            inventory,
            offline,
            set: &selected.set,
            beside,
            ignores: &selected.ignores,
            codes: &codes,
            today: asking.today,
            parity: self.parity,
        };
        let mut waivers = (!self.no_ignore).then(|| Applying::new(&run, targets));
        let mut found = Found::on(subjects, asking.fingerprints);
        input.findings(notices, judged, |id, finding| {
            let kept = match &mut waivers {
                Some(waivers) => waivers.take(id, finding),
                None => Some(finding),
            };
            if let Some(finding) = kept {
                found.push(subjects, id, finding);
            }
        });
        (found, waivers.map(Applying::finish).unwrap_or_default())
    }

    /// Configuration and policies.
    fn select(&self) -> Selected {
        let mut selected = self.selection.load(Some(&self.paths.first()), &self.only, &self.skip);
        selected.set = selected.set.for_input();
        selected
    }

    fn gate(&self) -> Gate {
        let fail_on = match self.fail_on {
            FailOn::Error => Severity::Error,
            FailOn::Warning => Severity::Warning,
            FailOn::Info => Severity::Info,
        };
        Gate { fail_on, fail_on_unknown: self.fail_on_unknown, allow_broken: self.allow_broken }
    }

    /// Writes a baseline in place of the report; where that cannot be, the report says why.
    fn write_baseline(
        &self,
        file: &Path,
        exit: u8,
        report: &Report<'_>,
        before: Option<&Baseline>,
        start: Instant,
    ) -> u8 {
        let now = report.baseline(Origin::File(file.display().to_string()));
        match earlier::write(file, &now, exit != NOT_DONE, before) {
            Ok(done) => {
                cli::print(&format!("{done}\n"));
                DONE
            }
            Err(error) => {
                cli::tell(&format!("error: {error}"));
                self.write(exit, report, start);
                NOT_DONE
            }
        }
    }

    /// Writes the reports. The exit code of the run.
    fn write(&self, exit: u8, report: &Report<'_>, start: Instant) -> u8 {
        let is_terminal = io::stdout().is_terminal();
        let options = |is_terminal| TextOptions {
            color: self.color.enabled(is_terminal, |name| std::env::var_os(name)),
            links: is_terminal && supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout),
            quiet: self.quiet,
            verbose: self.verbose,
            elapsed: Some(start.elapsed()),
            columns: terminal_size::terminal_size().filter(|_| is_terminal).map(|(width, _)| width.0.into()),
        };
        let too_many = self.format.is_empty() && is_terminal && report.summary().findings() > SHOWN;
        let text = [Output::stdout(Format::Text)];
        let outputs = if self.format.is_empty() { &text[..] } else { &self.format };
        let mut exit = exit;
        for output in outputs {
            let options = options(is_terminal && output.file.is_none());
            let result = output.write(|out| match too_many {
                true => report.write_overview(out, &options, Some(ROWS)),
                false => report.write(output.format, out, &options),
            });
            if let Err(error) = result {
                cli::tell(&format!("error: {error}"));
                exit = NOT_DONE;
            }
        }
        exit
    }
}

/// A run that cannot go on; why has been said.
struct Stopped;

/// Says why the job could not be done.
fn stop(message: &str) -> Stopped {
    cli::fail(message);
    Stopped
}

/// What is judged, and by what.
#[derive(Clone, Copy)]
struct Input<'r, 'i> {
    selected: &'r Selected,
    /// The policies of each file.
    variants: &'r Variants<'r>,
    sources: &'i Sources,
    inventory: &'i Inventory<'i>,
    offline: &'r Offline<'i>,
    /// Files that hold waivers and no manifests.
    beside: &'r Beside,
}

impl<'i> Input<'_, 'i> {
    /// What findings can be of, and what was noticed when it was read.
    fn subjects(&self) -> (Vec<ReportedObject<'i>>, Vec<(ObjectId, Finding)>) {
        let Self { variants, inventory, offline, .. } = *self;
        let mut subjects = subjects(inventory, offline);
        let severity = |file, code: NoticeCode| variants.reserved(file, code.about());
        let notices = notices::findings(inventory, &mut subjects, severity);
        (subjects, notices)
    }

    /// Shows all findings, one after the other; `judged` is called for each manifest.
    fn findings(
        &self,
        notices: Vec<(ObjectId, Finding)>,
        judged: &(dyn Fn() + Sync),
        mut take: impl FnMut(ObjectId, Finding),
    ) {
        let Self { variants, inventory, offline, .. } = *self;
        let manifests = inventory.manifests();
        let is_wanted = |id: ObjectId, finding: &mut Finding| {
            let row = if finding.rule.policy.is_some() { None } else { codes::named(finding.code()) };
            let Some(row) = row else { return true };
            let Some(severity) = variants.reserved(manifests[id.0 as usize].file, row) else {
                return false;
            };
            // what is less than the others of its code stays so, unless somebody says what the code is worth
            finding.severity =
                if severity == row.severity { finding.severity.min(severity) } else { severity };
            if finding.certainty == Certainty::Unknown {
                finding.severity = finding.severity.min(Severity::Warning);
            }
            true
        };
        offline.judge_each(
            |file| variants.set(file),
            judged,
            |id, mut finding| {
                if is_wanted(id, &mut finding) {
                    take(id, finding);
                }
            },
        );
        notices.into_iter().for_each(|(id, finding)| take(id, finding));
    }
}

/// Says which files could not be read, and where. Whether all could.
pub(super) fn report_broken(sources: &Sources, inventory: &Inventory<'_>) -> bool {
    let mut good = true;
    for record in inventory.ledger().iter().filter(|record| record.outcome == FileOutcome::Broken) {
        good = false;
        let file = sources.file(record.file);
        for error in &record.errors {
            let (path, at) = (file.path(), error.position);
            let why = refusal(file.text(), &error.error);
            match &error.error {
                LoadError::Read(_) => cli::tell(&format!("error: {path}: {why}")),
                _ => cli::tell(&format!("error: {path}:{}:{}: {why}", at.line, at.column)),
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
pub(super) fn subjects<'i>(inventory: &'i Inventory<'i>, offline: &Offline<'i>) -> Vec<ReportedObject<'i>> {
    let manifests = inventory.manifests().iter().enumerate();
    manifests
        .map(|(index, manifest)| ReportedObject::of(inventory, manifest, offline.called(index)))
        .collect()
}

//! `lint --watch`: lints again when something that a run reads has changed.
//!
//! Files are looked at from outside, a few times a second: the crate that has the system tell of changes has a licence
//! that this project does not take, and network folders and containers tell nothing anyway. Texts of files that have not
//! changed and policies that have not changed are kept; what is judged is everything, as a finding can hang on any other
//! file of the input.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use super::LintArgs;
use crate::cli::NOT_DONE;
use crate::cli::configuration::Configuration;
use crate::cli::selection::Selected;
use crate::manifest::chosen::Chosen;
use crate::manifest::{STDIN, Sources, Stamp, stamps};

/// How often it looks, at most.
const INTERVAL: Duration = Duration::from_millis(250);
/// Of its time it looks no more than one part in so many: a look at a large tree takes long.
const SHARE: u32 = 10;
/// A change is over when nothing has changed for so long: editors and git write in steps.
const SETTLED: Duration = Duration::from_millis(60);

/// What files look like from outside.
type Look = BTreeMap<PathBuf, Option<Stamp>>;

/// What a run leaves for the next one.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The texts.
    pub(super) sources: Option<Sources>,
    /// Which files are read.
    pub(super) chosen: Chosen,
    /// Configuration and policies, as they were with files that looked so.
    selected: Option<(Look, Selected)>,
}

impl Kept {
    /// What the first run needs: it says where policies are read, and which files are meant.
    fn first(args: &LintArgs) -> Self {
        let selected = args.select();
        let chosen = args.choosing.chosen(&selected.configuration).unwrap_or_default();
        Self { sources: None, chosen, selected: Some((settings(args, &selected), selected)) }
    }

    /// Configuration and policies of the earlier run, where nothing of them has changed.
    pub(super) fn selected(&mut self, args: &LintArgs) -> Option<Selected> {
        let (look, selected) = self.selected.take()?;
        (look == settings(args, &selected)).then_some(selected)
    }

    /// Keeps them.
    pub(super) fn keep(&mut self, args: &LintArgs, selected: Selected) {
        self.selected = Some((settings(args, &selected), selected));
    }
}

/// What the configuration file, the policies and the baseline look like.
fn settings(args: &LintArgs, selected: &Selected) -> Look {
    let first = args.paths.first();
    let file = args.selection.config.clone().or_else(|| Configuration::discover(&first));
    let policies = selected.sources.paths.iter().map(PathBuf::as_path);
    let baseline = args.earlier.file(&selected.configuration);
    let paths: Vec<String> = file
        .as_deref()
        .into_iter()
        .chain(policies)
        .chain(baseline)
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    stamps(&paths, &Chosen::default())
}

/// What everything looks like that a run reads; what it writes is no reason for another one.
fn look(args: &LintArgs, kept: &Kept) -> Look {
    let mut paths = args.paths.clone().all();
    paths.extend(args.asking.old.clone());
    let mut look = stamps(&paths, &kept.chosen);
    let written = args.format.iter().filter_map(|output| output.file.as_ref()?.canonicalize().ok());
    let written: Vec<PathBuf> = written.collect();
    look.retain(|path, _| {
        written.is_empty() || path.canonicalize().map_or(true, |path| !written.contains(&path))
    });
    if let Some((_, selected)) = &kept.selected {
        look.extend(settings(args, selected));
    }
    look
}

/// Lints until it is interrupted; then the process ends as the last run would have.
pub(super) fn run(args: &LintArgs) -> ExitCode {
    if args.paths.clone().all().iter().any(|path| path == STDIN) {
        return crate::cli::fail(
            "--watch: expected files or folders, found standard input, which can be read once only",
        );
    }
    let last = Arc::new(AtomicU8::new(NOT_DONE));
    end_when_interrupted(Arc::clone(&last));
    let mut kept = Kept::first(args);
    let mut known = look(args, &kept);
    loop {
        if io::stdout().is_terminal() {
            // the screen, and what was scrolled out of it
            let _ = write!(io::stdout(), "\x1b[H\x1b[2J\x1b[3J");
        }
        last.store(args.once(Some(&mut kept)), Ordering::SeqCst);
        if !args.quiet {
            crate::cli::tell("waiting for changes; Ctrl-C ends");
        }
        known = changed(args, &kept, &known);
    }
}

/// Waits until something looks other than what is known, and then until it no longer changes.
fn changed(args: &LintArgs, kept: &Kept, known: &Look) -> Look {
    loop {
        let start = Instant::now();
        let mut now = look(args, kept);
        if now != *known {
            loop {
                sleep(SETTLED);
                let later = look(args, kept);
                if later == now {
                    return now;
                }
                now = later;
            }
        }
        sleep(INTERVAL.max(start.elapsed() * SHARE));
    }
}

/// On Ctrl-C, at once: whatever a run is doing, nobody waits for it any longer.
fn end_when_interrupted(last: Arc<AtomicU8>) {
    spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        // without it, Ctrl-C ends the process as it does any other
        if runtime.is_ok_and(|runtime| runtime.block_on(tokio::signal::ctrl_c()).is_ok()) {
            std::process::exit(last.load(Ordering::SeqCst).into());
        }
    });
}

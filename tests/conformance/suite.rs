//! What a suite is, and how its outcome is told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Golden vectors of one subject.
pub(crate) trait Suite: Sync {
    /// As it stands before the slash of a test's name.
    fn name(&self) -> &'static str;

    /// The files of vectors that are there, sorted; none when the data is missing.
    fn files(&self, shared: &Path) -> Vec<PathBuf>;

    /// As it stands behind the slash of a test's name.
    fn label(&self, file: &Path) -> String {
        file_name(file)
    }

    /// Runs every case of one file. A case that is not mapped or cannot be read is a miss.
    fn run(&self, file: &Path) -> Outcome;
}

/// A case that does not agree.
#[derive(Debug)]
pub(crate) struct Miss {
    pub(crate) id: String,
    pub(crate) expected: String,
    pub(crate) got: String,
}

/// One of several things that are counted apart (`results`, `cost`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Figure {
    pub(crate) agree: usize,
    pub(crate) of: usize,
}

impl Figure {
    pub(crate) fn count(&mut self, agrees: bool) {
        self.of += 1;
        self.agree += usize::from(agrees);
    }

    pub(crate) fn percent(&self) -> f64 {
        if self.of == 0 { 100.0 } else { 100.0 * self.agree as f64 / self.of as f64 }
    }
}

/// How one file went.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Cases, and those that agree in all that counts.
    pub(crate) cases: Figure,
    /// Finer figures, in the order they are printed.
    pub(crate) figures: BTreeMap<&'static str, Figure>,
    pub(crate) misses: Vec<Miss>,
    /// The same cases in other ways.
    pub(crate) beside: Vec<Beside>,
}

/// What becomes of the same cases in another way, which is told on a line of its own.
#[derive(Debug)]
pub(crate) struct Beside {
    pub(crate) name: &'static str,
    /// All cases.
    pub(crate) of: usize,
    /// Those that can be taken in this way.
    pub(crate) taken: Figure,
    pub(crate) misses: Vec<Miss>,
}

impl Beside {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, of: 0, taken: Figure::default(), misses: Vec::new() }
    }
}

/// The outcomes of all files, kept until the end so that each suite's line stands below its misses.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<BTreeMap<&'static str, BTreeMap<String, Outcome>>>);

/// So many misses are listed per suite.
const LISTED: usize = 50;

impl Ledger {
    pub(crate) fn record(&self, suite: &'static str, test: String, outcome: Outcome) {
        let mut suites = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        suites.entry(suite).or_default().insert(test, outcome);
    }

    pub(crate) fn print(&self) {
        let suites = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (suite, files) in suites.iter() {
            let mut total = Outcome::default();
            println!();
            for (test, outcome) in files {
                println!("{test}: {}", summary(outcome));
                total.cases.agree += outcome.cases.agree;
                total.cases.of += outcome.cases.of;
                for (name, figure) in &outcome.figures {
                    let sum = total.figures.entry(name).or_default();
                    sum.agree += figure.agree;
                    sum.of += figure.of;
                }
            }
            println!("{suite} in all: {}", summary(&total));
            let listed =
                std::env::var("CONFORMANCE_MISSES").ok().and_then(|text| text.parse().ok()).unwrap_or(LISTED);
            for miss in files.values().flat_map(|outcome| &outcome.misses).take(listed) {
                println!("miss {}\n  expected {}\n  got      {}", miss.id, miss.expected, miss.got);
            }
            for Beside { name, of, taken, misses } in files.values().flat_map(|outcome| &outcome.beside) {
                for miss in misses.iter().take(listed) {
                    println!(
                        "miss {name} {}\n  expected {}\n  got      {}",
                        miss.id, miss.expected, miss.got
                    );
                }
                let Figure { agree, of: cases } = taken;
                println!("{suite} {name}: {agree} of {cases} agree ({cases} of {of} cases can be taken so)");
            }
            println!("{suite}: {} of {} agree", total.cases.agree, total.cases.of);
            println!("conformance: {suite} {} of {} agree", total.cases.agree, total.cases.of);
        }
    }
}

fn summary(outcome: &Outcome) -> String {
    let mut text = format!("{} of {}", outcome.cases.agree, outcome.cases.of);
    for (name, figure) in &outcome.figures {
        text.push_str(&format!(", {name} {}/{} ({:.2} %)", figure.agree, figure.of, figure.percent()));
    }
    text
}

/// Where the vectors are.
pub(crate) fn shared_folder() -> PathBuf {
    match std::env::var_os("PLIMSOLL_SHARED") {
        Some(folder) => folder.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"),
    }
}

/// A file's name without folder and extension.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The files below a folder with this extension, sorted by name.
pub(crate) fn files_with_extension(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

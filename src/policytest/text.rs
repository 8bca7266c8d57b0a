//! What people read of a run: every case, then what went wrong, then the counts.

use std::fmt::Write as _;

use super::{CaseOutcome, TestRun};

/// How the text is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct TextOptions {
    /// Whether colours may be used.
    pub color: bool,
    /// Only what went wrong, and the counts.
    pub quiet: bool,
}

impl TextOptions {
    fn paint(self, code: &str, text: &str) -> String {
        if self.color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Writes the outcome for people.
#[must_use]
pub fn render(outcome: &TestRun, options: TextOptions) -> String {
    let mut out = String::new();
    if !options.quiet {
        for test in &outcome.tests {
            for case in &test.cases {
                let word = match () {
                    () if case.passed() => options.paint("32", "ok"),
                    () if case.errors.is_empty() => options.paint("31", "FAILED"),
                    () => options.paint("31", "ERROR"),
                };
                let _ = writeln!(out, "test {}: {} ... {word}", test.name, case.name);
            }
        }
    }
    for test in &outcome.tests {
        for case in test.cases.iter().filter(|case| !case.passed()) {
            let _ = write!(out, "\n---- {}: {}\n", test.name, case.name);
            failures(&mut out, case, options);
        }
    }
    for (what, names) in
        [("policies without a test", &outcome.untested), ("rules never reached", &outcome.unreached)]
    {
        if !names.is_empty() {
            let _ = write!(out, "\n{what}:\n");
            for name in names {
                let _ = writeln!(out, "    {name}");
            }
        }
    }
    for file in &outcome.updated {
        let _ = writeln!(out, "updated {file}");
    }
    let (cases, failed) = (outcome.cases().count(), outcome.failed());
    let good = failed == 0 && outcome.errors.is_empty();
    let word = if good { options.paint("32", "ok") } else { options.paint("31", "FAILED") };
    let _ = write!(out, "\ntest result: {word}. {} passed; {failed} failed", cases - failed);
    for (count, what) in [
        (outcome.errors.len(), if outcome.errors.len() == 1 { "error" } else { "errors" }),
        (outcome.untested.len(), "not tested"),
        (outcome.unreached.len(), "never reached"),
    ] {
        if count > 0 {
            let _ = write!(out, "; {count} {what}");
        }
    }
    out.push('\n');
    out
}

fn failures(out: &mut String, case: &CaseOutcome, options: TextOptions) {
    for error in &case.errors {
        let _ = writeln!(out, "{}", error.render(options.color));
    }
    if !case.differences.is_empty() {
        let _ = writeln!(out, "{}  (- expected, + found)", case.place);
    }
    for (place, difference) in &case.differences {
        let _ = writeln!(out, "  {}  at {place}", difference.object);
        for line in &difference.lines {
            let code = if line.starts_with('-') { "31" } else { "32" };
            let _ = writeln!(out, "    {}", options.paint(code, line));
        }
    }
}

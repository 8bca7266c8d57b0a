//! How often we agree with the server, by kind, and in what we do not, by rule.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use libtest_mimic::Failed;

use crate::ours::Comparison;

const NAMES: [&str; 5] = ["verdict", "object", "causes", "message", "warnings"];
/// Percent that agree at the least, in the order of [`NAMES`].
const FLOORS: [usize; 5] = [98, 98, 0, 0, 0];

#[derive(Default, Clone, Copy)]
struct Figure {
    agree: usize,
    of: usize,
}

#[derive(Default)]
pub(crate) struct Tally {
    kinds: BTreeMap<String, [Figure; 5]>,
    rules: BTreeMap<String, usize>,
    misses: String,
}

impl Tally {
    pub(crate) fn count(&mut self, kind: &str, what: &str, comparison: Comparison) {
        let figures = [
            Some(comparison.verdict),
            comparison.object,
            comparison.causes,
            comparison.message,
            comparison.warnings,
        ];
        for key in [kind, ALL] {
            let row = self.kinds.entry(key.to_owned()).or_default();
            for (figure, agrees) in row.iter_mut().zip(figures) {
                figure.agree += usize::from(agrees == Some(true));
                figure.of += usize::from(agrees.is_some());
            }
        }
        for (rule, all) in comparison.misses {
            let _ = writeln!(self.misses, "{kind}: {rule}\n    {what}\n{all}");
            *self.rules.entry(format!("{kind}: {rule}")).or_default() += 1;
        }
    }

    /// Prints the figures; an error where they are too low.
    pub(crate) fn report(&self, seed: u64) -> Result<(), Failed> {
        let file = concat!(env!("CARGO_TARGET_TMPDIR"), "/fidelity.txt");
        std::fs::write(file, &self.misses)?;
        println!("{:62} {}", "kind", NAMES.map(|name| format!("{name:>9}")).join(" "));
        for (kind, row) in &self.kinds {
            let row = row.map(|figure| format!("{:4}/{:4}", figure.agree, figure.of));
            println!("{kind:62} {}", row.join(" "));
        }
        let mut rules: Vec<(&String, &usize)> = self.rules.iter().collect();
        rules.sort_by_key(|(rule, count)| (std::cmp::Reverse(**count), (*rule).clone()));
        for (rule, count) in rules {
            let rule: String = rule.chars().take(300).collect();
            println!("{count:5} {}", rule.replace('\n', " "));
        }
        println!("fidelity: seed {seed}; what differs is in {file}");
        let Some(all) = self.kinds.get(ALL) else { return Err("nothing was compared".into()) };
        for ((name, figure), floor) in NAMES.into_iter().zip(all).zip(FLOORS) {
            if figure.agree * 100 < figure.of * floor {
                return Err(format!("{name}: {} of {} agree", figure.agree, figure.of).into());
            }
        }
        Ok(())
    }
}

const ALL: &str = "~ all";

//! The unified diff of two texts as github.com/pmezard/go-difflib writes it (a port of Python's difflib), which the API
//! server shows for what may not change (apimachinery pkg/util/diff).

use document::few::SortFew as _;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

/// Unchanged lines around a change.
const CONTEXT: usize = 3;
/// From so many lines on, those that make up more than a hundredth are not matched.
const MANY: usize = 200;

/// The diff of two texts, without names of files; empty where they are equal.
pub(crate) fn unified_diff(a: &str, b: &str) -> String {
    let lines = |text: &str| -> Vec<String> { text.split_inclusive('\n').map(str::to_owned).collect() };
    let (mut a, mut b) = (lines(a), lines(b));
    // `SplitLines` ends the last line
    for side in [&mut a, &mut b] {
        if let Some(last) = side.last_mut() {
            last.push('\n');
        }
    }
    let mut out = String::new();
    for group in groups(changes(&matches(&a, &b), a.len(), b.len())) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let _ = writeln!(
            out,
            "@@ -{} +{} @@",
            range(first.a.start..last.a.end),
            range(first.b.start..last.b.end)
        );
        for Change { equal, a: left, b: right } in group {
            let (left, right) = (&a[left], &b[right]);
            if equal {
                left.iter().for_each(|line| _ = write!(out, " {line}"));
                continue;
            }
            left.iter().for_each(|line| _ = write!(out, "-{line}"));
            right.iter().for_each(|line| _ = write!(out, "+{line}"));
        }
    }
    out
}

/// `formatRangeUnified`
fn range(lines: Range<usize>) -> String {
    match lines.len() {
        1 => (lines.start + 1).to_string(),
        0 => format!("{},0", lines.start),
        length => format!("{},{length}", lines.start + 1),
    }
}

struct Change {
    equal: bool,
    a: Range<usize>,
    b: Range<usize>,
}

/// A run of equal lines.
#[derive(Clone, Copy)]
struct Match {
    a: usize,
    b: usize,
    size: usize,
}

/// `GetMatchingBlocks`: the longest run first, then what is left and right of it.
fn matches(a: &[String], b: &[String]) -> Vec<Match> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, line) in b.iter().enumerate() {
        places.entry(line).or_default().push(place);
    }
    if b.len() >= MANY {
        let most = b.len() / 100 + 1;
        places.retain(|_, places| places.len() <= most);
    }
    let mut found = Vec::new();
    let mut open = vec![(0..a.len(), 0..b.len())];
    while let Some((left, right)) = open.pop() {
        let longest = longest(a, b, &places, left.clone(), right.clone());
        if longest.size == 0 {
            continue;
        }
        open.push((left.start..longest.a, right.start..longest.b));
        open.push((longest.a + longest.size..left.end, longest.b + longest.size..right.end));
        found.push(longest);
    }
    found.sort_few_by_key(|run| run.a);
    let mut joined: Vec<Match> = Vec::new();
    for run in found {
        match joined.last_mut() {
            Some(last) if last.a + last.size == run.a && last.b + last.size == run.b => last.size += run.size,
            _ => joined.push(run),
        }
    }
    joined
}

fn longest(
    a: &[String],
    b: &[String],
    places: &HashMap<&str, Vec<usize>>,
    left: Range<usize>,
    right: Range<usize>,
) -> Match {
    let mut best = Match { a: left.start, b: right.start, size: 0 };
    let mut lengths: HashMap<usize, usize> = HashMap::new();
    for i in left.clone() {
        let mut next = HashMap::new();
        for &j in places.get(a[i].as_str()).into_iter().flatten().filter(|j| right.contains(j)) {
            let length =
                j.checked_sub(1).and_then(|before| lengths.get(&before)).copied().unwrap_or_default() + 1;
            next.insert(j, length);
            if length > best.size {
                best = Match { a: i + 1 - length, b: j + 1 - length, size: length };
            }
        }
        lengths = next;
    }
    while best.a > left.start && best.b > right.start && a[best.a - 1] == b[best.b - 1] {
        best = Match { a: best.a - 1, b: best.b - 1, size: best.size + 1 };
    }
    while best.a + best.size < left.end
        && best.b + best.size < right.end
        && a[best.a + best.size] == b[best.b + best.size]
    {
        best.size += 1;
    }
    best
}

/// `GetOpCodes`
fn changes(matches: &[Match], a: usize, b: usize) -> Vec<Change> {
    let mut out = Vec::new();
    let (mut i, mut j) = (0, 0);
    let end = Match { a, b, size: 0 };
    for run in matches.iter().chain([&end]) {
        if i < run.a || j < run.b {
            out.push(Change { equal: false, a: i..run.a, b: j..run.b });
        }
        (i, j) = (run.a + run.size, run.b + run.size);
        if run.size > 0 {
            out.push(Change { equal: true, a: run.a..i, b: run.b..j });
        }
    }
    out
}

/// `GetGroupedOpCodes`: changes with their surroundings.
fn groups(mut changes: Vec<Change>) -> Vec<Vec<Change>> {
    if let Some(first) = changes.first_mut().filter(|change| change.equal) {
        let skipped = first.a.len().saturating_sub(CONTEXT);
        first.a.start += skipped;
        first.b.start += skipped;
    }
    if let Some(last) = changes.last_mut().filter(|change| change.equal) {
        let skipped = last.a.len().saturating_sub(CONTEXT);
        last.a.end -= skipped;
        last.b.end -= skipped;
    }
    let mut groups = Vec::new();
    let mut group: Vec<Change> = Vec::new();
    for change in changes {
        if change.equal && change.a.len() > 2 * CONTEXT {
            let Change { a, b, .. } = change;
            group.push(Change { equal: true, a: a.start..a.start + CONTEXT, b: b.start..b.start + CONTEXT });
            groups.push(std::mem::take(&mut group));
            group.push(Change { equal: true, a: a.end - CONTEXT..a.end, b: b.end - CONTEXT..b.end });
        } else {
            group.push(change);
        }
    }
    if group.iter().any(|change| !change.equal) {
        groups.push(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_changes_with_three_lines_around() {
        let a = "{\n \"a\": 1,\n \"b\": 2,\n \"c\": 3,\n \"d\": 4,\n \"e\": 5,\n \"f\": 6,\n \"g\": 7\n}";
        let b = a.replace("\"f\": 6", "\"f\": 8").replace(" \"a\": 1,\n", "");
        assert_eq!(
            unified_diff(a, &b),
            "@@ -1,9 +1,8 @@\n {\n- \"a\": 1,\n  \"b\": 2,\n  \"c\": 3,\n  \"d\": 4,\n  \"e\": 5,\n- \"f\": 6,\n+ \"f\": 8,\n  \"g\": 7\n }\n"
        );
        assert_eq!(unified_diff(a, a), "");
        assert_eq!(
            unified_diff(a, &a.replace("\"g\": 7", "\"g\": 9")),
            "@@ -5,5 +5,5 @@\n  \"d\": 4,\n  \"e\": 5,\n  \"f\": 6,\n- \"g\": 7\n+ \"g\": 9\n }\n"
        );
    }
}

//! `summary`: the table by rule.

use super::*;

#[test]
fn says_what_the_json_says() {
    each("summary", |name, expected, _, told| {
        let mut counts = Counts::default();
        let (rules, rest) = told.split_once("\n\n").unwrap();
        for row in rules.lines().skip(1) {
            let cells: Vec<&str> = row.split_whitespace().collect();
            let count = cells[0].parse().unwrap();
            counts.findings.insert((cells[1].to_owned(), cells[2].to_owned()), count);
            assert!(cells[3].parse::<usize>().unwrap() <= count, "{name}: {row}");
        }
        counts.unread = rest.lines().filter(|line| line.contains(": error: ")).count();
        assert_eq!(counts, *expected, "{name}");
        let severities: Vec<&str> = rules.lines().skip(1).map(|row| &row[7..9]).collect();
        let order = |severity: &&str| ["fa", "er", "wa", "un", "in"].iter().position(|s| s == severity);
        assert!(severities.is_sorted_by_key(order), "{name}: errors stand first");
    });
}

#[test]
fn the_examples() {
    let output = lint(here(), &["--format", "summary", "examples"]);
    let told = String::from_utf8(output.stdout).unwrap();
    insta::assert_snapshot!(told.trim_end().rsplit_once(" · ").unwrap().0);
}

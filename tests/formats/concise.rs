//! `file:line:column: severity code: message`

use super::*;

#[test]
fn says_what_the_json_says() {
    each("concise", |name, expected, report, told| {
        let mut counts = Counts::default();
        let lines: Vec<&str> = told.lines().collect();
        // what stands behind the place, and what begins it
        for line in &lines[..lines.len() - 1] {
            let words = ["error", "warning", "info", "unknown", "failed"].map(|word| format!(": {word}"));
            let (at, word) = words.iter().filter_map(|word| Some((line.find(word)?, word))).min().unwrap();
            let rest = &line[at + word.len()..];
            match rest.strip_prefix(": ") {
                Some(_) => counts.unread += 1,
                None => counts.add(&word[2..], rest.trim_start().split(':').next().unwrap()),
            }
        }
        assert_eq!(counts, *expected, "{name}");
        // places are those of the JSON
        let findings = report["findings"].as_array().unwrap();
        for (finding, line) in findings.iter().zip(&lines) {
            let file = finding["file"].as_str().unwrap();
            let place = match finding["line"].as_u64() {
                Some(line) => format!("{file}:{line}:{}: ", finding["column"]),
                None => format!("{file}: "),
            };
            assert!(line.starts_with(&place), "{name}: {line} is not at {place}");
        }
    });
}

#[test]
fn a_file_cannot_command_githubs_runner() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("::error::x.yaml"),
        "kind: Pod\napiVersion: v1\nmetadata: {name: p}\nspec: {hostPID: true}\n",
    )
    .unwrap();
    let output = lint(folder.path(), &["--format", "concise", "--only", "host-pid", "."]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.starts_with("./::error::x.yaml:4:17: error host-pid/"), "{told}");
}

//! Markdown for a job's summary or a comment: whole tables, within the limits of both.

use super::*;

/// The cells of a row; `\|` is no border.
fn cells(row: &str) -> Vec<String> {
    let row = row.replace("\\|", "\u{1}");
    let cells = row.trim().trim_matches('|').split('|');
    cells.map(|cell| cell.trim().replace('\u{1}', "\\|")).collect()
}

#[test]
fn says_what_the_json_says() {
    each("markdown", |name, expected, report, told| {
        assert!(told.len() < 65_536, "{name}: {} bytes, more than a comment holds", told.len());
        let (head, findings) = told.split_once("<details>").unwrap();
        let mut counts = Counts::default();
        let rows = |text: &str| {
            let rows = text.lines().skip_while(|line| !line.starts_with("|--")).skip(1);
            rows.take_while(|line| line.starts_with('|')).map(cells).collect::<Vec<_>>()
        };
        for row in rows(head) {
            assert_eq!(row.len(), 4, "{name}: {row:?}");
            let code = row[2].trim_matches('`').to_owned();
            counts.findings.insert((row[1].clone(), code), row[0].parse().unwrap());
        }
        counts.unread = head.lines().filter(|line| line.starts_with("- ")).count();
        assert_eq!(counts, *expected, "{name}");
        let shown = rows(findings);
        assert!(shown.iter().all(|row| row.len() == 5), "{name}: {shown:?}");
        let more = findings.lines().find_map(|line| line.strip_prefix("and ")?.strip_suffix(" more"));
        let more: usize = more.map_or(0, |more| more.parse().unwrap());
        assert_eq!(shown.len() + more, report["findings"].as_array().unwrap().len(), "{name}");
        let told = told.replace("\\]", "");
        for script in ["<script", "<b>", "](http", " @user", "https://example"] {
            assert!(!told.contains(script), "{name}: {script}");
        }
    });
}

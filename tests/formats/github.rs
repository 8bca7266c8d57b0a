//! Workflow commands: <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use super::*;

/// As the runner reads it: what it does not know how to unescape it leaves alone.
fn unescaped(text: &str) -> String {
    text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
}

#[test]
fn says_what_the_json_says_within_ten_of_a_kind() {
    each("github", |name, expected, report, told| {
        let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let findings = report["findings"].as_array().unwrap();
        for line in told.lines() {
            if let Some(command) = line.strip_prefix("::") {
                let (properties, message) = command.split_once("::").unwrap();
                let (kind, properties) = properties.split_once(' ').unwrap();
                kinds.entry(kind).or_default().0 += 1;
                let properties: BTreeMap<&str, String> = properties
                    .split(',')
                    .map(|property| property.split_once('=').unwrap())
                    .map(|(name, value)| (name, unescaped(value)))
                    .collect();
                let title = properties["title"].rsplit(' ').next().unwrap();
                let message = unescaped(message);
                let is_it = |finding: &&Value| {
                    finding["code"] == title
                        && finding["file"] == properties["file"].as_str()
                        && finding["line"].as_u64() == properties["line"].parse().ok()
                        && message.starts_with(finding["message"].as_str().unwrap())
                };
                let known = findings.iter().any(|finding| is_it(&finding));
                assert!(known || properties["title"] == "cannot be read", "{name}: {line}");
            } else if let Some(rest) = line.strip_prefix("and ") {
                let (count, rest) = rest.split_once(" more ").unwrap();
                let kind = rest.split(' ').next().unwrap().trim_end_matches('s');
                kinds.entry(kind).or_default().1 += count.parse::<usize>().unwrap();
            }
        }
        let count = |kind| kinds.get(kind).copied().unwrap_or_default();
        let of = |severity| expected.of_severity(severity);
        for (kind, all) in [
            ("error", of("error") + of("failed") + expected.unread),
            ("warning", of("warning") + of("unknown")),
            ("notice", of("info")),
        ] {
            let (shown, hidden) = count(kind);
            assert_eq!((shown, shown + hidden), (all.min(10), all), "{name}: {kind}");
        }
    });
}

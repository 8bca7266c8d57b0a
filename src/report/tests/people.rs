//! What people read, at several widths and of few and many findings.

use super::*;

/// Manifests with this many findings in all: of several rules, some at one place, in objects of several files.
fn written(count: usize) -> Vec<(String, String)> {
    let deployment = |name: usize| {
        let container = |c: usize| {
            format!(
                "        - name: container-{c}\n          image: registry.example.com/team-{name}/program:{c}.0\n"
            )
        };
        let containers: String = (0..4).map(container).collect();
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: program-{name}, namespace: shop}}\nspec:\n  \
             template:\n    spec:\n      containers:\n{containers}"
        )
    };
    let objects = count.div_ceil(12).max(1);
    (0..objects).map(|at| (format!("deploy/team-{}/program-{at}.yaml", at % 7), deployment(at))).collect()
}

fn findings_of(inventory: &Inventory<'_>, count: usize) -> Vec<(ObjectId, Finding)> {
    let mut findings = Vec::new();
    let objects = inventory.manifests().len();
    for index in 0..count {
        let (object, container, kind) = (index / 12, (index / 3) % 4, index % 3);
        let object = object.min(objects - 1);
        let pointer = format!("/spec/template/spec/containers/{container}");
        let rules = [
            ("required-probes/probes", Severity::Error, "has no livenessProbe or readinessProbe"),
            (
                "container-resources/missing",
                Severity::Warning,
                "has no cpu request, memory request or memory limit",
            ),
            (
                "image-tag/latest",
                Severity::Warning,
                "has the tag latest: which program runs, nobody can tell",
            ),
        ];
        let (code, severity, message) = rules[kind];
        let code = if object % 5 == 4 { format!("{code}-{}", object / 5) } else { code.to_owned() };
        let pointer = if kind == 2 { format!("{pointer}/image") } else { pointer };
        let message = format!("container container-{container} {message}");
        let made = finding(inventory, object, &code, &pointer, &message);
        let certainty = if index == 4 { Certainty::Unknown } else { Certainty::Known };
        findings.push((ObjectId(u32::try_from(object).unwrap()), Finding { severity, certainty, ..made }));
    }
    findings
}

fn shown(count: usize, columns: usize) -> String {
    let files = written(count);
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let sources = sources(&files);
    let inventory = Inventory::load(&sources);
    let findings = findings_of(&inventory, count);
    let report = Report::new(&sources, &inventory, subjects(&inventory), findings)
        .for_kubernetes("1.37".to_owned())
        .of_run(Run { packs_not_run: vec!["references".to_owned()], ..Run::default() });
    let mut out = Vec::new();
    let options = TextOptions {
        columns: Some(columns),
        elapsed: Some(Duration::from_millis(31)),
        ..TextOptions::default()
    };
    match count > 50 {
        true => report.write_overview(&mut out, &options, Some(30)).unwrap(),
        false => report.write_text(&mut out, options).unwrap(),
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn at_every_width() {
    for count in [1, 5, 50, 500] {
        for columns in [60, 80, 120] {
            let told = shown(count, columns);
            for line in told.lines() {
                let width = line.chars().count();
                assert!(width <= columns, "{width} columns of {columns}: {line}");
            }
            assert_eq!(told.matches("Add a livenessProbe").count(), usize::from(count < 51) * rules(&told));
            insta::assert_snapshot!(format!("{count}_findings_at_{columns}"), told);
        }
    }
}

/// How many codes are in it, each of which has its advice once.
fn rules(told: &str) -> usize {
    let codes = ["required-probes/", "container-resources/", "image-tag/"];
    let words = told.split_whitespace().filter(|word| codes.iter().any(|code| word.starts_with(code)));
    words.collect::<std::collections::BTreeSet<_>>().len()
}

#[test]
fn five_hundred_findings_fit_a_screen() {
    for columns in [80, 120] {
        assert!(shown(500, columns).lines().count() <= 50, "{}", shown(500, columns));
    }
}

#[test]
fn no_terminal_is_narrower_or_wider_than_lines_are() {
    assert_eq!(shown(5, 10), shown(5, 60));
    assert_eq!(shown(5, 1000), shown(5, 200));
}

#[test]
fn codes_lead_to_pages_where_links_are_followed() {
    let sources = sources(&[("a.yaml", DEPLOYMENT)]);
    let inventory = Inventory::load(&sources);
    let told = |url: &str, links| {
        let mut one = finding(&inventory, 0, "x/y", "/kind", "no good");
        let rule = RuleInfo { references: vec![url.to_owned()], ..(*one.rule).clone() };
        one.rule = Arc::new(rule);
        let report = Report::new(&sources, &inventory, subjects(&inventory), [(ObjectId(0), one)]);
        let mut out = Vec::new();
        report.write_text(&mut out, TextOptions { links, ..TextOptions::default() }).unwrap();
        String::from_utf8(out).unwrap()
    };
    let page = "https://example.com/page";
    assert!(
        told(page, true).contains("\u{1b}]8;;https://example.com/page\u{1b}\\x/y\u{1b}]8;;\u{1b}\\  no good")
    );
    assert!(!told(page, false).contains('\u{1b}'));
    // what a policy says of itself commands no terminal
    for url in ["https://example.com/\u{1b}\\", "file:///etc/passwd", "https://a b"] {
        assert!(!told(url, true).contains('\u{1b}'), "{url:?}");
    }
}

//! The page: what is in it, that it asks nobody for anything, and how it works in a browser (`just html`).

use super::*;

/// What the page's script reads.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    assert!(!data.contains('<'), "nothing of a manifest can end the script");
    serde_json::from_str(data).unwrap()
}

#[test]
fn says_what_the_json_says() {
    each("html", |name, expected, report, told| {
        let data = data(told);
        let mut counts = Counts { unread: data["unread"].as_array().unwrap().len(), ..Counts::default() };
        let findings = data["findings"].as_array().unwrap();
        for (finding, known) in findings.iter().zip(report["findings"].as_array().unwrap()) {
            let rule = usize::try_from(finding["rule"].as_u64().unwrap()).unwrap();
            counts.add(finding["severity"].as_str().unwrap(), data["rules"][rule]["code"].as_str().unwrap());
            assert_eq!((&finding["line"], &finding["column"]), (&known["line"], &known["column"]), "{name}");
        }
        assert_eq!(counts, *expected, "{name}");
    });
}

#[test]
fn it_asks_nobody_for_anything() {
    let output = lint(here(), &["--format", "html", "examples"]);
    let page = String::from_utf8(output.stdout).unwrap();
    let (head, rest) = page.split_once("<script type=\"application/json\"").unwrap();
    let script = rest.split_once("</script>").unwrap().1;
    for asks in [" src=", "url(", "@import", "fetch(", "XMLHttpRequest", "sendBeacon", "WebSocket", "import("]
    {
        assert!(!head.contains(asks) && !script.contains(asks), "{asks}");
    }
    assert!(head.contains("default-src 'none'"));
    // and puts in no markup that a manifest could write
    for markup in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!script.contains(markup), "{markup}");
    }
}

#[test]
fn it_works_in_a_browser() {
    let folder = here().join("target/html");
    let chromium = std::env::var_os("CHROMIUM").map_or_else(|| "/usr/bin/chromium".into(), PathBuf::from);
    if !folder.join("node_modules/playwright-core").is_dir() || !chromium.is_file() {
        eprintln!("SKIPPED: no browser, or nothing to drive it with: `just html`");
        return;
    }
    let pages = tempfile::tempdir().unwrap();
    let waived = waived_and_known();
    let runs = RUNS.iter().map(|run| (run.name, &run.report, &run.told));
    for (name, report, told) in runs.chain([("waived", &waived.0, &waived.1)]) {
        let page = pages.path().join(format!("{name}.html"));
        fs::write(&page, &told["html"]).unwrap();
        let mut command = Command::new("node");
        command.arg(here().join("tests/formats/page.mjs")).args([&folder, &page]).env("CHROMIUM", &chromium);
        let suppressed =
            report["findings"].as_array().unwrap().iter().map(|f| f["suppressed"]["kind"].as_str());
        let (mut counted, mut waived) = (0, 0);
        for kind in suppressed {
            match kind {
                None => counted += 1,
                // what an earlier run had is on no page
                Some("baseline") => {}
                Some(_) => waived += 1,
            }
        }
        command.args([counted, waived].map(|count: usize| count.to_string()));
        command.args(std::env::var_os("SCREENSHOTS"));
        let run = command.output().unwrap();
        let (out, error) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert!(run.status.success(), "{name}: {out}{error}");
        print!("{name}: {out}");
    }
}

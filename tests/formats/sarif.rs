//! SARIF 2.1.0, checked by the validator of its authors where that is at hand (`just sarif`).

use super::*;

#[test]
fn says_what_the_json_says() {
    each("sarif", |name, expected, report, told| {
        let log: Value = serde_json::from_str(told).unwrap();
        let run = &log["runs"][0];
        let mut counts = Counts::default();
        let results = run["results"].as_array().unwrap();
        for result in results {
            let severity = match (result["kind"].as_str().unwrap(), result["level"].as_str().unwrap()) {
                ("open", "none") => "unknown",
                ("fail", "note") => "info",
                ("fail", level) => level,
                other => panic!("{name}: {other:?}"),
            };
            let code = result["ruleId"].as_str().unwrap();
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(run["tool"]["driver"]["rules"][index]["id"], code);
            counts.add(severity, code);
        }
        let invocation = &run["invocations"][0];
        for notification in invocation["toolExecutionNotifications"].as_array().unwrap() {
            match notification["associatedRule"]["id"].as_str() {
                Some(code) => counts.add("failed", code),
                None => counts.unread += 1,
            }
        }
        assert_eq!(counts, *expected, "{name}");
        let good = expected.unread + expected.of_severity("failed") == 0;
        assert_eq!(invocation["executionSuccessful"], good, "{name}");
        let findings = report["findings"].as_array().unwrap();
        for (result, finding) in
            results.iter().zip(findings.iter().filter(|finding| finding["certainty"] != "failed"))
        {
            let place = &result["locations"][0]["physicalLocation"];
            let region = &place["region"];
            assert_eq!(region["startLine"], finding["line"], "{name}");
            assert_eq!(region["endColumn"], finding["endColumn"], "{name}");
            assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%", "{name}");
            assert_eq!(result["partialFingerprints"]["plimsoll/v1"], finding["fingerprint"], "{name}");
        }
    });
}

#[test]
fn rules_say_what_they_are_about() {
    let output = lint(here(), &["--format", "sarif", "--pack", "all", "examples"]);
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
    assert!(rules.len() > 150, "{}", rules.len());
    for rule in rules {
        for text in ["/shortDescription/text", "/fullDescription/text", "/help/text", "/help/markdown"] {
            assert!(
                rule.pointer(text).and_then(Value::as_str).is_some_and(|t| !t.is_empty()),
                "{rule}: {text}"
            );
        }
        let is_security = rule["properties"]["tags"].as_array().unwrap().contains(&"security".into());
        assert_eq!(is_security, rule["properties"]["security-severity"].is_string(), "{rule}");
    }
    let of = |code: &str| rules.iter().find(|rule| rule["id"] == code).unwrap_or_else(|| panic!("{code}"));
    assert_eq!(of("privileged/privileged")["properties"]["security-severity"], "8.0");
    assert_eq!(of("required-probes/probes")["properties"]["security-severity"], Value::Null);
}

/// What is outside of the working folder has its whole path, and what is inside never has.
#[test]
fn paths_are_relative_to_the_working_folder() {
    let folder = tempfile::tempdir().unwrap();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {hostPID: true}\n";
    fs::create_dir(folder.path().join("work dir")).unwrap();
    fs::write(folder.path().join("outside.yaml"), pod).unwrap();
    fs::write(folder.path().join("work dir/in side.yaml"), pod).unwrap();
    let work = fs::canonicalize(folder.path()).unwrap().join("work dir");
    let whole = work.join("in side.yaml").display().to_string();
    for (path, expected, is_inside) in [
        ("in side.yaml", "in%20side.yaml".to_owned(), true),
        (whole.as_str(), "in%20side.yaml".to_owned(), true),
        (
            "../outside.yaml",
            format!("file://{}", fs::canonicalize(folder.path().join("outside.yaml")).unwrap().display()),
            false,
        ),
    ] {
        let output = lint(&work, &["--format", "sarif", "--only", "host-pid", path]);
        let log: Value = serde_json::from_slice(&output.stdout).unwrap();
        let artifact = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
        assert_eq!(artifact["uri"], expected.as_str(), "{path}");
        assert_eq!(artifact["uriBaseId"].is_string(), is_inside, "{path}");
    }
}

fn multitool() -> Option<PathBuf> {
    let named = std::env::var_os("PLIMSOLL_SARIF_MULTITOOL").map(PathBuf::from);
    let made = here().join("target/sarif/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool");
    let tool = named.unwrap_or(made);
    if !tool.is_file() {
        eprintln!("SKIPPED: no SARIF validator at {}: `just sarif` fetches it", tool.display());
        return None;
    }
    Some(tool)
}

#[test]
fn the_validator_of_its_authors_has_no_objection() {
    let Some(tool) = multitool() else { return };
    let validate = |name: &str, log: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (file, verdict) = (folder.path().join("log.sarif"), folder.path().join("verdict.sarif"));
        fs::write(&file, log).unwrap();
        let run = Command::new(&tool)
            .args(["validate", "--rule-kind", "Sarif;Ghas", "--level", "Error;Warning"])
            .args([file.as_os_str(), "--output".as_ref(), verdict.as_os_str()])
            .env("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
            .output()
            .unwrap();
        let verdict = fs::read(&verdict).unwrap_or_else(|_| panic!("{name}: {run:?}"));
        let verdict: Value = serde_json::from_slice(&verdict).unwrap();
        let results = verdict["runs"][0]["results"].as_array().cloned().unwrap_or_default();
        results.iter().map(|result| format!("{} {}", result["ruleId"], result["message"])).collect::<Vec<_>>()
    };
    each("sarif", |name, _, _, told| {
        let mut objections = validate(name, told);
        // Plimsoll has no page on the web that it could name
        objections.retain(|objection| !objection.contains("SARIF2005"));
        assert_eq!(objections, Vec::<String>::new(), "{name}");
    });
    let (_, told) = waived_and_known();
    let log: Value = serde_json::from_str(&told["sarif"]).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let states: std::collections::BTreeSet<&str> =
        results.iter().filter_map(|result| result["baselineState"].as_str()).collect();
    assert_eq!(states.into_iter().collect::<Vec<_>>(), ["absent", "new", "unchanged"]);
    assert!(results.iter().any(|result| result["suppressions"][0]["kind"] == "inSource"));
    assert!(results.iter().any(|result| result["suppressions"][0]["kind"] == "external"));
    let mut objections = validate("waived", &told["sarif"]);
    objections.retain(|objection| !objection.contains("SARIF2005"));
    assert_eq!(objections, Vec::<String>::new());
    // it does look
    let wrong = r#"{"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [{"results": []}]}"#;
    assert!(!validate("wrong", wrong).is_empty());
}

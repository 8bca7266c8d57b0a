//! The default pack has nothing to say about manifests that are well made.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

#[test]
fn well_made_manifests_have_no_findings() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<String> = std::fs::read_dir(here.join("tests/well-made"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();

    let (mut linted, mut noise) = (0, String::new());
    for name in files {
        let file = format!("tests/well-made/{name}");
        let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
            // their Secrets are kept elsewhere, as Secrets should be, and --complete says that there are none elsewhere
            .args(["lint", &file, "--complete", "--skip", "configuration-exists", "--format", "json"])
            .current_dir(here)
            .env_clear()
            .output()
            .unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{file}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
        for finding in report["findings"].as_array().unwrap() {
            let (code, message) = (finding["code"].as_str().unwrap(), finding["message"].as_str().unwrap());
            writeln!(noise, "{code} {file}:{}: {message}", finding["line"]).unwrap();
        }
        if output.status.code() != Some(0) {
            writeln!(noise, "{file}: {}", output.status).unwrap();
        }
        // a file that is passed over has no findings either
        let outcome = &report["files"][0]["outcome"];
        if outcome == "linted" {
            linted += 1;
        } else {
            writeln!(noise, "{file}: {outcome}").unwrap();
        }
    }
    assert!(noise.is_empty(), "\n{noise}");
    assert!(linted >= 20, "only {linted} files");
}

//! The table of schemas is what its sources say.

use std::path::Path;
use std::process::Command;

#[test]
fn definitions_are_not_behind_their_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let run = Command::new("python3").arg(root.join("tools/schemas/generate.py")).arg("--check").output();
    let Ok(run) = run else {
        eprintln!("SKIPPED: no python3");
        return;
    };
    let told = String::from_utf8_lossy(&run.stdout);
    match run.status.code() {
        Some(0) => {}
        Some(3) => eprintln!("SKIPPED: {}", String::from_utf8_lossy(&run.stderr).trim()),
        other => panic!("{other:?}: {told}{}", String::from_utf8_lossy(&run.stderr)),
    }
}

//! What a terminal shows, by way of script(1), which makes one.

use super::*;

/// What `plimsoll lint ARGUMENTS` writes to a terminal of 100 columns.
fn shown(folder: &Path, arguments: &str) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_plimsoll");
    let command = format!("stty cols 100 rows 40; {program} lint {arguments}");
    let run = Command::new("script").args(["-qec", &command, "/dev/null"]).current_dir(folder).output();
    let Ok(run) = run else {
        eprintln!("SKIPPED: no script(1) to make a terminal");
        return None;
    };
    Some(String::from_utf8(run.stdout).unwrap().replace("\r\n", "\n"))
}

#[test]
fn many_findings_are_summed_up_on_a_terminal_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let pod = |at: usize| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{at}}}\nspec: {{hostPID: true, containers: []}}\n---\n"
        )
    };
    let write = |count: usize| {
        fs::write(folder.path().join("pods.yaml"), (0..count).map(pod).collect::<String>()).unwrap();
    };
    write(50);
    let arguments = "--color never --only host-pid .";
    let Some(few) = shown(folder.path(), arguments) else { return };
    assert_eq!(few.matches("hostPID: true").count(), 50, "{few}");
    write(51);
    let many = shown(folder.path(), arguments).unwrap();
    assert!(many.starts_with("count  severity  rule"), "{many}");
    assert!(many.contains("--format text shows every finding with its lines"), "{many}");
    assert!(many.lines().count() < 50 && many.lines().all(|line| line.chars().count() <= 100), "{many}");
    // what is asked for is given
    let asked = shown(folder.path(), &format!("--format text {arguments}")).unwrap();
    assert_eq!(asked.matches("hostPID: true").count(), 51, "{asked}");
    // and a pipe never changes by itself
    let piped = lint(folder.path(), &["--only", "host-pid", "."]);
    assert_eq!(String::from_utf8(piped.stdout).unwrap().matches("hostPID: true").count(), 51);
}

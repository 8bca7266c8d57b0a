//! `plimsoll lint` over 20 MB of YAML made of the fixtures of `../shared`, and over five times that.
//!
//! ```text
//! cargo bench --bench lint
//! ```
//!
//! Each size is run in turns, as a whole process; files a second, CPU seconds per 1,000 documents and peak memory are
//! those of the middle run by CPU time. Five times the input may cost at most 5.2 times the CPU time.

#[path = "corpus/generate.rs"]
mod generate;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SMALL: usize = 20_000_000;
const TIMES: usize = 5;
const ROUNDS: usize = 3;
const WANTED: f64 = 5.2;
/// `sysconf(_SC_CLK_TCK)`, the unit of `/proc/self/stat`, is 100 on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

struct Run {
    cpu: f64,
    wall: Duration,
    peak_kib: u64,
    documents: u64,
}

fn main() {
    if generate::files().is_empty() {
        eprintln!("lint: SKIPPED, no YAML below ../shared");
        return;
    }
    for (name, arguments) in [("default", &[][..]), ("everything", &["--pack", "all"][..])] {
        let folder = std::env::temp_dir().join(format!("plimsoll-bench-{}", std::process::id()));
        let mut costs = Vec::new();
        for bytes in [SMALL, SMALL * TIMES] {
            let input = folder.join(bytes.to_string());
            std::fs::create_dir_all(&input).expect("a folder");
            let (files, written) = generate::write(&input, bytes).expect("written");
            let mut runs: Vec<Run> = (0..ROUNDS).map(|_| lint(&input, arguments)).collect();
            runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
            let run = &runs[ROUNDS / 2];
            println!(
                "lint, {name}: {:.0} MB in {files} files, {} documents: {:.0} files/s, {:.2} CPU s, {:.3} CPU s per 1,000 documents, peak {} MB",
                written as f64 / 1e6,
                run.documents,
                files as f64 / run.wall.as_secs_f64(),
                run.cpu,
                run.cpu / run.documents as f64 * 1000.0,
                run.peak_kib / 1024,
            );
            costs.push(run.cpu);
        }
        println!(
            "lint, {name}: {TIMES} times the input cost {:.2} times (wanted at most {WANTED})",
            costs[1] / costs[0]
        );
        let _ = std::fs::remove_dir_all(&folder);
    }
}

fn lint(input: &Path, arguments: &[&str]) -> Run {
    let before = children_cpu();
    let start = Instant::now();
    let report = input.with_extension("json");
    let out = std::fs::File::create(&report).expect("a file");
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["lint", "--format", "json"])
        .args(arguments)
        .arg(input)
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut peak_kib = 0;
    while child.try_wait().expect("a child").is_none() {
        peak_kib = peak_kib.max(peak(child.id()));
        std::thread::sleep(Duration::from_millis(5));
    }
    let wall = start.elapsed();
    let text = std::fs::read_to_string(&report).expect("a report");
    let tail = text.rsplit("\"documents\":").next().unwrap_or_default();
    let documents =
        tail.trim_start().chars().take_while(char::is_ascii_digit).collect::<String>().parse().unwrap_or(1);
    Run { cpu: children_cpu() - before, wall, peak_kib, documents }
}

/// CPU seconds of the children that have ended.
fn children_cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let tick = |index: usize| fields.get(index).and_then(|f| f.parse::<f64>().ok()).unwrap_or_default();
    (tick(13) + tick(14)) / TICKS
}

fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or_default()
}

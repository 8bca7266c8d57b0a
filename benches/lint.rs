//! `plimsoll lint` over 20 MB of YAML made of the fixtures of `../shared`, and over five times that.
//!
//! ```text
//! cargo bench --bench lint
//! ```
//!
//! The copies say the same, as they do in a repository that keeps what is rendered for each cluster, or each has objects of its own.
//! Each size is run in turns, as a whole process; files a second, CPU seconds per 1,000 documents and peak memory are
//! those of the middle run by CPU time. Five times the input may cost at most 5.2 times the CPU time.
//!
//! Then, where `kube-score` is on the PATH, what both cost over the same files, in turns: all policies over files that it can
//! read, 35 resources in one file, and one ConfigMap. And where `kubeconform` is there, with `KUBECONFORM_SCHEMAS` naming the
//! folder that tools/schemas/kubeconform.py fills: over the repositories and fixtures of `../shared`, 20 MB that people wrote,
//! which are also read with and without the API server's own steps. `-- beside` runs this part alone.

#[path = "corpus/generate.rs"]
mod generate;

use generate::Copies;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
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
    if !std::env::args().any(|argument| argument == "beside") {
        growth();
    }
    beside();
    beside_kubeconform();
}

/// What 20 MB cost, and five times that.
fn growth() {
    if generate::files().is_empty() {
        eprintln!("lint: SKIPPED, no YAML below ../shared");
        return;
    }
    let (default, all) = (("default", &[][..]), ("everything", &["--pack", "all"][..]));
    for ((name, arguments), copies) in
        [(default, Copies::Same), (all, Copies::Same), (default, Copies::Renamed), (all, Copies::Renamed)]
    {
        let folder = std::env::temp_dir().join(format!("plimsoll-bench-{}", std::process::id()));
        let mut costs = Vec::new();
        for bytes in [SMALL, SMALL * TIMES] {
            let input = folder.join(bytes.to_string());
            std::fs::create_dir_all(&input).expect("a folder");
            let (files, written) = generate::write(&input, bytes, copies).expect("written");
            let mut runs: Vec<Run> = (0..ROUNDS).map(|_| lint(&input, arguments)).collect();
            runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
            let run = &runs[ROUNDS / 2];
            println!(
                "lint, {name}, {copies:?}: {:.0} MB in {files} files, {} documents: {:.0} files/s, {:.2} CPU s, {:.3} CPU s per 1,000 documents, peak {} MB",
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
            "lint, {name}, {copies:?}: {TIMES} times the input cost {:.2} times (wanted at most {WANTED})",
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

/// Rounds of the comparison: a process takes a few hundredths of a second, of which the clock knows whole ones.
const TURNS: usize = 15;
/// So many runs of a process are one measurement, as `/proc` counts hundredths of seconds.
const REPEATS: usize = 20;
/// So many files of a folder are compared: kube-score takes each as an argument.
const FILES: usize = 1_000;

/// Compares with kube-score. What it cannot read it stops at, so it is asked about each file first.
fn beside() {
    let found =
        Command::new("kube-score").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        eprintln!("lint beside kube-score: SKIPPED, kube-score is not on the PATH");
        return;
    }
    let folder = std::env::temp_dir().join(format!("plimsoll-beside-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let one = folder.join("one.yaml");
    std::fs::write(&one, objects(1)).expect("written");
    let resources = folder.join("resources.yaml");
    std::fs::write(&resources, objects(35)).expect("written");
    let mut cases = vec![
        ("35 resources in a file", vec![resources.clone()], &[][..], REPEATS, 0.6),
        ("one ConfigMap", vec![one], &[], REPEATS, 0.6),
    ];
    // its exit code is 1 for what it found as for what it could not read
    let readable = |file: &PathBuf| {
        let asked = Command::new("kube-score").arg("score").arg(file).output().expect("it starts");
        !String::from_utf8_lossy(&asked.stderr).contains("Failed")
    };
    let real: Vec<PathBuf> = generate::files().into_iter().filter(readable).take(FILES).collect();
    if !real.is_empty() {
        cases.insert(0, ("real manifests, all policies", real, &["--pack", "all"], 1, 0.5));
    }
    for (name, files, arguments, repeats, wanted) in cases {
        let (own, other) = middle(TURNS, || {
            let own = cpu_of(repeats, || {
                let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
                quiet(command.arg("lint").args(arguments).args(&files)).map(drop)
            });
            (own, cpu_of(repeats, || score(&files).map(drop)))
        });
        println!(
            "lint beside kube-score, {name}, {} files: {:.1} ms and {:.1} ms of CPU, {:.2} times (wanted at most {wanted})",
            files.len(),
            own * 1000.0,
            other * 1000.0,
            own / other,
        );
    }
    let _ = std::fs::remove_dir_all(&folder);
}

/// Compares with kubeconform, and with no look at what the API server would say.
fn beside_kubeconform() {
    let shared = generate::shared();
    let folders = ["repositories", "corpora", "manifests"].map(|folder| shared.join(folder));
    if !folders.iter().all(|folder| folder.is_dir()) {
        eprintln!("lint beside kubeconform: SKIPPED, no folders of YAML below {}", shared.display());
        return;
    }
    let own = |arguments: &[&str]| {
        cpu_of(1, || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_plimsoll"));
            quiet(command.arg("lint").args(arguments).args(&folders)).map(drop)
        })
    };
    let raw = middle(5, || (own(&[]), own(&["--raw"])));
    println!(
        "lint, 20 MB that people wrote: {:.2} CPU s, {:.2} with --raw, {:.2} times (wanted at most 1.4)",
        raw.0,
        raw.1,
        raw.0 / raw.1
    );
    let schemas = std::env::var_os("KUBECONFORM_SCHEMAS").map(PathBuf::from);
    let found = Command::new("kubeconform").arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let (Some(schemas), Ok(_)) = (schemas, found) else {
        eprintln!(
            "lint beside kubeconform: SKIPPED, it is not on the PATH, or KUBECONFORM_SCHEMAS is not set"
        );
        return;
    };
    let location = schemas.join("{{.ResourceKind}}{{.KindSuffix}}.json");
    let other = || {
        cpu_of(1, || {
            let mut command = Command::new("kubeconform");
            command.args(["-summary", "-ignore-missing-schemas", "-schema-location"]).arg(&location);
            quiet(command.args(&folders)).map(drop)
        })
    };
    let (own, other) = middle(5, || (own(&[]), other()));
    println!(
        "lint beside kubeconform, the same: {own:.2} and {other:.2} CPU s, {:.2} times (wanted at most 0.5)",
        own / other
    );
}

/// The middle of so many pairs by their ratio.
fn middle(turns: usize, turn: impl FnMut() -> (f64, f64)) -> (f64, f64) {
    let mut pairs: Vec<(f64, f64)> = std::iter::repeat_with(turn).take(turns).collect();
    pairs.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    pairs[turns / 2]
}

fn score(files: &[PathBuf]) -> std::io::Result<ExitStatus> {
    quiet(Command::new("kube-score").arg("score").args(files))
}

fn quiet(command: &mut Command) -> std::io::Result<ExitStatus> {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status()
}

/// CPU seconds of one run, taken over several.
fn cpu_of(repeats: usize, run: impl Fn() -> std::io::Result<()>) -> f64 {
    let before = children_cpu();
    for _ in 0..repeats {
        run().expect("it starts");
    }
    (children_cpu() - before) / repeats as f64
}

/// A ConfigMap, and as many Deployments, Services and ServiceAccounts as make so many resources.
fn objects(count: usize) -> String {
    let mut text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: shop}\ndata: {LOG_LEVEL: info}\n".to_owned();
    for index in 1..count {
        let name = format!("app-{}", (index - 1) / 3);
        let (head, body) = match index % 3 {
            1 => (
                "apiVersion: apps/v1\nkind: Deployment",
                format!(
                    "spec:\n  replicas: 2\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
                     spec:\n      serviceAccountName: {name}\n      containers:\n      - name: app\n        image: registry.example.com/{name}:1.2.3\n        \
                     ports: [{{name: http, containerPort: 8080}}]\n        readinessProbe: {{httpGet: {{path: /ready, port: http}}}}\n        \
                     resources: {{requests: {{cpu: 100m, memory: 64Mi}}, limits: {{memory: 64Mi}}}}\n        \
                     securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true}}\n        \
                     env: [{{name: LOG_LEVEL, valueFrom: {{configMapKeyRef: {{name: settings, key: LOG_LEVEL}}}}}}]\n"
                ),
            ),
            2 => (
                "apiVersion: v1\nkind: Service",
                format!(
                    "spec:\n  selector: {{app: {name}}}\n  ports: [{{name: http, port: 80, targetPort: http}}]\n"
                ),
            ),
            _ => ("apiVersion: v1\nkind: ServiceAccount", "automountServiceAccountToken: false\n".to_owned()),
        };
        text.push_str(&format!("---\n{head}\nmetadata: {{name: {name}, namespace: shop}}\n{body}"));
    }
    text
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

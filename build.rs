//! Lists the policy library for `src/store/embedded.rs`, with an outline of each policy, compresses texts that few runs
//! read, and has the linker fold equal functions where the program is to be small.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use serde_json::Value;

/// What `src/packed.rs` inflates, by its name.
const PACKED: [&str; 5] = [
    "schemas/configuration.json",
    "schemas/exception.json",
    "schemas/policy.json",
    "schemas/test.json",
    "src/resource/built_in.jsonl",
];

/// lld's option that folds functions and constants of the same bytes: a fiftieth of the program.
const FOLD: &str = "-Wl,--icf=all";
/// What the loader has to relocate as a bitmap, which spares another sixteenth; loaders can read it since glibc 2.36.
const PACK: &str = "-Wl,-z,pack-relative-relocs";

fn main() -> io::Result<()> {
    // the profile `dist`
    if env::var("OPT_LEVEL").is_ok_and(|level| level == "s") {
        if link_with(FOLD).is_some() {
            println!("cargo::rustc-link-arg-bins={FOLD}");
        }
        if link_with(PACK).is_some_and(|program| starts(&program)) {
            println!("cargo::rustc-link-arg-bins={PACK}");
        }
    }
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("policies");
    println!("cargo::rerun-if-changed=policies");
    for packed in PACKED {
        println!("cargo::rerun-if-changed={packed}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    let mut code = String::new();
    let policies = files(&root, false)?;
    table(&root, &policies, &mut code);
    outlines(&policies, &mut code)?;
    fs::write(out.join("embedded_policies.rs"), code)?;
    let mut tests = String::new();
    for file in files(&root, true)? {
        // no file of YAML holds this byte
        let _ = write!(tests, "{}\0{}\0", below(&root, &file), fs::read_to_string(&file)?);
    }
    deflate(&tests, &out.join("policy_tests.deflate"))?;
    for path in PACKED {
        let name = path.rsplit('/').next().unwrap_or_default();
        deflate(&fs::read_to_string(path)?, &out.join(format!("{name}.deflate")))?;
    }
    Ok(())
}

/// A program linked with an option; `None` where that cannot be done: which linker it is depends on target, compiler and flags,
/// and others than lld know no such option, so it is tried.
fn link_with(option: &str) -> Option<PathBuf> {
    let variable = |name| env::var(name).unwrap_or_default();
    let probe = PathBuf::from(variable("OUT_DIR")).join("probe.rs");
    let program = probe.with_extension("bin");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.arg("--target").arg(variable("TARGET")).arg("-Clink-arg=".to_owned() + option);
    if let Ok(linker) = env::var("RUSTC_LINKER") {
        rustc.arg("-Clinker=".to_owned() + &linker);
    }
    rustc.args(variable("CARGO_ENCODED_RUSTFLAGS").split('\u{1f}').filter(|flag| !flag.is_empty()));
    rustc.arg("-o").arg(&program).arg(&probe);
    fs::write(&probe, "fn main() {}\n").ok()?;
    rustc.output().is_ok_and(|output| output.status.success()).then_some(program)
}

/// Whether the loader of this machine takes a program; one for another machine does not start here.
fn starts(program: &Path) -> bool {
    Command::new(program).output().is_ok_and(|output| output.status.success())
}

/// As small as it gets; the program inflates it when it is read.
fn deflate(text: &str, to: &Path) -> io::Result<()> {
    fs::write(to, miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10))
}

fn files(root: &Path, tests: bool) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(root, tests, &mut files)?;
    files.sort();
    Ok(files)
}

fn below(root: &Path, file: &Path) -> String {
    file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/")
}

fn table(root: &Path, files: &[PathBuf], code: &mut String) {
    let _ = writeln!(code, "static FILES: &[(&str, &str)] = &[");
    for file in files {
        let name = below(root, file);
        let path = file.to_string_lossy().into_owned();
        let _ = writeln!(code, "    ({name:?}, include_str!({path:?})),");
    }
    code.push_str("];\n");
}

/// What of each policy a run has to know before it reads it. A unit test of `src/store/embedded.rs` holds them to what the
/// policies say.
fn outlines(files: &[PathBuf], code: &mut String) -> io::Result<()> {
    let _ = writeln!(code, "static OUTLINES: [Outline; {}] = [", files.len());
    for (file, path) in files.iter().enumerate() {
        let text = fs::read_to_string(path)?;
        let refused = |why: String| io::Error::other(format!("{}: {why}", path.display()));
        let policy: Value = serde_saphyr::from_str(&text).map_err(|error| refused(error.to_string()))?;
        outline((file, digest(text.trim().as_bytes())), &policy, code)
            .ok_or_else(|| refused("not of the form of a policy".to_owned()))?;
    }
    code.push_str("];\n");
    Ok(())
}

/// FNV-1a, as `src/store/kept.rs` has it.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn outline((file, digest): (usize, u64), policy: &Value, code: &mut String) -> Option<()> {
    let text = |at: &str| policy.pointer(at).and_then(Value::as_str);
    let (name, kinds) = (text("/metadata/name")?, strings(policy.pointer("/spec/match"), "kinds"));
    let category = text("/metadata/labels/plimsoll.dev~1category");
    let minor = text("/metadata/annotations/plimsoll.dev~1minor-version");
    let spec = policy.get("spec");
    let packs = strings(spec, "packs");
    let (severity, action) =
        (text("/spec/severity").unwrap_or("error"), text("/spec/action").unwrap_or("Deny"));
    let parameters = spec?.get("parameters").map_or_else(|| "{}".to_owned(), Value::to_string);
    // custom kinds with Pods make `workloads` mean more, which a run has to know before it asks for any policy
    let declares = spec?.get("podTemplates").is_some();
    let _ = writeln!(
        code,
        "    Outline {{ file: {file}, digest: {digest:#x}, name: {name:?}, kinds: &{kinds:?}, packs: &{packs:?}, category: {category:?}, \
         minor_version: {minor:?}, parameters: {parameters:?}, declares_templates: {declares}, rules: &["
    );
    for rule in spec?.get("rules")?.as_array()? {
        let own = |key: &str| rule.get(key).and_then(Value::as_str);
        let rule_name = own("name")?;
        let (severity, action) = (own("severity").unwrap_or(severity), own("action").unwrap_or(action));
        let (first, rest) = severity.split_at_checked(1)?;
        let severity = format!("{}{rest}", first.to_uppercase());
        let mutates = rule.get("mutate").is_some() || rule.get("rewriteImages").is_some();
        let _ = writeln!(
            code,
            "        RuleOutline {{ code: {:?}, packs: &{:?}, severity: Severity::{severity}, action: Action::{action}, \
             mutates: {mutates} }},",
            format!("{name}/{rule_name}"),
            strings(Some(rule), "packs"),
        );
    }
    code.push_str("    ] },\n");
    Some(())
}

/// A list of texts; none where there is none.
fn strings(of: Option<&Value>, key: &str) -> Vec<String> {
    let list = of.and_then(|of| of.get(key)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The policies below a folder, or what lies in the folders `tests`; `examples` are not part of the library.
fn collect(folder: &Path, tests: bool, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "examples" && (tests || name != "tests") {
                collect(&path, tests, files)?;
            }
        } else if name.ends_with(".yaml") && tests == folder.ends_with("tests") {
            files.push(path);
        }
    }
    Ok(())
}

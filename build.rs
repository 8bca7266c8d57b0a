//! Lists the policy library for `src/store/embedded.rs`, with an outline of each policy.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use serde_json::Value;

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("policies");
    println!("cargo::rerun-if-changed=policies");
    let mut code = String::new();
    for (name, tests) in [("FILES", false), ("TESTS", true)] {
        let mut files = Vec::new();
        collect(&root, tests, &mut files)?;
        files.sort();
        table(&root, name, &files, &mut code);
        if !tests {
            outlines(&files, &mut code)?;
        }
    }
    fs::write(PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("embedded_policies.rs"), code)
}

fn table(root: &Path, name: &str, files: &[PathBuf], code: &mut String) {
    let _ = writeln!(code, "static {name}: &[(&str, &str)] = &[");
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(file).to_string_lossy().replace('\\', "/");
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
        outline(file, &policy, code).ok_or_else(|| refused("not of the form of a policy".to_owned()))?;
    }
    code.push_str("];\n");
    Ok(())
}

fn outline(file: usize, policy: &Value, code: &mut String) -> Option<()> {
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
        "    Outline {{ file: {file}, name: {name:?}, kinds: &{kinds:?}, packs: &{packs:?}, category: {category:?}, \
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

//! Lists the policy library for `src/store/embedded.rs`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

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
            packs(&files, &mut code)?;
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

/// The packs that each file names anywhere, so that a run need not read those it does not take. A unit test of
/// `src/store/embedded.rs` holds them to what the policies say.
fn packs(files: &[PathBuf], code: &mut String) -> io::Result<()> {
    let _ = writeln!(code, "static PACKS: &[&[&str]] = &[");
    for file in files {
        let text = fs::read_to_string(file)?;
        let lists = text.split("packs: [").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0));
        let packs: BTreeSet<&str> = lists.flat_map(|list| list.split(',').map(str::trim)).collect();
        let _ = writeln!(code, "    &{:?},", packs.into_iter().collect::<Vec<_>>());
    }
    code.push_str("];\n");
    Ok(())
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

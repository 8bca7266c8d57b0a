//! As much YAML as a bench wants, made of the fixtures of `../shared`.

use std::path::{Path, PathBuf};

/// Every YAML file below `../shared/corpora` and the tutorial, or nothing where that folder is missing.
pub(crate) fn files() -> Vec<PathBuf> {
    let shared = shared();
    let mut found = Vec::new();
    below(&shared.join("manifests/tutorial"), &mut found);
    below(&shared.join("corpora"), &mut found);
    found.sort();
    found
}

/// The folder beside the project.
pub(crate) fn shared() -> PathBuf {
    std::env::var_os("PLIMSOLL_SHARED").map_or("../shared".into(), PathBuf::from)
}

fn below(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            below(&path, found);
        } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
            found.push(path);
        }
    }
}

/// Copies of the files, numbered, until there are `bytes` of them. Names of objects stay, so look-ups across files
/// meet many candidates, as in a repository of many environments. Gives the number of files and their bytes.
#[allow(dead_code, reason = "not every bench writes files")]
pub(crate) fn write(folder: &Path, bytes: usize) -> std::io::Result<(usize, usize)> {
    let texts: Vec<String> = files().iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let (mut written, mut count) = (0, 0);
    while written < bytes && !texts.is_empty() {
        for text in &texts {
            let into = folder.join(format!("{:03}", count / 500));
            std::fs::create_dir_all(&into)?;
            std::fs::write(into.join(format!("{count:06}.yaml")), text)?;
            count += 1;
            written += text.len();
            if written >= bytes {
                break;
            }
        }
    }
    Ok((count, written))
}

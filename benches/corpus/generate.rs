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

/// What the copies of a file say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "not every bench writes files")]
pub(crate) enum Copies {
    /// The same: names of objects stay, so look-ups across files meet many candidates, as in a repository that keeps what is
    /// rendered for many clusters.
    Same,
    /// Objects of other names, so that none is the same as another.
    Renamed,
}

/// Copies of the files, numbered, until there are `bytes` of them. Gives the number of files and their bytes.
#[allow(dead_code, reason = "not every bench writes files")]
pub(crate) fn write(folder: &Path, bytes: usize, copies: Copies) -> std::io::Result<(usize, usize)> {
    let texts: Vec<String> = files().iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let (mut written, mut count) = (0, 0);
    while written < bytes && !texts.is_empty() {
        for text in &texts {
            let into = folder.join(format!("{:03}", count / 500));
            std::fs::create_dir_all(&into)?;
            let text = match copies {
                Copies::Same => text.clone(),
                Copies::Renamed => renamed(text, count),
            };
            std::fs::write(into.join(format!("{count:06}.yaml")), &text)?;
            count += 1;
            written += text.len();
            if written >= bytes {
                break;
            }
        }
    }
    Ok((count, written))
}

/// The same with a number behind the first name in each document, which is the object's.
fn renamed(text: &str, number: usize) -> String {
    let of_one = |document: &str| {
        let name = document.find("name: ").map(|at| at + "name: ".len());
        let end = name.map(|at| at + document[at..].find([',', '}', '\n']).unwrap_or(document.len() - at));
        match end.filter(|at| document[..*at].ends_with(|c: char| c.is_ascii_alphanumeric())) {
            Some(at) => format!("{}-{number}{}", &document[..at], &document[at..]),
            None => document.to_owned(),
        }
    };
    text.split("\n---").map(of_one).collect::<Vec<_>>().join("\n---")
}

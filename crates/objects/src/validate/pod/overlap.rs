//! Warnings about files of one volume that would lie over each other (pkg/api/pod/warnings.go,
//! `warningsForOverlappingVirtualPaths`).

use crate::field::{At, go_quote};

#[derive(Clone, PartialEq)]
struct Placed<'d> {
    path: &'d str,
    source: String,
}

impl std::fmt::Display for Placed<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&go_quote(self.path))?;
        if self.source.is_empty() { Ok(()) } else { write!(out, " ({})", self.source) }
    }
}

pub(super) fn check(volumes: At<'_>, warnings: &mut Vec<String>) {
    for volume in volumes.items() {
        let name = go_quote(volume.field("name").str());
        let named = |field: &'static str, at: At<'_>| go_quote(at.field(field).str());
        let (config, secret) = (volume.field("configMap"), volume.field("secret"));
        for (at, what) in [
            (config, format!("ConfigMap {}", named("name", config))),
            (secret, format!("Secret {}", named("secretName", secret))),
            (volume.field("downwardAPI"), "DownwardAPI".to_owned()),
        ] {
            let placed = of_items(at, "");
            overlaps(&placed, &format!("volume {name} ({what})"), warnings);
        }
        let projected = volume.field("projected");
        let mut placed = Vec::new();
        for source in projected.field("sources").items() {
            match of_source(source) {
                Some(more) => placed.extend(more),
                None => warnings.push(format!("volume {name} (Projected) has no sources provided")),
            }
        }
        overlaps(&placed, &format!("volume {name} (Projected)"), warnings);
    }
}

fn of_items<'d>(at: At<'d>, source: &str) -> Vec<Placed<'d>> {
    at.field("items")
        .items()
        .map(|item| Placed {
            path: item.field("path").str().trim_end_matches('/'),
            source: source.to_owned(),
        })
        .collect()
}

/// `None` where the source is empty, after the server has dropped what it does not know.
fn of_source(source: At<'_>) -> Option<Vec<Placed<'_>>> {
    let [config, secret, downward, token] =
        ["configMap", "secret", "downwardAPI", "serviceAccountToken"].map(|name| source.field(name));
    let has_items = |at: At<'_>| at.is_set() && at.field("items").is_set();
    if ![config, secret, downward, token].iter().any(|at| at.is_set()) {
        return None;
    }
    let named = |what: &str, at: At<'_>| format!("{what} {}", go_quote(at.field("name").str()));
    Some(if has_items(config) {
        of_items(config, &named("ConfigMap", config))
    } else if has_items(secret) {
        of_items(secret, &named("Secret", secret))
    } else if has_items(downward) {
        of_items(downward, "DownwardAPI")
    } else if token.is_set() {
        let path = token.field("path").str().trim_end_matches('/');
        vec![Placed { path, source: "ServiceAccountToken".into() }]
    } else {
        Vec::new()
    })
}

/// Quadratic as upstream, over the items of one volume; bounded, for a document that is made to be slow.
fn overlaps(placed: &[Placed<'_>], whose: &str, warnings: &mut Vec<String>) {
    const MOST: usize = 2_000;
    let placed = &placed[..placed.len().min(MOST)];
    for (index, needle) in placed.iter().enumerate().filter(|(_, needle)| !needle.path.is_empty()) {
        for item in placed[..index].iter().filter(|item| !item.path.is_empty()) {
            if lies_in(item.path, needle.path) || lies_in(needle.path, item.path) {
                warnings.push(format!("{whose}: overlapping paths: {needle} with {item}"));
            }
        }
    }
}

fn lies_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

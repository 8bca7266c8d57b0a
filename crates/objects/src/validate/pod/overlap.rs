//! Warnings about files of one volume that would lie over each other (pkg/api/pod/warnings.go,
//! `warningsForOverlappingVirtualPaths`).

use crate::field::{At, go_quote};

#[derive(Clone, Copy)]
struct Placed<'d> {
    path: &'d str,
    /// Of several of a volume, that which has it.
    source: Option<Source<'d>>,
}

/// Where files of a volume come from: `ConfigMap "settings"`.
#[derive(Clone, Copy)]
struct Source<'d> {
    what: &'static str,
    name: Option<&'d str>,
}

impl std::fmt::Display for Placed<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&go_quote(self.path))?;
        self.source.map_or(Ok(()), |source| write!(out, " ({source})"))
    }
}

impl std::fmt::Display for Source<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.what)?;
        self.name.map_or(Ok(()), |name| write!(out, " {}", go_quote(name)))
    }
}

pub(super) fn check(volumes: At<'_>, warnings: &mut Vec<String>) {
    for volume in volumes.items() {
        for (field, what, name) in [
            ("configMap", "ConfigMap", Some("name")),
            ("secret", "Secret", Some("secretName")),
            ("downwardAPI", "DownwardAPI", None),
        ] {
            if !volume.has(field) {
                continue;
            }
            let at = volume.field(field);
            let placed: Vec<Placed<'_>> = of_items(at, None).collect();
            let whose = Source { what, name: name.map(|name| at.str_at(name)) };
            overlaps(&placed, volume, whose, warnings);
        }
        if !volume.has("projected") {
            continue;
        }
        let mut placed = Vec::new();
        for source in volume.field("projected").items_at("sources") {
            if !add_source(source, &mut placed) {
                let name = go_quote(volume.str_at("name"));
                warnings.push(format!("volume {name} (Projected) has no sources provided"));
            }
        }
        overlaps(&placed, volume, Source { what: "Projected", name: None }, warnings);
    }
}

fn of_items<'d>(at: At<'d>, source: Option<Source<'d>>) -> impl Iterator<Item = Placed<'d>> {
    at.items_at("items").map(move |item| Placed { path: path(item), source })
}

fn path(at: At<'_>) -> &str {
    at.str_at("path").trim_end_matches('/')
}

/// Adds the files of a source; false where it is empty, after the server has dropped what it does not know.
fn add_source<'d>(source: At<'d>, placed: &mut Vec<Placed<'d>>) -> bool {
    let token = source.field("serviceAccountToken");
    for (field, what, is_named) in
        [("configMap", "ConfigMap", true), ("secret", "Secret", true), ("downwardAPI", "DownwardAPI", false)]
    {
        if source.get(field).is_some_and(|node| node.get_present("items").is_some()) {
            let at = source.field(field);
            let name = is_named.then(|| at.str_at("name"));
            placed.extend(of_items(at, Some(Source { what, name })));
            return true;
        }
    }
    if token.is_set() {
        let source = Source { what: "ServiceAccountToken", name: None };
        placed.push(Placed { path: path(token), source: Some(source) });
        return true;
    }
    ["configMap", "secret", "downwardAPI"].iter().any(|field| source.has(field))
}

/// Quadratic as upstream, over the items of one volume; bounded, for a document that is made to be slow.
fn overlaps(placed: &[Placed<'_>], volume: At<'_>, whose: Source<'_>, warnings: &mut Vec<String>) {
    const MOST: usize = 2_000;
    let placed = &placed[..placed.len().min(MOST)];
    for (index, needle) in placed.iter().enumerate().filter(|(_, needle)| !needle.path.is_empty()) {
        for item in placed[..index].iter().filter(|item| !item.path.is_empty()) {
            if lies_in(item.path, needle.path) || lies_in(needle.path, item.path) {
                let name = go_quote(volume.str_at("name"));
                warnings.push(format!("volume {name} ({whose}): overlapping paths: {needle} with {item}"));
            }
        }
    }
}

fn lies_in(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

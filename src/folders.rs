//! The order of the files of an input: one folder after another, as `ls -R` lists them.

use std::cmp::Ordering;

/// The order of paths in which each folder is one: as texts, but that `/` comes before everything else.
#[must_use]
pub(crate) fn by_folders(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    // neighbours have most of their folders in common
    let (a_blocks, b_blocks) = (a.as_chunks::<16>().0, b.as_chunks::<16>().0);
    let common = 16 * a_blocks.iter().zip(b_blocks).take_while(|(a, b)| a == b).count();
    let differ = a[common..].iter().zip(&b[common..]).find(|(a, b)| a != b);
    match differ {
        Some((a, b)) => (*a != b'/', a).cmp(&(*b != b'/', b)),
        None => a.len().cmp(&b.len()),
    }
}

/// A path as its folder and the name in it; the folder of a path without `/` is empty.
#[must_use]
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_as_the_lists_of_their_parts() {
        let paths = [
            "",
            "a",
            "a/",
            "a/b",
            "a/b/c",
            "a/b-c",
            "a b",
            "a!",
            "a-b/c",
            "ab",
            "/a",
            "//",
            "é/a",
            "\u{1}",
            "charts/of/one/folder/a",
            "charts/of/one/folder/a/b",
            "charts/of/one/folder-b/a",
            "charts/of/one-folder/a",
        ];
        for a in paths {
            for b in paths {
                assert_eq!(by_folders(a, b), a.split('/').cmp(b.split('/')), "{a:?} {b:?}");
            }
        }
    }
}

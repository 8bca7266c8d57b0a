//! How much memory this container may have, and what of it bodies may take.
//!
//! The kernel ends a process that goes over its cgroup's limit, and with it every review that runs; so what is taken in is
//! measured against that limit rather than against the machine.

use std::fs;
use std::path::Path;

use crate::limits::{BODIES_BYTES, BODIES_PART};

/// Above this it is no limit: cgroup v1 writes "none" as the largest number of whole pages.
const UNLIMITED: u64 = 1 << 50;
/// Even in the smallest container a review of the usual size must be taken.
const LEAST: u64 = 4 << 20;

/// The memory limit of the cgroup that this process is in, or of one above it, in bytes.
#[must_use]
pub fn limit() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    limit_below(Path::new("/sys/fs/cgroup"), &own)
}

/// `own` is `/proc/self/cgroup`: `0::/path` (v2), `4:memory:/path` (v1). Inside a container the mount's root often is our own
/// group whatever the path says, so the root counts as well.
fn limit_below(root: &Path, own: &str) -> Option<u64> {
    let groups = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next()?, parts.next()?);
        match controllers {
            "" => Some((root.to_owned(), path, "memory.max")),
            c if c.split(',').any(|c| c == "memory") => {
                Some((root.join("memory"), path, "memory.limit_in_bytes"))
            }
            _ => None,
        }
    });
    let of_group = |(mount, path, file): (std::path::PathBuf, &str, &str)| {
        let inside = Path::new(path.trim_start_matches('/'));
        let above = inside.ancestors().map(|group| mount.join(group).join(file));
        above.filter_map(|file| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()).min()
    };
    groups.filter_map(of_group).min().filter(|limit| *limit < UNLIMITED)
}

/// What bodies may take of it: each is read, made a document and judged, which takes three to four times its size.
#[must_use]
pub fn body_budget(limit: Option<u64>) -> usize {
    let part = limit.map(|limit| (limit / BODIES_PART).max(LEAST));
    part.map_or(BODIES_BYTES, |part| usize::try_from(part).unwrap_or(BODIES_BYTES))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_limit_on_the_way_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let write = |path: &str, text: &str| {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/memory.max", "max\n");
        write("b/memory.max", "536870912\n");
        write("b/c/memory.max", "1073741824\n");
        write("memory/d/memory.limit_in_bytes", "268435456\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        for (own, expected) in [
            ("0::/a\n", None),
            ("0::/\n", None),
            ("0::/b\n", Some(512 << 20)),
            ("0::/b/c\n", Some(512 << 20)),
            ("0::/not/there\n", None),
            ("5:cpu,cpuacct:/d\n4:memory:/d\n", Some(256 << 20)),
            ("4:memory:/e\n", None),
            ("", None),
            ("nonsense", None),
        ] {
            assert_eq!(limit_below(root, own), expected, "{own:?}");
        }
        write("memory.max", "134217728\n");
        assert_eq!(limit_below(root, "0::/../x\n"), Some(128 << 20), "the mount's root is our own group");
    }

    #[test]
    fn bodies_take_a_part_of_it() {
        for (limit, budget) in
            [(None, 128 << 20), (Some(512 << 20), 128 << 20), (Some(64 << 20), 16 << 20), (Some(1), 4 << 20)]
        {
            assert_eq!(body_budget(limit), budget, "{limit:?}");
        }
    }
}

//! Which links are followed.
//!
//! A link in a repository may lead anywhere, and whoever proposes a change may write one. So what lies outside is never
//! read: outside of the repository; where there is none, of the working folder; where a folder is walked that lies
//! elsewhere, of that folder. A file that is named, and lies in none of these, is read wherever it leads – a shell's
//! `<(…)` is such a name.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// The folders that what lies in a folder may not leave, by that folder: many files are named that lie in one.
pub(super) type Roots = HashMap<PathBuf, Option<PathBuf>>;

/// What a path of the command line may reach.
#[derive(Debug)]
pub(super) struct Fence {
    /// Without links; `None`: everything.
    root: Option<PathBuf>,
    /// Whether a folder is walked that lies inside, so that all lies inside that is reached by no link.
    holds_all: bool,
    /// The folder that was asked about last.
    last: Option<(PathBuf, bool)>,
}

impl Fence {
    /// Around a path of the command line; `walked`: it is a folder. `working` is the working folder.
    pub(super) fn around(path: &Path, walked: bool, working: Option<&Path>, roots: &mut Roots) -> Self {
        let whole = working.map_or_else(|| path.to_owned(), |working| working.join(path));
        let lexical = working.map_or_else(|| path.to_owned(), |_| normal(&whole));
        // the folder that the name says, not the one that a link leads to: else a link would move the fence
        let start = if walked { Some(lexical.as_path()) } else { lexical.parent() };
        let held = || {
            let mut above = start.into_iter().flat_map(Path::ancestors);
            let repository = above.find(|folder| folder.join(".git").exists());
            let around = repository.or_else(|| working.filter(|working| lexical.starts_with(working)));
            around.and_then(|root| root.canonicalize().ok())
        };
        let root = match start {
            Some(start) => roots.entry(start.to_owned()).or_insert_with(held).clone(),
            None => held(),
        };
        let root = root.or_else(|| if walked { lexical.canonicalize().ok() } else { None });
        let holds_all = walked && root.as_ref().is_some_and(|root| is_inside(&whole, root));
        Self { root, holds_all, last: None }
    }

    /// Whether a file may be read that is the path of the command line, or was found by a walk, which follows no links; it may
    /// be one itself. Of what is not there, or has no place (a pipe), others say what is wrong.
    pub(super) fn allows(&mut self, file: &Path, is_link: bool) -> bool {
        let Some(root) = &self.root else { return true };
        if is_link {
            return is_inside(file, root);
        }
        if self.holds_all {
            return true;
        }
        let folder = file.parent().unwrap_or(Path::new(""));
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        // files come folder by folder, and the bytes of two paths are compared sooner than their parts
        if let Some((known, allowed)) = &self.last
            && known.as_os_str() == folder.as_os_str()
        {
            return *allowed;
        }
        let allowed = is_inside(folder, root);
        self.last = Some((folder.to_owned(), allowed));
        allowed
    }
}

/// Whether a place lies below the root, wherever links lead.
fn is_inside(path: &Path, root: &Path) -> bool {
    path.canonicalize().map_or(true, |place| place.starts_with(root))
}

/// Without `.` and `..`, by the text alone.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_lies_outside_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        let write = |path: &str| {
            fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            fs::write(top.join(path), "x").unwrap();
        };
        for path in
            ["secret.yaml", "repo/shared/a.yaml", "repo/deploy/b.yaml", "plain/deploy/c.yaml", "plain/d.yaml"]
        {
            write(path);
        }
        fs::create_dir(top.join("repo/.git")).unwrap();
        for (link, target) in [
            ("repo/deploy/out.yaml", "../../secret.yaml"),
            ("repo/deploy/in.yaml", "../shared/a.yaml"),
            ("repo/deploy/absolute.yaml", "/etc/hosts"),
            ("repo/deploy/chain.yaml", "out.yaml"),
            ("repo/deploy/folder", "../.."),
            ("plain/deploy/out.yaml", "../../secret.yaml"),
            ("plain/deploy/in.yaml", "../d.yaml"),
            ("plain/deploy/dangling.yaml", "nowhere.yaml"),
            ("named.yaml", "secret.yaml"),
        ] {
            symlink(target, top.join(link)).unwrap();
        }
        // working folder, path of the command line, walked, file, allowed
        for (working, path, walked, file, allowed) in [
            ("repo", "deploy", true, "repo/deploy/b.yaml", true),
            ("repo", "deploy", true, "repo/deploy/in.yaml", true),
            ("repo/deploy", ".", true, "repo/deploy/in.yaml", true),
            ("repo", "deploy", true, "repo/deploy/out.yaml", false),
            ("repo", "deploy", true, "repo/deploy/chain.yaml", false),
            ("repo", "deploy", true, "repo/deploy/absolute.yaml", false),
            ("repo", "deploy/folder", true, "repo/deploy/folder/secret.yaml", false),
            ("repo", "deploy/out.yaml", false, "repo/deploy/out.yaml", false),
            ("repo", "deploy/in.yaml", false, "repo/deploy/in.yaml", true),
            ("", "repo/deploy", true, "repo/deploy/out.yaml", false),
            ("plain", "deploy", true, "plain/deploy/in.yaml", true),
            ("plain", "deploy", true, "plain/deploy/out.yaml", false),
            ("plain", "deploy", true, "plain/deploy/dangling.yaml", true),
            ("plain/deploy", ".", true, "plain/deploy/in.yaml", false),
            ("repo", "../plain/deploy", true, "plain/deploy/in.yaml", false),
            ("repo", "../plain", true, "plain/deploy/in.yaml", true),
            ("repo", "../named.yaml", false, "named.yaml", true),
            ("", "named.yaml", false, "named.yaml", true),
        ] {
            let mut fence =
                Fence::around(Path::new(path), walked, Some(&top.join(working)), &mut Roots::new());
            let file = top.join(file);
            let answer = fence.allows(&file, file.is_symlink());
            assert_eq!(answer, allowed, "{} from {working}, by {path}", file.display());
        }
    }

    #[test]
    fn a_pipe_is_no_place() {
        let mut fence =
            Fence::around(Path::new("/dev/fd/0"), false, Some(Path::new("/usr")), &mut Roots::new());
        assert!(fence.allows(Path::new("/dev/fd/0"), true));
    }
}

use std::fs;

use super::*;

#[path = "../../../tests/fidelity/random.rs"]
#[allow(dead_code, reason = "others choose by percent")]
mod random;

use random::Random;

const POD: &str = "apiVersion: v1\nkind: Pod\n";

fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What became of the files below a folder: names relative to it, `!` before the ignored, `?` the unreadable.
fn seen(folder: &Path, paths: &[&str]) -> Vec<String> {
    let root = folder.to_str().unwrap();
    let paths: Vec<String> = paths
        .iter()
        .map(|path| if path.is_empty() { root.to_owned() } else { format!("{root}/{path}") })
        .collect();
    let sources = read_sources(&paths, &mut io::empty(), ReadLimits::default());
    let name = |file: &SourceFile| {
        let mark = match file.content() {
            Content::Text(_) => "",
            Content::Ignored => "!",
            Content::Unreadable(_) => "?",
        };
        let path = file.path();
        format!("{mark}{}", path.strip_prefix(root).unwrap_or(path).trim_start_matches('/'))
    };
    sources.files().iter().map(name).collect()
}

#[test]
fn folders_are_walked() {
    let tree = tree(&[
        ("b.yaml", POD),
        ("a/z.yml", POD),
        ("a/j.JSON", "{}"),
        ("readme.md", "x"),
        (".ci/deep/x.yaml", POD),
        (".hidden.yaml", POD),
        (".git/x.yaml", POD),
        (".gitignore", "skip/\n*.gen.yaml\n!keep.gen.yaml\n"),
        ("skip/x.yaml", POD),
        ("x.gen.yaml", POD),
        ("keep.gen.yaml", POD),
        ("sub/.plimsollignore", "/v.yaml\n"),
        ("sub/v.yaml", POD),
        ("sub/deep/v.yaml", POD),
        ("sub/Kustomize", POD),
    ]);
    let expected = [
        "!.ci",
        "!.hidden.yaml",
        "a/j.JSON",
        "a/z.yml",
        "b.yaml",
        "keep.gen.yaml",
        "!skip/x.yaml",
        "sub/deep/v.yaml",
        "!sub/v.yaml",
        "!x.gen.yaml",
    ];
    assert_eq!(seen(tree.path(), &[""]), expected);
    assert_eq!(seen(tree.path(), &["", "sub", "b.yaml"]), expected, "each file once");
    assert_eq!(seen(tree.path(), &["sub/Kustomize"]), ["sub/Kustomize"], "a named file, whatever its name");
    assert_eq!(seen(tree.path(), &["none.yaml", "b.yaml"]), ["b.yaml", "?none.yaml"]);
}

#[test]
fn patterns_match_names() {
    let tree = tree(&[("a/x.yaml", POD), ("a/b/x.yaml", POD), ("a/x.txt", POD), ("c/x.yaml", POD)]);
    for (pattern, expected) in [
        ("**/x.yaml", &["a/b/x.yaml", "a/x.yaml", "c/x.yaml"][..]),
        ("*/x.*", &["a/x.txt", "a/x.yaml", "c/x.yaml"]),
        ("{a,c}/x.yaml", &["a/x.yaml", "c/x.yaml"]),
        ("a/**", &["a/b/x.yaml", "a/x.txt", "a/x.yaml"]),
        ("z/*.yaml", &["?z/*.yaml"]),
        ("a/[", &["?a/["]),
    ] {
        assert_eq!(seen(tree.path(), &[pattern]), expected, "{pattern}");
    }
}

#[cfg(unix)]
#[test]
fn links_make_no_loops() {
    use std::os::unix::fs::symlink;
    let tree = tree(&[("a/x.yaml", POD)]);
    symlink(tree.path(), tree.path().join("a/loop")).unwrap();
    symlink(tree.path().join("a/x.yaml"), tree.path().join("link.yaml")).unwrap();
    symlink(tree.path().join("gone"), tree.path().join("broken.yaml")).unwrap();
    assert_eq!(seen(tree.path(), &[""]), ["!a/loop", "a/x.yaml", "?broken.yaml", "!link.yaml"]);
    assert_eq!(
        seen(tree.path(), &["a/loop/a"]),
        ["!a/loop/a/loop", "a/loop/a/x.yaml"],
        "a link that was named is followed"
    );
}

#[cfg(unix)]
#[test]
fn links_that_lead_outside_are_named_and_not_read() {
    use std::os::unix::fs::symlink;
    let outside = tree(&[("secret.yaml", POD)]);
    let tree = tree(&[("deploy/a.yaml", POD), ("shared/b.yaml", POD)]);
    symlink(outside.path().join("secret.yaml"), tree.path().join("deploy/out.yaml")).unwrap();
    symlink("../shared/b.yaml", tree.path().join("deploy/in.yaml")).unwrap();
    assert_eq!(
        seen(tree.path(), &[""]),
        ["deploy/a.yaml", "!deploy/in.yaml", "!deploy/out.yaml", "shared/b.yaml"]
    );
    // the folder that is walked lies outside of the working folder: it is all that may be reached
    assert_eq!(seen(tree.path(), &["deploy"]), ["deploy/a.yaml", "!deploy/in.yaml", "!deploy/out.yaml"]);
    fs::create_dir(tree.path().join(".git")).unwrap();
    assert_eq!(seen(tree.path(), &["deploy"]), ["deploy/a.yaml", "deploy/in.yaml", "!deploy/out.yaml"]);
    let path = tree.path().join("deploy/out.yaml").display().to_string();
    let sources = read_sources(&[path], &mut io::empty(), ReadLimits::default());
    assert_eq!(
        (sources.files()[0].content(), sources.files()[0].ignored_because()),
        (&Content::Ignored, Some("link outside"))
    );
}

#[test]
fn standard_input_is_a_file() {
    let mut input = POD.as_bytes();
    let sources = read_sources(&["-".to_owned()], &mut input, ReadLimits::default());
    assert_eq!((sources.files()[0].path(), sources.files()[0].text()), ("-", POD));
}

#[test]
fn large_files_are_not_read() {
    let tree = tree(&[("a.yaml", "0123456789"), ("b.yaml", "01234567890")]);
    let root = tree.path().to_str().unwrap().to_owned();
    let sources = read_sources(&[root], &mut io::empty(), ReadLimits { file_bytes: 10 });
    assert_eq!(sources.files()[0].text(), "0123456789");
    let error = super::super::decode::DecodeError::TooLarge { bytes: 11, limit: 10 };
    assert_eq!(sources.files()[1].content(), &Content::Unreadable(error.into()));
    let endless = read_sources(&["-".to_owned()], &mut io::repeat(b'a'), ReadLimits { file_bytes: 10 });
    assert_eq!(endless.files()[0].content(), &Content::Unreadable(error.into()));
}

#[test]
fn the_templates_of_a_chart_are_known() {
    let tree = tree(&[("c/Chart.yaml", "name: c"), ("c/templates/a/x.yaml", POD), ("templates/x.yaml", POD)]);
    assert!(in_chart(&tree.path().join("c/templates/a/x.yaml")));
    assert!(!in_chart(&tree.path().join("templates/x.yaml")));
}

/// The walk beside that of the `ignore` crate, which asks the system for the ignore files of each folder, over folders made at
/// random.
#[test]
fn what_is_left_out_is_as_in_the_library() {
    let mut random = Random::new(7);
    let names = ["a", "b", ".c", "x.yaml", "y.yaml", ".z.yaml", "w.txt"];
    let lines = [
        "a",
        "/a",
        "a/",
        "b/",
        "*.yaml",
        "!x.yaml",
        "/x.yaml",
        "b/x.yaml",
        "**/y.yaml",
        "!.z.yaml",
        "!.c",
        "!.c/",
        ".c",
        "a/*",
        "!a/b/",
        "# a",
        "[",
        "w.txt",
        "a/**/x.yaml",
    ];
    let ignore_file = |random: &mut Random| {
        let count = 1 + random.below(3);
        (0..count).map(|_| format!("{}\n", random.choose(&lines))).collect::<String>()
    };
    for _ in 0..300 {
        let mut files: BTreeMap<String, String> = BTreeMap::new();
        for _ in 0..1 + random.below(11) {
            let depth = random.below(4);
            let mut path: String = (0..depth).map(|_| format!("{}/", random.choose(&names[..3]))).collect();
            let name: &&str = random.choose(&names[3..]);
            path.push_str(name);
            files.insert(path, POD.to_owned());
        }
        for _ in 0..random.below(4) {
            let folder = random.choose(&["", "a/", "b/", "a/b/", ".c/", "a/.c/"]);
            let name = random.choose(&[".gitignore", ".plimsollignore", ".git/info/exclude"]);
            files.insert(format!("{folder}{name}"), ignore_file(&mut random));
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        let tree = tree(&files);
        // the folder itself, and one with ignore files above it
        for root in [tree.path().to_owned(), tree.path().join("a")] {
            if !root.is_dir() {
                continue;
            }
            let mut found = BTreeMap::new();
            walk(&root, manifest_extension, &mut found);
            let read =
                |(name, file): (&String, &Found)| matches!(file, Found::Walked(_)).then(|| name.clone());
            let own: Vec<String> = found.iter().filter_map(read).collect();
            assert_eq!(own, of_the_library(&root), "{root:?}: {files:?}");
            // and all is named that is not in a hidden folder
            let in_hidden = |path: &str| path.split('/').rev().skip(1).any(|folder| folder.starts_with('.'));
            for (path, _) in &files {
                let path = tree.path().join(path);
                let Ok(below) = path.strip_prefix(&root) else { continue };
                let below = below.to_string_lossy();
                if !in_hidden(&below) && manifest_extension(&path) {
                    assert!(found.contains_key(&display(&path)), "{below} of {files:?}");
                }
            }
        }
    }
}

fn of_the_library(root: &Path) -> Vec<String> {
    let mut walk = ignore::WalkBuilder::new(root);
    walk.standard_filters(false)
        .hidden(true)
        .parents(true)
        .git_ignore(true)
        .git_exclude(true)
        .require_git(false);
    walk.add_custom_ignore_filename(IGNORE_FILE);
    let entries = walk.build().filter_map(Result::ok);
    let files = entries.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    let mut names: Vec<String> =
        files.filter(|file| manifest_extension(file.path())).map(|file| display(file.path())).collect();
    names.sort();
    names
}

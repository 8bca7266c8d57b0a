//! What people install: packed, installed into empty folders, and run. The program that is packed is the one of this test.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use serde_json::Value;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

fn done(command: &mut Command) -> String {
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

fn has(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("SKIPPED in part: no {program}");
    }
    found
}

/// A folder with what `packaging/package.sh` makes for this machine, for all tests; of a debug build without its symbols
/// and packed quickly. It stays with what the build leaves.
static PACKAGED: LazyLock<PathBuf> = LazyLock::new(|| {
    let target = target();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("packaged");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let small = folder.join("plimsoll");
    let stripped = Command::new("strip").arg("-o").arg(&small).arg(env!("CARGO_BIN_EXE_plimsoll")).status();
    if !stripped.is_ok_and(|status| status.success()) {
        fs::copy(env!("CARGO_BIN_EXE_plimsoll"), &small).unwrap();
    }
    let mut script = Command::new(here().join("packaging/package.sh"));
    script.args(["--target", &target, "--out"]).arg(folder.join("out"));
    done(script.env("PLIMSOLL_BINARY", &small).env("PLIMSOLL_COMPRESSION", "1"));
    folder.join("out")
});

/// This machine, as the archive for it is called.
fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

fn runs(binary: &Path) {
    assert_eq!(done(Command::new(binary).arg("version")), format!("plimsoll {VERSION}\n"));
    let linted = run(Command::new(binary).args(["lint", "examples/shop"]).current_dir(here()));
    assert_eq!(linted.status.code(), Some(1), "our examples have findings");
}

fn page_can_be_read(page: &Path) {
    if !has("man") {
        return;
    }
    let shown =
        run(Command::new("man").args(["--warnings", "-E", "UTF-8", "-l"]).arg(page).env("MANPAGER", "cat"));
    let text = String::from_utf8_lossy(&shown.stdout);
    assert!(text.contains("--fail-on") && text.contains("PLIMSOLL_FAIL_ON"), "{text}");
    assert_eq!(String::from_utf8_lossy(&shown.stderr), "", "no warning of groff");
}

/// What a shell says of the script that completes.
fn completions_load(script: &Path, shell: &str, command: &str) {
    if has(shell) {
        let flags: &[&str] = if shell == "zsh" { &["-f", "-c"] } else { &["-c"] };
        done(Command::new(shell).args(flags).arg(command.replace("SCRIPT", script.to_str().unwrap())));
    }
}

#[test]
fn the_archive_and_the_package_install_into_empty_folders() {
    let (target, out) = (target(), &*PACKAGED);
    let folder = tempfile::tempdir().unwrap();
    done(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(out));

    let name = format!("plimsoll-{VERSION}-{target}");
    let unpacked = folder.path().join("unpacked");
    fs::create_dir(&unpacked).unwrap();
    done(Command::new("tar").arg("-xzf").arg(out.join(format!("{name}.tar.gz"))).arg("-C").arg(&unpacked));
    let root = unpacked.join(&name);
    runs(&root.join("plimsoll"));
    for file in ["LICENSE", "README.md", "CHANGELOG.md"] {
        assert_eq!(fs::read(root.join(file)).unwrap(), fs::read(here().join(file)).unwrap(), "{file}");
    }
    page_can_be_read(&root.join("man/man1/plimsoll-lint.1"));
    let scripts = root.join("completions");
    completions_load(&scripts.join("plimsoll.bash"), "bash", "source SCRIPT && complete -p plimsoll");
    completions_load(&scripts.join("_plimsoll"), "zsh", "zsh -n SCRIPT");
    completions_load(
        &scripts.join("plimsoll.fish"),
        "fish",
        "source SCRIPT; complete -C 'plimsoll lint --exit-z' | grep -q exit-zero",
    );
    assert!(scripts.join("_plimsoll.ps1").is_file() && scripts.join("plimsoll.elv").is_file());

    if !has("dpkg-deb") {
        return;
    }
    let arch = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
    let deb = out.join(format!("plimsoll_{VERSION}_{arch}.deb"));
    let field = |name: &str| done(Command::new("dpkg-deb").arg("--field").arg(&deb).arg(name));
    assert_eq!((field("Package").trim(), field("Version").trim()), ("plimsoll", VERSION));
    let installed = folder.path().join("installed");
    done(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(&installed));
    runs(&installed.join("usr/bin/plimsoll"));
    page_can_be_read(&installed.join("usr/share/man/man1/plimsoll-lint.1.gz"));
    let owners = done(Command::new("dpkg-deb").arg("--contents").arg(&deb));
    assert!(owners.lines().all(|line| line.contains(" root/root ")), "{owners}");
    for file in [
        "bash-completion/completions/plimsoll",
        "zsh/vendor-completions/_plimsoll",
        "fish/vendor_completions.d/plimsoll.fish",
        "doc/plimsoll/copyright",
        "doc/plimsoll/changelog.gz",
    ] {
        assert!(installed.join("usr/share").join(file).is_file(), "{file}");
    }
}

/// A folder as `install.sh` finds one behind `--from`: packages of this machine, of a version and as the newest.
fn releases(folder: &Path) -> PathBuf {
    let from = folder.join("releases");
    for place in ["download", "latest"] {
        fs::create_dir_all(from.join(place)).unwrap();
    }
    done(Command::new("cp").arg("-r").arg(&*PACKAGED).arg(from.join(format!("download/v{VERSION}"))));
    done(Command::new("cp").arg("-r").arg(&*PACKAGED).arg(from.join("latest/download")));
    from
}

#[test]
fn a_release_is_installed_after_its_checksum_was_compared() {
    if !has("curl") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let from = releases(folder.path());
    let to = folder.path().join("bin");
    let install = |further: &[&str], machine: &[(&str, &str)]| {
        let mut script = Command::new("sh");
        script.arg(here().join("deploy/ci/install.sh")).arg("--to").arg(&to);
        script.args(["--from", &format!("file://{}", from.display())]).args(further);
        run(script.env_remove("RUNNER_OS").env_remove("RUNNER_ARCH").envs(machine.iter().copied()))
    };
    let without_v = VERSION;
    for version in [&format!("v{VERSION}"), without_v, "latest", ""] {
        let output = install(&["--version", version], &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("plimsoll {VERSION}\n"));
        runs(&to.join("plimsoll"));
        fs::remove_file(to.join("plimsoll")).unwrap();
    }
    let github = if std::env::consts::ARCH == "aarch64" { "ARM64" } else { "X64" };
    assert!(install(&[], &[("RUNNER_OS", "Linux"), ("RUNNER_ARCH", github)]).status.success());
    fs::remove_file(to.join("plimsoll")).unwrap();

    let refused = |output: &Output, why: &str| {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && said.contains(why), "{said}");
        assert!(!to.join("plimsoll").exists(), "nothing is installed");
    };
    refused(&install(&["--version", "v9.9.9"], &[]), "cannot be fetched");
    refused(
        &install(&[], &[("RUNNER_OS", "macOS"), ("RUNNER_ARCH", "ARM64")]),
        "has no archive for aarch64-apple-darwin",
    );
    refused(&install(&[], &[("RUNNER_OS", "Plan9"), ("RUNNER_ARCH", "X64")]), "no release for Plan9 on X64");
    let archive = from.join(format!("latest/download/plimsoll-{VERSION}-{}.tar.gz", target()));
    let mut bytes = fs::read(&archive).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, bytes).unwrap();
    refused(&install(&[], &[]), "expected the checksum");
}

#[test]
fn krew_and_homebrew_install_what_the_checksums_say() {
    let folder = tempfile::tempdir().unwrap();
    let targets = [
        ("x86_64-unknown-linux-musl", "linux", "amd64"),
        ("aarch64-unknown-linux-musl", "linux", "arm64"),
        ("x86_64-apple-darwin", "darwin", "amd64"),
        ("aarch64-apple-darwin", "darwin", "arm64"),
        ("x86_64-pc-windows-msvc", "windows", "amd64"),
    ];
    for (target, ..) in targets {
        fs::write(folder.path().join(format!("plimsoll-1.2.3-{target}.tar.gz")), target).unwrap();
    }
    fs::write(folder.path().join("plimsoll_1.2.3_amd64.deb"), "deb").unwrap();
    done(Command::new(here().join("packaging/checksums.sh")).arg(folder.path()));
    let sums = fs::read_to_string(folder.path().join("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 6, "{sums}");
    let sum_of = |file: &str| sums.lines().find(|line| line.ends_with(file)).unwrap()[..64].to_owned();
    let manifests =
        || run(Command::new(here().join("packaging/manifests.sh")).arg(folder.path()).arg("acme/plimsoll"));
    let output = manifests();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let krew = fs::read_to_string(folder.path().join("plimsoll.yaml")).unwrap();
    let krew: Value = serde_saphyr::from_str(&krew).unwrap();
    assert_eq!(krew["spec"]["version"], "v1.2.3");
    let description = krew["spec"]["shortDescription"].as_str().unwrap();
    assert!(description.len() <= 50 && !description.ends_with('.'), "as krew asks for");
    let formula = fs::read_to_string(folder.path().join("plimsoll.rb")).unwrap();
    for (platform, (target, os, arch)) in krew["spec"]["platforms"].as_array().unwrap().iter().zip(targets) {
        let file = format!("plimsoll-1.2.3-{target}.tar.gz");
        assert_eq!(platform["selector"]["matchLabels"], serde_json::json!({"os": os, "arch": arch}));
        let url = format!("https://github.com/acme/plimsoll/releases/download/v1.2.3/{file}");
        assert_eq!((&platform["uri"], &platform["sha256"]), (&url.clone().into(), &sum_of(&file).into()));
        let exe = if os == "windows" { "plimsoll.exe" } else { "plimsoll" };
        assert_eq!(platform["bin"], exe);
        if os != "windows" {
            let pair = format!("url \"{url}\"\n      sha256 \"{}\"", sum_of(&file));
            assert!(formula.contains(&pair), "{pair}\n{formula}");
        }
    }
    if has("ruby") {
        done(Command::new("ruby").arg("-c").arg(folder.path().join("plimsoll.rb")));
    }

    fs::remove_file(folder.path().join("plimsoll.yaml")).unwrap();
    let fewer: String =
        sums.lines().filter(|line| !line.contains("windows")).map(|line| format!("{line}\n")).collect();
    fs::write(folder.path().join("SHA256SUMS"), fewer).unwrap();
    let output = manifests();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("has no archive for x86_64-pc-windows-msvc"), "{said}");
    assert!(!folder.path().join("plimsoll.yaml").exists());
}

/// Tools that look for what goes wrong in shell scripts only when it does.
#[test]
fn the_scripts_are_well_formed() {
    for (shell, script) in [
        ("bash", "packaging/package.sh"),
        ("bash", "packaging/checksums.sh"),
        ("bash", "packaging/manifests.sh"),
        ("bash", "deploy/ci/github.sh"),
        ("sh", "deploy/ci/install.sh"),
    ] {
        done(Command::new(shell).arg("-n").arg(here().join(script)));
        if has("shellcheck") {
            done(Command::new("shellcheck").arg(here().join(script)));
        }
    }
}

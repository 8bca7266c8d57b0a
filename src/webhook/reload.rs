//! Policies and certificates, read again when their files change, off the request path.
//!
//! What works is kept: a broken policy folder or a key that does not fit never replaces what is in force; it shows in
//! readiness, metrics and the log until it is mended.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwapOption;

use super::authority::{Material, Names, Others, Rotation, SETTLE};
use super::certificate::{Files, Slot};
use super::metrics::Metrics;
use super::readiness::Readiness;
use crate::review::Judge;

/// What a loader gives.
#[derive(Clone)]
pub struct InForce {
    /// The compiled policies.
    pub judge: Arc<dyn Judge>,
    /// How many there are.
    pub policies: usize,
    /// Of all that decides how they judge.
    pub hash: String,
    /// How many more do not load.
    pub broken: usize,
    /// Of those, how many are in force in the last form that did.
    pub kept: usize,
    /// Where and why, for `/readyz` and the log; empty where all load.
    pub complaint: String,
}

impl InForce {
    /// So many policies, all of them good.
    #[must_use]
    pub fn whole(judge: Arc<dyn Judge>, policies: usize, hash: impl Into<String>) -> Self {
        InForce { judge, policies, hash: hash.into(), broken: 0, kept: 0, complaint: String::new() }
    }
}

/// Why policies did not load: what the operator reads. It must hold no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(pub String);

/// Reads and compiles all policies. Called on a thread of its own, never at the same time twice.
pub type Loader = Box<dyn Fn() -> Result<InForce, LoadError> + Send + Sync>;

/// The time, so that tests can set it.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Where the state of reloading is shown.
#[derive(Debug, Clone)]
pub struct Board {
    /// For the admin port.
    pub readiness: Readiness,
    /// For the admin port.
    pub metrics: Arc<Metrics>,
}

/// The policies in force.
#[derive(Default)]
pub struct Policies {
    current: ArcSwapOption<InForce>,
    /// How often what is in force has changed.
    generation: AtomicU64,
}

impl Policies {
    /// The judge in force, `None` before the first successful load.
    #[must_use]
    pub fn judge(&self) -> Option<Arc<dyn Judge>> {
        self.current.load().as_ref().map(|loaded| loaded.judge.clone())
    }

    /// Loads, and swaps if that worked.
    ///
    /// # Errors
    /// Those of the loader, and one that panicked; what is in force stays.
    pub fn load(&self, load: &Loader, board: &Board, now: SystemTime) -> Result<usize, LoadError> {
        let loaded = catch_unwind(AssertUnwindSafe(load))
            .unwrap_or_else(|_| Err(LoadError("internal error while loading policies".to_owned())));
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        match loaded {
            Ok(loaded) => {
                let count = loaded.policies;
                self.put(loaded, board, seconds);
                Ok(count)
            }
            Err(error) => {
                board.metrics.policies_refused();
                let kept = self.current.load().as_ref().map(|kept| kept.policies);
                match kept {
                    Some(count) => {
                        let detail = format!("{count} in force; the newest do not load: {error}");
                        board.readiness.report("policies", true, detail);
                    }
                    None => board.readiness.report("policies", false, format!("do not load: {error}")),
                }
                tracing::error!(%error, kept, "policies do not load; those in force are kept");
                Err(error)
            }
        }
    }

    fn put(&self, loaded: InForce, board: &Board, seconds: f64) {
        let InForce { policies, broken, kept, .. } = loaded;
        let changed = self.current.load().as_ref().is_none_or(|current| current.hash != loaded.hash);
        let generation =
            self.generation.fetch_add(u64::from(changed), Ordering::Relaxed) + u64::from(changed);
        let (hash, complaint) = (loaded.hash.clone(), loaded.complaint.clone());
        board.metrics.policies(&loaded, generation, seconds);
        self.current.store(Some(Arc::new(loaded)));
        board.readiness.report("generation", true, format!("{generation}, hash {hash}"));
        if broken == 0 {
            board.readiness.report("policies", true, format!("{policies} in force"));
            tracing::info!(policies, generation, hash, "policies loaded");
            return;
        }
        let detail = format!(
            "{policies} in force; {broken} broken, {kept} of them kept in the last good form: {complaint}"
        );
        board.readiness.report("policies", true, detail);
        tracing::error!(
            policies,
            generation,
            hash,
            broken,
            kept,
            error = complaint,
            "some policies do not load; the others are in force"
        );
    }

    /// Reads the folders every `interval` and loads when anything in them changed. Runs until dropped.
    pub async fn watch(
        self: Arc<Self>,
        paths: Vec<PathBuf>,
        load: Loader,
        board: Board,
        interval: Duration,
        clock: Clock,
    ) {
        let (paths, load) = (Arc::new(paths), Arc::new(load));
        // what was loaded at the start may be older than what is there now: the first look only remembers
        // what it saw together with a load
        let mut seen = None;
        loop {
            let (policies, board, load) = (self.clone(), board.clone(), load.clone());
            let (paths, clock) = (paths.clone(), clock.clone());
            let looked = tokio::task::spawn_blocking(move || {
                let before = fingerprint(&paths);
                if seen == Some(before) {
                    return seen;
                }
                // an error is on the board; here only the state of the files counts
                let _ = policies.load(&load, &board, clock());
                // changed while being read: look again next time
                (fingerprint(&paths) == before).then_some(before)
            });
            seen = looked.await.unwrap_or_default();
            tokio::time::sleep(interval).await;
        }
    }
}

/// Bounds of what is looked through, should somebody point at `/`.
const MAX_DEPTH: usize = 16;
const MAX_PATHS: usize = 20_000;
const MAX_FILE: u64 = 16 << 20;

/// Of names and contents of all files below the paths, symlinks followed, `..data` and its like left out (each of
/// their files is seen through its link). Contents rather than times: a ConfigMap volume is swapped as a whole, and
/// `git checkout` or `kubectl cp` may keep times.
#[must_use]
pub fn fingerprint(paths: &[PathBuf]) -> u64 {
    let mut hasher = DefaultHasher::new();
    let mut left = MAX_PATHS;
    for path in paths {
        visit(path, 0, &mut left, &mut hasher);
    }
    hasher.finish()
}

fn visit(path: &Path, depth: usize, left: &mut usize, hasher: &mut DefaultHasher) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    path.hash(hasher);
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_dir() && depth < MAX_DEPTH => {
            let Ok(entries) = std::fs::read_dir(path) else { return };
            let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            entries.retain(|path| {
                !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."))
            });
            entries.sort();
            for entry in entries {
                visit(&entry, depth + 1, left, hasher);
            }
        }
        Ok(meta) if meta.is_file() => match meta.len() <= MAX_FILE {
            true => std::fs::read(path).ok().hash(hasher),
            false => (meta.len(), meta.modified().ok()).hash(hasher),
        },
        Ok(_) => {}
        Err(error) => error.kind().hash(hasher),
    }
}

/// Serves the pair in two files, looked at every `interval`. Runs until dropped.
pub async fn watch_certificate(mut files: Files, slot: Arc<Slot>, board: Board, interval: Duration) {
    loop {
        let looked = tokio::task::spawn_blocking(move || {
            let polled = files.poll();
            (files, polled)
        })
        .await;
        let Ok((back, polled)) = looked else { return };
        files = back;
        match polled {
            None => {}
            Some(Ok(pair)) => serve(&slot, pair, &board),
            Some(Err(error)) => {
                board.metrics.certificate(Err(()));
                match slot.get() {
                    Some(kept) => {
                        let detail =
                            format!("valid until {}; the newest cannot be served: {error}", kept.until());
                        board.readiness.report("certificate", true, detail);
                    }
                    None => board.readiness.report("certificate", false, error.to_string()),
                }
                tracing::error!(%error, kept = slot.get().is_some(), "the certificate cannot be served; the old one is kept");
            }
        }
        tokio::time::sleep(interval).await;
    }
}

/// Serves leaves of our own authority and renews them when due. `publish` gets the bundle whenever it changes; who
/// trusts it is taken to read it again within [`SETTLE`]. There is no other replica. Runs until dropped.
pub async fn watch_authority(
    mut material: Material,
    names: Names,
    slot: Arc<Slot>,
    board: Board,
    interval: Duration,
    clock: Clock,
    publish: impl Fn(&Material),
) {
    let mut published = clock();
    loop {
        tokio::time::sleep(interval).await;
        loop {
            let now = clock();
            let settled = now.duration_since(published).is_ok_and(|since| since >= SETTLE);
            let others = Others { trust_the_bundle: settled, serve_the_leaf: true };
            match material.step(&names, now, others) {
                Ok(Rotation::Nothing) => break,
                Ok(step) => {
                    tracing::info!(?step, "own certificates changed");
                    if matches!(
                        step,
                        Rotation::NewAuthority | Rotation::OldAuthorityGone | Rotation::StartedOver
                    ) {
                        published = now;
                        publish(&material);
                    }
                    serve_material(&slot, &material, &board);
                }
                Err(error) => {
                    board.metrics.certificate(Err(()));
                    tracing::error!(%error, "own certificates cannot be renewed");
                    break;
                }
            }
        }
    }
}

/// Puts the material's leaf in force, if it can be served.
pub fn serve_material(slot: &Slot, material: &Material, board: &Board) -> bool {
    match material.pair() {
        Ok(pair) => {
            serve(slot, pair, board);
            true
        }
        Err(error) => {
            board.metrics.certificate(Err(()));
            tracing::error!(%error, "own certificate cannot be served");
            false
        }
    }
}

/// Puts a pair in force.
pub fn serve(slot: &Slot, pair: super::certificate::Pair, board: &Board) {
    let until = pair.until();
    tracing::info!(serial = pair.serial, until, "certificate in force");
    board.metrics.certificate(Ok(pair.not_after));
    board.readiness.report("certificate", true, format!("valid until {until}"));
    slot.put(pair);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::review::{Answer, Endpoint, ReviewRequest};

    #[test]
    fn a_fingerprint_changes_with_names_and_contents_only() {
        let dir = tempfile::tempdir().unwrap();
        let (root, file) = (vec![dir.path().to_owned()], dir.path().join("sub/a.yaml"));
        let mut seen = vec![fingerprint(&root)];
        let mut changed = |what: &str, expected: bool| {
            let now = fingerprint(&root);
            assert_eq!(*seen.last().unwrap() != now, expected, "{what}");
            seen.push(now);
        };
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(&file, "a").unwrap();
        changed("a new file", true);
        fs::write(&file, "a").unwrap();
        changed("written again", false);
        fs::write(&file, "b").unwrap();
        changed("same length, other content", true);
        fs::rename(&file, file.with_file_name("c.yaml")).unwrap();
        changed("renamed", true);
        fs::create_dir(dir.path().join("..2026")).unwrap();
        fs::write(dir.path().join("..2026/x.yaml"), "x").unwrap();
        changed("what the kubelet keeps behind its links", false);
        std::os::unix::fs::symlink("..2026", dir.path().join("..data")).unwrap();
        changed("the link itself", false);
        std::os::unix::fs::symlink("..data/x.yaml", dir.path().join("x.yaml")).unwrap();
        changed("a file through the links", true);
        std::os::unix::fs::symlink(dir.path(), dir.path().join("loop")).unwrap();
        changed("a loop ends", true);
        fs::remove_dir_all(dir.path()).unwrap();
        changed("gone", true);
    }

    struct Yes;
    impl Judge for Yes {
        fn judge(&self, _: Endpoint, _: &ReviewRequest<'_>, _: std::time::Instant) -> Answer {
            Answer::allow()
        }
    }

    #[test]
    fn the_last_good_policies_are_kept() {
        let calls = Arc::new(AtomicUsize::new(0));
        let count = calls.clone();
        let load: Loader = Box::new(move || match count.fetch_add(1, Ordering::Relaxed) {
            0 => Err(LoadError("p.yaml:3: no such field".into())),
            1 => Ok(InForce::whole(Arc::new(Yes), 7, "ab")),
            2 => panic!("bug"),
            _ => Err(LoadError("p.yaml:4: broken".into())),
        });
        let board = Board { readiness: Readiness::default(), metrics: Arc::default() };
        let policies = Policies::default();
        let mut texts = Vec::new();
        for _ in 0..4 {
            let _ = policies.load(&load, &board, UNIX_EPOCH);
            texts.push((policies.judge().is_some(), board.readiness.is_ready(), board.readiness.text()));
        }
        let row = |judge, ready, text: &str| (judge, ready, text.to_owned());
        assert_eq!(
            texts,
            [
                row(false, false, "[-] policies: do not load: p.yaml:3: no such field\n"),
                row(true, true, "[+] generation: 1, hash ab\n[+] policies: 7 in force\n"),
                row(
                    true,
                    true,
                    "[+] generation: 1, hash ab\n[+] policies: 7 in force; the newest do not load: internal error while loading policies\n"
                ),
                row(
                    true,
                    true,
                    "[+] generation: 1, hash ab\n[+] policies: 7 in force; the newest do not load: p.yaml:4: broken\n"
                ),
            ]
        );
        let text = board.metrics.text();
        assert!(text.contains("plimsoll_policies 7\n"), "{text}");
        assert!(text.contains("plimsoll_policy_last_reload_successful 0\n"));
        assert!(text.contains("plimsoll_policy_reloads_total{result=\"error\"} 3\n"));
    }
}

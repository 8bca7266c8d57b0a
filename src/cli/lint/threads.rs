//! How many threads a run takes.

use std::fs;

/// Reading and judging so little takes less than starting the threads that would do it.
const LITTLE: u64 = 32 << 10;

/// Has the run do everything on this thread, where its files are few and small. It has to be said before anything runs.
pub(super) fn settle(paths: &[String]) {
    let size = |path: &String| fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len());
    let is_little = paths.iter().map(size).sum::<Option<u64>>().is_some_and(|all| all <= LITTLE);
    if is_little {
        // where threads have been started already, these will do
        let _ = rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build_global();
    }
}

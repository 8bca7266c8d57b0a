//! How far a long run has come: a line on standard error that is gone when the run ends.
//!
//! One line that is written ten times a second by a thread of its own, and not before a second has passed: a library for
//! bars would be more than all of it.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, OnceLock};
use std::thread::{JoinHandle, spawn};
use std::time::Duration;

/// A run that takes no longer needs no line.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a line stands before the next one.
const TICK: Duration = Duration::from_millis(100);
/// To the first column, and away with what stands there.
const CLEAR: &str = "\r\x1b[2K";

/// How far it has come.
#[derive(Debug, Default)]
struct Counter {
    done: AtomicUsize,
    /// How many manifests there are, once all files are read.
    all: OnceLock<usize>,
}

impl Counter {
    fn line(&self) -> String {
        let done = self.done.load(Ordering::Relaxed);
        match self.all.get() {
            None => "reading files".to_owned(),
            Some(all) if done < *all => format!("judging: {done} of {all} objects"),
            Some(_) => "writing the report".to_owned(),
        }
    }
}

/// The line of a run. It goes when this is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    counter: Arc<Counter>,
    shown: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// On standard error where that is a terminal that can take a line back, and unless the run is quiet.
    pub(super) fn of_run(quiet: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match !quiet && !dumb && io::stderr().is_terminal() {
            true => Self::shown(PATIENCE, io::stderr()),
            false => Self { counter: Arc::default(), shown: None },
        }
    }

    fn shown(patience: Duration, mut out: impl Write + Send + 'static) -> Self {
        let counter = Arc::<Counter>::default();
        let (end, ended) = channel::<()>();
        let counted = Arc::clone(&counter);
        let thread = spawn(move || {
            let mut wait = patience;
            let mut written = false;
            while ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                written |= write!(out, "{CLEAR}{}", counted.line()).and_then(|()| out.flush()).is_ok();
                wait = TICK;
            }
            if written {
                let _ = write!(out, "{CLEAR}").and_then(|()| out.flush());
            }
        });
        Self { counter, shown: Some((end, thread)) }
    }

    /// All files are read, and hold so many manifests.
    pub(super) fn read(&self, manifests: usize) {
        let _ = self.counter.all.set(manifests);
    }

    /// One more is judged.
    pub(super) fn judged(&self) {
        self.counter.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((end, thread)) = self.shown.take() {
            drop(end);
            // what is written next must not be taken away by a late line
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Screen {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }

        /// Waits until a line stands there.
        fn shows(&self, line: &str) {
            for _ in 0..500 {
                if self.text().ends_with(&format!("{CLEAR}{line}")) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            panic!("{line}: {:?}", self.text());
        }
    }

    #[test]
    fn a_long_run_says_how_far_it_has_come_and_leaves_nothing_behind() {
        let screen = Screen::default();
        let progress = Progress::shown(Duration::ZERO, screen.clone());
        screen.shows("reading files");
        progress.read(2);
        progress.judged();
        screen.shows("judging: 1 of 2 objects");
        progress.judged();
        screen.shows("writing the report");
        drop(progress);
        assert!(screen.text().ends_with(CLEAR), "{:?}", screen.text());
    }

    #[test]
    fn a_short_run_says_nothing() {
        let screen = Screen::default();
        let progress = Progress::shown(Duration::from_secs(3600), screen.clone());
        progress.read(1);
        drop(progress);
        assert_eq!(screen.text(), "");
    }
}

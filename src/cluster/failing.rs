//! How long a watch has failed: the one clock for the age of what is known and for when it is an answer no more.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A watch that fails says so at least this often: the longest pause before it is tried again, and the time to connect,
/// twice. One that is silent for longer watches; the API server need not say anything when it does.
const SILENT: Duration = Duration::from_secs(120);

/// When a watch began to fail, and when it last did.
#[derive(Debug, Default)]
pub struct Failing(Mutex<Option<(Instant, Instant)>>);

impl Failing {
    /// The API server has told something: what failed before is forgotten.
    pub fn heard(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The API server could not be asked, or did not answer; says for how long that has been so without success in
    /// between.
    pub fn failed(&self, now: Instant) -> Duration {
        let mut failing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = failing.filter(|(_, last)| goes_on(*last, now)).map_or(now, |(since, _)| since);
        *failing = Some((since, now));
        now.duration_since(since)
    }

    /// When it began to fail, if it does so still.
    #[must_use]
    pub fn since(&self, now: Instant) -> Option<Instant> {
        let failing = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        failing.filter(|(_, last)| goes_on(*last, now)).map(|(since, _)| since)
    }

    /// When it began to fail the last time, whether or not it does so still.
    #[must_use]
    pub fn began(&self) -> Option<Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).map(|(since, _)| since)
    }
}

fn goes_on(last: Instant, now: Instant) -> bool {
    now.duration_since(last) < SILENT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_forgotten_by_success_and_by_silence() {
        let (failing, start) = (Failing::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let failed = |seconds| failing.failed(at(seconds)).as_secs();
        assert_eq!(failing.since(start), None);
        assert_eq!(failed(0), 0, "once");
        assert_eq!((failed(60), failed(170), failed(280), failed(310)), (60, 170, 280, 310), "it goes on");
        assert_eq!(failing.since(at(320)), Some(start));
        failing.heard();
        assert_eq!((failing.since(at(320)), failing.began()), (None, None));
        assert_eq!(failed(330), 0, "told in between");
        // one failure, and then a watch in silence
        assert_eq!((failing.since(at(460)), failing.began()), (None, Some(at(330))));
        assert_eq!(failed(1_000), 0, "which is not the failure of before");
        assert_eq!(failed(1_100), 100);
    }
}

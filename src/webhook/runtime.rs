//! How long a thread has run.

use std::time::Duration;

/// How long this thread has run, since some time in the past. What it has waited, for a core or for anything else, is not
/// counted where the system tells it apart.
#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub(super) fn thread_has_run() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.try_into().unwrap_or_default()
}

/// As above; here it is not told apart.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(super) fn thread_has_run() -> Duration {
    static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    START.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(any(target_os = "linux", target_vendor = "apple"))]
    fn waiting_is_not_running() {
        let before = thread_has_run();
        std::thread::sleep(Duration::from_millis(100));
        assert!(thread_has_run() - before < Duration::from_millis(50));
        let began = std::time::Instant::now();
        while thread_has_run() - before < Duration::from_millis(60) {
            assert!(began.elapsed() < Duration::from_secs(20), "a thread that counts to itself runs");
            std::hint::spin_loop();
        }
    }
}

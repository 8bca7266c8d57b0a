//! What every input must end within, whatever it is: a second, and what libFuzzer's `-rss_limit_mb` leaves.

use std::fs;
use std::time::{Duration, Instant};

/// What one input may cost.
const LIMIT: Duration = Duration::from_secs(1);

/// Runs it. Where that took longer than a second it is run again by the processor's clock, so that neither a busy machine
/// nor what is made only once counts.
pub fn within_a_second<T>(run: impl Fn() -> T) -> T {
    let began = Instant::now();
    let result = run();
    if began.elapsed() <= LIMIT {
        return result;
    }
    let before = processor_time();
    let result = run();
    if let (Some(before), Some(after)) = (before, processor_time()) {
        let took = after.saturating_sub(before);
        assert!(took <= LIMIT, "one input takes {took:?} of the processor");
    }
    result
}

/// Of all threads of the process (`utime` and `stime` of proc(5), in hundredths of a second).
fn processor_time() -> Option<Duration> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(11).map(str::parse::<u64>);
    let (user, system) = (fields.next()?.ok()?, fields.next()?.ok()?);
    Some(Duration::from_millis(10 * (user + system)))
}

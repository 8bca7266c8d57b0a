//! The `plimsoll` binary: everything is in the library.

use std::process::ExitCode;

/// musl's own heap has one lock for all threads, and gives back what is freed at once: by it, what is published for Linux took
/// twice the time (docs/performance.md).
#[cfg(target_env = "musl")]
#[global_allocator]
static HEAP: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    plimsoll::cli::run()
}

//! Room for recursion that is known to be deep.
//!
//! Almost every expression nests a few levels. The parser's limits allow some thousands in hostile text; those run on a
//! thread of their own whose stack is as large as their depth asks for.

use std::thread;

use super::error::EvalError;

/// Up to this depth the caller's stack is enough (half of 2 MiB in a debug build).
pub(super) const SHALLOW: u32 = 120;

/// What one level may take, generously.
const LEVEL: usize = 12 << 10;

/// Deeper than this nothing is evaluated.
pub(super) const DEEPEST: u32 = 20_000;

/// Runs the function where the stack has room for this many levels.
pub(super) fn with_room<R: Send>(levels: u32, run: impl FnOnce() -> R + Send) -> Result<R, EvalError> {
    if levels <= SHALLOW {
        return Ok(run());
    }
    if levels > DEEPEST {
        return Err(EvalError::Resources);
    }
    thread::scope(|scope| {
        let size = (levels as usize + 64) * LEVEL;
        let thread = thread::Builder::new().name("cel-deep".to_owned()).stack_size(size);
        let handle = thread.spawn_scoped(scope, run).map_err(|_| EvalError::Resources)?;
        handle.join().map_err(|panic| std::panic::resume_unwind(panic))
    })
}

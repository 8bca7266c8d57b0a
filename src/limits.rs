//! Every limit that whoever asks can run into, in one place: what an evaluation may cost, how much is said of it, and what
//! connections and bodies may take. `docs/reliability.md` has them as a table, with what happens beyond each.
//!
//! The rule behind all of them: whoever may create an object chooses how large it is and how often a rule finds
//! something in it, and pays for nothing. So nothing that we say, keep or wait for grows with it.

use std::time::Duration;

// ---- what is found --------------------------------------------------------------------------------------------------

/// Findings of one rule about one request, in the webhook. The rule is not run further once it has found so many; what was
/// not looked at is counted. Offline there is no such limit: a report is for mending all of it.
pub const FINDINGS_PER_RULE: usize = 50;
/// Characters of one finding's message.
pub const FINDING_RUNES: usize = 1_000;

// ---- what is answered -----------------------------------------------------------------------------------------------

/// Bytes of an answer, its patch aside: the API server keeps it in its response, its log and its audit log.
pub const ANSWER_BYTES: usize = 64 << 10;
/// Bytes of the message of a denial.
pub const MESSAGE_BYTES: usize = 4 << 10;
/// `status.details.causes` of a denial.
pub const CAUSES: usize = 20;
/// Bytes of a cause's message, and of its field.
pub const CAUSE_BYTES: usize = 512;
/// Bytes of one audit annotation, and of all of them together.
pub const ANNOTATION_BYTES: usize = 4 << 10;
/// See [`ANNOTATION_BYTES`].
pub const ANNOTATIONS_BYTES: usize = 16 << 10;
/// Characters of all warnings that the API server shows.
pub const WARNINGS_RUNES: usize = 4_096;
/// Bytes of a review's uid: the API server makes UUIDs, and every answer repeats it.
pub const UID_BYTES: usize = 256;

// ---- what an evaluation may cost ------------------------------------------------------------------------------------

/// How deep an object may be nested that is judged by the webhook; the API server itself stops at 10,000.
pub const DEPTH: usize = 500;
/// The longest `?timeout` that is granted, as the API server grants no longer one
/// (`apimachinery` `pkg/apis/admissionregistration/validation`: `timeoutSeconds` is 1 to 30).
pub const TIMEOUT: Duration = Duration::from_secs(30);
/// Where a call has no `?timeout`: the API server's own default.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

// ---- what is looked up ----------------------------------------------------------------------------------------------

/// How long the start waits for the objects of a kind that policies look up. After that the kind is *unknown* until it
/// could be read.
pub const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How long what was known of a kind stands for what is, while its watch fails.
pub const STALE: Duration = Duration::from_secs(300);

// ---- what connections and bodies take -------------------------------------------------------------------------------

/// Open connections.
pub const CONNECTIONS: usize = 4_096;
/// What one peer address may have of them, where others want some: one of so many parts.
pub const PEER_SHARE: usize = 2;
/// What one peer address may have of them on which nothing was asked yet: one of so many parts.
pub const SILENT_SHARE: usize = 4;
/// Bytes that a connection may buffer of a request's head.
pub const HEAD_BYTES: usize = 16 << 10;
/// Bytes of a body. The API server sends 3 MB each for object and oldObject, and protobuf grows as JSON.
pub const BODY_BYTES: usize = 16 << 20;
/// Bytes that all bodies share, where the container's memory has no limit.
pub const BODIES_BYTES: usize = 128 << 20;
/// The part of the container's memory limit that bodies share: each is read, parsed and judged, which takes three to four
/// times its size.
pub const BODIES_PART: u64 = 4;

/// The text, at most so many bytes of it.
#[must_use]
pub fn cut(mut text: String, bytes: usize) -> String {
    const MARK: &str = "…";
    if text.len() > bytes {
        let mut at = bytes.saturating_sub(MARK.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.truncate(at);
        text.truncate(text.trim_end().len());
        text.push_str(MARK);
    }
    text
}

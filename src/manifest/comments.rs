//! Comments that speak to this program.

/// The word by which a comment speaks to this program.
pub(crate) const WORD: &str = "plimsoll";

/// Whether a comment begins with the word.
pub(crate) fn is_addressed(comment: &str) -> bool {
    let text = comment.trim_start_matches('#').trim_start();
    text.get(..WORD.len()).is_some_and(|start| start.eq_ignore_ascii_case(WORD))
}

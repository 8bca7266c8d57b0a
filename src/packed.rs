//! Texts that are part of the program and that few runs read: `build.rs` compresses them, or everybody would download them
//! at their full length.

/// The text that a file of the build's output folder holds (`packed!("policy.json")`, as `build.rs` names it); inflated
/// anew each time.
macro_rules! packed {
    ($name:literal) => {
        $crate::packed::inflate(include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".deflate")))
    };
}

pub(crate) use packed;

/// Empty where the bytes are not what `build.rs` wrote, which tests would see.
pub(crate) fn inflate(packed: &[u8]) -> String {
    let text = miniz_oxide::inflate::decompress_to_vec(packed).unwrap_or_default();
    String::from_utf8(text).unwrap_or_default()
}

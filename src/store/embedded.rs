//! The policy library that is part of the binary: everything under `policies/` but examples and tests.

include!(concat!(env!("OUT_DIR"), "/embedded_policies.rs"));

/// The files of the library: path below `policies/`, and text, in the order of the paths.
#[must_use]
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// The tests of the library: path below `policies/`, and text, in the order of the paths.
#[must_use]
pub fn tests() -> &'static [(&'static str, &'static str)] {
    TESTS
}

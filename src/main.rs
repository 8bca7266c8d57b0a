//! The `plimsoll` binary: everything is in the library.

fn main() {}

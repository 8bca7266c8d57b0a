//! What Kubernetes itself answered to many thousand expressions, where these answers lie beside the project.
#![allow(clippy::unwrap_used)]

mod checking;
mod library;

use std::path::{Path, PathBuf};

/// The folder of the answers; `None`, and said, where it is missing.
fn vectors() -> Option<PathBuf> {
    let root = std::env::var_os("PLIMSOLL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let dev = root.join("vectors/cel/dev");
    if dev.is_dir() {
        return Some(dev);
    }
    eprintln!("SKIPPED: no golden vectors at {}", dev.display());
    None
}

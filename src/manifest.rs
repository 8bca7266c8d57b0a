//! From bytes to documents.
//!
//! ```text
//! paths ─▶ walk ─▶ decode ─▶ Sources (texts, lines)
//!                               │ borrowed by
//!                split ─▶ compose ─▶ unroll ─▶ Inventory: documents, manifests, ledger, notices
//!                json ────────────────┘
//! ```
//!
//! YAML is read as kubectl reads it, because that is what reaches the cluster: see [`scalar`] for what a
//! scalar is, [`split`] for where a document ends, [`compose`] for keys, aliases and merge keys.

pub mod chosen;
pub mod codes;
mod comments;
mod copies;
pub mod decode;
pub mod emit;
mod fence;
pub mod inventory;
pub mod json;
mod kubeadm;
pub mod kustomize;
pub mod notice;
pub mod placeholder;
pub mod source;
pub mod template;
pub mod unroll;
mod untyped;
pub mod walk;

pub(crate) use comments::WORD;
pub use inventory::{
    Comment, DocumentError, DocumentId, FileOutcome, FileRecord, Inventory, LoadError, LoadedDocument,
    Manifest,
};
pub use kubernetes_yaml::{compose, scalar, split};
pub use notice::{Notice, NoticeCode};
pub use source::{FileId, Position, SourceFile, Sources, Stamp};
pub use walk::{ReadLimits, STDIN, read_chosen, read_sources, stamps};

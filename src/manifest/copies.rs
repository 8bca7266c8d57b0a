//! Files that say what another file says.
//!
//! Repositories that keep what is rendered for each of their clusters hold most of it many times. Such a file is read once,
//! and its documents are those of all of them.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::kustomize;
use super::source::{Content, FileId, SourceFile};

/// What decides how a file is read, beside its text.
#[derive(PartialEq, Eq, Hash)]
struct Reading<'s> {
    text: &'s str,
    in_chart: bool,
    walked: bool,
    is_kustomization: bool,
}

/// For each file the first that says the same and is read in the same way: itself, where there is none before it.
pub(super) fn firsts(files: &[(FileId, &SourceFile)]) -> Vec<usize> {
    let mut known: HashMap<Reading<'_>, usize, RandomState> =
        HashMap::with_capacity_and_hasher(files.len(), RandomState::default());
    let mut firsts = Vec::with_capacity(files.len());
    for (at, (_, file)) in files.iter().enumerate() {
        firsts.push(match file.content() {
            Content::Text(text) => {
                let (in_chart, walked) = (file.in_chart, file.walked);
                let is_kustomization = kustomize::is_kustomization(file.path());
                *known.entry(Reading { text, in_chart, walked, is_kustomization }).or_insert(at)
            }
            Content::Ignored | Content::Unreadable(_) => at,
        });
    }
    firsts
}

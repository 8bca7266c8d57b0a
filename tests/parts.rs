//! Of a large input, only what others look up in its objects is held: what is found is the same, to the last word.

#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;

use plimsoll::apiserver::ApiServer;
use plimsoll::cel::profile::Profile;
use plimsoll::finding::{Finding, ObjectId};
use plimsoll::manifest::{Inventory, ReadLimits, read_sources};
use plimsoll::offline::{Asking, Canonical, Offline, Parts};
use plimsoll::resource::workload::TemplatePaths;
use plimsoll::store::load::{PolicySources, load};
use plimsoll::store::set::{Adjustments, PolicySet};

fn library() -> PolicySet {
    let loaded = load(&PolicySources { embedded: true, paths: Vec::new(), profile: Profile::NEWEST });
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    loaded.into_set(&Adjustments::default(), TemplatePaths::default())
}

/// What is found below a folder, where the first so many nodes are held whole.
fn found(set: &PolicySet, folder: &Path, complete: bool, whole: Option<usize>) -> Vec<(ObjectId, Finding)> {
    let folder = folder.to_str().unwrap().to_owned();
    let sources = read_sources(&[folder], &mut io::empty(), ReadLimits::default());
    let inventory = Inventory::load(&sources);
    let asking = Asking { complete, ..Asking::default() };
    let mut server = ApiServer::new(36);
    inventory.manifests().iter().for_each(|manifest| server.learn(inventory.object(manifest)));
    let parts = whole.map(|whole| Parts::behind(whole, [set].into_iter()).unwrap());
    let canonical = Canonical::in_parts(&inventory, None, &asking, &server, parts.as_ref());
    Offline::over(&inventory, None, &asking, Some(&canonical)).judge_all(set)
}

#[test]
fn what_is_found_is_the_same() {
    let (set, root) = (library(), Path::new(env!("CARGO_MANIFEST_DIR")));
    let folders =
        ["tests/well-made", "benches/corpus", "policies", "../shared/corpora", "../shared/manifests"];
    let mut compared = 0;
    for folder in folders.map(|folder| root.join(folder)).into_iter().filter(|folder| folder.exists()) {
        for complete in [false, true] {
            let whole = found(&set, &folder, complete, None);
            for nodes in [0, 2000] {
                let parts = found(&set, &folder, complete, Some(nodes));
                let differ = whole.iter().zip(&parts).find(|(whole, part)| whole != part);
                assert!(
                    differ.is_none() && whole.len() == parts.len(),
                    "{} behind {nodes} nodes, {} and {}: {differ:#?}",
                    folder.display(),
                    whole.len(),
                    parts.len()
                );
            }
            compared += whole.len();
        }
    }
    assert!(compared > 100, "{compared}");
}

//! Kinds about storage.

pub(crate) mod claims;
mod classes;
pub(crate) mod csi;
pub(crate) mod diff;
pub(crate) mod sources;
pub(crate) mod volumes;
pub(crate) mod warnings;

use super::{Rules, Submitted};
use crate::field::Causes;

const fn of(kind: &'static str, namespaced: bool, check: for<'d> fn(&Submitted<'d>, &mut Causes)) -> Rules {
    Rules { group: "storage.k8s.io", kind, namespaced, check, warn: None }
}

/// The kinds of this file.
pub const RULES: &[Rules] = &[
    Rules {
        warn: Some(|it, warnings| warnings::storage_class(it.at, warnings)),
        ..of("StorageClass", false, |it, causes| classes::storage_class(it.at, it.old, causes))
    },
    of("VolumeAttributesClass", false, |it, causes| classes::volume_attributes_class(it.at, it.old, causes)),
    Rules {
        warn: Some(|it, warnings| warnings::driver(it.at, it.old, warnings)),
        ..of("CSIDriver", false, |it, causes| csi::driver(it.at, it.old, causes))
    },
    of("CSINode", false, |it, causes| csi::node(it.at, it.old, causes)),
    Rules {
        warn: Some(|it, warnings| warnings::storage_capacity(it.at, warnings)),
        ..of("CSIStorageCapacity", true, |it, causes| csi::storage_capacity(it.at, it.old, causes))
    },
    of("VolumeAttachment", false, |it, causes| csi::volume_attachment(it.at, it.old, causes)),
];

//! Which replica serves which leaf, stated by the replicas themselves in the Secret that holds the leaf.
//!
//! A replica that ends in order strikes itself off. One that vanishes cannot, and no clock tells a replica that is
//! gone from one that the API server does not hear of and still calls: its entry counts until its leaf has expired,
//! since after that nobody could be served by it. An old authority that stays in the bundle a few weeks longer costs
//! nothing.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::ByteString;
use serde::{Deserialize, Serialize};

use crate::webhook::authority::LEAF_LIFE;

use super::Data;

/// The entry of the Secret.
const KEY: &str = "serving";

/// A leaf that is served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Its serial number.
    pub serial: String,
    /// When it expires, in seconds since 1970.
    pub not_after: i64,
}

/// The leaf that each replica serves, by the replica's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roll(BTreeMap<String, Entry>);

impl Roll {
    /// From the Secret, without leaves that have expired. A roll that cannot be read may have held anything: somebody
    /// unknown then counts for as long as any leaf of now.
    pub(super) fn read(data: &Data, now: SystemTime) -> Self {
        let Some(ByteString(bytes)) = data.get(KEY) else { return Roll::default() };
        let mut roll = serde_json::from_slice::<Roll>(bytes).unwrap_or_else(|error| {
            tracing::error!(%error, "the roll of replicas cannot be read and begins anew");
            let not_after = seconds(now).saturating_add_unsigned(LEAF_LIFE.as_secs());
            Roll(BTreeMap::from([("unknown".to_owned(), Entry { serial: String::new(), not_after })]))
        });
        roll.0.retain(|_, entry| entry.not_after > seconds(now));
        roll
    }

    /// Into the Secret.
    pub(super) fn write(&self, data: &mut Data) {
        let bytes = serde_json::to_vec(self).expect("names and numbers can be written");
        data.insert(KEY.to_owned(), ByteString(bytes));
    }

    /// This replica serves this leaf.
    pub fn state(&mut self, identity: &str, leaf: Entry) {
        self.0.insert(identity.to_owned(), leaf);
    }

    /// This replica serves nothing any more; whether it was on the roll.
    pub fn strike_off(&mut self, identity: &str) -> bool {
        self.0.remove(identity).is_some()
    }

    /// Whether nobody serves another leaf that is still good.
    #[must_use]
    pub fn all_serve(&self, leaf: &Entry, now: SystemTime) -> bool {
        self.0.values().all(|entry| entry.serial == leaf.serial || entry.not_after <= seconds(now))
    }
}

fn seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    i64::try_from(since).unwrap_or(i64::MAX)
}

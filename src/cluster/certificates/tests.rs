#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::time::UNIX_EPOCH;

use super::*;
use crate::webhook::authority::{AUTHORITY_LIFE, LEAF_LIFE, SETTLE};

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// Replicas over one Secret, at a time that the test sets.
struct House {
    now: SystemTime,
    secret: Data,
    /// What each replica has in its slot.
    serving: BTreeMap<&'static str, Material>,
    /// What callers trust, and since when.
    trusted: Option<Held>,
}

impl House {
    fn new(replicas: &[&'static str]) -> Self {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let mut house = House { now, secret: Data::new(), serving: BTreeMap::new(), trusted: None };
        replicas.iter().for_each(|name| house.look(name, true));
        house
    }

    /// The replica looks at the Secret, and serves what is there. Only the leader knows what callers trust.
    fn look(&mut self, name: &'static str, leads: bool) {
        let terms = Terms { identity: name.to_owned(), names: Names::local(), settle: SETTLE };
        let serving = self.serving.get(name).map(|material| Entry::of(&material.pair().unwrap()));
        let trusted = |bundle: &str| {
            let held = self.trusted.as_ref().filter(|_| leads);
            held.is_some_and(|held| held.has_settled(bundle, self.now, SETTLE))
        };
        let Turn { material, write } = turn(&self.secret, &terms, serving, None, self.now, trusted).unwrap();
        self.secret = write.unwrap_or(std::mem::take(&mut self.secret));
        self.serving.insert(name, material);
    }

    /// The leader writes the bundle into the registration, and sees it there.
    fn register(&mut self) {
        let bundle = text(&self.secret, "ca.crt").unwrap().to_owned();
        let since = self.trusted.as_ref().filter(|held| held.bundle == bundle).map(|held| held.since);
        self.trusted = Some(Held { bundle, since: since.unwrap_or(self.now), seen: self.now });
    }

    fn seconds(&self) -> i64 {
        i64::try_from(self.now.duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
    }

    /// How many authorities are in the Secret.
    fn authorities(&self) -> usize {
        text(&self.secret, "ca.crt").unwrap().matches("BEGIN CERTIFICATE").count()
    }

    fn leaf(&self) -> &str {
        text(&self.secret, "tls.crt").unwrap()
    }

    fn roll(&self) -> BTreeSet<String> {
        serde_json::from_slice::<BTreeMap<String, Entry>>(&self.secret["serving"].0)
            .unwrap()
            .into_keys()
            .collect()
    }

    /// Lets the time pass in which the replicas look now and then and the first of them leads.
    fn pass(&mut self, time: Duration, every: Duration, replicas: &[&'static str]) {
        let until = self.now + time;
        while self.now < until {
            self.now += every;
            self.register();
            for (at, name) in replicas.iter().enumerate() {
                self.look(name, at == 0);
            }
            self.callers_trust_what_is_served();
        }
    }

    fn callers_trust_what_is_served(&mut self) {
        let held = self.trusted.as_ref().unwrap();
        for (name, material) in &self.serving {
            let expired = material.pair().unwrap().not_after <= self.seconds();
            let mut authorities = held.bundle.split_inclusive("-----END CERTIFICATE-----\n");
            let trusted = authorities.any(|ca| signed(ca, material.leaf_pem()));
            assert!(expired || trusted, "{name} serves what callers do not trust: {material:?}");
        }
    }
}

fn signed(ca: &str, leaf: &str) -> bool {
    let der = |pem: &str| x509_parser::pem::Pem::iter_from_buffer(pem.as_bytes()).next().unwrap().unwrap();
    let (ca, leaf) = (der(ca), der(leaf));
    let (ca, leaf) = (ca.parse_x509().unwrap(), leaf.parse_x509().unwrap());
    leaf.issuer() == ca.subject()
}

/// Until the authority is due.
fn due() -> Duration {
    AUTHORITY_LIFE / 3 * 2
}

#[test]
fn replicas_share_one_leaf_and_state_it() {
    let mut house = House::new(&["a", "b"]);
    assert_eq!(house.serving["a"], house.serving["b"]);
    assert_eq!(house.roll(), BTreeSet::from(["a".to_owned(), "b".to_owned()]));
    // nothing is written where nothing changes
    let before = house.secret.clone();
    house.pass(DAY, 60 * MINUTE, &["a", "b"]);
    assert_eq!(house.secret, before);
    let leaf = house.leaf().to_owned();
    house.pass(60 * DAY, DAY, &["a", "b"]);
    assert_ne!(house.leaf(), leaf, "renewed");
    assert_eq!(house.roll().len(), 2);
}

#[test]
fn a_rotation_ends_when_every_replica_has_moved_and_not_before() {
    let mut house = House::new(&["a", "b"]);
    house.pass(due(), 20 * DAY, &["a", "b"]);
    assert_eq!(house.authorities(), 2);
    let leaf = house.leaf().to_owned();
    // callers are told, and then get their time
    house.pass(MINUTE, MINUTE, &["a", "b"]);
    house.pass(SETTLE - 2 * MINUTE, MINUTE, &["a", "b"]);
    assert_eq!(house.leaf(), leaf, "not every caller may have noticed yet");
    // the leader goes on alone: the other does not look any more
    house.pass(3 * MINUTE, MINUTE, &["a"]);
    assert_ne!(house.leaf(), leaf);
    house.pass(5 * DAY, 60 * MINUTE, &["a"]);
    assert_eq!(house.authorities(), 2, "b still serves the old leaf");
    house.pass(MINUTE, MINUTE, &["a", "b"]);
    // b serves the new leaf, and has had no occasion to say so
    assert_eq!(house.authorities(), 2);
    house.pass(MINUTE, MINUTE, &["a", "b"]);
    assert_eq!(house.authorities(), 1, "all have moved");
    house.pass(MINUTE, MINUTE, &["a", "b"]);
}

#[test]
fn leaves_come_from_the_new_authority_only_once_callers_are_known_to_trust_it() {
    let mut house = House::new(&["a", "b"]);
    house.pass(due(), 20 * DAY, &["a", "b"]);
    assert_eq!(house.authorities(), 2);
    let signer = |house: &House| text(&house.secret, "signer").unwrap().to_owned();
    // the registration cannot be written, or is reset by somebody again and again
    let told = house.trusted.clone();
    for _ in 0..100 {
        house.now += DAY;
        house.trusted = told.clone();
        house.look("a", true);
        house.look("b", false);
        house.callers_trust_what_is_served();
    }
    assert_eq!(signer(&house), "0");
    // nobody knows where nobody leads
    for _ in 0..100 {
        house.now += MINUTE;
        house.register();
        house.look("a", false);
        house.look("b", false);
    }
    assert_eq!(signer(&house), "0");
    house.now += MINUTE;
    house.register();
    house.look("b", true);
    assert_eq!(signer(&house), "1");
}

#[test]
fn a_replica_that_vanished_counts_until_its_leaf_has_expired() {
    let mut house = House::new(&["a", "b", "c"]);
    house.pass(due(), 20 * DAY, &["a", "b", "c"]);
    house.pass(MINUTE, MINUTE, &["a", "b", "c"]);
    let last = house.serving["b"].pair().unwrap().not_after;
    // b vanishes; c ends in order
    let mut roll = Roll::read(&house.secret, house.now);
    assert!(roll.strike_off("c") && !roll.strike_off("c"));
    roll.write(&mut house.secret);
    house.serving.remove("c");
    house.pass(SETTLE + MINUTE, MINUTE, &["a"]);
    while house.authorities() == 2 {
        assert!(house.seconds() < last, "b's leaf has expired");
        house.pass(DAY, DAY, &["a"]);
    }
    assert!(house.seconds() >= last, "b might still have been asked");
    assert_eq!(house.roll(), BTreeSet::from(["a".to_owned()]));
}

#[test]
fn who_comes_in_the_middle_of_a_rotation_serves_the_leaf_of_then() {
    let mut house = House::new(&["a"]);
    house.pass(due(), 20 * DAY, &["a"]);
    house.look("b", false);
    assert_eq!(house.roll().len(), 2, "on the roll before it serves");
    house.pass(MINUTE, MINUTE, &["a"]);
    house.pass(SETTLE + MINUTE, MINUTE, &["a"]);
    assert_eq!(text(&house.secret, "signer"), Some("1"));
    house.look("c", false);
    house.pass(MINUTE, MINUTE, &["a"]);
    assert_eq!(house.authorities(), 2, "b was there before");
    house.pass(2 * MINUTE, MINUTE, &["a", "b"]);
    assert_eq!(house.authorities(), 1);
}

#[test]
fn a_roll_that_cannot_be_read_is_not_taken_for_an_empty_one() {
    let mut house = House::new(&["a"]);
    house.secret.insert("serving".to_owned(), ByteString(b"{broken".to_vec()));
    let roll = Roll::read(&house.secret, house.now);
    let leaf = Entry::of(&house.serving["a"].pair().unwrap());
    assert!(!roll.all_serve(&leaf, house.now));
    assert!(roll.all_serve(&leaf, house.now + LEAF_LIFE));
    house.look("a", true);
    assert_eq!(house.roll(), BTreeSet::from(["a".to_owned(), "unknown".to_owned()]));
}

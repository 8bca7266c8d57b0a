#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

use super::*;

const DAY: Duration = Duration::from_secs(86_400);
const START: Duration = Duration::from_secs(1_800_000_000);

fn at(after: Duration) -> SystemTime {
    UNIX_EPOCH + START + after
}

/// Nothing is known of anybody.
const UNKNOWN: Others = Others { trust_the_bundle: false, serve_the_leaf: false };

/// As the API server would verify it, at that time, for that name.
fn trusted(bundle: &str, leaf: &str, name: &str, after: Duration) -> bool {
    let mut roots = rustls::RootCertStore::empty();
    for ca in CertificateDer::pem_slice_iter(bundle.as_bytes()) {
        roots.add(ca.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
    let leaf = CertificateDer::from_pem_slice(leaf.as_bytes()).unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    verifier.verify_server_cert(&leaf, &[], &name, &[], UnixTime::since_unix_epoch(START + after)).is_ok()
}

#[test]
fn a_leaf_is_good_for_the_service_and_this_machine_for_90_days() {
    let names = Names::of_service("plimsoll", "guard").unwrap();
    let material = Material::new(&names, at(Duration::ZERO)).unwrap();
    let good = |name: &str, after| trusted(&material.bundle_pem(), material.leaf_pem(), name, after);
    for name in ["plimsoll.guard.svc", "plimsoll.guard.svc.cluster.local", "localhost", "127.0.0.1", "::1"] {
        assert!(good(name, DAY), "{name}");
    }
    assert!(!good("plimsoll.other.svc", DAY));
    assert!(good("localhost", 89 * DAY) && !good("localhost", 91 * DAY));
    let bad = Names::of_service("plim soll", "guard").unwrap_err();
    assert!(matches!(bad, AuthorityError::BadName(name) if name == "plim soll"));
}

#[test]
fn a_leaf_is_renewed_at_two_thirds_and_when_names_change() {
    let names = Names::local();
    let mut material = Material::new(&names, at(Duration::ZERO)).unwrap();
    assert_eq!(material.step(&names, at(59 * DAY), UNKNOWN).unwrap(), Rotation::Nothing);
    let before = material.clone();
    assert_eq!(material.step(&names, at(60 * DAY), UNKNOWN).unwrap(), Rotation::NewLeaf);
    assert_ne!(material.leaf_pem(), before.leaf_pem());
    assert_eq!(material.bundle_pem(), before.bundle_pem());
    assert!(trusted(&material.bundle_pem(), material.leaf_pem(), "localhost", 149 * DAY));
    let service = Names::of_service("s", "n").unwrap();
    assert_eq!(material.step(&service, at(61 * DAY), UNKNOWN).unwrap(), Rotation::NewLeaf);
    assert_eq!(material.step(&service, at(61 * DAY), UNKNOWN).unwrap(), Rotation::Nothing);
    assert!(trusted(&material.bundle_pem(), material.leaf_pem(), "s.n.svc", 61 * DAY));
}

#[test]
fn a_rotation_waits_for_callers_and_for_replicas() {
    let names = Names::local();
    let mut material = Material::new(&names, at(Duration::ZERO)).unwrap();
    let due = AUTHORITY_LIFE / 3 * 2;
    let mut step = |after, trust_the_bundle, serve_the_leaf| {
        let before = material.clone();
        let step = material.step(&names, at(after), Others { trust_the_bundle, serve_the_leaf }).unwrap();
        // who knows only the state before trusts the leaf of now, and who knows only that of now the leaf before
        assert!(trusted(&before.bundle_pem(), material.leaf_pem(), "localhost", after), "{step:?}");
        // (a leaf that is renewed may have expired long ago)
        let still = trusted(&material.bundle_pem(), before.leaf_pem(), "localhost", after);
        assert!(still || step == Rotation::NewLeaf, "{step:?}");
        (step, material.authorities.len())
    };
    assert_eq!(step(due - DAY, true, true), (Rotation::NewLeaf, 1));
    assert_eq!(step(due, true, true), (Rotation::NewAuthority, 2));
    // the leaf is renewed by the old authority for as long as somebody may not trust the new one
    for (after, expected) in
        [(0, Rotation::Nothing), (59, Rotation::NewLeaf), (60, Rotation::Nothing), (118, Rotation::Nothing)]
    {
        assert_eq!(step(due + after * DAY, false, true), (expected, 2), "{after}");
    }
    assert_eq!(step(due + 118 * DAY, true, false), (Rotation::NewSigner, 2));
    // and the old one stays for as long as somebody may serve a leaf from it
    for (after, expected) in [(118, Rotation::Nothing), (177, Rotation::Nothing), (178, Rotation::NewLeaf)] {
        assert_eq!(step(due + after * DAY, true, false), (expected, 2), "{after}");
    }
    assert_eq!(step(due + 179 * DAY, true, true), (Rotation::OldAuthorityGone, 1));
    assert_eq!(step(due + 179 * DAY, true, true), (Rotation::Nothing, 1));
}

#[test]
fn an_authority_that_has_expired_is_waited_for_by_nobody() {
    let names = Names::local();
    let mut material = Material::new(&names, at(Duration::ZERO)).unwrap();
    material.step(&names, at(AUTHORITY_LIFE - DAY), UNKNOWN).unwrap();
    assert_eq!(material.step(&names, at(AUTHORITY_LIFE - DAY), UNKNOWN).unwrap(), Rotation::NewAuthority);
    assert_eq!(material.step(&names, at(AUTHORITY_LIFE), UNKNOWN).unwrap(), Rotation::NewSigner);
    assert!(trusted(&material.bundle_pem(), material.leaf_pem(), "localhost", AUTHORITY_LIFE));
}

#[test]
fn after_years_of_absence_everything_is_new() {
    let names = Names::local();
    let mut material = Material::new(&names, at(Duration::ZERO)).unwrap();
    let late = 2 * AUTHORITY_LIFE;
    assert_eq!(material.step(&names, at(late), UNKNOWN).unwrap(), Rotation::StartedOver);
    assert!(trusted(&material.bundle_pem(), material.leaf_pem(), "localhost", late));
    assert_eq!(material.step(&names, at(late), UNKNOWN).unwrap(), Rotation::Nothing);
}

#[test]
fn survives_being_stored() {
    let names = Names::of_service("s", "n").unwrap();
    let mut material = Material::new(&names, at(Duration::ZERO)).unwrap();
    let due = AUTHORITY_LIFE / 3 * 2;
    material.step(&names, at(due), UNKNOWN).unwrap();
    assert_eq!(material.step(&names, at(due), UNKNOWN).unwrap(), Rotation::NewAuthority);
    let data = material.to_data();
    let back = Material::from_data(|key| data.get(key).map(String::as_str)).unwrap();
    assert_eq!(back, material);
    let missing = Material::from_data(|key| data.get(key).map(String::as_str).filter(|_| key != "tls.key"));
    assert!(matches!(missing, Err(AuthorityError::Missing("tls.key"))));
    assert!(!format!("{back:?}").contains("PRIVATE"));
}

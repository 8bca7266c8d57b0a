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
    assert_eq!(material.step(&names, at(59 * DAY)).unwrap(), Step::Nothing);
    let before = material.clone();
    assert_eq!(material.step(&names, at(60 * DAY)).unwrap(), Step::NewLeaf);
    assert_ne!(material.leaf_pem(), before.leaf_pem());
    assert_eq!(material.bundle_pem(), before.bundle_pem());
    assert!(trusted(&material.bundle_pem(), material.leaf_pem(), "localhost", 149 * DAY));
    let service = Names::of_service("s", "n").unwrap();
    assert_eq!(material.step(&service, at(61 * DAY)).unwrap(), Step::NewLeaf);
    assert_eq!(material.step(&service, at(61 * DAY)).unwrap(), Step::Nothing);
    assert!(trusted(&material.bundle_pem(), material.leaf_pem(), "s.n.svc", 61 * DAY));
}

#[test]
fn a_rotation_never_leaves_a_caller_without_trust() {
    let names = Names::local();
    let mut material = Material::new(&names, at(Duration::ZERO)).unwrap();
    let (mut time, mut steps) = (Duration::ZERO, Vec::new());
    // what a caller that polls every 20 minutes, and a replica that polls every 20 minutes, hold
    let (mut bundle, mut leaf) = (material.bundle_pem(), material.leaf_pem().to_owned());
    while time < AUTHORITY_LIFE + 30 * DAY {
        // coarse through the quiet years, fine while a rotation is on
        time += if material.authorities.len() == 2 { SETTLE / 3 } else { 5 * DAY };
        assert!(trusted(&bundle, &leaf, "localhost", time), "{time:?} {material:?}");
        let step = material.step(&names, at(time)).unwrap();
        // the caller may know the new state while the replica serves the old one, and the other way round
        assert!(trusted(&material.bundle_pem(), &leaf, "localhost", time), "{step:?}");
        assert!(trusted(&bundle, material.leaf_pem(), "localhost", time), "{step:?}");
        (bundle, leaf) = (material.bundle_pem(), material.leaf_pem().to_owned());
        if !matches!(step, Step::Nothing | Step::NewLeaf) {
            steps.push(step);
        }
    }
    assert_eq!(steps, [Step::NewAuthority, Step::NewSigner, Step::OldAuthorityGone]);
}

#[test]
fn after_years_of_absence_everything_is_new() {
    let names = Names::local();
    let mut material = Material::new(&names, at(Duration::ZERO)).unwrap();
    let late = 2 * AUTHORITY_LIFE;
    assert_eq!(material.step(&names, at(late)).unwrap(), Step::StartedOver);
    assert!(trusted(&material.bundle_pem(), material.leaf_pem(), "localhost", late));
    assert_eq!(material.step(&names, at(late)).unwrap(), Step::Nothing);
}

#[test]
fn survives_being_stored() {
    let names = Names::of_service("s", "n").unwrap();
    let mut material = Material::new(&names, at(Duration::ZERO)).unwrap();
    let due = AUTHORITY_LIFE / 3 * 2;
    material.step(&names, at(due)).unwrap();
    assert_eq!(material.step(&names, at(due)).unwrap(), Step::NewAuthority);
    let data = material.to_data();
    let back = Material::from_data(|key| data.get(key).map(String::as_str)).unwrap();
    assert_eq!(back, material);
    let missing = Material::from_data(|key| data.get(key).map(String::as_str).filter(|_| key != "tls.key"));
    assert!(matches!(missing, Err(AuthorityError::Missing("tls.key"))));
    assert!(!format!("{back:?}").contains("PRIVATE"));
}

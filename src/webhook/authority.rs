//! Our own certificate authority, for installations that have no cert-manager.
//!
//! ```text
//! CA 1 ────────────────────────── 10 years ─────────────────────────▶
//!   leaf ── 90 days ──▶  at 60 days the next leaf, and so on
//!                                         two thirds: CA 2 joins the bundle ──▶
//!                                           every caller trusts both: leaves from CA 2
//!                                             every replica serves such a leaf: CA 1 leaves the bundle
//! ```
//!
//! The bundle holds two CAs for as long as any caller may know only the old one or any replica may still serve an old
//! leaf. [`Material::step`] is a function of the state, the time and what is known of [`Others`], so that whoever
//! keeps the state (memory here, a Secret in the cluster) only has to call it now and then.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use x509_parser::pem::Pem;

/// 10 years.
pub const AUTHORITY_LIFE: Duration = Duration::from_secs(3_650 * 86_400);
/// 90 days.
pub const LEAF_LIFE: Duration = Duration::from_secs(90 * 86_400);
/// How long a new authority is in everybody's bundle before leaves come from it: until every API server has noticed,
/// which nobody can see from outside.
pub const SETTLE: Duration = Duration::from_secs(3_600);
/// Clocks differ: certificates begin a little before they are made.
const BACKDATE: Duration = Duration::from_secs(3_600);

/// What can go wrong with our own certificates.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A certificate could not be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// A name is not one that a certificate can carry.
    #[error("{0:?} is not a DNS name")]
    BadName(String),
    /// Stored material lacks an entry.
    #[error("the stored certificates have no {0}")]
    Missing(&'static str),
    /// A stored certificate cannot be read.
    #[error("the stored {0} cannot be read")]
    Unreadable(&'static str),
}

/// What the leaf is valid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    dns: Vec<String>,
}

impl Names {
    /// `<service>.<namespace>.svc`, which the API server asks for, and what else may be used to reach a Service; and
    /// this machine, for probes and forwarded ports.
    ///
    /// # Errors
    /// A name that no certificate can carry.
    pub fn of_service(service: &str, namespace: &str) -> Result<Self, AuthorityError> {
        let label = |text: &str| {
            let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            match !text.is_empty() && text.len() <= 63 && text.bytes().all(fine) {
                true => Ok(()),
                false => Err(AuthorityError::BadName(text.to_owned())),
            }
        };
        label(service)?;
        label(namespace)?;
        let svc = format!("{service}.{namespace}.svc");
        Ok(Names { dns: vec![svc.clone(), format!("{svc}.cluster.local"), "localhost".to_owned()] })
    }

    /// This machine only.
    #[must_use]
    pub fn local() -> Self {
        Names { dns: vec!["localhost".to_owned()] }
    }

    fn subject_alt_names(&self) -> Result<Vec<SanType>, AuthorityError> {
        let mut names = Vec::new();
        for name in &self.dns {
            let name = name.as_str().try_into().map_err(|_| AuthorityError::BadName(name.clone()))?;
            names.push(SanType::DnsName(name));
        }
        names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        names.push(SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        Ok(names)
    }
}

/// A certificate with its key, and its times in seconds since 1970.
#[derive(Clone, PartialEq, Eq)]
struct Signed {
    pem: String,
    key_pem: String,
    made: u64,
    not_after: u64,
}

/// The authorities, oldest first, and the leaf. Everything a Secret has to hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Material {
    /// One, or two while rotating.
    authorities: Vec<Signed>,
    leaf: Signed,
    /// Which of the authorities signed the leaf.
    signer: usize,
    names: Names,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authorities, leaf, signer, names } = self;
        f.debug_struct("Material")
            .field("authorities", &authorities.len())
            .field("signer", signer)
            .field("leaf_not_after", &leaf.not_after)
            .field("names", names)
            .finish_non_exhaustive()
    }
}

/// What a rotation must know of others before it goes on. Not known is `false`: then it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Others {
    /// Everybody who calls has trusted the whole bundle for [long enough](SETTLE).
    pub trust_the_bundle: bool,
    /// Every replica serves the leaf of now.
    pub serve_the_leaf: bool,
}

/// What a [step](Material::step) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// Nothing is due.
    Nothing,
    /// A new leaf from the same authority.
    NewLeaf,
    /// A second authority joined the bundle; the leaf is as it was.
    NewAuthority,
    /// The leaf is from the new authority now.
    NewSigner,
    /// The old authority left the bundle.
    OldAuthorityGone,
    /// Everything had expired and is new.
    StartedOver,
}

impl Material {
    /// A new authority and a leaf from it.
    ///
    /// # Errors
    /// A certificate that could not be made.
    pub fn new(names: &Names, now: SystemTime) -> Result<Self, AuthorityError> {
        let now = seconds(now);
        let authority = make_authority(now)?;
        let leaf = make_leaf(&authority, names, now)?;
        Ok(Material { authorities: vec![authority], leaf, signer: 0, names: names.clone() })
    }

    /// Does the one thing that is due now, if any. Call it again, with what is known then, until it says
    /// [`Rotation::Nothing`].
    ///
    /// # Errors
    /// A certificate that could not be made.
    pub fn step(
        &mut self,
        names: &Names,
        now: SystemTime,
        others: Others,
    ) -> Result<Rotation, AuthorityError> {
        let time = seconds(now);
        let newest = self.authorities.len() - 1;
        if time >= self.authorities[newest].not_after {
            *self = Material::new(names, now)?;
            return Ok(Rotation::StartedOver);
        }
        let signer_expired = time >= self.authorities[self.signer].not_after;
        if self.signer != newest && (others.trust_the_bundle || signer_expired) {
            self.leaf = make_leaf(&self.authorities[newest], names, time)?;
            (self.signer, self.names) = (newest, names.clone());
            return Ok(Rotation::NewSigner);
        }
        if newest > 0 && self.signer == newest && others.serve_the_leaf {
            self.authorities.drain(..newest);
            self.signer = 0;
            return Ok(Rotation::OldAuthorityGone);
        }
        if two_thirds(&self.leaf, time) || self.names != *names {
            self.leaf = make_leaf(&self.authorities[self.signer], names, time)?;
            self.names = names.clone();
            return Ok(Rotation::NewLeaf);
        }
        if newest == 0 && two_thirds(&self.authorities[0], time) {
            self.authorities.push(make_authority(time)?);
            return Ok(Rotation::NewAuthority);
        }
        Ok(Rotation::Nothing)
    }

    /// What `caBundle` must hold: all authorities, newest first.
    #[must_use]
    pub fn bundle_pem(&self) -> String {
        self.authorities.iter().rev().map(|authority| authority.pem.as_str()).collect()
    }

    /// The leaf's certificate.
    #[must_use]
    pub fn leaf_pem(&self) -> &str {
        &self.leaf.pem
    }

    /// The leaf's private key.
    #[must_use]
    pub fn leaf_key_pem(&self) -> &str {
        &self.leaf.key_pem
    }

    /// The pair to serve.
    ///
    /// # Errors
    /// Stored material that does not fit together.
    pub fn pair(&self) -> Result<super::certificate::Pair, super::certificate::CertificateError> {
        super::certificate::Pair::from_pem(self.leaf.pem.as_bytes(), self.leaf.key_pem.as_bytes())
    }

    /// For a Secret: `ca.crt` is the bundle, `tls.crt` and `tls.key` the leaf; the rest is what [`step`](Self::step)
    /// needs. Private keys are among it.
    #[must_use]
    pub fn to_data(&self) -> BTreeMap<&'static str, String> {
        let mut data = BTreeMap::from([
            ("ca.crt", self.bundle_pem()),
            ("tls.crt", self.leaf.pem.clone()),
            ("tls.key", self.leaf.key_pem.clone()),
            ("signer", self.signer.to_string()),
            ("names", self.names.dns.join(",")),
        ]);
        for (authority, (crt, key)) in self.authorities.iter().zip([STORED[0], STORED[1]]) {
            data.insert(crt, authority.pem.clone());
            data.insert(key, authority.key_pem.clone());
        }
        data
    }

    /// Back from what [`to_data`](Self::to_data) gave.
    ///
    /// # Errors
    /// An entry that is missing or cannot be read.
    pub fn from_data<'d>(get: impl Fn(&str) -> Option<&'d str>) -> Result<Self, AuthorityError> {
        let entry = |name: &'static str| get(name).ok_or(AuthorityError::Missing(name));
        let signed = |crt: &'static str, key: &'static str, life: Duration| -> Result<_, AuthorityError> {
            let (pem, key_pem) = (entry(crt)?.to_owned(), entry(key)?.to_owned());
            let not_after = not_after(&pem).ok_or(AuthorityError::Unreadable(crt))?;
            KeyPair::from_pem(&key_pem).map_err(|_| AuthorityError::Unreadable(key))?;
            Ok(Signed { pem, key_pem, made: not_after.saturating_sub(life.as_secs()), not_after })
        };
        let mut authorities = vec![signed(STORED[0].0, STORED[0].1, AUTHORITY_LIFE)?];
        if get(STORED[1].0).is_some() {
            authorities.push(signed(STORED[1].0, STORED[1].1, AUTHORITY_LIFE)?);
        }
        let leaf = signed("tls.crt", "tls.key", LEAF_LIFE)?;
        let signer = entry("signer")?.parse().ok().filter(|at| *at < authorities.len());
        let signer = signer.ok_or(AuthorityError::Unreadable("signer"))?;
        let names = Names { dns: entry("names")?.split(',').map(str::to_owned).collect() };
        Ok(Material { authorities, leaf, signer, names })
    }
}

const STORED: [(&str, &str); 2] =
    [("authority-0.crt", "authority-0.key"), ("authority-1.crt", "authority-1.key")];

fn two_thirds(signed: &Signed, now: u64) -> bool {
    now >= signed.made + (signed.not_after - signed.made) / 3 * 2
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn not_after(pem: &str) -> Option<u64> {
    let pem = Pem::iter_from_buffer(pem.as_bytes()).next()?.ok()?;
    u64::try_from(pem.parse_x509().ok()?.validity().not_after.timestamp()).ok()
}

fn params(common_name: String, now: u64, life: Duration) -> CertificateParams {
    let at = |seconds: u64| date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds);
    let mut params = CertificateParams::default();
    params.not_before = at(now.saturating_sub(BACKDATE.as_secs()));
    params.not_after = at(now + life.as_secs());
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn authority_params(now: u64) -> CertificateParams {
    // the time tells two authorities apart, for verifiers look up issuers by name
    let mut params = params(format!("plimsoll webhook CA {now}"), now, AUTHORITY_LIFE);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// P-256: a handshake costs 0.2 ms with it, and 0.6 ms with RSA-2048.
fn make_key() -> Result<KeyPair, AuthorityError> {
    Ok(KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?)
}

fn make_authority(now: u64) -> Result<Signed, AuthorityError> {
    let key = make_key()?;
    let certificate = authority_params(now).self_signed(&key)?;
    let not_after = now + AUTHORITY_LIFE.as_secs();
    Ok(Signed { pem: certificate.pem(), key_pem: key.serialize_pem(), made: now, not_after })
}

fn make_leaf(authority: &Signed, names: &Names, now: u64) -> Result<Signed, AuthorityError> {
    let issuer = Issuer::from_ca_cert_pem(&authority.pem, KeyPair::from_pem(&authority.key_pem)?)?;
    let mut params = params(names.dns[0].chars().take(64).collect(), now, LEAF_LIFE);
    params.subject_alt_names = names.subject_alt_names()?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = make_key()?;
    let certificate = params.signed_by(&key, &issuer)?;
    let not_after = now + LEAF_LIFE.as_secs();
    Ok(Signed { pem: certificate.pem(), key_pem: key.serialize_pem(), made: now, not_after })
}

#[cfg(test)]
mod tests;

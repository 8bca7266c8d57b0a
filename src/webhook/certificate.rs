//! The served certificate: read from two files or made by our own [authority](super::authority), swapped while
//! connections come in.
//!
//! The `ServerConfig` stays for good (session tickets live in it); only the pair behind its resolver changes. A pair
//! is refused, and the old one kept, when anything about it is wrong.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::callers::Callers;

/// Why a pair of certificate and key is not served.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Unreadable {
        /// The file that was given.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The certificate file is not PEM.
    #[error("the certificate file is not PEM: {0}")]
    NotPem(rustls::pki_types::pem::Error),
    /// No CERTIFICATE section.
    #[error("the certificate file holds no certificate")]
    NoCertificate,
    /// The certificate is not X.509.
    #[error("the certificate cannot be read: {0}")]
    NotX509(String),
    /// No private key, or one that is not PKCS#8, PKCS#1 or SEC1. The parser's words are left out: they could quote it.
    #[error("the key file holds no private key in PKCS#8, PKCS#1 or SEC1 form")]
    NoKey,
    /// The key's algorithm or size is not supported.
    #[error("the private key cannot be used: {0}")]
    UnusableKey(rustls::Error),
    /// The key is for another certificate.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
}

/// A certificate chain with its key, checked to belong together.
#[derive(Clone)]
pub struct Pair {
    key: Arc<CertifiedKey>,
    /// When the leaf expires, in seconds since 1970.
    pub not_after: i64,
    /// The leaf's serial number in hexadecimal, for logs.
    pub serial: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key: _, not_after, serial } = self;
        f.debug_struct("Pair").field("not_after", not_after).field("serial", serial).finish_non_exhaustive()
    }
}

impl Pair {
    /// From the bytes of `tls.crt` (leaf first, then intermediates) and `tls.key`.
    ///
    /// An expired certificate is accepted: a clock may be wrong, and an API server that still trusts it is better
    /// served than refused. `not_after` is exported for alerts.
    ///
    /// # Errors
    /// What is no PEM or X.509, a key that cannot be used, and one that is of another certificate.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let chain = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(CertificateError::NotPem)?;
        let leaf = chain.first().ok_or(CertificateError::NoCertificate)?;
        let (_, parsed) =
            X509Certificate::from_der(leaf).map_err(|e| CertificateError::NotX509(e.to_string()))?;
        let not_after = parsed.validity().not_after.timestamp();
        let serial = parsed.raw_serial().iter().map(|byte| format!("{byte:02x}")).collect();
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| CertificateError::NoKey)?;
        let key =
            rustls::crypto::ring::sign::any_supported_type(&key).map_err(CertificateError::UnusableKey)?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            Ok(()) => Ok(Pair { key: Arc::new(key), not_after, serial }),
            Err(rustls::Error::InconsistentKeys(_)) => Err(CertificateError::KeyMismatch),
            Err(error) => Err(CertificateError::NotX509(error.to_string())),
        }
    }

    /// When the leaf expires, as a date.
    #[must_use]
    pub fn until(&self) -> String {
        chrono::DateTime::from_timestamp(self.not_after, 0)
            .map_or_else(|| self.not_after.to_string(), |at| at.format("%Y-%m-%dT%H:%M:%SZ").to_string())
    }
}

/// The place of the pair that new handshakes get. Empty at first: handshakes fail until a pair is put in.
#[derive(Debug, Default)]
pub struct Slot(ArcSwapOption<Pair>);

impl Slot {
    /// Puts in a pair for all handshakes from now on.
    pub fn put(&self, pair: Pair) {
        self.0.store(Some(Arc::new(pair)));
    }

    /// The pair in force.
    #[must_use]
    pub fn get(&self) -> Option<Arc<Pair>> {
        self.0.load_full()
    }
}

impl ResolvesServerCert for Slot {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.load().as_ref().map(|pair| pair.key.clone())
    }
}

/// The server's side of TLS: 1.2 and 1.3 on ring, HTTP/1.1 offered (the API server speaks nothing else to a
/// webhook behind a Service), session tickets. With `callers` only clients with a certificate of theirs get through,
/// and sessions are not resumed: a session outlives the CA by which it was begun, and nobody looks at its certificate
/// again.
///
/// # Panics
///
/// Never: ring supports both versions.
#[must_use]
pub fn server_config(slot: Arc<Slot>, callers: Option<Arc<Callers>>) -> Arc<rustls::ServerConfig> {
    let resumed = callers.is_none();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring supports TLS 1.2 and 1.3");
    let mut config = match callers {
        Some(callers) => config.with_client_cert_verifier(callers),
        None => config.with_no_client_auth(),
    }
    .with_cert_resolver(slot);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    if !resumed {
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
    } else if let Ok(ticketer) = rustls::crypto::ring::Ticketer::new() {
        config.ticketer = ticketer;
        config.send_tls13_tickets = 1;
    }
    Arc::new(config)
}

/// Two files and the bytes last seen in them.
///
/// They are read again and compared rather than watched: a Secret volume is swapped through the `..data` symlink,
/// and a watch on the file behind it fires once and never again.
#[derive(Debug)]
pub struct Files {
    certificate: PathBuf,
    key: PathBuf,
    seen: Option<Digest>,
}

type Digest = (u64, u64);

impl Files {
    /// Of these paths; nothing is read yet.
    #[must_use]
    pub fn new(certificate: PathBuf, key: PathBuf) -> Self {
        Files { certificate, key, seen: None }
    }

    /// The pair, if the files changed since the last call; `None` if not. A failure is reported once for each
    /// state of the files that fails.
    pub fn poll(&mut self) -> Option<Result<Pair, CertificateError>> {
        let read = (read(&self.certificate), read(&self.key));
        let digest = (digest(&read.0), digest(&read.1));
        if self.seen == Some(digest) {
            return None;
        }
        self.seen = Some(digest);
        Some(match read {
            (Ok(certificate), Ok(key)) => Pair::from_pem(&certificate, &key),
            (Err(error), _) | (_, Err(error)) => Err(error),
        })
    }
}

/// Certificates and keys are small; a larger file is a mistake.
const MAX_FILE: u64 = 1 << 20;

pub(super) fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes))
        .map_err(|source| CertificateError::Unreadable { path: path.to_owned(), source })?;
    Ok(bytes)
}

/// Of the content, or of the kind of failure. Only ever compared with its own earlier value; the key itself is not
/// kept a second time.
pub(super) fn digest(read: &Result<Vec<u8>, CertificateError>) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    match read {
        Ok(bytes) => bytes.hash(&mut hasher),
        Err(error) => error.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::webhook::authority::{Material, Names};
    use std::time::{Duration, UNIX_EPOCH};

    fn material() -> Material {
        Material::new(&Names::local(), UNIX_EPOCH + Duration::from_secs(1_800_000_000)).unwrap()
    }

    #[test]
    fn refuses_what_does_not_fit_together() {
        let (one, two) = (material(), material());
        let pem = |m: &Material| (m.leaf_pem().to_owned(), m.leaf_key_pem().to_owned());
        let ((cert, key), (_, other_key)) = (pem(&one), pem(&two));
        let broken = cert.replace("\nMI", "\n!I");
        let no_x509 = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (name, cert, key, expected) in [
            (
                "a key of another certificate",
                &*cert,
                &*other_key,
                "the private key does not belong to the certificate",
            ),
            ("no certificate", "", &key, "the certificate file holds no certificate"),
            ("the two swapped", &key, &cert, "the certificate file holds no certificate"),
            ("no key", &cert, "", "the key file holds no private key in PKCS#8, PKCS#1 or SEC1 form"),
            ("half a certificate", &cert[..200], &key, "the certificate file is not PEM: "),
            ("not base64", &broken, &key, "the certificate file is not PEM: "),
            ("not X.509", no_x509, &key, "the certificate cannot be read: "),
        ] {
            let error = Pair::from_pem(cert.as_bytes(), key.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{name}: {error}");
        }
        let pair = Pair::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
        assert_eq!(pair.not_after, 1_800_000_000 + 90 * 86_400);
        assert_eq!(pair.until(), "2027-04-15T08:00:00Z");
        assert!(!format!("{pair:?}").contains("PRIVATE"));
    }

    #[test]
    fn reads_chains_and_sec1_keys() {
        let material = material();
        let chain = material.leaf_pem().to_owned() + &material.bundle_pem();
        // a P-256 key in PKCS#8 holds the SEC1 form in its OCTET STRING
        let PrivateKeyDer::Pkcs8(pkcs8) =
            PrivateKeyDer::from_pem_slice(material.leaf_key_pem().as_bytes()).unwrap()
        else {
            panic!("rcgen writes PKCS#8");
        };
        let der = pkcs8.secret_pkcs8_der();
        let at = der.windows(5).position(|w| w == [0x30, 0x6b, 0x02, 0x01, 0x01]).unwrap();
        let sec1 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der[at..at + 0x6d]);
        let sec1 = format!("-----BEGIN EC PRIVATE KEY-----\n{sec1}\n-----END EC PRIVATE KEY-----\n");
        let pair = Pair::from_pem(chain.as_bytes(), sec1.as_bytes()).unwrap();
        assert_eq!(pair.key.cert.len(), 2);
    }

    #[test]
    fn a_change_is_reported_once_and_through_the_kubelets_symlinks() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let publish = |version: &str, cert: &str, key: &str| {
            std::fs::create_dir(at(version)).unwrap();
            std::fs::write(at(version).join("tls.crt"), cert).unwrap();
            std::fs::write(at(version).join("tls.key"), key).unwrap();
            std::os::unix::fs::symlink(version, at("..data_tmp")).unwrap();
            std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
        };
        let mut files = Files::new(at("tls.crt"), at("tls.key"));
        assert!(matches!(files.poll(), Some(Err(CertificateError::Unreadable { .. }))));
        assert!(files.poll().is_none());
        for name in ["tls.crt", "tls.key"] {
            std::os::unix::fs::symlink(Path::new("..data").join(name), at(name)).unwrap();
        }
        let (one, two) = (material(), material());
        publish("..v1", one.leaf_pem(), one.leaf_key_pem());
        let first = files.poll().unwrap().unwrap().serial;
        assert!(files.poll().is_none());
        publish("..v2", two.leaf_pem(), one.leaf_key_pem());
        assert!(matches!(files.poll(), Some(Err(CertificateError::KeyMismatch))));
        assert!(files.poll().is_none());
        publish("..v3", two.leaf_pem(), two.leaf_key_pem());
        assert_ne!(files.poll().unwrap().unwrap().serial, first);
    }
}

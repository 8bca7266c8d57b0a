//! Who may ask, where `--client-ca` says so: callers with a certificate that a CA of that file signed.
//!
//! The API server shows a client certificate to a webhook where its `--admission-control-config-file` names one
//! (`apiserver/pkg/util/webhook/authentication.go`); without, anybody who reaches the port may ask what a policy
//! thinks of an object. The file is read again when it changes, and the CAs in force stay while it cannot be used. The
//! admin port, for the kubelet and Prometheus, is another one and asks for no certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};

use super::certificate::{CertificateError, digest, read};
use super::reload::Board;

/// Readiness shows this condition.
const CONDITION: &str = "client-ca";

/// Why the CAs of a file are not in force.
#[derive(Debug, thiserror::Error)]
pub enum CallersError {
    /// The file cannot be read.
    #[error("--client-ca: {0}")]
    Unreadable(#[from] CertificateError),
    /// The file is not PEM.
    #[error("--client-ca: {path} is not PEM: {reason}", path = path.display())]
    NotPem {
        /// The file that was given.
        path: PathBuf,
        /// What is wrong with it.
        reason: rustls::pki_types::pem::Error,
    },
    /// No CERTIFICATE section.
    #[error("--client-ca: {path} holds no certificate in PEM form", path = path.display())]
    Empty {
        /// The file that was given.
        path: PathBuf,
    },
    /// A certificate that signs nothing.
    #[error("--client-ca: certificate {number} of {path} cannot be used as a CA: {reason}", path = path.display())]
    Unusable {
        /// The file that was given.
        path: PathBuf,
        /// Which one, from 1.
        number: usize,
        /// What is wrong with the certificate.
        reason: rustls::Error,
    },
}

/// The CAs in force for new connections.
#[derive(Debug)]
pub struct Callers(ArcSwap<Trusted>);

/// What judges certificates.
#[derive(Debug)]
struct Trusted {
    verifier: Arc<dyn ClientCertVerifier>,
    authorities: usize,
}

impl Trusted {
    fn from_pem(pem: &[u8], path: &Path) -> Result<Self, CallersError> {
        let mut roots = RootCertStore::empty();
        for (certificate, number) in CertificateDer::pem_slice_iter(pem).zip(1..) {
            let certificate =
                certificate.map_err(|reason| CallersError::NotPem { path: path.to_owned(), reason })?;
            roots.add(certificate).map_err(|reason| CallersError::Unusable {
                path: path.to_owned(),
                number,
                reason,
            })?;
        }
        let authorities = roots.len();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            // the one way to fail without revocation lists is to have no roots
            .map_err(|_| CallersError::Empty { path: path.to_owned() })?;
        Ok(Trusted { verifier, authorities })
    }
}

/// Whether a file could be given as `--client-ca`.
///
/// # Errors
/// As for [`File::start`].
pub fn check(pem: &[u8], path: &Path) -> Result<(), CallersError> {
    Trusted::from_pem(pem, path).map(|_| ())
}

impl ClientCertVerifier for Callers {
    /// Always. Without hints a client shows whatever certificate it has; hints would have to outlive a change.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.0.load().verifier.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.load().verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.load().verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.load().verifier.supported_verify_schemes()
    }
}

/// The file of `--client-ca`, and what was last seen in it. It is read again rather than watched, as
/// [`Files`](super::certificate::Files) is.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    seen: u64,
}

impl File {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// When it cannot be read, or holds what is no CA: nobody would get in.
    pub fn start(path: PathBuf, board: &Board) -> Result<(Self, Arc<Callers>), CallersError> {
        let pem = read(&path);
        let file = File { path, seen: digest(&pem) };
        let trusted = file.trusted(pem)?;
        file.report(&trusted, board);
        Ok((file, Arc::new(Callers(ArcSwap::from_pointee(trusted)))))
    }

    fn trusted(&self, pem: Result<Vec<u8>, CertificateError>) -> Result<Trusted, CallersError> {
        Trusted::from_pem(&pem?, &self.path)
    }

    fn report(&self, trusted: &Trusted, board: &Board) {
        let path = self.path.display();
        tracing::info!(path = %path, authorities = trusted.authorities, "only callers with a certificate of --client-ca may ask");
        board.readiness.report(CONDITION, true, format!("{} from {path}", trusted.authorities));
    }

    /// Looks once: what changed and can be used is in force from now on.
    pub fn poll(&mut self, callers: &Callers, board: &Board) {
        let pem = read(&self.path);
        let now = digest(&pem);
        if std::mem::replace(&mut self.seen, now) == now {
            return;
        }
        match self.trusted(pem) {
            Ok(trusted) => {
                self.report(&trusted, board);
                callers.0.store(Arc::new(trusted));
            }
            Err(error) => {
                let kept = callers.0.load().authorities;
                tracing::error!(%error, kept, "the CAs of before stay in force");
                board.readiness.report(CONDITION, true, format!("{kept} of before; the newest: {error}"));
            }
        }
    }

    /// Goes on looking, until dropped.
    pub async fn watch(mut self, callers: Arc<Callers>, board: Board, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let (callers, board) = (callers.clone(), board.clone());
            let looked = tokio::task::spawn_blocking(move || {
                self.poll(&callers, &board);
                self
            });
            let Ok(back) = looked.await else { return };
            self = back;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

    use super::*;
    use crate::webhook::readiness::Readiness;

    /// A CA, and a certificate of it for a client.
    fn authority() -> (String, CertificateDer<'static>) {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::default();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let leaf = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        (pem, leaf.der().clone())
    }

    #[test]
    fn what_is_no_ca_is_said_and_the_last_good_ones_stay() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.crt");
        let board = Board { readiness: Readiness::default(), metrics: Arc::default() };
        let said = |text: &[u8]| {
            std::fs::write(&path, text).unwrap();
            File::start(path.clone(), &board).unwrap_err().to_string().replace(path.to_str().unwrap(), "FILE")
        };
        for (text, expected) in [
            ("", "--client-ca: FILE holds no certificate in PEM form"),
            ("no pem", "--client-ca: FILE holds no certificate in PEM form"),
            ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "--client-ca: FILE is not PEM: "),
            (
                "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "--client-ca: certificate 1 of FILE cannot be used as a CA: ",
            ),
        ] {
            let said = said(text.as_bytes());
            assert!(said.starts_with(expected), "{said}");
        }
        std::fs::remove_file(&path).unwrap();
        let missing = File::start(path.clone(), &board).unwrap_err().to_string();
        assert!(missing.starts_with("--client-ca: cannot read ") && missing.contains("ca.crt"), "{missing}");

        let at = UnixTime::since_unix_epoch(Duration::from_secs(1_800_086_400));
        let (one, two) = (authority(), authority());
        let good = |callers: &Callers, (_, leaf): &(String, CertificateDer<'static>)| {
            callers.verify_client_cert(leaf, &[], at).is_ok()
        };
        std::fs::write(&path, &one.0).unwrap();
        let (mut file, callers) = File::start(path.clone(), &board).unwrap();
        assert_eq!((good(&callers, &one), good(&callers, &two)), (true, false));
        std::fs::write(&path, "broken").unwrap();
        file.poll(&callers, &board);
        assert!(good(&callers, &one), "the last good ones stay");
        assert!(
            board.readiness.text().contains("1 of before; the newest: --client-ca: "),
            "{}",
            board.readiness.text()
        );
        assert!(board.readiness.is_ready());
        std::fs::write(&path, one.0.clone() + &two.0).unwrap();
        file.poll(&callers, &board);
        assert_eq!((good(&callers, &one), good(&callers, &two)), (true, true));
        std::fs::write(&path, &two.0).unwrap();
        file.poll(&callers, &board);
        assert_eq!((good(&callers, &one), good(&callers, &two)), (false, true));
    }
}

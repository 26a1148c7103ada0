//! TLS to PostgreSQL with libpq's meaning of sslmode, on rustls with the ring provider.

use crate::failure::{Exit, Failure};
use crate::settings::{DatabaseSettings, SslMode};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Makes a TLS connector for these settings.
///
/// # Errors
/// [`Exit::Usage`] when a root certificate is needed and there is none that can be read.
pub fn connector(settings: &DatabaseSettings) -> Result<MakeRustlsConnect, Failure> {
    let provider = Arc::new(ring::default_provider());
    // libpq: sslmode=require with a root certificate verifies it, as verify-ca does.
    let chain_only = match (settings.ssl_mode, &settings.ssl_root_cert) {
        (SslMode::VerifyCa, _) | (SslMode::Require, Some(_)) => Some(roots(settings)?),
        _ => None,
    };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Failure::new(Exit::Failed, format!("configure TLS: {error}")))?;
    let builder = match settings.ssl_mode {
        SslMode::VerifyFull => builder.with_root_certificates(roots(settings)?),
        _ => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(LenientVerifier { roots: chain_only, provider })),
    };
    let config = builder.with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn roots(settings: &DatabaseSettings) -> Result<RootCertStore, Failure> {
    let mut store = RootCertStore::empty();
    let Some(path) = &settings.ssl_root_cert else {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            return Err(Failure::new(Exit::Usage, "find the system's root certificates").hint(format!(
                "set {} to a PEM file, e.g. RDS's global-bundle.pem",
                settings.named.ssl_root_cert()
            )));
        }
        return Ok(store);
    };
    let bad = |error: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Usage,
            format!("read {} {}: {error}", settings.named.ssl_root_cert(), path.display()),
        )
    };
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| bad(&error))? {
        store.add(certificate.map_err(|error| bad(&error))?).map_err(|error| bad(&error))?;
    }
    if store.is_empty() { Err(bad(&"no certificate in it")) } else { Ok(store) }
}

/// Verifies less than rustls does by itself, as prefer, require and verify-ca ask for. The handshake's
/// signature is always verified.
#[derive(Debug)]
struct LenientVerifier {
    /// What the certificate's chain must lead to; its names do not matter. None: nothing is verified.
    roots: Option<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for LenientVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(roots) = &self.roots {
            let certificate = ParsedCertificate::try_from(end_entity)?;
            let algorithms = self.provider.signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&certificate, roots, intermediates, now, algorithms)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns whether a connection failed because the server's certificate was not acceptable.
pub fn is_certificate_error(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // tokio-rustls wraps rustls's error in an io::Error, which does not list it as its source.
        let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        if let Some(Error::InvalidCertificate(_)) = inner.and_then(|error| error.downcast_ref::<Error>()) {
            return true;
        }
        cause = error.source();
    }
    false
}

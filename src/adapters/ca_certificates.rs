//! The CA certificates of this machine, without which no server can be trusted.

use rustls::RootCertStore;

use crate::bounded_file;
use crate::failure::Failure;

/// Checks that this machine has CA certificates.
///
/// # Errors
/// SSL_CERT_FILE is not a regular file; or there is no certificate that can be used: the AWS SDK would panic
/// (aws-smithy-http-client, `rustls_root_certs`).
pub(super) fn check() -> Result<(), Failure> {
    // It would wait for the writer of a pipe, and read a device without end.
    if let Some(named) = std::env::var_os("SSL_CERT_FILE")
        && let Ok(found) = std::fs::metadata(&named)
        && let Err(error) = bounded_file::check_ends(&found)
    {
        return Err(Failure::input(format!("read SSL_CERT_FILE {}: {error}", named.display()))
            .hint("name a file of certificates in SSL_CERT_FILE, or omit it"));
    }
    let found = rustls_native_certs::load_native_certs();
    let (usable, _) = RootCertStore::empty().add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(());
    }
    Err(Failure::input("this machine has no CA certificates, so no server of AWS or GitHub can be trusted")
        .hint(
            "install the package ca-certificates, or name a file of certificates in SSL_CERT_FILE; an image `FROM \
             scratch` needs a copy of /etc/ssl/certs/ca-certificates.crt",
        )
        .evidence(found.errors.iter().map(ToString::to_string)))
}

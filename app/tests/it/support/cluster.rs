//! A PostgreSQL server: the one of TEST_DATABASE_URL, or one of our own that ends with this process.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sandbox::postgres::{Certificate, Options, Postgres};
use sandbox::real_parts::skip;
use std::env;
use tokio::sync::OnceCell;

/// A server with a certificate for `localhost`, not for 127.0.0.1.
pub struct WithTls {
    pub server: Postgres,
    /// The authority that signed its certificate, as PEM.
    pub authority: String,
    /// An authority that signed nothing.
    pub stranger: String,
}

/// The server that this test binary shares. None, after saying why, on a machine without PostgreSQL.
pub async fn shared() -> Option<&'static Postgres> {
    static SHARED: OnceCell<Option<Postgres>> = OnceCell::const_new();
    let named = env::var("TEST_DATABASE_URL").ok().filter(|url| !url.is_empty());
    let start = async || match named {
        Some(_) => {
            Some(Postgres::find_or_start(&Options { url: named, ..Options::default() }).await.unwrap())
        }
        None => own(None).await,
    };
    SHARED.get_or_init(start).await.as_ref().or_else(skipped)
}

/// A server with `ssl = on`, always our own.
pub async fn with_tls() -> Option<&'static WithTls> {
    static WITH_TLS: OnceCell<Option<WithTls>> = OnceCell::const_new();
    let start = async || {
        let (issuer, authority) = authority_called("authority");
        let (_, stranger) = authority_called("stranger");
        let key = KeyPair::generate().unwrap();
        let chain = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &issuer);
        let certificate = Certificate { chain: chain.unwrap().pem(), key: key.serialize_pem() };
        Some(WithTls { server: own(Some(certificate)).await?, authority, stranger })
    };
    WITH_TLS.get_or_init(start).await.as_ref().or_else(skipped)
}

async fn own(certificate: Option<Certificate>) -> Option<Postgres> {
    Postgres::start(&Options { certificate, ..Options::default() }).await.unwrap()
}

fn skipped<T>() -> Option<T> {
    let get = "apt-get install postgresql (or name a server in TEST_DATABASE_URL)";
    skip("PostgreSQL's initdb and postgres", get)
}

fn authority_called(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), certificate)
}

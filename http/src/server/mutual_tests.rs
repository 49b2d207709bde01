//! Clients with certificates: whom the handshake lets in, and what ends a connection.

use super::*;
use crate::tls::{self, Identity};
use axum::routing::get;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::pin::Pin;
use std::time::Instant;
use time::{Duration as Days, OffsetDateTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use tokio_rustls::client;

const DID: &str = "did:chop:aaaaaaaaaaaaaaaa:aaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq";

/// Admits until it is told otherwise.
struct Until(watch::Receiver<bool>);

impl Doorkeeper for Until {
    fn until_refused<'a>(
        &'a self,
        _peer: &'a PeerCertificate,
    ) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        let mut ended = self.0.clone();
        Box::pin(async move {
            if ended.wait_for(|ended| *ended).await.is_err() {
                pending::<()>().await;
            }
        })
    }
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::default();
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, name);
        parameters.distinguished_name = subject;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem();
        Self {
            pem,
            issuer: Issuer::new(parameters, key),
        }
    }

    fn certify(&self, purpose: ExtendedKeyUsagePurpose, days: Days) -> Identity {
        let now = OffsetDateTime::from_unix_timestamp(crate::clock::now_ms() / 1000).unwrap();
        let mut parameters = CertificateParams::default();
        parameters.not_before = now - Days::days(10);
        parameters.not_after = now + days;
        parameters.subject_alt_names = vec![SanType::URI(DID.to_owned().try_into().unwrap())];
        parameters.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

struct Started {
    address: std::net::SocketAddr,
    server: Identity,
    authority: Authority,
    end: watch::Sender<bool>,
    _serving: tokio::task::JoinHandle<()>,
}

impl Started {
    async fn new() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let server = tls::self_signed(&["localhost".to_owned()], crate::clock::now_ms()).unwrap();
        let authority = Authority::new("consortium");
        let acceptor = tls::mutual_acceptor(&server, &authority.pem).unwrap();
        let (end, ended) = watch::channel(false);
        let name = |Extension(peer): Extension<PeerCertificate>| async move {
            peer.uri().unwrap_or("nobody").to_owned()
        };
        let guests = Router::new().route("/", get(name));
        let listener = Listener::mutual(socket, acceptor, guests, Arc::new(Until(ended)));
        let serving = tokio::spawn(serve(
            vec![listener],
            Router::new().route("/", get(|| async { "everybody" })),
            ConnectionLimits::default(),
            pending(),
        ));
        Self {
            address,
            server,
            authority,
            end,
            _serving: serving,
        }
    }

    /// Connects with a certificate, or without one.
    async fn connect(
        &self,
        identity: Option<&Identity>,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.server.certificate.as_bytes()).unwrap())
            .unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(
                    vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()],
                    PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap(),
                )
                .unwrap(),
        };
        let stream = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}

/// Asks and reads the answer up to its body's end; an error when the connection is gone.
async fn ask(stream: &mut client::TlsStream<TcpStream>) -> io::Result<String> {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await?;
    let mut text = Vec::new();
    loop {
        let mut buffer = [0; 1024];
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        text.extend_from_slice(&buffer[..read]);
        let said = String::from_utf8_lossy(&text);
        if said.ends_with(DID) {
            return Ok(said.into_owned());
        }
    }
}

#[tokio::test]
async fn a_certified_client_is_known_by_its_certificate() {
    let started = Started::new().await;
    let identity = started
        .authority
        .certify(ExtendedKeyUsagePurpose::ClientAuth, Days::days(30));
    let mut stream = started.connect(Some(&identity)).await.unwrap();
    // Its own router, twice on one connection.
    for _ in 0..2 {
        assert!(ask(&mut stream).await.unwrap().starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn nobody_else_gets_a_word_in() {
    let started = Started::new().await;
    let authority = &started.authority;
    let client = ExtendedKeyUsagePurpose::ClientAuth;
    let strangers = [
        None,
        Some(Authority::new("consortium").certify(client.clone(), Days::days(30))),
        Some(authority.certify(ExtendedKeyUsagePurpose::ServerAuth, Days::days(30))),
        Some(authority.certify(client, Days::days(-1))),
    ];
    for (index, identity) in strangers.iter().enumerate() {
        // With TLS 1.3 a client learns of its refusal when it reads.
        let answer = match started.connect(identity.as_ref()).await {
            Ok(mut stream) => ask(&mut stream).await,
            Err(error) => Err(error),
        };
        assert!(answer.is_err(), "{index}: {answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_is_refused_later_loses_its_open_connection() {
    let started = Started::new().await;
    let identity = started
        .authority
        .certify(ExtendedKeyUsagePurpose::ClientAuth, Days::days(30));
    let mut stream = started.connect(Some(&identity)).await.unwrap();
    ask(&mut stream).await.unwrap();
    let since = Instant::now();
    started.end.send_replace(true);
    // It neither asks nor waits for anything, and is let go all the same.
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut [0; 16])).await;
    assert!(matches!(read, Ok(Ok(0) | Err(_))), "{read:?}");
    assert!(since.elapsed() < FAREWELL);
}

#[test]
fn an_authority_that_cannot_be_read_verifies_nobody() {
    let server = tls::self_signed(&["localhost".to_owned()], 1_790_000_000_000).unwrap();
    for authority in ["", "nonsense"] {
        assert!(tls::mutual_acceptor(&server, authority).is_err());
    }
}

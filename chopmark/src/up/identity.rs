//! The self-signed certificate of a folder: what its https listener and its member API show when nothing else is given.

use anyhow::Context as _;
use chop_http::{clock, tls};
use url::{Host, Url};

use super::folder::Folder;
use super::stack::{Ledger, Options};

/// Where the certificate and its key are kept.
const TLS_FILE: &str = "tls.json";

/// The certificate of the folder, made at the first start that needs one. Clients pin it, so it stays: a name that it lacks
/// is warned of.
///
/// # Errors
/// When the file cannot be written, or is damaged.
pub(super) fn identity(folder: &Folder, names: &[String]) -> anyhow::Result<tls::Identity> {
    let stored = if folder.has(TLS_FILE) {
        folder.read_or_create(TLS_FILE, String::new)?
    } else {
        let fresh = tls::self_signed(names, clock::now_ms())?;
        let kept =
            serde_json::json!({"certificate": fresh.certificate, "key": fresh.key, "names": names});
        folder.read_or_create(TLS_FILE, || kept.to_string())?
    };
    let stored: Stored = serde_json::from_str(&stored)
        .context("tls.json is damaged; remove it to have a new certificate made")?;
    for name in names.iter().filter(|name| !stored.names.contains(name)) {
        tracing::warn!(
            name,
            "the self-signed certificate in tls.json is not for this name; remove the file to have a new one made, which clients pin anew"
        );
    }
    Ok(tls::Identity {
        certificate: stored.certificate,
        key: stored.key,
    })
}

/// A certificate and its key as they are kept, and the names that it is for.
#[derive(serde::Deserialize)]
struct Stored {
    certificate: String,
    key: String,
    #[serde(default)]
    names: Vec<String>,
}

/// Under which names clients reach the listeners: those that the operator gave, and the addresses that are listened on.
pub(super) fn names(options: &Options) -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    let mut add = |name: String| {
        if !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    };
    if let Some(host) = options.public_url.as_ref().and_then(Url::host) {
        add(name_of(&host));
    }
    if let Ledger::Member(member) = &options.ledger
        && let Some((host, _port)) = member
            .p2p_external
            .as_deref()
            .and_then(|at| at.rsplit_once(':'))
    {
        add(host.trim_matches(['[', ']']).to_owned());
    }
    let members = options.member_api.as_ref().map(|members| members.listen);
    for listen in [options.tls_listen, members].into_iter().flatten() {
        // Nobody dials the address that stands for all of them.
        if !listen.ip().is_unspecified() {
            add(listen.ip().to_string());
        }
    }
    names
}

fn name_of(host: &Host<&str>) -> String {
    match host {
        Host::Domain(name) => (*name).to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::stack::MemberApi;
    use super::*;
    use crate::ca::der_of;
    use crate::up::Mode;
    use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

    fn options(public_url: Option<&str>, listen: &str) -> Options {
        Options {
            data: "data".into(),
            listen: "127.0.0.1:8400".parse().unwrap(),
            tls_listen: None,
            public_url: public_url.map(|url| url.parse().unwrap()),
            conformance: false,
            passphrase: None,
            trust: chop_verifier::Trust::default(),
            ledger: Ledger::Solo {
                replay: false,
                keep_blocks: None,
            },
            members: Vec::new(),
            read_model: None,
            proxies: chop_http::Proxies::default(),
            member_api: Some(MemberApi {
                listen: listen.parse().unwrap(),
                authority: String::new(),
                identity: None,
            }),
        }
    }

    #[test]
    fn a_certificate_is_for_the_names_that_clients_dial() {
        let all = options(Some("https://node.a.example"), "0.0.0.0:8402");
        assert_eq!(names(&all), ["localhost", "node.a.example"]);
        let one = options(Some("https://[2001:db8::1]:8400"), "192.0.2.7:8402");
        assert_eq!(names(&one), ["localhost", "2001:db8::1", "192.0.2.7"]);
        assert_eq!(
            names(&options(None, "127.0.0.1:1")),
            ["localhost", "127.0.0.1"]
        );
    }

    #[test]
    fn a_certificate_that_clients_pinned_stays_when_a_name_is_added() {
        let data = tempfile::tempdir().unwrap();
        let folder = Folder::open(data.path(), Mode::Standard).unwrap();
        let first = names(&options(Some("https://node.a.example"), "192.0.2.7:8402"));
        let made = identity(&folder, &first).unwrap();
        let der = der_of(made.certificate.as_bytes()).unwrap();
        let (_, read) = X509Certificate::from_der(&der).unwrap();
        let held = read.subject_alternative_name().unwrap().unwrap();
        let held = &held.value.general_names;
        assert!(
            held.contains(&GeneralName::DNSName("node.a.example")),
            "{held:?}"
        );
        assert!(
            held.contains(&GeneralName::IPAddress(&[192, 0, 2, 7])),
            "{held:?}"
        );
        let later = identity(&folder, &["other.example".to_owned()]).unwrap();
        assert_eq!(later.certificate, made.certificate);
    }
}

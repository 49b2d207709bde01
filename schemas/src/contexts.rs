//! The embedded JSON-LD contexts and the digests under which their publishers serve them.

/// Is one embedded JSON-LD context.
#[derive(Clone, Copy, Debug)]
pub struct ContextFile {
    /// The URL by which documents name it.
    pub url: &'static str,
    /// The JSON text, with `@context` as its one relevant member.
    pub text: &'static str,
    /// The digests of the bytes that its publisher serves, or has served.
    ///
    /// They are what `relatedResource` names (VC Data Model 2.0 §5.3); the embedded text may differ from those bytes in
    /// white space and order of members, never in meaning.
    pub published: &'static [PublishedDigest],
}

/// Is the digest of one published form of a context, in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedDigest {
    /// SHA-256, 64 characters.
    pub sha256: Option<&'static str>,
    /// SHA-384, 96 characters.
    pub sha384: Option<&'static str>,
}

/// Finds an embedded context's text by its URL, exactly as written.
pub fn context(url: &str) -> Option<&'static str> {
    context_file(url).map(|file| file.text)
}

/// Finds an embedded context by its URL, exactly as written.
pub fn context_file(url: &str) -> Option<&'static ContextFile> {
    CONTEXTS.iter().find(|file| file.url == url)
}

const fn sha256(digest: &'static str) -> PublishedDigest {
    PublishedDigest {
        sha256: Some(digest),
        sha384: None,
    }
}

macro_rules! file {
    ($url:literal, $path:literal) => {
        file!($url, $path, &[])
    };
    ($url:literal, $path:literal, $published:expr) => {
        ContextFile {
            url: $url,
            text: include_str!(concat!("../contexts/", $path)),
            published: $published,
        }
    };
}

/// Lists every embedded context.
pub const CONTEXTS: &[ContextFile] = &[
    file!(
        "https://www.w3.org/ns/credentials/v2",
        "credentials-v2.jsonld",
        &[
            // VC Data Model 2.0 §B.1; 10,131 bytes.
            PublishedDigest {
                sha256: Some("59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"),
                sha384: Some(
                    "97f1eb8e5042356c805fdd61afa2c557663785e0794dcafa21e138fd38def18cb360133c221aa31d6896a6bf3e65b614"
                ),
            },
            // As served in July 2024, 10,139 bytes: the W3C data model suite names this one.
            PublishedDigest {
                sha256: Some("24a18c90e9856d526111f29376e302d970b2bd10182e33959995b0207d7043b9"),
                sha384: Some(
                    "35239c36999d2155312091af194a1edb61634d6ad789a5e5b19f2aebdd762dd9d1dcaada40eda7ef921c6b8c0ae107a0"
                ),
            },
        ]
    ),
    file!(
        "https://www.w3.org/2018/credentials/v1",
        "credentials-v1.jsonld",
        &[sha256(
            "ab4ddd9a531758807a79a5b450510d61ae8d147eab966cc9a200c07095b0cdcc"
        )]
    ),
    file!(
        "https://www.w3.org/ns/credentials/examples/v2",
        "credentials-examples-v2.jsonld"
    ),
    file!(
        "https://www.w3.org/2018/credentials/examples/v1",
        "credentials-examples-v1.jsonld"
    ),
    file!(
        "https://www.w3.org/ns/credentials/undefined-terms/v2",
        "credentials-undefined-terms-v2.jsonld"
    ),
    file!(
        "https://w3id.org/security/data-integrity/v1",
        "data-integrity-v1.jsonld",
        &[sha256(
            "b5d829bd09aa7c42abc6efa0c8ed7635313b5487f37ccfce3ecd149ca9418554"
        )]
    ),
    file!(
        "https://w3id.org/security/data-integrity/v2",
        "data-integrity-v2.jsonld",
        &[sha256(
            "67f21e6e33a6c14e5ccfd2fc7865f7474fb71a04af7e94136cb399dfac8ae8f4"
        )]
    ),
    file!(
        "https://w3id.org/security/multikey/v1",
        "multikey-v1.jsonld",
        &[sha256(
            "ba2c182de2d92f7e47184bcca8fcf0beaee6d3986c527bf664c195bbc7c58597"
        )]
    ),
    file!(
        "https://w3id.org/security/jwk/v1",
        "jwk-v1.jsonld",
        &[sha256(
            "0f14b62f6071aafe00df265770ea0c7508e118247d79b7d861a406d2aa00bece"
        )]
    ),
    file!(
        "https://w3id.org/security/suites/ed25519-2020/v1",
        "ed25519-signature-2020-v1.jsonld"
    ),
    file!("https://www.w3.org/ns/did/v1", "did-v1.jsonld"),
    file!("https://w3id.org/vdl/v1", "vdl-v1.jsonld"),
    file!("https://w3id.org/citizenship/v1", "citizenship-v1.jsonld"),
    file!("https://w3id.org/citizenship/v2", "citizenship-v2.jsonld"),
    file!("https://w3id.org/citizenship/v3", "citizenship-v3.jsonld"),
    file!(
        "https://w3id.org/citizenship/v4rc1",
        "citizenship-v4rc1.jsonld"
    ),
    file!("https://chopmark.dev/ns/did-chop/v1", "did-chop-v1.jsonld"),
    ContextFile {
        url: "https://chopmark.dev/ns/apple/v1",
        text: include_str!("../scenarios/apple/contexts/v1.jsonld"),
        published: &[],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};
    use std::collections::BTreeSet;

    #[test]
    fn every_context_is_json_with_a_context_member() {
        for file in CONTEXTS {
            let value: serde_json::Value = serde_json::from_str(file.text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.url));
            assert!(
                value.get("@context").is_some(),
                "{} has no @context",
                file.url
            );
        }
    }

    #[test]
    fn no_url_stands_twice() {
        let urls: BTreeSet<_> = CONTEXTS.iter().map(|file| file.url).collect();
        assert_eq!(urls.len(), CONTEXTS.len());
    }

    #[test]
    fn the_data_integrity_contexts_have_their_published_bytes() {
        for url in [
            "https://w3id.org/security/data-integrity/v1",
            "https://w3id.org/security/data-integrity/v2",
        ] {
            let file = context_file(url).unwrap();
            let found = data_encoding::HEXLOWER.encode(&Sha256::digest(file.text));
            assert_eq!(file.published[0].sha256, Some(found.as_str()), "{url}");
        }
    }

    #[test]
    fn an_unknown_url_finds_nothing() {
        assert!(context("https://www.w3.org/ns/credentials/v3").is_none());
        assert!(context("http://www.w3.org/ns/credentials/v2").is_none());
    }
}

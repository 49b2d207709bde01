//! The registrar's request body (DIF DID Registration, Input Fields).

use chop_did::{ChopDid, Document, KeyCommitment, KeySet, UpdateKeys};
use chop_http::Problem;
use chop_integrity::json::{self, Limits};
use chop_keys::{Jwk, PublicKey};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use serde::Deserialize;
use serde_json::{Map, Value};

const LIMITS: Limits = Limits {
    max_bytes: 64 * 1024,
    max_depth: 24,
};

/// What a client asks for.
#[derive(Debug)]
pub(super) struct Request {
    /// The job that a signing response belongs to.
    pub(super) job: Option<String>,
    body: Body,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    job_id: Option<String>,
    method: Option<String>,
    did: Option<String>,
    #[serde(default)]
    options: Map<String, Value>,
    #[serde(default)]
    secret: Secret,
    did_document: Option<Value>,
    did_document_operation: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Secret {
    #[serde(default)]
    verification_method: Vec<Map<String, Value>>,
    #[serde(default)]
    signing_response: Map<String, Value>,
}

impl Request {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let value =
            json::parse(bytes, &LIMITS).map_err(|error| Problem::bad_request(error.to_string()))?;
        let body: Body = serde_json::from_value(value)
            .map_err(|error| Problem::bad_request(error.to_string()))?;
        let private = |method: &Map<String, Value>| {
            [
                "privateKeyJwk",
                "privateKeyMultibase",
                "secretKeyJwk",
                "secretKeyMultibase",
            ]
            .iter()
            .any(|name| method.contains_key(*name))
        };
        if body.secret.verification_method.iter().any(private) {
            return Err(Problem::bad_request(
                "this registrar takes no private keys: send public ones and sign on your side",
            ));
        }
        if body.job_id.is_none() && body.options.get("clientSecretMode") != Some(&Value::Bool(true))
        {
            return Err(Problem::bad_request(
                "this registrar works in client-managed secret mode: options.clientSecretMode must be true",
            ));
        }
        if body
            .did_document_operation
            .as_ref()
            .is_some_and(|operations| operations != &["setDidDocument"])
        {
            return Err(Problem::bad_request(
                "didDocumentOperation: did:chop takes the full new document, setDidDocument",
            ));
        }
        Ok(Self {
            job: body.job_id.clone(),
            body,
        })
    }

    pub(super) fn option(&self, name: &str) -> Option<&Value> {
        self.body.options.get(name)
    }

    pub(super) fn require_method(&self) -> Result<(), Problem> {
        match self.body.method.as_deref() {
            Some("chop") => Ok(()),
            other => Err(Problem::bad_request(format!(
                "method: this registrar creates \"chop\", got {other:?}"
            ))),
        }
    }

    pub(super) fn did(&self) -> Result<ChopDid, Problem> {
        let did = self
            .body
            .did
            .as_deref()
            .ok_or_else(|| Problem::bad_request("did: which one is missing"))?;
        ChopDid::parse(did).map_err(|error| Problem::bad_request(error.to_string()))
    }

    /// The public keys of one purpose, at least one.
    pub(super) fn keys(&self, purpose: &str) -> Result<Vec<PublicKey>, Problem> {
        let keys = self.keys_or_none(purpose)?;
        if keys.is_empty() {
            return Err(Problem::bad_request(format!(
                "secret.verificationMethod: no key with purpose {purpose:?}"
            )));
        }
        Ok(keys)
    }

    /// The update keys with their threshold, and the commitment to the next ones when they are named.
    pub(super) fn update_keys(&self) -> Result<UpdateKeys, Problem> {
        let threshold = self.threshold()?;
        let current = KeySet::new(self.keys("update")?, threshold).map_err(unprocessable)?;
        let next = self.keys_or_none("nextUpdate")?;
        let next = if next.is_empty() {
            None
        } else {
            Some(
                KeySet::new(next, threshold)
                    .map_err(unprocessable)?
                    .commitment(),
            )
        };
        Ok(UpdateKeys { current, next })
    }

    /// The commitment to the recovery keys, when they are named.
    pub(super) fn recovery(&self) -> Result<Option<KeyCommitment>, Problem> {
        let keys = self.keys_or_none("recovery")?;
        if keys.is_empty() {
            return Ok(None);
        }
        let threshold = u8::try_from(keys.len()).unwrap_or(u8::MAX);
        KeySet::new(keys, threshold)
            .map(|keys| Some(keys.commitment()))
            .map_err(unprocessable)
    }

    /// The document with relative ids; a client may send it absolute, as it was resolved.
    pub(super) fn document(&self, did: Option<&ChopDid>) -> Result<Document, Problem> {
        let document = match &self.body.did_document {
            None | Some(Value::Null) => Value::Object(Map::new()),
            // DIF DID Registration §didDocument: an array of one in an update.
            Some(Value::Array(documents)) if documents.len() == 1 => {
                documents.first().cloned().unwrap_or_default()
            }
            Some(document) => document.clone(),
        };
        Document::parse(relative(document, did)).map_err(unprocessable)
    }

    /// The signature of one signing request.
    pub(super) fn signature(&self, request: &str) -> Result<Vec<u8>, Problem> {
        let text = self
            .body
            .secret
            .signing_response
            .get(request)
            .and_then(|response| response.get("signature"))
            .and_then(Value::as_str);
        let text = text.ok_or_else(|| {
            Problem::bad_request(format!(
                "secret.signingResponse: no signature for {request}"
            ))
        })?;
        let bytes = BASE64
            .decode(text.as_bytes())
            .or_else(|_| BASE64URL_NOPAD.decode(text.as_bytes()));
        bytes.map_err(|_| {
            Problem::bad_request(format!(
                "secret.signingResponse.{request}: the signature is not Base64"
            ))
        })
    }

    fn threshold(&self) -> Result<u8, Problem> {
        match self.option("threshold") {
            None => Ok(1),
            Some(value) => value
                .as_u64()
                .and_then(|threshold| u8::try_from(threshold).ok())
                .ok_or_else(|| {
                    Problem::bad_request(format!(
                        "options.threshold is a small whole number, got {value}"
                    ))
                }),
        }
    }

    fn keys_or_none(&self, purpose: &str) -> Result<Vec<PublicKey>, Problem> {
        let serves = |method: &&Map<String, Value>| {
            method
                .get("purpose")
                .and_then(Value::as_array)
                .is_some_and(|purposes| purposes.iter().any(|known| known == purpose))
        };
        self.body
            .secret
            .verification_method
            .iter()
            .filter(serves)
            .map(key)
            .collect()
    }
}

fn key(method: &Map<String, Value>) -> Result<PublicKey, Problem> {
    let malformed =
        |error: String| Problem::bad_request(format!("secret.verificationMethod: {error}"));
    if let Some(multikey) = method.get("publicKeyMultibase").and_then(Value::as_str) {
        return PublicKey::from_multikey(multikey).map_err(|error| malformed(error.to_string()));
    }
    let jwk = method
        .get("publicKeyJwk")
        .cloned()
        .ok_or_else(|| malformed("expected publicKeyMultibase or publicKeyJwk".to_owned()))?;
    let jwk: Jwk = serde_json::from_value(jwk).map_err(|error| malformed(error.to_string()))?;
    PublicKey::from_jwk(&jwk).map_err(|error| malformed(error.to_string()))
}

/// Takes out what resolution adds: context, id, controllers of methods, and the DID before fragments.
fn relative(document: Value, did: Option<&ChopDid>) -> Value {
    let Value::Object(mut members) = document else {
        return document;
    };
    members.remove("@context");
    members.remove("id");
    let did = did.map(ToString::to_string);
    let mut document = Value::Object(members);
    strip(&mut document, did.as_deref());
    document
}

fn strip(value: &mut Value, did: Option<&str>) {
    match value {
        Value::String(text) => {
            if let Some(fragment) = did
                .and_then(|did| text.strip_prefix(did))
                .filter(|rest| rest.starts_with('#'))
            {
                *text = fragment.to_owned();
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, did)),
        Value::Object(members) => {
            if did.is_some() && members.get("controller").and_then(Value::as_str) == did {
                members.remove("controller");
            }
            members.values_mut().for_each(|member| strip(member, did));
        }
        _ => {}
    }
}

/// A request that is well formed and breaks a rule of the method.
pub(super) fn unprocessable(error: impl std::fmt::Display) -> Problem {
    Problem::unprocessable("did-method", "The request breaks a rule of did:chop", error)
}

//! Proof values as bytes that can be spoilt.

use ciborium::Value as Cbor;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

/// The header of a proof value and its components.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) header: [u8; 3],
    pub(crate) components: Vec<Cbor>,
}

impl Parts {
    pub(crate) fn of(credential: &Value) -> Self {
        let text = credential["proof"]["proofValue"].as_str().unwrap();
        let bytes = BASE64URL_NOPAD.decode(&text.as_bytes()[1..]).unwrap();
        let components: Cbor = ciborium::from_reader(&bytes[3..]).unwrap();
        Self {
            header: bytes[..3].try_into().unwrap(),
            components: components.into_array().unwrap(),
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.header.to_vec();
        ciborium::into_writer(&Cbor::Array(self.components.clone()), &mut bytes).unwrap();
        bytes
    }

    pub(crate) fn array(&mut self, component: usize) -> &mut Vec<Cbor> {
        self.components[component].as_array_mut().unwrap()
    }

    pub(crate) fn map(&mut self, component: usize) -> &mut Vec<(Cbor, Cbor)> {
        self.components[component].as_map_mut().unwrap()
    }

    pub(crate) fn blob(&mut self, component: usize) -> &mut Vec<u8> {
        self.components[component].as_bytes_mut().unwrap()
    }
}

/// The credential with other components in its proof value.
pub(crate) fn with_parts(credential: &Value, spoil: impl FnOnce(&mut Parts)) -> Value {
    let mut parts = Parts::of(credential);
    spoil(&mut parts);
    with_bytes(credential, &parts.bytes())
}

/// The credential with other bytes as its proof value.
pub(crate) fn with_bytes(credential: &Value, bytes: &[u8]) -> Value {
    let mut changed = credential.clone();
    changed["proof"]["proofValue"] = json!(format!("u{}", BASE64URL_NOPAD.encode(bytes)));
    changed
}

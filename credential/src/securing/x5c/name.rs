//! Distinguished names as text (RFC 4514): no two names read alike.

use std::fmt::Write as _;
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// Writes a name, its parts in the certificate's order.
pub(super) fn write(name: &X509Name<'_>) -> String {
    let parts = name.iter_rdn().map(|part| {
        let values: Vec<String> = part.iter().map(attribute).collect();
        values.join(" + ")
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// Writes one attribute; what is no text stands there in hexadecimal (RFC 4514 §2.4).
fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type();
    let mut written = match oid2abbrev(oid, oid_registry()) {
        Ok(short) => format!("{short}="),
        Err(_) => format!("{}=", oid.to_id_string()),
    };
    let Ok(text) = attribute.as_str() else {
        written.push('#');
        for byte in attribute.as_slice() {
            let _ = write!(written, "{byte:02x}");
        }
        return written;
    };
    for character in text.chars() {
        if ",+\"\\<>;=#".contains(character) {
            written.push('\\');
        }
        if character.is_control() {
            let _ = write!(written, "{}", character.escape_unicode());
        } else {
            written.push(character);
        }
    }
    written
}

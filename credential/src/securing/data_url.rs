//! The `data:` URLs of enveloped credentials and presentations (VC Data Model 2.0 §4.13).

use super::ParseError;
use super::cose::{self, CoseKind};
use super::jose::{JoseError, TokenKind};

/// Is what a `data:` URL holds.
pub(super) enum Content<'u> {
    /// A compact token, as plain text.
    Token(TokenKind, &'u str),
    /// A COSE message, decoded from base64 (VC-JOSE-COSE §3.3.1).
    Cose(Vec<u8>),
}

/// Says in which forms a document may stand in an envelope.
pub(super) struct Forms {
    tokens: [TokenKind; 2],
    message: CoseKind,
}

/// The forms of a credential.
pub(super) const CREDENTIAL: Forms = Forms {
    tokens: [TokenKind::Credential, TokenKind::SdCredential],
    message: CoseKind::Credential,
};

/// The forms of a presentation.
pub(super) const PRESENTATION: Forms = Forms {
    tokens: [TokenKind::Presentation, TokenKind::SdPresentation],
    message: CoseKind::Presentation,
};

/// Takes the secured document out of a `data:` URL.
///
/// # Errors
/// When the URL's media type is that of none of the forms, or it carries it in another coding than the type asks for.
pub(super) fn content<'u>(url: &'u str, forms: &Forms) -> Result<Content<'u>, ParseError> {
    let unknown = |found: &str| JoseError::Envelope {
        found: found.to_owned(),
    };
    let rest = url.strip_prefix("data:").ok_or_else(|| unknown(url))?;
    let (media, text) = rest.split_once(',').ok_or_else(|| unknown(rest))?;
    let mut tokens = forms.tokens.into_iter();
    if let Some(kind) = tokens.find(|kind| media.eq_ignore_ascii_case(kind.media_type())) {
        return Ok(Content::Token(kind, text));
    }
    let (media_type, coding) = media.split_once(';').unwrap_or((media, ""));
    let wanted = forms.message.typ();
    if media_type.eq_ignore_ascii_case(wanted) && coding.eq_ignore_ascii_case("base64") {
        return Ok(Content::Cose(cose::decode_base64(text)?));
    }
    Err(unknown(media).into())
}

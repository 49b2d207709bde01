//! The `data:` URLs of enveloped credentials and presentations (VC Data Model 2.0 §4.13).

use super::jose::{JoseError, TokenKind};

/// Takes the compact token out of a `data:` URL, and says which of the wanted kinds it is.
///
/// # Errors
/// When the URL's media type is that of none of them, or it carries the token in another coding than plain text.
pub(super) fn token<'u>(
    url: &'u str,
    kinds: &[TokenKind],
) -> Result<(TokenKind, &'u str), JoseError> {
    let unknown = |found: &str| JoseError::Envelope {
        found: found.to_owned(),
    };
    let rest = url.strip_prefix("data:").ok_or_else(|| unknown(url))?;
    let (media, token) = rest.split_once(',').ok_or_else(|| unknown(rest))?;
    kinds
        .iter()
        .find(|kind| media.eq_ignore_ascii_case(kind.media_type()))
        .map(|kind| (*kind, token))
        .ok_or_else(|| unknown(media))
}

//! The `data:` URLs of enveloped credentials and presentations (VC Data Model 2.0 §4.13).

use super::jose::{JoseError, TokenKind};

/// Takes the compact token out of a `data:` URL.
///
/// # Errors
/// When the URL's media type is not that of the wanted token, or it carries it in another coding than plain text.
pub(super) fn token(url: &str, kind: TokenKind) -> Result<&str, JoseError> {
    let unknown = |found: &str| JoseError::Envelope {
        found: found.to_owned(),
    };
    let rest = url.strip_prefix("data:").ok_or_else(|| unknown(url))?;
    let (media, token) = rest.split_once(',').ok_or_else(|| unknown(rest))?;
    if media.eq_ignore_ascii_case(kind.media_type()) {
        Ok(token)
    } else {
        Err(unknown(media))
    }
}

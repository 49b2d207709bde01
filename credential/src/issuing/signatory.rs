//! By whose verification method a document is signed.

use super::IssueError;

/// Names the verification method whose key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signatory<'a> {
    /// One of the issuer's, or holder's, own document.
    Own(&'a str),
    /// One of somebody else's, who signs in their stead; a verifier that binds keys to issuers refuses it.
    Deputy(&'a str),
}

impl<'a> From<&'a str> for Signatory<'a> {
    fn from(method: &'a str) -> Self {
        Self::Own(method)
    }
}

impl<'a> From<&'a String> for Signatory<'a> {
    fn from(method: &'a String) -> Self {
        Self::Own(method)
    }
}

impl<'a> Signatory<'a> {
    /// Returns the verification method's URL.
    pub fn method(self) -> &'a str {
        match self {
            Self::Own(method) | Self::Deputy(method) => method,
        }
    }

    /// Returns the verification method's URL once it is one of the issuer or holder, or is not meant to be.
    pub(super) fn checked(self, party: &str) -> Result<&'a str, IssueError> {
        match self {
            Self::Own(method) => super::is_of(method, party).map(|()| method),
            Self::Deputy(method) => Ok(method),
        }
    }
}

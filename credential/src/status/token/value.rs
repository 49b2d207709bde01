//! What an entry of a list says (draft-ietf-oauth-status-list-20 §7).

/// Is a status type (draft-ietf-oauth-status-list-20 §7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// `VALID`.
    Valid,
    /// `INVALID`: revoked, annulled, recalled.
    Invalid,
    /// `SUSPENDED`: for the time being invalid.
    Suspended,
    /// One of the values whose meaning an application chooses.
    ApplicationSpecific(u8),
    /// A value that is reserved for future registration.
    Reserved(u8),
}

impl From<u8> for TokenStatus {
    fn from(value: u8) -> Self {
        match value {
            0x00 => Self::Valid,
            0x01 => Self::Invalid,
            0x02 => Self::Suspended,
            0x03 | 0x0c..=0x0f => Self::ApplicationSpecific(value),
            _ => Self::Reserved(value),
        }
    }
}

impl TokenStatus {
    /// Returns the value as the list holds it.
    pub fn value(self) -> u8 {
        match self {
            Self::Valid => 0x00,
            Self::Invalid => 0x01,
            Self::Suspended => 0x02,
            Self::ApplicationSpecific(value) | Self::Reserved(value) => value,
        }
    }
}

//! Why a command failed, and the exit code that says so.

use std::fmt;
use std::process::ExitCode;

/// A failed command: which kind of failure, and the error with its causes.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    error: anyhow::Error,
}

/// The kinds of failure that exit codes tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The ledger or a check said no: 1.
    Refused,
    /// The person at the keyboard has to change something: 2.
    Usage,
    /// There is no such thing: 3.
    NotFound,
    /// The service did not answer, or has not decided: 4.
    Unreachable,
    /// The service or this program failed: 5.
    Internal,
}

impl Failure {
    /// Makes a failure of this kind.
    pub(crate) fn new(kind: Kind, error: impl Into<anyhow::Error>) -> Self {
        Self {
            kind,
            error: error.into(),
        }
    }

    /// Says that the ledger, the service or a check said no.
    pub(crate) fn refused(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::Refused, error)
    }

    /// Says that an argument, a file or a passphrase is missing or wrong.
    pub(crate) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::Usage, error)
    }

    /// Says that a thing does not exist.
    pub(crate) fn not_found(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::NotFound, error)
    }

    /// Says that a service did not answer or has not decided.
    pub(crate) fn unreachable(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::Unreachable, error)
    }

    /// Says that the service or this program failed.
    pub(crate) fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::Internal, error)
    }

    /// Says what was being done when it failed.
    #[must_use]
    pub(crate) fn context(self, doing: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self {
            kind: self.kind,
            error: self.error.context(doing),
        }
    }

    /// The kind of failure.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// What failed, and why, from the outside in.
    pub(crate) fn chain(&self) -> Vec<String> {
        let mut chain: Vec<String> = Vec::new();
        for cause in self.error.chain().map(ToString::to_string) {
            // A transparent error repeats its source; saying it once is enough.
            if chain.last() != Some(&cause) {
                chain.push(cause);
            }
        }
        chain
    }
}

impl Kind {
    /// The exit code, documented in `chopmark --help`.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::Unreachable => 4,
            Self::Internal => 5,
        }
    }

    /// The name in JSON output.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Usage => "usage",
            Self::NotFound => "notFound",
            Self::Unreachable => "unreachable",
            Self::Internal => "internal",
        }
    }
}

impl From<Kind> for ExitCode {
    fn from(kind: Kind) -> Self {
        Self::from(kind.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own() {
        let kinds = [
            Kind::Refused,
            Kind::Usage,
            Kind::NotFound,
            Kind::Unreachable,
            Kind::Internal,
        ];
        assert_eq!(kinds.map(Kind::code), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn the_chain_names_each_cause_once_from_the_outside_in() {
        let failure =
            Failure::usage(anyhow::anyhow!("no such file")).context("cannot read the passphrase");
        assert_eq!(
            failure.chain(),
            ["cannot read the passphrase", "no such file"]
        );
    }
}

//! Issuing many credentials that differ in some values only.
//!
//! A [`Template`] is read once and filled for each row. Where the values of a row are such that nothing looks at them, or
//! are certain to pass what looks at them, the credential is written straight from the template's canonical text
//! (the private `press`); every other row, and every row that would be refused, takes the way of [`issue`](super::issue),
//! so a batch refuses what single issuing refuses, for the same reason.

mod cell;
mod press;
mod template;
#[cfg(test)]
mod tests;

pub use cell::{CellError, CellType};
pub use template::{Template, TemplateError};

use super::{IssueError, ProofRequest, issue, issue_jwt};
use crate::contexts::Contexts;
use chop_integrity::json::Limits;
use chop_integrity::{Timestamp, canonicalize};
use chop_keys::Signer;
use press::{Press, Seal};
use serde_json::Value;
use template::Values;

/// Says how the credentials of a batch are secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form<'a> {
    /// By a Data Integrity proof.
    Proof {
        /// The cryptosuite; none: the jcs suite that goes with the key.
        cryptosuite: Option<&'a str>,
        /// JSON pointers to what a holder cannot withhold, for selective suites.
        mandatory_pointers: &'a [String],
    },
    /// As compact `vc+jwt`, each written as a JSON string.
    Jwt,
}

/// Says who signs a batch, how, and under which contexts.
#[derive(Clone, Copy)]
pub struct BatchTerms<'a> {
    /// The contexts at hand.
    pub contexts: &'a Contexts,
    /// URL of the verification method whose key signs.
    pub verification_method: &'a str,
    /// How the credentials are secured.
    pub form: Form<'a>,
    /// The key.
    pub signer: &'a dyn Signer,
}

/// Issues the rows of one batch; threads may share it.
pub struct BatchIssuer<'a> {
    template: &'a Template,
    terms: BatchTerms<'a>,
    press: Option<Press>,
}

/// Is the time at which rows are issued, with what is computed once for it.
pub struct Moment {
    created: Timestamp,
    now: String,
    seal: Option<Seal>,
}

/// Says why a row was not issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A cell is not of the type that the template wants.
    #[error(transparent)]
    Cell(#[from] CellError),
    /// The filled template is larger than a credential may be.
    #[error("credential has {found} bytes, at most {max} are issued")]
    TooLarge {
        /// The most bytes of a credential.
        max: usize,
        /// The bytes of this one.
        found: usize,
    },
    /// The filled template is not issued.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

impl<'a> BatchIssuer<'a> {
    /// Prepares to issue a template's rows.
    pub fn new(template: &'a Template, terms: BatchTerms<'a>) -> Self {
        Self {
            press: Press::new(template, &terms),
            template,
            terms,
        }
    }

    /// Says whether rows are written from the template's canonical text, rather than each as a whole.
    pub fn is_pressed(&self) -> bool {
        self.press.is_some()
    }

    /// Computes what all rows that are issued at one time share.
    pub fn moment(&self, now: Timestamp) -> Moment {
        Moment {
            created: now,
            now: now.to_string(),
            seal: self
                .press
                .as_ref()
                .and_then(|press| press.seal(&self.terms, now)),
        }
    }

    /// Issues a row and appends the secured credential to `out`, as canonical JSON (RFC 8785).
    ///
    /// `cells` are in the order of [`Template::columns`]; `uuid` is the row's own.
    ///
    /// # Errors
    /// When a cell is not of its type, or the filled template is refused; `out` is then as it was.
    pub fn issue(
        &self,
        cells: &[&str],
        uuid: &str,
        moment: &Moment,
        out: &mut Vec<u8>,
    ) -> Result<(), RowError> {
        let values = Values {
            cells,
            uuid,
            now: &moment.now,
        };
        let start = out.len();
        if let (Some(press), Some(seal)) = (&self.press, &moment.seal) {
            if press.issue(&values, seal, &self.terms, out) {
                return Ok(());
            }
            out.truncate(start);
        }
        let secured = self.one(&values, moment.created)?;
        let written = canonicalize(&secured).map_err(IssueError::from)?;
        out.extend_from_slice(&written);
        Ok(())
    }

    /// Issues a row as a single credential is issued.
    fn one(&self, values: &Values<'_>, created: Timestamp) -> Result<Value, RowError> {
        let credential = self.template.fill(values)?;
        let (max, found) = (Limits::CREDENTIAL.max_bytes, credential.to_string().len());
        if found > max {
            return Err(RowError::TooLarge { max, found });
        }
        let BatchTerms {
            contexts,
            verification_method,
            signer,
            ..
        } = self.terms;
        Ok(match self.terms.proof_request(created) {
            Some(request) => issue(credential, contexts, &request, signer)?,
            None => Value::String(issue_jwt(
                credential,
                contexts,
                verification_method,
                signer,
            )?),
        })
    }
}

impl<'a> BatchTerms<'a> {
    /// Says how the proof is made, if it is one.
    fn proof_request(&self, created: Timestamp) -> Option<ProofRequest<'a>> {
        match self.form {
            Form::Proof {
                cryptosuite,
                mandatory_pointers,
            } => Some(ProofRequest {
                cryptosuite,
                mandatory_pointers,
                ..ProofRequest::new(self.verification_method, created)
            }),
            Form::Jwt => None,
        }
    }
}

impl RowError {
    /// Returns the stable code of the rule.
    pub fn rule(&self) -> &'static str {
        match self {
            Self::Cell(_) => "batch.cell",
            Self::TooLarge { .. } => "batch.too-large",
            Self::Issue(error) => error.rule(),
        }
    }

    /// Says whether the row is at fault, rather than the key.
    pub fn is_of_row(&self) -> bool {
        match self {
            Self::Cell(_) | Self::TooLarge { .. } => true,
            Self::Issue(error) => error.is_clients(),
        }
    }
}

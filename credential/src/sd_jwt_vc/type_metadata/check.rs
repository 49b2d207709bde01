//! Whether a credential's claims are as its type says (draft-ietf-oauth-sd-jwt-vc-19 §6.6).

use super::{ClaimRule, Disclosability, PathStep, TypeError};
use crate::securing::sd_jwt::{Claim, Issued, SdJwt};
use serde_json::{Map, Value};

impl ClaimRule {
    /// Checks a credential's claims as they were issued, as far as what is disclosed shows them.
    ///
    /// # Errors
    /// When the path leads through something else than objects and arrays, a mandatory claim cannot have been issued, or a claim
    /// is not as disclosable as the rule says.
    pub fn check(&self, sd_jwt: &SdJwt) -> Result<(), TypeError> {
        let issued = sd_jwt.issued();
        let selected = self.select(&issued)?;
        if self.mandatory && selected.claims.is_empty() && !selected.may_hide {
            return Err(TypeError::Missing { path: self.shown() });
        }
        let (found, expected, wrong) = match self.disclosability {
            Disclosability::Allowed => return Ok(()),
            Disclosability::Always => ("plain", "always", false),
            Disclosability::Never => ("selectively disclosable", "never", true),
        };
        if selected
            .claims
            .iter()
            .any(|claim| claim.disclosable == wrong)
        {
            return Err(TypeError::Disclosable {
                path: self.shown(),
                found,
                expected,
            });
        }
        Ok(())
    }

    fn select<'a>(&self, issued: &Issued<'a>) -> Result<Selected<'a>, TypeError> {
        let refused = || TypeError::Path { path: self.shown() };
        let mut steps = self.path.iter();
        let mut selected = Selected::default();
        if let Some(PathStep::Name(name)) = steps.next() {
            selected.enter(issued, issued.payload(), name);
        } else {
            return Err(refused());
        }
        for step in steps {
            let mut next = Selected {
                may_hide: selected.may_hide,
                claims: Vec::new(),
            };
            for claim in selected.claims {
                // What is in a claim that is not disclosed is nobody's to know.
                let Some(value) = claim.value else {
                    next.may_hide = true;
                    continue;
                };
                match (step, value) {
                    (PathStep::Name(name), Value::Object(members)) => {
                        next.enter(issued, members, name);
                    }
                    (PathStep::Every, Value::Array(elements)) => {
                        next.may_hide |= elements.is_empty();
                        next.claims.extend(issued.elements(elements));
                    }
                    (PathStep::Index(index), Value::Array(elements)) => {
                        let index = usize::try_from(*index).unwrap_or(usize::MAX);
                        next.claims.extend(issued.elements(elements).nth(index));
                    }
                    _ => return Err(refused()),
                }
            }
            selected = next;
        }
        Ok(selected)
    }

    /// Writes the path as JSON.
    fn shown(&self) -> String {
        let step = |step: &PathStep| match step {
            PathStep::Name(name) => Value::from(name.as_str()),
            PathStep::Index(index) => Value::from(*index),
            PathStep::Every => Value::Null,
        };
        Value::from(self.path.iter().map(step).collect::<Vec<_>>()).to_string()
    }
}

/// Are the claims at a path, and whether some may be there that are not disclosed.
#[derive(Default)]
struct Selected<'a> {
    claims: Vec<Claim<'a>>,
    may_hide: bool,
}

impl<'a> Selected<'a> {
    fn enter(&mut self, issued: &Issued<'a>, object: &'a Map<String, Value>, name: &str) {
        match issued.member(object, name) {
            Some(claim) => self.claims.push(claim),
            None => self.may_hide |= issued.hides(object),
        }
    }
}

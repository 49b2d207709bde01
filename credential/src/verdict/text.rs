//! Verdicts as text: the JSON that serializing them gives, without what serializing takes.

use super::{Check, CheckOutcome, Outcome, Verdict};
use chop_integrity::escape_into;

impl Verdict {
    /// Writes the members of the JSON object, without its braces.
    ///
    /// # Errors
    /// When evidence has no JSON form, as none has that a judgement makes.
    pub fn write_members(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.extend_from_slice(b"\"outcome\":\"");
        out.extend_from_slice(self.outcome.as_str().as_bytes());
        out.push(b'"');
        if !self.marks.is_empty() {
            out.extend_from_slice(b",\"marks\":");
            serde_json::to_writer(&mut *out, &self.marks)?;
        }
        out.extend_from_slice(b",\"checks\":[");
        for (place, check) in self.checks.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            check.write(out)?;
        }
        out.push(b']');
        Ok(())
    }
}

impl Check {
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        out.extend_from_slice(b"{\"check\":\"");
        out.extend_from_slice(self.check.as_str().as_bytes());
        out.extend_from_slice(b"\",\"outcome\":\"");
        out.extend_from_slice(self.outcome.as_str().as_bytes());
        out.extend_from_slice(if self.required {
            b"\",\"required\":true"
        } else {
            b"\",\"required\":false"
        });
        if !self.detail.is_empty() {
            out.extend_from_slice(b",\"detail\":\"");
            escape_into(out, &self.detail);
            out.push(b'"');
        }
        if let Some(problem) = &self.problem {
            out.extend_from_slice(b",\"type\":");
            serde_json::to_writer(&mut *out, problem)?;
        }
        if let Some(evidence) = &self.evidence {
            out.extend_from_slice(b",\"evidence\":");
            serde_json::to_writer(&mut *out, evidence)?;
        }
        out.push(b'}');
        Ok(())
    }
}

impl Outcome {
    /// Returns the name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Indeterminate => "indeterminate",
        }
    }
}

impl CheckOutcome {
    /// Returns the name as it stands in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::NotApplicable => "notApplicable",
            Self::NotRun => "notRun",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CheckName, Mark};
    use super::*;
    use crate::ProblemType;
    use serde_json::{Value, json};

    /// Checks of every name, outcome and form.
    fn checks() -> Vec<Check> {
        let details = ["", "plain", "\"é\\ \n\t\u{8}\u{c}\r\u{0}\u{1f}\u{7f}😀/"];
        let evidence = [
            None,
            Some(Value::Null),
            Some(json!([{"b": 1.5, "a": "x\"y"}])),
        ];
        let problems = [
            None,
            Some(ProblemType::Anchor),
            Some(ProblemType::CryptographicSecurity),
        ];
        let outcomes = [
            CheckOutcome::Passed,
            CheckOutcome::Failed,
            CheckOutcome::Unknown,
            CheckOutcome::NotApplicable,
            CheckOutcome::NotRun,
        ];
        let names = CheckName::CREDENTIAL.iter().chain(CheckName::PRESENTATION);
        let check = |(n, name): (usize, &CheckName)| Check {
            check: *name,
            outcome: outcomes[n % 5],
            required: n % 2 == 0,
            detail: details[n % 3].into(),
            problem: problems[n / 3 % 3],
            evidence: evidence[n / 9 % 3].clone(),
        };
        names.cycle().take(540).enumerate().map(check).collect()
    }

    #[test]
    fn the_text_is_what_serializing_gives() {
        let message = Mark::StatusMessage {
            message: "\"late\"\n".to_owned(),
        };
        for marks in [vec![], vec![message]] {
            for outcome in [Outcome::Accepted, Outcome::Refused, Outcome::Indeterminate] {
                for checks in [vec![], checks()] {
                    let verdict = Verdict {
                        outcome,
                        marks: marks.clone(),
                        checks,
                    };
                    let mut text = b"{".to_vec();
                    verdict.write_members(&mut text).unwrap();
                    text.push(b'}');
                    let expected = serde_json::to_string(&verdict).unwrap();
                    assert_eq!(String::from_utf8(text).unwrap(), expected);
                }
            }
        }
    }
}

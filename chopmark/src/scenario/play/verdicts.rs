//! Verdicts, compared with what the story expects.

use anyhow::{Context as _, ensure};
use serde_json::{Map, Value, json};

use super::{Play, label, member};
use crate::scenario::pack::Demand;

impl Play<'_, '_> {
    pub(super) async fn verify(
        &mut self,
        name: &str,
        expect: &str,
        failing: Option<&str>,
        marked: Option<&str>,
    ) -> anyhow::Result<()> {
        let credential = self.credential(name)?;
        let verdict = self
            .stack
            .post(&["v1", "verifications"], &json!({"credential": credential}))
            .await?;
        let outcome = member(&verdict, "outcome").as_str().unwrap_or("none");
        let checks = member(&verdict, "checks")
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let failed: Vec<&Value> = checks
            .iter()
            .filter(|check| member(check, "outcome") == "failed")
            .collect();
        let named: Vec<&str> = failed
            .iter()
            .filter_map(|check| member(check, "check").as_str())
            .collect();
        ensure!(
            outcome == expect,
            "expected {name} to be {expect}, the verdict is {verdict:#}"
        );
        if let Some(failing) = failing {
            ensure!(
                named.contains(&failing),
                "expected {name} to fail at {failing}, it failed at {named:?}: {verdict:#}"
            );
        }
        let marks = member(&verdict, "marks")
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mark = marked.map(|marked| {
            marks
                .iter()
                .find(|mark| member(mark, "mark") == marked)
                .context(marked.to_owned())
        });
        let mark = mark
            .transpose()
            .with_context(|| format!("{name} is not marked: {verdict:#}"))?;
        if expect == "accepted" {
            self.check_demands(credential, checks)?;
        }
        let label = label(credential);
        if expect == "accepted" {
            let remark = mark.map_or(String::new(), |mark| format!(", marked: {}", plain(mark)));
            self.tale
                .accepted(&format!("“{label}” is accepted{remark}"));
        } else {
            let reason = failed
                .iter()
                .find(|check| failing.is_none_or(|failing| member(check, "check") == failing))
                .and_then(|check| member(check, "detail").as_str())
                .unwrap_or("no reason given");
            self.tale.refused(&format!(
                "“{label}” is {outcome} ({}): {reason}",
                failing.unwrap_or("checks")
            ));
        }
        Ok(())
    }

    /// An accepted credential has what the pack's policy demands of its type: an anchor, a status that was checked.
    fn check_demands(&self, credential: &Value, checks: &[Value]) -> anyhow::Result<()> {
        let passed = |name: &str| {
            checks
                .iter()
                .any(|check| member(check, "check") == name && member(check, "outcome") == "passed")
        };
        let types = member(credential, "type")
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        for (anchor, status) in types
            .iter()
            .filter_map(|name| self.pack.demands(name.as_str()?))
        {
            ensure!(
                anchor == Demand::Optional || passed("anchor"),
                "the pack demands an anchor: {checks:?}"
            );
            ensure!(
                status == Demand::Optional || passed("status"),
                "the pack demands a status: {checks:?}"
            );
        }
        Ok(())
    }
}

/// A verdict's mark in words: its members, the name first.
fn plain(mark: &Value) -> String {
    let empty = Map::new();
    let members = mark.as_object().unwrap_or(&empty);
    let rest = members.iter().filter(|(name, _)| *name != "mark");
    let words: Vec<String> = rest
        .map(|(name, value)| format!("{name} {}", value.as_str().unwrap_or_default()))
        .collect();
    format!(
        "{} ({})",
        member(mark, "mark").as_str().unwrap_or_default(),
        words.join(", ")
    )
}

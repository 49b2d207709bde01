//! What a change would do: the value that the ledger proves now, beside the proposed one.

use crate::cli::stack::read_failure;
use crate::cli::{Failure, Page};
use anyhow::anyhow;
use chop_client::{Registry, governance};
use chop_did::ChopDid;
use chop_protocol::governance::{Admission, FIRST_RULES, RulesChange, ValidatorsChange};
use chop_protocol::{Change, Governance, Member, MemberStanding, Parameters, Promotion, Setting};
use serde::Serialize;
use serde_json::Value;

/// One thing that changes.
#[derive(Debug, Serialize)]
pub(super) struct Line {
    what: String,
    current: String,
    proposed: String,
}

/// Reads with proof what a change touches.
pub(super) async fn of(registry: &dyn Registry, change: &Change) -> Result<Vec<Line>, Failure> {
    match change {
        Change::Admit(admission) => admitted(registry, admission).await,
        Change::Suspend(of) => closed(registry, &of.member, MemberStanding::Suspended).await,
        Change::Reinstate(of) => membership(registry, &of.member, MemberStanding::Live).await,
        Change::Remove(of) => closed(registry, &of.member, MemberStanding::Removed).await,
        Change::SetValidators(change) => validators(registry, change).await,
        Change::SetParameter(setting) => parameter(registry, *setting).await,
        Change::SetRules(change) => rules(registry, *change).await,
        Change::Promote(promotion) => promoted(registry, promotion).await,
        _ => Err(Failure::usage(anyhow!(
            "this program does not know the change; a newer one may"
        ))),
    }
}

/// Adds the lines to a page.
pub(super) fn page(mut page: Page, lines: &[Line]) -> Page {
    for line in lines {
        page = page.field(&line.what, format!("{} → {}", line.current, line.proposed));
    }
    page
}

async fn admitted(registry: &dyn Registry, admission: &Admission) -> Result<Vec<Line>, Failure> {
    let mut lines = membership(registry, &admission.did, MemberStanding::Live).await?;
    let former = member(registry, &admission.did).await?;
    let role = |role| word(&role);
    lines.push(line(
        "name",
        former
            .as_ref()
            .and_then(|member| member.name.as_ref())
            .map_or_else(none, ToString::to_string),
        admission.name.to_string(),
    ));
    lines.push(line(
        "role",
        former
            .as_ref()
            .map_or_else(none, |member| role(member.role)),
        role(admission.role),
    ));
    if let Some(quota) = admission.quota {
        let current = former.and_then(|member| member.quota);
        let words = |block: u64, day: u64| format!("{block} a block, {day} a day");
        lines.push(line(
            "quota",
            current.map_or_else(
                || "the parameters' numbers".to_owned(),
                |quota| words(quota.block_work, quota.day_work),
            ),
            words(quota.block_work, quota.day_work),
        ));
    }
    Ok(lines)
}

/// A membership that ends or pauses, with what that takes from its validators.
async fn closed(
    registry: &dyn Registry,
    did: &ChopDid,
    standing: MemberStanding,
) -> Result<Vec<Line>, Failure> {
    let mut lines = membership(registry, did, standing).await?;
    let set = governance::validators(registry)
        .await
        .map_err(read_failure)?;
    for validator in set.value.unwrap_or_default().validators() {
        if validator.member == *did {
            let what = format!("power of {}", validator.public_key);
            lines.push(line(what, validator.power.to_string(), "0".to_owned()));
        }
    }
    Ok(lines)
}

async fn membership(
    registry: &dyn Registry,
    did: &ChopDid,
    standing: MemberStanding,
) -> Result<Vec<Line>, Failure> {
    let current = member(registry, did).await?;
    let current = current.map_or_else(|| "no member".to_owned(), |member| word(&member.standing()));
    Ok(vec![line(
        format!("membership of {did}"),
        current,
        word(&standing),
    )])
}

async fn validators(
    registry: &dyn Registry,
    change: &ValidatorsChange,
) -> Result<Vec<Line>, Failure> {
    let set = governance::validators(registry)
        .await
        .map_err(read_failure)?;
    let set = set.value.unwrap_or_default();
    let mut after = set.power();
    let mut lines = Vec::new();
    for entry in &change.validators {
        let current = set.find(&entry.public_key).map_or(0, |found| found.power);
        after = after.saturating_sub(current).saturating_add(entry.power);
        let by = entry
            .member
            .map_or_else(String::new, |member| format!(", run by {member}"));
        lines.push(line(
            format!("power of {}", entry.public_key),
            current.to_string(),
            format!("{}{by}", entry.power),
        ));
    }
    lines.push(line(
        "power of all",
        set.power().to_string(),
        after.to_string(),
    ));
    Ok(lines)
}

/// Who takes a solo ledger over, and who is taken in with it.
async fn promoted(registry: &dyn Registry, change: &Promotion) -> Result<Vec<Line>, Failure> {
    let mut lines = vec![line(
        format!("key {}", change.retires),
        "signs alone".to_owned(),
        "retired".to_owned(),
    )];
    for admission in &change.admit {
        lines.extend(admitted(registry, admission).await?);
    }
    for validator in &change.validators {
        lines.push(line(
            format!("power of {}", validator.public_key),
            "0".to_owned(),
            format!("{}, run by {}", validator.power, validator.member),
        ));
    }
    Ok(lines)
}

/// The version of the rules that members decided on last, and the next one.
async fn rules(registry: &dyn Registry, change: RulesChange) -> Result<Vec<Line>, Failure> {
    let read = governance::rules(registry).await.map_err(read_failure)?;
    let from = |version: u32, height: u64| format!("version {version} from height {height} on");
    let current = read.value.map_or_else(
        || from(FIRST_RULES, 1),
        |record| from(record.version, record.from),
    );
    let proposed = from(change.version, change.height);
    Ok(vec![line("rules", current, proposed)])
}

async fn parameter(registry: &dyn Registry, setting: Setting) -> Result<Vec<Line>, Failure> {
    let parameters = governance::parameters(registry)
        .await
        .map_err(read_failure)?;
    let parameters = parameters
        .value
        .ok_or_else(|| Failure::refused(anyhow!("the ledger proves that it has no parameters")))?;
    let decided = governance::governance(registry)
        .await
        .map_err(read_failure)?;
    let before = (parameters, decided.value.unwrap_or_default());
    let after = setting
        .apply(before.0, before.1)
        .map_err(Failure::refused)?;
    differences(before, after).map_err(Failure::internal)
}

fn differences(
    before: (Parameters, Governance),
    after: (Parameters, Governance),
) -> Result<Vec<Line>, serde_json::Error> {
    let pairs = [
        (
            serde_json::to_value(before.0)?,
            serde_json::to_value(after.0)?,
        ),
        (
            serde_json::to_value(before.1)?,
            serde_json::to_value(after.1)?,
        ),
    ];
    let mut lines = Vec::new();
    for (before, after) in &pairs {
        for (name, value) in after.as_object().into_iter().flatten() {
            let current = before.get(name).unwrap_or(&Value::Null);
            if current != value {
                lines.push(line(name, text(current), text(value)));
            }
        }
    }
    Ok(lines)
}

async fn member(registry: &dyn Registry, did: &ChopDid) -> Result<Option<Member>, Failure> {
    let read = governance::member(registry, did).await;
    Ok(read.map_err(read_failure)?.value)
}

fn line(what: impl Into<String>, current: String, proposed: String) -> Line {
    Line {
        what: what.into(),
        current,
        proposed,
    }
}

fn none() -> String {
    "none".to_owned()
}

/// The word that a standing or a role has in JSON.
pub(super) fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).map_or_else(|_| none(), |value| text(&value))
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

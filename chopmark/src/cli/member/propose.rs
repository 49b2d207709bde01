//! `chopmark member propose`.

use super::act::{ActorArgs, standing_page};
use super::diff;
use crate::cli::did::named_chop;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::{Context as _, anyhow};
use chop_http::clock;
use chop_integrity::Timestamp;
use chop_keys::PublicKey;
use chop_protocol::governance::{
    Admission, MemberChange, RulesChange, ValidatorChange, ValidatorsChange,
};
use chop_protocol::{Action, Change, MemberName, MemberQuota, Note, Propose, Role};
use clap::Subcommand;
use serde_json::{Value, json};

/// Arguments of `chopmark member propose`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark member propose admit did:chop:… --name 'Fruit Co' --as orchard
  chopmark member propose suspend mill --note 'key lost on 3 November' --as orchard
  chopmark member propose validators z6Mk…=10:did:chop:… z6Mk…=0 --as orchard
  chopmark member propose rules 2 --from 120000 --as orchard
  chopmark member propose set admission two-thirds --as orchard")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Take a member in
    Admit {
        /// Its DID, or its name in the key folder
        #[arg(value_name = "DID|NAME")]
        member: String,
        /// What people call it
        #[arg(long)]
        name: String,
        /// Take it in as a supervisor, which neither votes nor runs validators
        #[arg(long)]
        supervisor: bool,
        /// What it may sponsor in a block, in work units [default: the parameter]
        #[arg(long, value_name = "UNITS", requires = "day_work")]
        block_work: Option<u64>,
        /// What it may sponsor on a day, in work units [default: the parameter]
        #[arg(long, value_name = "UNITS", requires = "block_work")]
        day_work: Option<u64>,
        #[command(flatten)]
        how: How,
    },
    /// Close a member's writes and set the power of its validators to 0
    Suspend(Whom),
    /// End a suspension
    Reinstate(Whom),
    /// End a membership
    Remove(Whom),
    /// Change the power of validators
    Validators {
        /// KEY=POWER for a known validator, KEY=POWER:MEMBER for a new one; power 0 removes it
        #[arg(required = true, value_name = "KEY=POWER[:MEMBER]")]
        changes: Vec<String>,
        #[command(flatten)]
        how: How,
    },
    /// Set the version of the rules that executes blocks from a height on
    Rules {
        /// The version, one more than the one in force
        #[arg(id = "rules", value_name = "VERSION")]
        version: u32,
        /// The first height that it executes
        #[arg(long)]
        from: u64,
        #[command(flatten)]
        how: How,
    },
    /// Change a parameter
    Set {
        /// Its name, such as heartbeatMs, blockWork, admission, ballotLifeMs
        name: String,
        /// Its new value: a number, or majority, two-thirds, all
        value: String,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Debug, clap::Args)]
struct Whom {
    /// The member's DID, or its name in the key folder
    #[arg(value_name = "DID|NAME")]
    member: String,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, clap::Args)]
struct How {
    /// Why, in one line that everybody can read for ever
    #[arg(long)]
    note: Option<String>,
    /// Show what would change and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    actor: ActorArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let (change, how) = change(args.what)?;
    let council = how.actor.open(terminal).await?;
    let lines = diff::of(&council.registry, &change).await?;
    if how.dry_run {
        let page = Page::new().heading(Mark::None, "this would change");
        let page = diff::page(page, &lines).dim("nothing was sent");
        return Ok(Done::new(json!({"changes": lines}), page));
    }
    let note = how.note.as_deref().map(Note::parse).transpose();
    let note = note.map_err(Failure::usage)?;
    let action = Action::Propose(Box::new(Propose { change, note }));
    let (id, height) = how.actor.send(&council, action, terminal).await?;
    let proposal = council.proposal(&id).await?;
    let now = Timestamp::from_unix_ms(clock::now_ms());
    let page = diff::page(standing_page(&proposal, now), &lines);
    let standing = proposal.standing_at(now);
    Ok(Done::new(
        json!({"proposal": id, "height": height, "standing": standing, "changes": lines}),
        page,
    ))
}

fn change(what: What) -> Result<(Change, How), Failure> {
    Ok(match what {
        What::Admit {
            member,
            name,
            supervisor,
            block_work,
            day_work,
            how,
        } => {
            let quota = block_work.zip(day_work);
            let admission = Admission {
                did: named_chop(&member, &how.actor.keyring)?,
                name: MemberName::parse(&name).map_err(Failure::usage)?,
                role: if supervisor {
                    Role::Supervisor
                } else {
                    Role::Member
                },
                quota: quota.map(|(block_work, day_work)| MemberQuota {
                    block_work,
                    day_work,
                }),
            };
            (Change::Admit(admission), how)
        }
        What::Rules { version, from, how } => {
            let height = from;
            (Change::SetRules(RulesChange { version, height }), how)
        }
        What::Suspend(whom) => (Change::Suspend(whom.change()?), whom.how),
        What::Reinstate(whom) => (Change::Reinstate(whom.change()?), whom.how),
        What::Remove(whom) => (Change::Remove(whom.change()?), whom.how),
        What::Validators { changes, how } => {
            let validators = changes
                .iter()
                .map(|change| validator(change, &how))
                .collect::<Result<_, _>>()?;
            (Change::SetValidators(ValidatorsChange { validators }), how)
        }
        What::Set { name, value, how } => (setting(&name, &value)?, how),
    })
}

impl Whom {
    fn change(&self) -> Result<MemberChange, Failure> {
        Ok(MemberChange {
            member: named_chop(&self.member, &self.how.actor.keyring)?,
        })
    }
}

fn validator(text: &str, how: &How) -> Result<ValidatorChange, Failure> {
    let malformed = || {
        Failure::usage(anyhow!(
            "expected KEY=POWER or KEY=POWER:MEMBER, got {text:?}"
        ))
    };
    let (key, rest) = text.split_once('=').ok_or_else(malformed)?;
    let (power, member) = match rest.split_once(':') {
        Some((power, member)) => (power, Some(member)),
        None => (rest, None),
    };
    let member = member
        .map(|member| named_chop(member, &how.actor.keyring))
        .transpose()?;
    Ok(ValidatorChange {
        public_key: PublicKey::from_multikey(key).map_err(Failure::usage)?,
        power: power.parse().map_err(|_| malformed())?,
        member,
    })
}

/// A number stands for itself, anything else is a word; the protocol says which names there are.
fn setting(name: &str, value: &str) -> Result<Change, Failure> {
    let value = value
        .parse::<i64>()
        .map_or_else(|_| Value::from(value), Value::from);
    serde_json::from_value(json!({"setParameter": {name: value}}))
        .with_context(|| format!("{name} is no parameter, or cannot be set to {value}"))
        .map_err(Failure::usage)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chop_protocol::{Setting, Threshold};

    #[test]
    fn a_setting_is_read_by_its_name() {
        for (name, value, expected) in [
            ("heartbeatMs", "30000", Setting::HeartbeatMs(30_000)),
            (
                "admission",
                "two-thirds",
                Setting::Admission(Threshold::TwoThirds),
            ),
        ] {
            assert_eq!(
                setting(name, value).unwrap(),
                Change::SetParameter(expected)
            );
        }
        for (name, value) in [
            ("heartbeat", "1"),
            ("heartbeatMs", "soon"),
            ("admission", "1"),
        ] {
            assert!(setting(name, value).is_err(), "{name} {value}");
        }
    }
}

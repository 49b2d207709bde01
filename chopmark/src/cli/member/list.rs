//! `chopmark member list`.

use super::act::{Council, LedgerArgs};
use super::diff::word;
use crate::cli::stack::read_failure;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::anyhow;
use chop_client::governance;
use chop_protocol::http::{MemberList, ProposalPage};
use serde_json::json;

/// Arguments of `chopmark member list`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Each member and each proposal is read with a proof by its own key; that the service names all of them is not proved.")]
pub(super) struct Args {
    #[command(flatten)]
    ledger: LedgerArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let council = Council::open(&args.ledger, terminal).await?;
    let stack = &council.stack;
    let list = stack.get(&["v1", "members"], "the list of members").await?;
    let list: MemberList = serde_json::from_value(list).map_err(Failure::internal)?;
    let open = stack
        .get(&["v1", "proposals"], "the open proposals")
        .await?;
    let open: ProposalPage = serde_json::from_value(open).map_err(Failure::internal)?;
    prove(&council, &list, &open).await?;
    let page = open_page(members_page(&list), &open);
    Ok(Done::new(
        json!({"members": list, "proposals": open.proposals}),
        page.dim("each line is proved by the ledger; that the list is whole is not"),
    ))
}

/// Reads with proof everything that was listed, and refuses a list that says something else.
async fn prove(council: &Council, list: &MemberList, open: &ProposalPage) -> Result<(), Failure> {
    let registry = &council.registry;
    let differs = |what: String| {
        Failure::refused(anyhow!(
            "the service lists {what} otherwise than the ledger proves it"
        ))
    };
    for listed in &list.members {
        let did = listed.member.did;
        let read = governance::member(registry, &did).await;
        if read.map_err(read_failure)?.value.as_ref() != Some(&listed.member) {
            return Err(differs(did.to_string()));
        }
    }
    let set = governance::validators(registry)
        .await
        .map_err(read_failure)?;
    if set.value.unwrap_or_default().validators() != list.validators {
        return Err(differs("the validators".to_owned()));
    }
    let rules = governance::governance(registry)
        .await
        .map_err(read_failure)?;
    if rules.value.unwrap_or_default() != list.governance {
        return Err(differs("how members decide".to_owned()));
    }
    for listed in &open.proposals {
        if council.proposal(&listed.proposal.id).await? != listed.proposal {
            return Err(differs(format!("proposal {}", listed.proposal.id)));
        }
    }
    Ok(())
}

fn members_page(list: &MemberList) -> Page {
    let count = list.members.len();
    let mut page = Page::new().heading(Mark::None, format!("{count} member(s)"));
    for listed in &list.members {
        let member = &listed.member;
        let name = member
            .name
            .as_ref()
            .map_or_else(|| "founder".to_owned(), ToString::to_string);
        let power: u64 = list
            .validators
            .iter()
            .filter(|validator| validator.member == member.did)
            .map(|validator| validator.power)
            .sum();
        page = page.field(
            member.did.to_string(),
            format!(
                "{}  {}  power {power}  {name}",
                word(&listed.standing),
                word(&member.role)
            ),
        );
    }
    let rules = &list.governance;
    page.heading(Mark::None, "decided by")
        .field("admission", word(&rules.admission))
        .field("membership", word(&rules.membership))
        .field("validators", word(&rules.validators))
        .field("parameters", word(&rules.parameters))
}

fn open_page(page: Page, open: &ProposalPage) -> Page {
    let count = open.proposals.len();
    let mut page = page.heading(Mark::None, format!("{count} open proposal(s)"));
    for listed in &open.proposals {
        let proposal = &listed.proposal;
        let change = serde_json::to_value(&proposal.change).unwrap_or_default();
        let kind = change
            .as_object()
            .and_then(|change| change.keys().next().cloned())
            .unwrap_or_default();
        page = page.field(
            proposal.id.to_string(),
            format!("{kind}  until {}", proposal.expires),
        );
    }
    page
}

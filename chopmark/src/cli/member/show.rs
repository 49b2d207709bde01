//! `chopmark member show`: a proposal and its votes, nothing of it taken on trust.

use super::act::{Council, LedgerArgs, standing_page};
use super::diff;
use crate::cli::stack::read_failure;
use crate::cli::{Done, Failure, Terminal};
use chop_client::governance;
use chop_http::clock;
use chop_integrity::{Hash, Timestamp};
use chop_protocol::http::MemberList;
use chop_protocol::{ProposalStanding, Vote};
use serde_json::json;

/// Arguments of `chopmark member show`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The proposal's id
    proposal: Hash,
    #[command(flatten)]
    ledger: LedgerArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let council = Council::open(&args.ledger, terminal).await?;
    let proposal = council.proposal(&args.proposal).await?;
    let now = Timestamp::from_unix_ms(clock::now_ms());
    let mut page = standing_page(&proposal, now);
    let mut lines = Vec::new();
    if proposal.standing_at(now) == ProposalStanding::Open {
        lines = diff::of(&council.registry, &proposal.change).await?;
        page = diff::page(page, &lines);
    }
    let votes = votes(&council, &proposal.id).await?;
    for vote in &votes {
        page = page.field(format!("vote of {}", vote.voter), diff::word(&vote.choice));
    }
    Ok(Done::new(
        json!({"standing": proposal.standing_at(now), "proposal": proposal, "votes": votes, "changes": lines}),
        page.dim(
            "the proposal and every vote are proved by the ledger, and their signatures verify",
        ),
    ))
}

/// Reads every member's vote; that one has not voted is proved too.
async fn votes(council: &Council, id: &Hash) -> Result<Vec<Vote>, Failure> {
    let list = council
        .stack
        .get(&["v1", "members"], "the list of members")
        .await?;
    let list: MemberList = serde_json::from_value(list).map_err(Failure::internal)?;
    let mut votes = Vec::new();
    for listed in list.members {
        let read = governance::vote(&council.registry, id, &listed.member.did)
            .await
            .map_err(read_failure)?;
        if let Some(vote) = read.value {
            vote.check_signed().map_err(Failure::refused)?;
            votes.push(vote);
        }
    }
    Ok(votes)
}

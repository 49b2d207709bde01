//! `chopmark member vote`.

use super::act::{ActorArgs, standing_page};
use super::diff;
use crate::cli::{Done, Failure, Terminal};
use chop_http::clock;
use chop_integrity::{Hash, Timestamp};
use chop_protocol::{Action, CastVote, Choice};
use clap::ValueEnum;
use serde_json::json;

/// Arguments of `chopmark member vote`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark member show PROPOSAL           what it changes, before you vote
  chopmark member vote PROPOSAL yes --as mill

A vote cannot be taken back. The deciding one carries the change out.")]
pub(super) struct Args {
    /// The proposal's id
    proposal: Hash,
    /// The answer
    #[arg(value_enum)]
    answer: Answer,
    #[command(flatten)]
    actor: ActorArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Answer {
    /// For it
    Yes,
    /// Against it
    No,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let council = args.actor.open(terminal).await?;
    let id = args.proposal;
    let proposal = council.proposal(&id).await?;
    // What was so before the vote: the deciding one changes it.
    let lines = diff::of(&council.registry, &proposal.change).await?;
    let choice = match args.answer {
        Answer::Yes => Choice::Yes,
        Answer::No => Choice::No,
    };
    let vote = Action::Vote(CastVote {
        proposal: id,
        choice,
    });
    let (_, height) = args.actor.send(&council, vote, terminal).await?;
    let proposal = council.proposal(&id).await?;
    let now = Timestamp::from_unix_ms(clock::now_ms());
    let page = diff::page(standing_page(&proposal, now), &lines);
    let standing = proposal.standing_at(now);
    Ok(Done::new(
        json!({"proposal": id, "vote": choice, "height": height, "standing": standing, "changes": lines}),
        page,
    ))
}

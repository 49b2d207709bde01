//! Many credentials that do not belong together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinSet};

use super::{Bench, Judgement, alone, undecided};
use crate::VerifierApp;
use crate::request::{Parsed, Terms};

/// How many credentials are judged in one task, one after the other.
const GROUP: usize = 16;
/// How many groups are judged at once.
const GROUPS: usize = 4;
/// How long a group judges before it lets other tasks have their turn.
const TURN: Duration = Duration::from_millis(1);

/// Judges credentials, in their order; what several of them need is looked for once.
pub(crate) async fn judge_batch(
    app: &VerifierApp,
    credentials: Vec<Parsed>,
    terms: Terms,
) -> Vec<Judgement> {
    let bench = Bench::new(app, terms);
    let session = bench.session();
    let as_of = bench.policy.as_of;
    let mut groups: Vec<Group> = Vec::new();
    let mut judging = JoinSet::new();
    let mut credentials = credentials.into_iter();
    loop {
        let group: Vec<Parsed> = credentials.by_ref().take(GROUP).collect();
        if group.is_empty() {
            break;
        }
        if judging.len() >= GROUPS {
            enter(&mut groups, judging.join_next().await);
        }
        let index = groups.len();
        groups.push((group.len(), Vec::new()));
        let (bench, session) = (Arc::clone(&bench), Arc::clone(&session));
        judging.spawn(async move {
            let mut judged = Vec::with_capacity(group.len());
            let mut since = Instant::now();
            for credential in group {
                if since.elapsed() > TURN {
                    tokio::task::yield_now().await;
                    since = Instant::now();
                }
                judged.push(alone(Arc::clone(&bench), Arc::clone(&session), credential).await);
            }
            (index, judged)
        });
    }
    while let Some(judged) = judging.join_next().await {
        enter(&mut groups, Some(judged));
    }
    let undecided = || Judgement::Credential {
        as_of,
        digest: None,
        verdict: undecided(),
    };
    let all = groups.into_iter().flat_map(|(count, mut judged)| {
        judged.resize_with(count, undecided);
        judged
    });
    all.collect()
}

/// How many credentials of a batch are judged together, and their judgements once they are there.
type Group = (usize, Vec<Judgement>);

/// Puts judgements in their place; a group that broke off leaves none.
fn enter(groups: &mut [Group], judged: Option<Result<(usize, Vec<Judgement>), JoinError>>) {
    if let Some(Ok((index, judged))) = judged
        && let Some((_, place)) = groups.get_mut(index)
    {
        *place = judged;
    }
}

//! The services of one stack under load: verifying over HTTP, and submitting.

use std::time::Duration;

use super::figure::Figure;
use super::folder::Folder;
use super::progress::Progress;
use super::running::Running;
use super::{http, submit};

/// Says whether anything is measured here.
pub(super) fn is_wanted(wanted: &dyn Fn(&str) -> bool) -> bool {
    wanted(submit::NAME) || http::is_wanted(wanted)
}

/// Starts a stack in a folder of its own and measures it.
///
/// # Errors
/// When the stack does not start or end well, or a credential is not accepted.
pub(super) async fn figures(
    wanted: &dyn Fn(&str) -> bool,
    lasting: Duration,
    progress: &Progress<'_>,
) -> anyhow::Result<Vec<Figure>> {
    let folder = Folder::make()?;
    let running = Running::start(folder.path()).await?;
    let mut figures = Vec::new();
    for row in http::rows(wanted, running.address, lasting, progress).await? {
        figures.push(row.into());
    }
    if wanted(submit::NAME) {
        progress.say(submit::NAME);
        let row = submit::row(&running.client, running.address).await;
        figures.push(row.map_or_else(
            |error| Figure::failed(submit::NAME, None, &error),
            Figure::from,
        ));
    }
    running.end().await?;
    Ok(figures)
}

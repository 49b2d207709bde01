//! `chopmark scenario`: plays an industry's story against a running stack. A pack is data; nothing here knows a pack.

mod actor;
mod pack;
mod play;
mod proof;
mod sign;
mod stack;
mod tale;

use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::{Parser, Subcommand};
use serde_json::json;
use url::Url;

use crate::cli::{Done, Failure, Page, Terminal};
pub(crate) use actor::{Actor, fresh as fresh_key};
use pack::Pack;
use play::Play;
pub(crate) use stack::Stack as Client;
use stack::Stack;
use tale::Tale;

/// The version of the step vocabulary that this runner plays.
const FORMAT: u32 = 1;

/// Plays industries' stories against a running stack
#[derive(Debug, Parser)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a scenario; it ends with an error at the first thing that is not as the story says
    #[command(after_help = "Example:\n  chopmark scenario run apple --url http://127.0.0.1:8400")]
    Run {
        /// The scenario's name
        name: String,
        /// The running stack
        #[arg(long, env = "CHOPMARK_URL", default_value = "http://127.0.0.1:8400")]
        url: Url,
        /// The file with the stack's admin token
        #[arg(long, default_value = "chopmark-data/admin.token")]
        token_file: PathBuf,
    },
    /// List the scenarios
    List,
}

/// Runs the command.
///
/// # Errors
/// When the stack cannot be reached, or anything is not as the story says.
pub(crate) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    match args.command {
        Command::Run {
            name,
            url,
            token_file,
        } => {
            let scenario = chop_schemas::scenario(&name).ok_or_else(|| {
                Failure::not_found(anyhow::anyhow!(
                    "there is no scenario {name}; `chopmark scenario list` names them"
                ))
            })?;
            let token = std::fs::read_to_string(&token_file)
                .with_context(|| {
                    format!(
                        "cannot read the admin token from {}; name it with --token-file",
                        token_file.display()
                    )
                })
                .map_err(Failure::usage)?;
            let stack = Stack::connect(url, token.trim().to_owned())
                .await
                .map_err(Failure::unreachable)?;
            let mut tale = Tale::new(terminal);
            play(scenario, &stack, &mut tale)
                .await
                .map_err(Failure::refused)?;
            let value = json!({"scenario": name, "passed": true, "lines": tale.lines()});
            Ok(Done::new(
                value,
                Page::new().text("\nEverything was as it must be."),
            ))
        }
        Command::List => {
            let names: Vec<&str> = chop_schemas::SCENARIOS
                .iter()
                .map(|scenario| scenario.name)
                .collect();
            let page = names
                .iter()
                .fold(Page::new(), |page, name| page.text(*name));
            Ok(Done::new(json!(names), page))
        }
    }
}

async fn play(
    scenario: &'static chop_schemas::Scenario,
    stack: &Stack,
    tale: &mut Tale<'_>,
) -> anyhow::Result<()> {
    let text = scenario
        .file("pack.json")
        .context("the pack has no pack.json")?;
    let pack: Pack = serde_json::from_str(text).context("pack.json is malformed")?;
    ensure!(
        pack.format == FORMAT,
        "this program plays packs of format {FORMAT}, the pack is of format {}",
        pack.format
    );
    pack.check(scenario).map_err(anyhow::Error::msg)?;
    tale.chapter(&format!("{} {}", pack.title, pack.version), &pack.text);
    let mut play = Play::new(stack, &pack, scenario, tale);
    for (index, step) in pack.story.iter().enumerate() {
        play.step(step)
            .await
            .with_context(|| format!("step {} of the story: {step:?}", index + 1))?;
    }
    Ok(())
}

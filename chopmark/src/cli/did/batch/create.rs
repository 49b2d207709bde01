//! `chopmark did batch create`.

use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use chop_client::{Answer, Service};
use chop_did::{ChopDid, Template};
use chop_http::outbound::Outgoing;
use chop_http::{clock, random};
use chop_integrity::{Timestamp, json};
use chop_keys::Signer;
use chop_protocol::batch::leaves::{RUN, runs};
use chop_protocol::http::{LeafTerms, LeavesExpected, ReceiptList, Status};
use chop_protocol::{
    Action, BatchTerms, CreateBatch, CredentialType, Envelope, Nonce, Receipt, SignedEnvelope,
};
use serde_json::{Value, json};

use super::prepare::{Wish, Work};
use super::{ControllerArgs, LIFE_MS, registered};
use crate::cli::did::{keys, named_chop};
use crate::cli::failure::Kind;
use crate::cli::stack::{Stack, failure, success};
use crate::cli::{Done, Failure, Mark, Page, Terminal};

/// How long the nodes of other members get to fetch the leaves.
const PATIENCE: Duration = Duration::from_mins(10);
/// How often they are asked.
const ASK: Duration = Duration::from_millis(500);

/// Arguments of `chopmark did batch create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  chopmark did batch create --template crate.json --items crates.csv --controller orchard --dids crates.dids.csv

The template is {\"class\", \"fields\": [names], \"document\"}; a place {name} in a URI of alsoKnownAs or serviceEndpoint takes the
item's value, percent-encoded. The items are a CSV file whose columns are the fields, or a .jsonl file of objects. Everything
that was begun is in the work folder: run the same command again after a break, however long it was. With --secrets the folder also has
the master secret, sealed by the key folder.")]
pub(super) struct Args {
    /// The template (JSON)
    #[arg(long, value_name = "FILE")]
    template: PathBuf,
    /// The items: CSV, or JSON lines in a file that ends in .jsonl
    #[arg(long, value_name = "FILE")]
    items: PathBuf,
    /// Give each item a secret for a scratch layer
    #[arg(long)]
    secrets: bool,
    /// Credential type that whoever activates codes must be accredited for
    #[arg(long, value_name = "TYPE", value_parser = CredentialType::parse)]
    activation: Option<CredentialType>,
    /// Write ordinal and DID of every item to this file (CSV)
    #[arg(long, value_name = "FILE")]
    dids: Option<PathBuf>,
    /// Folder for what is under way [default: the items' file with .batch behind it]
    #[arg(long, value_name = "DIR")]
    work: Option<PathBuf>,
    #[command(flatten)]
    by: ControllerArgs,
}

/// A batch on its way to the ledger.
pub(crate) struct Order<'a> {
    /// Its folder, prepared.
    pub work: &'a Work,
    /// Its terms.
    pub terms: &'a BatchTerms,
    /// Its template.
    pub template: &'a Template,
    /// The node.
    pub service: &'a Service,
    /// The administrator's token.
    pub token: Option<&'a str>,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let stack = args.by.stack.connect(terminal)?;
    let genesis = stack.genesis().await?;
    let controller = named_chop(&args.by.controller, &args.by.keyring)?;
    let state = stack.state(&controller).await?;
    let keyring = args.by.keyring.open(terminal)?;
    let held = keys::invoking(&keyring, &state, clock::now_ms())?
        .at_least(1, &format!("acting for {controller}"))?;
    let wish = Wish {
        template: template(&args.template).map_err(Failure::usage)?,
        items: args.items.clone(),
        ledger: genesis.id(),
        controller,
        activation: args.activation.clone(),
        secrets: args.secrets,
    };
    let folder = args.work.clone().unwrap_or_else(|| {
        let mut name = args.items.clone().into_os_string();
        name.push(".batch");
        name.into()
    });
    let mut work = Work::open(&folder).map_err(Failure::usage)?;
    if args.secrets {
        work = work.with_secrets(&keyring).map_err(Failure::usage)?;
    }
    let bar = terminal.progress(0, "reading items");
    let terms = tokio::task::block_in_place(|| work.prepare(&wish, &bar));
    bar.finish_and_clear();
    let terms = terms.map_err(Failure::usage)?;
    let (service, token) = args.by.stack.connect(terminal)?.into_parts();
    let order = Order {
        work: &work,
        terms: &terms,
        template: &wish.template,
        service: &service,
        token: token.as_deref(),
    };
    // An envelope that was sent before may be on the ledger, though its answer never came.
    let registered = on_ledger(&stack, &terms).await?;
    // Also of a batch that is registered: nodes forget leaves whose batch is long in coming, and may lose them.
    let brought = order.bring(terminal).await?;
    let height = if let Some(height) = registered {
        height
    } else {
        let signers = held.signers(1);
        order.register(&stack, &signers, terminal).await?
    };
    if let Some(file) = &args.dids {
        write_dids(&work, &terms, file).map_err(Failure::usage)?;
    }
    report(&terms, &folder, (height, brought), args.secrets)
}

/// The height at which the ledger registered the batch, with these very terms; `None` when it has not.
async fn on_ledger(stack: &Stack, terms: &BatchTerms) -> Result<Option<u64>, Failure> {
    let id = terms.id().map_err(Failure::internal)?;
    match registered(stack, &id).await? {
        Some(batch) if batch.terms == *terms => Ok(Some(batch.height)),
        Some(_) => Err(Failure::refused(anyhow!(
            "the ledger has batch {id} with other terms: begin anew in another folder (--work)"
        ))),
        None => Ok(None),
    }
}

fn report(
    terms: &BatchTerms,
    folder: &Path,
    (height, brought): (u64, u32),
    secrets: bool,
) -> Result<Done, Failure> {
    let id = terms.id().map_err(Failure::internal)?;
    let mut page = Page::new()
        .heading(Mark::Good, format!("registered {} items", terms.count))
        .field("batch", id)
        .field("controller", terms.controller)
        .field("root", terms.root)
        .field("height", height)
        .field(
            "leaves",
            match brought {
                0 => "all were at the node".to_owned(),
                runs => format!("brought {runs} runs to the node"),
            },
        )
        .text("Their codes are reserved: `chopmark did batch activate` puts them into use.");
    if secrets {
        page = page.dim(format!(
            "The secrets are derived from {}/master.json, which the key folder opens: `chopmark did batch secrets` writes them for the printer.",
            folder.display()
        ));
    }
    let value = json!({"batch": id, "count": terms.count, "root": terms.root, "leaves": terms.leaves,
        "controller": terms.controller, "height": height, "brought": brought, "work": folder.display().to_string()});
    Ok(Done::new(value, page))
}

impl Order<'_> {
    /// Takes the batch to the ledger, whose leaves the node has; answers the height.
    async fn register(
        &self,
        stack: &Stack,
        signers: &[&dyn Signer],
        terminal: &Terminal,
    ) -> Result<u64, Failure> {
        let receipts = self.receipts(terminal).await?;
        let signed = self.envelope(stack.operator().await?, receipts, signers)?;
        match stack.submit(&signed).await {
            Err(refused) if refused.kind() == Kind::Refused => {
                on_ledger(stack, self.terms).await?.ok_or(refused)
            }
            sent => sent,
        }
    }

    /// Brings the runs of leaves that the node does not have, and counts them.
    ///
    /// # Errors
    /// When the node refuses them, or does not answer.
    pub(crate) async fn bring(&self, terminal: &Terminal) -> Result<u32, Failure> {
        let body = serde_json::to_vec(&self.asked()).map_err(Failure::internal)?;
        let url = self.service.url(&["v1", "leaves"]);
        let answer = self
            .service
            .post(url, body, self.token)
            .await
            .map_err(Failure::unreachable)?;
        let expected: LeavesExpected = read(answer, "the leaves")?;
        let Some(next) = expected.next else {
            return Ok(0);
        };
        let bar = terminal.progress(u64::from(runs(self.terms.count)), "bringing leaves");
        let file = File::open(self.work.leaves()).map_err(Failure::usage)?;
        let mut reader = BufReader::with_capacity(1 << 20, file);
        for run in 0..expected.runs {
            let bytes = next_run(&mut reader).map_err(Failure::usage)?;
            if run >= next {
                self.bring_run(&expected, run, bytes).await?;
            }
            bar.set_position(u64::from(run) + 1);
        }
        bar.finish_and_clear();
        Ok(expected.runs.saturating_sub(next))
    }

    async fn bring_run(
        &self,
        expected: &LeavesExpected,
        run: u32,
        bytes: Vec<u8>,
    ) -> Result<(), Failure> {
        let (terms, run) = (expected.terms.to_string(), run.to_string());
        let url = self.service.url(&["v1", "leaves", &terms, &run]);
        let request = Outgoing::put_text(url, bytes);
        let answer = self
            .service
            .send(request, self.token)
            .await
            .map_err(Failure::unreachable)?;
        success(answer, "a run of leaves")?;
        Ok(())
    }

    /// Collects receipts until validators with more than two thirds of the power have given theirs.
    ///
    /// # Errors
    /// When they do not in time.
    pub(crate) async fn receipts(&self, terminal: &Terminal) -> Result<Vec<Receipt>, Failure> {
        let body = serde_json::to_vec(&self.asked()).map_err(Failure::internal)?;
        let status = self.service.get(self.service.url(&["v1", "status"])).await;
        let status: Status = read(status.map_err(Failure::unreachable)?, "the ledger's status")?;
        let total: u64 = status
            .validators
            .iter()
            .map(|validator| validator.power)
            .sum();
        let bar = terminal.progress(total, "collecting receipts");
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let url = self.service.url(&["v1", "leaves", "receipts"]);
            let answer = self.service.post(url, body.clone(), self.token).await;
            let list: ReceiptList = read(answer.map_err(Failure::unreachable)?, "the receipts")?;
            let mut signed = 0_u64;
            let mut receipts = Vec::new();
            for validator in &status.validators {
                let mut given = list.receipts.iter();
                let own = given.find(|receipt| receipt.validator == validator.public_key);
                if let Some(receipt) = own.filter(|receipt| receipt.is_for(self.terms)) {
                    signed += validator.power;
                    receipts.push(receipt.clone());
                }
            }
            bar.set_position(signed);
            if signed.saturating_mul(3) > total.saturating_mul(2) {
                bar.finish_and_clear();
                return Ok(receipts);
            }
            if tokio::time::Instant::now() > deadline || list.pending == 0 {
                return Err(Failure::unreachable(anyhow!(
                    "validators with {signed} of {total} power hold the leaves, more than two thirds must; {} do not answer. Does the node know them (--member-url)?",
                    list.pending
                )));
            }
            tokio::time::sleep(ASK).await;
        }
    }

    /// The envelope that was sent before and is still good, or a new one.
    ///
    /// # Errors
    /// When it cannot be signed or kept.
    pub(crate) fn envelope(
        &self,
        sponsor: ChopDid,
        receipts: Vec<Receipt>,
        signers: &[&dyn Signer],
    ) -> Result<SignedEnvelope, Failure> {
        let now = clock::now_ms();
        let kept: Option<Value> = self.work.read("envelope.json").map_err(Failure::usage)?;
        let kept = kept.and_then(|value| SignedEnvelope::try_from(value).ok());
        // The same envelope gets the same answer, whatever became of it.
        if let Some(kept) = kept.filter(|kept| kept.envelope().valid_until.unix_ms() > now) {
            return Ok(kept);
        }
        let envelope = Envelope {
            ledger: self.terms.ledger,
            actor: self.terms.controller,
            sponsor,
            nonce: Nonce::new(random::bytes()),
            valid_until: Timestamp::from_unix_ms(now + LIFE_MS),
            actions: vec![Action::CreateBatch(Box::new(CreateBatch {
                nonce: self.terms.nonce,
                template: self.template.clone(),
                count: self.terms.count,
                root: self.terms.root,
                leaves: self.terms.leaves,
                activation: self.terms.activation.clone(),
                receipts,
            }))],
        };
        let signed = envelope.sign(signers).map_err(Failure::usage)?;
        self.work
            .write("envelope.json", signed.bytes())
            .map_err(Failure::usage)?;
        Ok(signed)
    }

    fn asked(&self) -> LeafTerms {
        LeafTerms {
            terms: self.terms.clone(),
            template: self.template.clone(),
        }
    }
}

/// Reads a template.
fn template(file: &Path) -> anyhow::Result<Template> {
    let shown = file.display();
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {shown}"))?;
    let value = json::parse(&bytes, &json::Limits::OPERATION);
    let value = value.with_context(|| format!("{shown} is not JSON"))?;
    Template::parse(value).with_context(|| format!("{shown} is no template"))
}

fn next_run(reader: &mut impl std::io::BufRead) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for _ in 0..RUN {
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
    }
    Ok(bytes)
}

fn read<T: serde::de::DeserializeOwned>(answer: Answer, what: &str) -> Result<T, Failure> {
    if answer.status >= 300 {
        return Err(failure(&answer, what));
    }
    serde_json::from_value(answer.body).map_err(Failure::internal)
}

/// Writes ordinal and DID of every item, in the order of ordinals.
fn write_dids(work: &Work, terms: &BatchTerms, file: &Path) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(File::create(file)?);
    writeln!(out, "ordinal,did")?;
    for (ordinal, scid) in work.scids(terms)?.into_iter().enumerate() {
        let did = ChopDid::new(terms.ledger.short(), scid);
        writeln!(out, "{ordinal},{did}")?;
    }
    out.flush()?;
    Ok(())
}

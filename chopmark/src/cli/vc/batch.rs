//! `chopmark vc issue --batch`: a credential for each row of a CSV file, restartable.

mod journal;
mod outlet;
mod progress;
mod resume;
mod source;
mod work;

use super::decode::decode;
use super::issue::Author;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use anyhow::ensure;
use chop_credential::Contexts;
use chop_credential::issuing::batch::{BatchIssuer, BatchTerms, Form, Template};
use chop_keys::Signer as _;
use journal::{Batch, Journal};
use outlet::Outlet;
use progress::Teller;
use resume::Progress;
use serde_json::{Map, Value, json};
use source::Source;
use std::path::{Path, PathBuf};
use work::{BadRow, Plan, Tally};

/// Arguments of a batch.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Batch")]
pub(super) struct BatchArgs {
    /// Issue a credential for each row of this CSV file, whose first line names the columns
    #[arg(long = "batch", value_name = "CSV", requires = "template", conflicts_with_all = ["file", "instance"])]
    pub(super) rows: Option<PathBuf>,
    /// The credential (JSON) whose strings hold {{column}}; {{column:number}}, :integer, :boolean as a whole value
    #[arg(long, value_name = "FILE", requires = "rows")]
    template: Option<PathBuf>,
    /// The journal: one JSON line for each row, with the credential [default: the CSV file's name with .issued.jsonl]
    #[arg(long, value_name = "FILE", requires = "rows")]
    out: Option<PathBuf>,
    /// Write each credential into a file of its own in this folder as well
    #[arg(long, value_name = "DIR", requires = "rows")]
    files: Option<PathBuf>,
    /// Pass over rows that are refused, and list them in a CSV file, rather than stop at the first
    #[arg(long, requires = "rows")]
    skip_bad: bool,
    /// The CSV file for refused rows [default: the CSV file's name with .bad.csv]
    #[arg(long, value_name = "FILE", requires = "skip_bad")]
    bad: Option<PathBuf>,
    /// Go on although the CSV file has changed behind the last row that is done
    #[arg(long, requires = "rows")]
    amended: bool,
    /// What separates the cells
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    delimiter: u8,
}

/// How the journal names tokens.
const JWT: &str = "vc+jwt";

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [one] if one.is_ascii_punctuation() && *one != b'"' => Ok(*one),
        b"\\t" | b"\t" | b"tab" => Ok(b'\t'),
        _ => Err("one character such as , or ; or | or the word tab".to_owned()),
    }
}

/// Issues a batch, or what is left of it.
///
/// # Errors
/// A refusal when a row is refused and not passed over; a usage failure when files, template and journal do not go
/// together.
pub(super) fn run(
    args: &BatchArgs,
    rows: &Path,
    author: &Author,
    form: Form<'_>,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    let beside = |extension: &str| rows.with_extension(extension);
    let file = args.template.as_deref().unwrap_or(Path::new(""));
    let decoded = decode(&super::read(file)?).map_err(|error| {
        Failure::usage(error).context(format!("{} is no credential", file.display()))
    })?;
    let order = Order {
        rows: rows.to_owned(),
        delimiter: args.delimiter,
        template: decoded.document,
        out: args.out.clone().unwrap_or_else(|| beside("issued.jsonl")),
        files: args.files.clone(),
        bad: args.bad.clone().unwrap_or_else(|| beside("bad.csv")),
        skip_bad: args.skip_bad,
        amended: args.amended,
    };
    let account = order.carry_out(author, form, terminal)?;
    Ok(account.done(&order))
}

/// Says what is issued, and where it goes.
pub(crate) struct Order {
    /// The CSV file.
    pub(crate) rows: PathBuf,
    /// What separates its cells.
    pub(crate) delimiter: u8,
    /// The credential with placeholders.
    pub(crate) template: Map<String, Value>,
    /// The journal.
    pub(crate) out: PathBuf,
    /// A folder for files of their own.
    pub(crate) files: Option<PathBuf>,
    /// The CSV file for refused rows.
    pub(crate) bad: PathBuf,
    /// Whether refused rows are passed over.
    pub(crate) skip_bad: bool,
    /// Whether the CSV file may have changed behind what is done.
    pub(crate) amended: bool,
}

/// Says what a run did.
#[derive(Debug)]
pub(crate) struct Account {
    /// Rows that were issued before.
    pub(crate) before: u64,
    /// Rows that were issued.
    pub(crate) issued: u64,
    /// Rows that were refused, before as well.
    pub(crate) refused: u64,
    per_second: u64,
    bad: Option<PathBuf>,
}

impl Order {
    /// Issues what is left of the batch.
    ///
    /// # Errors
    /// As [`run`].
    pub(crate) fn carry_out(
        &self,
        author: &Author,
        form: Form<'_>,
        terminal: &Terminal,
    ) -> Result<Account, Failure> {
        let document = completed(self.template.clone(), author);
        let template = Template::parse(document.clone())
            .map_err(|error| Failure::usage(error).context("it is no template"))?;
        let source = Source::open(&self.rows, self.delimiter).map_err(Failure::usage)?;
        let places = source.places(&template).map_err(Failure::usage)?;
        let unused = source.unused(&template);
        if !unused.is_empty() {
            terminal.warn(&format!("the template does not use {}", unused.join(", ")));
        }
        let asked = batch(document, author, form, &source);
        let (mut journal, mut outlet, progress) = self
            .open(&asked, &source, &places)
            .map_err(|error| Failure::usage(error.context("the batch cannot begin or go on")))?;
        let (before, refused_before) = (progress.issued, progress.refused);
        let contexts = Contexts::embedded();
        let terms = BatchTerms {
            contexts: &contexts,
            verification_method: &author.method,
            form,
            signer: author.key.as_ref(),
        };
        let plan = Plan {
            issuer: BatchIssuer::new(&template, terms),
            places,
            columns: &source.columns,
            skip_bad: self.skip_bad,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        };
        let mut teller = Teller::begin(terminal, source.digest.bytes, before + refused_before);
        let mut last = Tally::default();
        let outcome = work::issue(
            &plan,
            progress.rows,
            &mut journal,
            &mut outlet,
            &mut |tally| {
                last = *tally;
                teller.tell(tally);
            },
        );
        teller.end();
        let account = Account {
            before,
            issued: last.issued,
            refused: refused_before + last.refused,
            per_second: teller.per_second(&last),
            bad: outlet.finish().map_err(Failure::usage)?.map(Path::to_owned),
        };
        match outcome {
            Ok(()) => Ok(account),
            Err(error) => Err(account.failure(error)),
        }
    }

    /// Opens what is written, begins the journal or finds where it stopped, and checks that it is of the batch that is asked
    /// for.
    fn open(
        &self,
        asked: &Batch,
        source: &Source,
        places: &[usize],
    ) -> anyhow::Result<(Journal, Outlet, Progress)> {
        let extension = if asked.form == JWT { "jwt" } else { "json" };
        let (mut journal, known) = Journal::open(&self.out)?;
        if let Some(known) = &known {
            resume::same(known, asked)?;
        }
        let files = self.files.as_deref();
        let mut outlet = Outlet::open(files, extension, self.bad.clone(), &source.columns)?;
        if known.is_none() {
            journal.begin(asked)?;
        }
        let known = known.as_ref().unwrap_or(asked);
        let progress = resume::resume(&mut journal, known, source, places, &mut outlet)?;
        if progress.known != source.digest {
            let done = progress.issued + progress.refused;
            ensure!(
                self.amended,
                "the CSV file changed behind row {done}, the last that is done: it had {} bytes and has {} now; --amended \
                 goes on with what it holds now",
                progress.known.bytes,
                source.digest.bytes
            );
            journal.append(&journal::amended_line(&source.digest))?;
        }
        Ok((journal, outlet, progress))
    }
}

/// Completes a template as a single credential is completed, with an id and a time for each row.
fn completed(mut template: Map<String, Value>, author: &Author) -> Map<String, Value> {
    for (member, value) in [("id", "urn:uuid:{{@uuid}}"), ("validFrom", "{{@now}}")] {
        template.entry(member).or_insert_with(|| json!(value));
    }
    chop_issuer::complete(&mut template, &author.did);
    template
}

/// Describes a batch for its journal.
fn batch(template: Map<String, Value>, author: &Author, form: Form<'_>, source: &Source) -> Batch {
    let form = match form {
        Form::Jwt => JWT.to_owned(),
        Form::Proof {
            cryptosuite,
            mandatory_pointers,
        } => {
            let pointers = mandatory_pointers.iter().map(String::as_str);
            let words = std::iter::once(cryptosuite.unwrap_or("jcs")).chain(pointers);
            words.collect::<Vec<_>>().join(" ")
        }
    };
    Batch {
        version: journal::VERSION,
        template,
        issuer: author.did.clone(),
        verification_method: author.method.clone(),
        public_key: author.key.public_key().multikey(),
        form,
        columns: source.columns.clone(),
        rows: source.digest.clone(),
    }
}

impl Account {
    fn done(&self, order: &Order) -> Done {
        let all = self.before + self.issued;
        let (mark, words) = match (self.issued, self.refused) {
            (0, 0) => (Mark::Good, format!("all {all} rows were issued already")),
            (issued, 0) => (Mark::Good, format!("issued {issued} credentials")),
            (issued, refused) => (
                Mark::Note,
                format!("issued {issued} credentials, passed over {refused} rows"),
            ),
        };
        let mut page = Page::new()
            .heading(mark, words)
            .field("credentials in all", all)
            .field("journal", order.out.display());
        if let Some(files) = &order.files {
            page = page.field("files", files.display());
        }
        if let Some(bad) = &self.bad {
            page = page.field("refused rows", bad.display());
        }
        if self.issued > 0 {
            page = page.field("per second", self.per_second);
        }
        let value = json!({
            "issued": self.issued,
            "issuedBefore": self.before,
            "refused": self.refused,
            "perSecond": self.per_second,
            "out": order.out,
            "files": order.files,
            "bad": self.bad,
        });
        Done::new(value, page).refused_if(self.refused > 0)
    }

    /// Says how far the batch came, and how it goes on.
    fn failure(&self, error: anyhow::Error) -> Failure {
        let all = self.before + self.issued;
        if error.is::<BadRow>() {
            let next = "correct the row and run this again with --amended, or with --skip-bad";
            return Failure::refused(error).context(format!("{all} rows are issued; {next}"));
        }
        Failure::usage(error.context(format!("{all} rows are issued; running this again goes on")))
    }
}

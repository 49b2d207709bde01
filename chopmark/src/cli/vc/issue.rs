//! `chopmark vc issue`.

use super::batch;
use super::decode::decode;
use crate::cli::did::{named, named_chop};
use crate::cli::keyring::{Keyring, KeyringArgs};
use crate::cli::stack::{StackArgs, success};
use crate::cli::{Done, Failure, Page, Terminal};
use anyhow::{Context as _, anyhow};
use chop_credential::Contexts;
use chop_credential::issuing::batch::Form;
use chop_credential::issuing::{self, ProofRequest, SdJwtRequest, SdJwtVcRequest};
use chop_credential::securing::x5c::Chain;
use chop_credential::selective::Seed;
use chop_did::{DidState, Relationship, verification_method};
use chop_http::{clock, random};
use chop_integrity::Timestamp;
use chop_keys::{PrivateKey, PublicKey, Signer as _};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Arguments of `chopmark vc issue`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark vc issue claim.json --as orchard                   under a DID of the ledger, with a key of the key folder
  chopmark vc issue claim.json --key lab                      under the did:key of a key
  chopmark vc issue claim.json --key p256 --suite ecdsa-sd-2023 --mandatory /issuer --mandatory /validUntil
  chopmark vc issue claim.json --instance lab --status revocation --status suspension
  chopmark vc issue --batch rows.csv --template claim.json --as orchard
  chopmark vc issue claim.json --key lab --sd-jwt --disclosable /credentialSubject/name --holder did:key:zDn…
  chopmark vc issue pid.json --key lab --sd-jwt-vc --disclosable /given_name --disclosable /nationalities/0
  chopmark vc issue pid.json --key lab --sd-jwt-vc --x5c chain.pem        the key's certificate first, the anchor left out

The file holds a credential without proof; what it leaves out of @context, type, id, issuer and validFrom is filled in.
A status needs a service that publishes the list, so it comes with --instance only.
A batch is stopped at any moment and goes on when the same command runs again.")]
pub(super) struct Args {
    /// The credential (JSON), or `-` for standard input
    #[arg(required_unless_present = "rows")]
    file: Option<PathBuf>,
    /// Issue under this DID, or the DID of this name in the key folder
    #[arg(long = "as", value_name = "DID|NAME", conflicts_with = "instance")]
    issuer: Option<String>,
    /// Sign with this key of the key folder [default: one that the DID lists for assertions]
    #[arg(long, value_name = "NAME", conflicts_with = "instance")]
    key: Option<String>,
    /// Have this issuing instance of the service issue it
    #[arg(long, value_name = "NAME", required_unless_present_any = ["issuer", "key"])]
    instance: Option<String>,
    /// Assign a status: revocation, suspension, refresh; or `token` for the status claim of a JWT (repeatable)
    #[arg(long, value_name = "PURPOSE", requires = "instance")]
    status: Vec<String>,
    /// Issue a JWT (vc+jwt) instead of an embedded proof; an instance has its own way
    #[arg(long, conflicts_with = "instance")]
    jwt: bool,
    /// Make the proof of this cryptosuite, or `cose` for a vc+cose in an envelope [default: eddsa-jcs-2022 or
    /// ecdsa-jcs-2019, as the key is]
    #[arg(long, value_name = "NAME", conflicts_with_all = ["instance", "jwt"])]
    suite: Option<String>,
    /// ecdsa-sd-2023, bbs-2023: a JSON Pointer to what the holder cannot withhold
    #[arg(long, value_name = "POINTER", conflicts_with = "jwt")]
    mandatory: Vec<String>,
    /// bbs-2023: bind to the secret behind this commitment, as `chopmark vc bind` prints it
    #[arg(long, value_name = "TEXT", conflicts_with = "jwt")]
    commitment: Option<String>,
    #[command(flatten)]
    batch: batch::BatchArgs,
    #[command(flatten)]
    disclosing: Disclosing,
    #[command(flatten)]
    stack: StackArgs,
    #[command(flatten)]
    keyring: KeyringArgs,
}

/// How an SD-JWT is made.
#[derive(Debug, clap::Args)]
struct Disclosing {
    /// Issue an SD-JWT (vc+sd-jwt), whose holder discloses claims one by one
    #[arg(long, conflicts_with_all = ["instance", "jwt"])]
    sd_jwt: bool,
    /// Issue an SD-JWT VC (dc+sd-jwt): the file holds plain claims with `vct`, no W3C credential
    #[arg(long, conflicts_with_all = ["instance", "jwt", "sd_jwt"])]
    sd_jwt_vc: bool,
    /// Bring the certificates of this PEM file along (x5c): the key's own first, the anchor left out. If the claims name an
    /// issuer (iss), the key's certificate must be for it
    #[arg(long, value_name = "FILE", requires = "sd_jwt_vc")]
    x5c: Option<PathBuf>,
    /// Let the holder disclose the claim at this JSON pointer (repeatable)
    #[arg(long, value_name = "POINTER")]
    disclosable: Vec<String>,
    /// Add this many digests of nothing wherever claims are concealed
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    decoys: usize,
    /// Confirm the holder's key, a did:key: presentations are then bound to it
    #[arg(long, value_name = "DID")]
    holder: Option<String>,
}

/// Who signs.
pub(crate) struct Author {
    /// The issuer's DID.
    pub(crate) did: String,
    /// Where its document lists the key.
    pub(crate) method: String,
    /// The key.
    pub(crate) key: Arc<PrivateKey>,
}

pub(super) async fn run(args: &Args, terminal: &Terminal) -> Result<Done, Failure> {
    if let Some(rows) = &args.batch.rows {
        let author = author(args, &args.keyring.open(terminal)?, terminal).await?;
        return batch::run(&args.batch, rows, &author, args.form(), terminal);
    }
    let file = args.file.as_deref().unwrap_or(Path::new("-"));
    let shown = file.display();
    let decoded = decode(&super::read(file)?)
        .map_err(|error| Failure::usage(error).context(format!("{shown} is no credential")))?;
    let credential = decoded.document;
    match &args.instance {
        Some(instance) => by_service(args, instance, credential, terminal).await,
        None => here(args, credential, terminal).await,
    }
}

impl Args {
    fn form(&self) -> Form<'_> {
        if self.jwt {
            return Form::Jwt;
        }
        Form::Proof {
            cryptosuite: self.suite.as_deref(),
            mandatory_pointers: &self.mandatory,
        }
    }
}

async fn by_service(
    args: &Args,
    instance: &str,
    credential: Map<String, Value>,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    let statuses: Vec<Value> = args
        .status
        .iter()
        .map(|purpose| match purpose.as_str() {
            "token" => json!({"type": "TokenStatusList"}),
            purpose => json!({"statusPurpose": purpose}),
        })
        .collect();
    let mut options = Map::new();
    options.insert("credentialStatus".to_owned(), Value::Array(statuses));
    options.insert("mandatoryPointers".to_owned(), json!(args.mandatory));
    if let Some(commitment) = &args.commitment {
        options.insert("commitmentWithProof".to_owned(), json!(commitment));
    }
    options.insert("disclosable".to_owned(), json!(args.disclosing.disclosable));
    options.insert("decoys".to_owned(), json!(args.disclosing.decoys));
    if let Some(holder) = args.disclosing.holder_key()? {
        options.insert("holder".to_owned(), json!(holder.jwk()));
    }
    let body = json!({"credential": credential, "options": options});
    let answer = args
        .stack
        .connect(terminal)?
        .post(&["v1", "issuers", instance, "credentials"], &body)
        .await?;
    let mut answer = success(answer, &format!("issuing by {instance}"))?;
    Ok(done(
        answer
            .get_mut("verifiableCredential")
            .map(Value::take)
            .unwrap_or_default(),
    ))
}

async fn here(
    args: &Args,
    mut credential: Map<String, Value>,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    let keyring = args.keyring.open(terminal)?;
    let author = author(args, &keyring, terminal).await?;
    if args.disclosing.sd_jwt_vc {
        return sd_jwt_vc(&args.disclosing, credential, &author);
    }
    chop_issuer::complete(&mut credential, &author.did);
    let contexts = Contexts::embedded();
    let credential = Value::Object(credential);
    let signer = author.key.as_ref();
    if args.disclosing.sd_jwt {
        let holder = args.disclosing.holder_key()?;
        let request = SdJwtRequest {
            verification_method: &author.method,
            disclosable: &args.disclosing.disclosable,
            decoys: args.disclosing.decoys,
            holder: holder.as_ref(),
            status: None,
        };
        let token =
            issuing::issue_sd_jwt(credential, &contexts, &request, &mut random::bytes, signer)
                .map_err(Failure::usage)?;
        return Ok(Done::new(
            issuing::enveloped_credential(&token),
            Page::new().raw(token),
        ));
    }
    let Form::Proof {
        cryptosuite,
        mandatory_pointers,
    } = args.form()
    else {
        let token = issuing::issue_jwt(credential, &contexts, &author.method, signer)
            .map_err(Failure::usage)?;
        return Ok(Done::new(
            issuing::enveloped_credential(&token),
            Page::new().raw(token),
        ));
    };
    if cryptosuite == Some("cose") {
        let message = issuing::issue_cose(credential, &contexts, &author.method, signer)
            .map_err(Failure::usage)?;
        return Ok(done(issuing::enveloped_cose_credential(&message)));
    }
    let now = Timestamp::from_unix_ms(clock::now_ms());
    let seed = Seed::new(Zeroizing::new(random::bytes()));
    let commitment = args.commitment.as_deref().map(commitment).transpose()?;
    let request = ProofRequest {
        cryptosuite,
        mandatory_pointers,
        seed: Some(&seed),
        commitment: commitment.as_deref(),
        ..ProofRequest::new(&author.method, now)
    };
    let issued = issuing::issue(credential, &contexts, &request, signer).map_err(Failure::usage)?;
    Ok(done(issued))
}

fn commitment(text: &str) -> Result<Vec<u8>, Failure> {
    let encoded = text.strip_prefix('u');
    encoded
        .and_then(|encoded| BASE64URL_NOPAD.decode(encoded.as_bytes()).ok())
        .ok_or_else(|| Failure::usage(anyhow!("--commitment takes base64url after a u")))
}

impl Disclosing {
    /// Reads the chain of certificates, which must be within their terms.
    fn chain(&self) -> Result<Option<Chain>, Failure> {
        let Some(file) = &self.x5c else {
            return Ok(None);
        };
        let shown = file.display();
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {shown}"))
            .map_err(Failure::usage)?;
        let chain = Chain::from_pem(&text)
            .and_then(|chain| {
                chain.within_term(Timestamp::from_unix_ms(clock::now_ms()))?;
                Ok(chain)
            })
            .with_context(|| format!("{shown} holds no chain to issue under"));
        chain.map(Some).map_err(Failure::usage)
    }

    fn holder_key(&self) -> Result<Option<PublicKey>, Failure> {
        let key = self.holder.as_deref().map(|did| {
            let multikey = did.strip_prefix("did:key:").unwrap_or(did);
            PublicKey::from_multikey(multikey).map_err(Failure::usage)
        });
        key.transpose()
    }
}

/// Issues an SD-JWT VC whose `iss` is the author's DID, or which certificates speak for.
fn sd_jwt_vc(
    disclosing: &Disclosing,
    mut claims: Map<String, Value>,
    author: &Author,
) -> Result<Done, Failure> {
    let chain = disclosing.chain()?;
    let named = chain.is_none().then_some(author.did.as_str());
    chop_issuer::complete_claims(&mut claims, named);
    let holder = disclosing.holder_key()?;
    let request = SdJwtVcRequest {
        key_id: chain.is_none().then_some(author.method.as_str()),
        chain: chain.as_ref(),
        disclosable: &disclosing.disclosable,
        decoys: disclosing.decoys,
        holder: holder.as_ref(),
    };
    let signer = author.key.as_ref();
    let token = issuing::issue_sd_jwt_vc(&claims, &request, &mut random::bytes, signer)
        .map_err(Failure::usage)?;
    Ok(Done::new(
        Value::from(token.as_str()),
        Page::new().raw(token),
    ))
}

/// The document alone, so that it can be piped into a file in either form of output.
fn done(credential: Value) -> Done {
    let page = Page::new().raw(format!("{credential:#}"));
    Done::new(credential, page)
}

async fn author(args: &Args, keyring: &Keyring, terminal: &Terminal) -> Result<Author, Failure> {
    let key = args
        .key
        .as_deref()
        .map(|name| keyring.load(name))
        .transpose()?;
    match (&args.issuer, key) {
        (Some(issuer), key) if named(issuer, &args.keyring)?.starts_with("did:chop:") => {
            let did = named_chop(issuer, &args.keyring)?;
            let state = args.stack.connect(terminal)?.state(&did).await?;
            listed(&state, keyring, key)
        }
        (None, Some(key)) => Ok(own(key)),
        (Some(issuer), Some(key)) if *issuer == key.public_key().did_key() => Ok(own(key)),
        (Some(issuer), _) => Err(Failure::usage(anyhow!(
            "this issues under did:chop DIDs, and with --key under the key's did:key; {issuer} is neither"
        ))),
        (None, None) => Err(Failure::usage(anyhow!(
            "say who issues: --as, --key or --instance"
        ))),
    }
}

fn own(key: Arc<PrivateKey>) -> Author {
    let public = key.public_key();
    Author {
        did: public.did_key(),
        method: public.did_key_url(),
        key,
    }
}

/// Finds a key of the folder that the document lists for assertions now, and where.
fn listed(
    state: &DidState,
    keyring: &Keyring,
    wanted: Option<Arc<PrivateKey>>,
) -> Result<Author, Failure> {
    let did = state.did().to_string();
    if state.deactivated() {
        return Err(Failure::refused(anyhow!("{did} was deactivated")));
    }
    let now = Timestamp::from_unix_ms(clock::now_ms());
    let grants = |key: &PublicKey| {
        state
            .document()
            .grants(Relationship::AssertionMethod, key, now)
    };
    let key = match wanted {
        Some(key) => Some(key).filter(|key| grants(key.public_key())),
        None => keyring
            .load_known(grants)?
            .into_iter()
            .map(|(_, key)| key)
            .next(),
    };
    let key = key.ok_or_else(|| {
        Failure::usage(anyhow!(
            "{did} lists no key of this key folder for assertions"
        ))
    })?;
    let document = state.document().absolute(state.did(), state.controller());
    let ids = document
        .get("assertionMethod")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let holds = |id: &&str| {
        verification_method(&document, id)
            .is_ok_and(|method| method.key() == key.public_key() && method.check_at(now).is_ok())
    };
    let method = ids.filter(|id| holds(id)).map(ToOwned::to_owned).next();
    let method = method.ok_or_else(|| {
        Failure::internal(anyhow!(
            "{did} grants a key that its document does not hold"
        ))
    })?;
    Ok(Author { did, method, key })
}

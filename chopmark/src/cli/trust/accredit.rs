//! `chopmark trust accredit`, `suspend`, `reinstate`, `revoke`: what an authority does.

use crate::cli::acting::ActingArgs;
use crate::cli::did::named_chop;
use crate::cli::{Done, Failure, Mark, Page, Terminal};
use chop_integrity::{Hash, Timestamp, TimestampError};
use chop_protocol::{
    Accredit, Action, CredentialType, Jurisdiction, ReinstateAccreditation, RevocationReason,
    RevokeAccreditation, SuspendAccreditation, TermError, accreditation_id,
};
use serde_json::json;

/// Arguments of `chopmark trust accredit`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  chopmark trust accredit lab --type QualityInspection --jurisdiction CN --until 2027-11-01T00:00:00Z --as ministry
  chopmark trust accredit bureau --type QualityInspection --depth 1 --as ministry        bureau may accredit others
  chopmark trust accredit lab --type QualityInspection --under ACCREDITATION --as bureau

At the root only members accredit; below, who holds an accreditation with depth, by its own and within its scope.")]
pub(super) struct Args {
    /// Who may issue, by DID or name in the key folder
    #[arg(value_name = "DID|NAME")]
    subject: String,
    /// The type of the credentials: a term or an https URL
    #[arg(long = "type", value_name = "TYPE", value_parser = credential_type)]
    credential_type: CredentialType,
    /// Where: a country, or a part of one, such as CN or CN-SN [default: everywhere]
    #[arg(long, value_name = "CODE", value_parser = jurisdiction)]
    jurisdiction: Option<Jurisdiction>,
    /// From when, such as 2026-11-01T08:00:00Z [default: at once]
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Until when [default: without end]
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// How many further links the subject may let hang below it
    #[arg(long, value_name = "LINKS", default_value_t = 0)]
    depth: u8,
    /// The accreditation of the one who acts that it hangs from
    #[arg(long, value_name = "ID")]
    under: Option<Hash>,
    #[command(flatten)]
    acting: ActingArgs,
}

/// Arguments of `chopmark trust suspend` and `reinstate`.
#[derive(Debug, clap::Args)]
pub(super) struct EventArgs {
    /// The accreditation's id
    accreditation: Hash,
    /// From when, such as 2026-11-01T08:00:00Z [default: at once]
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    #[command(flatten)]
    acting: ActingArgs,
}

/// Arguments of `chopmark trust revoke`.
#[derive(Debug, clap::Args)]
#[command(after_help = "A revocation is final.")]
pub(super) struct RevokeArgs {
    /// Say that it should never have been granted: what was issued under it is void too
    #[arg(long, conflicts_with = "from")]
    ab_initio: bool,
    #[command(flatten)]
    event: EventArgs,
}

pub(super) async fn run(args: Args, terminal: &Terminal) -> Result<Done, Failure> {
    let subject = named_chop(&args.subject, &args.acting.keyring)?;
    let action = Action::Accredit(Accredit {
        subject,
        credential_type: args.credential_type.clone(),
        jurisdiction: args.jurisdiction,
        valid_from: args.from,
        valid_until: args.until,
        depth: args.depth,
        parent: args.under,
    });
    let (envelope, height) = args.acting.send(action, terminal).await?;
    let id = accreditation_id(&envelope, 0);
    let page = Page::new()
        .heading(
            Mark::Good,
            format!("{subject} may issue {}", args.credential_type.as_str()),
        )
        .field("accreditation", id)
        .field("height", height);
    let value = json!({"accreditation": id, "subject": subject, "height": height});
    Ok(Done::new(value, page))
}

pub(super) async fn suspend(args: EventArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let action = Action::SuspendAccreditation(SuspendAccreditation {
        accreditation: args.accreditation,
        effective: args.from,
    });
    done(&args, action, "suspended", terminal).await
}

pub(super) async fn reinstate(args: EventArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let action = Action::ReinstateAccreditation(ReinstateAccreditation {
        accreditation: args.accreditation,
        effective: args.from,
    });
    done(&args, action, "reinstated", terminal).await
}

pub(super) async fn revoke(args: RevokeArgs, terminal: &Terminal) -> Result<Done, Failure> {
    let reason = if args.ab_initio {
        RevocationReason::AbInitio
    } else {
        RevocationReason::Forward
    };
    let action = Action::RevokeAccreditation(RevokeAccreditation {
        accreditation: args.event.accreditation,
        effective: args.event.from,
        reason,
    });
    done(&args.event, action, "revoked", terminal).await
}

async fn done(
    args: &EventArgs,
    action: Action,
    what: &str,
    terminal: &Terminal,
) -> Result<Done, Failure> {
    let (_, height) = args.acting.send(action, terminal).await?;
    let id = args.accreditation;
    let page = Page::new()
        .heading(Mark::Good, format!("{what} accreditation {id}"))
        .field("height", height);
    Ok(Done::new(
        json!({"accreditation": id, "done": what, "height": height}),
        page,
    ))
}

pub(super) fn credential_type(text: &str) -> Result<CredentialType, TermError> {
    CredentialType::parse(text)
}

fn jurisdiction(text: &str) -> Result<Jurisdiction, TermError> {
    Jurisdiction::parse(text)
}

fn time(text: &str) -> Result<Timestamp, TimestampError> {
    Timestamp::parse_xml(text)
}

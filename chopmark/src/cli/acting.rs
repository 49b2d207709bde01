//! Acting for a DID with keys of the key folder, sponsored by the service's operator.

use super::did::{act, keys, named_chop};
use super::keyring::KeyringArgs;
use super::stack::StackArgs;
use super::{Failure, Terminal};
use chop_http::{clock, random};
use chop_integrity::{Hash, Timestamp};
use chop_protocol::{Action, Envelope, Nonce};

/// Who acts.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ActingArgs {
    /// Who acts, by DID or name in the key folder
    #[arg(long = "as", value_name = "DID|NAME")]
    pub(crate) actor: String,
    #[command(flatten)]
    pub(crate) stack: StackArgs,
    #[command(flatten)]
    pub(crate) keyring: KeyringArgs,
}

impl ActingArgs {
    /// Sends one action; answers its envelope's hash and the height.
    ///
    /// # Errors
    /// When there is no key that may act, or the ledger refuses.
    pub(crate) async fn send(
        &self,
        action: Action,
        terminal: &Terminal,
    ) -> Result<(Hash, u64), Failure> {
        let actor = named_chop(&self.actor, &self.keyring)?;
        let stack = self.stack.connect(terminal)?;
        let genesis = stack.genesis().await?;
        let state = stack.state(&actor).await?;
        let keyring = self.keyring.open(terminal)?;
        let held = keys::invoking(&keyring, &state, clock::now_ms())?
            .at_least(1, &format!("acting for {actor}"))?;
        let envelope = Envelope {
            ledger: genesis.id(),
            actor,
            sponsor: stack.operator().await?,
            nonce: Nonce::new(random::bytes()),
            valid_until: Timestamp::from_unix_ms(clock::now_ms() + act::LIFE_MS),
            actions: vec![action],
        };
        let signed = envelope.sign(&held.signers(1)).map_err(Failure::usage)?;
        let height = stack.submit(&signed).await?;
        Ok((signed.hash(), height))
    }
}

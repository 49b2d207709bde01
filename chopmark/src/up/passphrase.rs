//! Where the passphrase of the keys comes from: a file, the environment, or, with neither, the data folder itself.

use std::io::IsTerminal as _;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use chop_keystore::Passphrase;

/// The passphrase that the operator gave; `None` leaves it to the data folder.
///
/// # Errors
/// When the file cannot be read or is empty.
pub(crate) fn given(file: Option<&Path>) -> anyhow::Result<Option<Passphrase>> {
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the passphrase from {}", path.display()))?;
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        ensure!(
            !text.is_empty(),
            "the passphrase file {} is empty",
            path.display()
        );
        return Ok(Some(Passphrase::new(text)));
    }
    match std::env::var("CHOPMARK_PASSPHRASE") {
        Ok(text) if !text.is_empty() => Ok(Some(Passphrase::new(text))),
        _ => Ok(None),
    }
}

/// Asks for the passphrase of keys that exist and that the folder holds none for.
///
/// # Errors
/// When nobody is there to be asked.
pub(super) fn ask() -> anyhow::Result<Passphrase> {
    if !std::io::stdin().is_terminal() {
        bail!(
            "the keys need their passphrase: give it with --passphrase-file or in CHOPMARK_PASSPHRASE"
        );
    }
    let text = rpassword::prompt_password("Passphrase of the keys: ")
        .context("cannot read the passphrase")?;
    Ok(Passphrase::new(text))
}

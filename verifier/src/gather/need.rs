//! Whether judging a credential needs anything beside its keys.

use chop_credential::SecuredCredential;
use chop_credential::verdict::{CheckName, Policy};

use super::{Registered, ledger};

/// Says whether a check of a policy has anything to look for, beside keys: on a ledger or anywhere else.
pub(super) fn anything(
    credential: &SecuredCredential,
    policy: &Policy,
    registered: &Registered<'_>,
) -> bool {
    let wanted = |check: CheckName| policy.checks.contains_key(&check);
    let (claims, credential) = (credential.claims(), credential.credential());
    let has_status = || {
        let entries = credential.status_entries();
        claims.status.is_some() || entries.is_ok_and(|entries| !entries.is_empty())
    };
    ledger::is_on_ledger(credential.issuer())
        || !registered.is_empty()
        || (wanted(CheckName::Status) && has_status())
        || (wanted(CheckName::Schema) && credential.schemas().next().is_some())
        || (wanted(CheckName::RelatedResource) && credential.related_resources().next().is_some())
}

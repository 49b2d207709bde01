//! The start page works in a browser.

mod explorer;
pub(crate) mod verifier_js;

use crate::support::browser::Browser;
use crate::support::party::Party;
use crate::support::stack::Stack;

#[test]
fn the_form_on_the_start_page_resolves_a_did() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let party = Party::create(&stack);
    let mut browser = Browser::open(data.path(), stack.base());
    browser.wait_for("document.querySelector('[data-field=ledger]')?.textContent.length === 52");
    let fill = format!(
        "document.getElementById('did').value = '{}'; document.getElementById('resolve').requestSubmit()",
        party.did
    );
    browser.evaluate(&fill);
    browser.wait_for("document.getElementById('resolve-verdict').textContent === 'Resolved'");
    let answer = browser.evaluate("document.getElementById('resolve-answer').textContent");
    assert!(
        answer.as_str().unwrap().contains("capabilityInvocation"),
        "{answer}"
    );
    browser.wait_for("document.getElementById('resolve-check').hidden === false");
    let check = browser.evaluate("document.getElementById('resolve-check').textContent");
    let check = check.as_str().unwrap();
    assert!(
        check.starts_with("Checked in this browser: header "),
        "{check}"
    );
    assert!(check.contains("signed by 1 of 1 validators"), "{check}");

    let picture = browser.screenshot();
    assert!(picture.starts_with(b"\x89PNG"));
    // An empty page of this size compresses to a few kilobytes.
    assert!(picture.len() > 15_000, "{} bytes", picture.len());
}

#[test]
fn the_form_on_the_start_page_shows_why_a_credential_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let mut browser = Browser::open(data.path(), stack.base());
    browser.wait_for(
        "document.getElementById('verify') !== null && document.readyState === 'complete'",
    );
    browser.evaluate("document.getElementById('credential').value = '{\"type\":[\"VerifiableCredential\"]}'; document.getElementById('verify').requestSubmit()");
    browser.wait_for("document.getElementById('verify-verdict').textContent.length > 0");
    let verdict = browser.evaluate("document.getElementById('verify-verdict').className");
    assert!(verdict.as_str().unwrap().contains("refused"), "{verdict}");
}

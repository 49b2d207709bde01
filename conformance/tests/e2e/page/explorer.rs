//! The explorer's page in a browser: it misses nothing, shows nothing twice, and lets go of what it left.

use crate::support::browser::Browser;
use crate::support::party::Party;
use crate::support::stack::{Stack, binary, said};
use std::path::Path;
use std::process::Command;

/// Keeps the streams that the page opens, and refuses the first as a busy node does.
const STREAMS: &str = "window.streams = []; const Real = EventSource; window.EventSource = class extends Real { \
     constructor(url) { super(window.streams.length === 0 ? '/nothing' : url); window.streams.push(this) } }; true";

/// Holds the answer of the newest transactions back until `go` is called.
const HELD: &str = "const real = fetch; window.fetch = async (path, options) => { const answer = await real(path, options); \
     if (path === '/v1/transactions?limit=10' && !window.go) { await answer.clone().text(); await new Promise((go) => { window.go = go }) } \
     return answer }; true";

const LIVE: &str =
    "document.querySelector('#page [role=status]')?.textContent.startsWith('Live:') === true";

fn rows(did: impl std::fmt::Display) -> String {
    format!("document.querySelectorAll('#page td a[href=\"#/did/{did}\"]').length")
}

#[test]
fn the_live_page_misses_nothing_and_shows_nothing_twice() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let before = Party::create(&stack);
    let page = format!("{}/explorer#/blocks", stack.base());
    let mut browser = Browser::open(data.path(), &page);
    browser.wait_for("document.querySelectorAll('#page tbody tr').length > 0");
    browser.evaluate(STREAMS);
    browser.evaluate(HELD);
    browser.evaluate("location.hash = '#/'");
    browser.wait_for("typeof window.go === 'function'");
    // After the list, and before the stream.
    let between = Party::create(&stack);
    browser.evaluate("window.go(); true");
    browser.wait_for("window.streams.length === 2");
    browser.wait_for(LIVE);
    let after = Party::create(&stack);
    browser.wait_for(&format!("{} > 0", rows(after.did)));
    for party in [&before, &between, &after] {
        assert_eq!(browser.evaluate(&rows(party.did)), 1, "{}", party.did);
    }
    let height = "document.querySelector('#page tbody td:nth-child(2)').textContent.split('.')[0]";
    let said = format!(
        "document.getElementById('as-of').textContent.startsWith(`As of block ${{{height}}}.`)"
    );
    assert_eq!(browser.evaluate(&said), true);

    looks_well_in_light_and_in_dark(&mut browser);
    shows_no_more_than_fifty(&stack, &mut browser);
    lets_go_of_what_it_left(&mut browser);
    shows_more_once(&mut browser);
    says_when_it_is_not_whole(&mut browser);
}

/// What a node says whose read model began anew, by the stream itself and in the place of one.
fn says_when_it_is_not_whole(browser: &mut Browser) {
    browser.evaluate("location.hash = '#/'");
    browser.wait_for(LIVE);
    browser.evaluate(
        "window.streams.at(-1).dispatchEvent(new MessageEvent('gap', { data: '{\"first\": 7}', lastEventId: '6.18446744073709551615' }))",
    );
    let told = "document.querySelector('#page [role=status]').textContent";
    browser.wait_for(&format!("{told}.includes('before block 7')"));
    browser.evaluate(
        "const whole = fetch; window.fetch = (path, options) => { if (!path.startsWith('/v1/events')) return whole(path, options); \
         window.fetch = whole; return Promise.resolve(new Response('', { status: 410 })) }; \
         window.streams.length = 0; document.querySelector('#page section').dataset.old = 'true'; true",
    );
    // The next stream is refused, as the first one was.
    browser.evaluate("location.hash = '#/members'");
    browser.wait_for("location.hash === '#/members' && !document.querySelector('[data-old]')");
    browser.evaluate("location.hash = '#/'");
    browser.wait_for("window.streams.length === 1");
    browser.evaluate("document.querySelector('#page section').dataset.old = 'true'");
    browser.wait_for(&format!("!document.querySelector('[data-old]') && {LIVE}"));
}

/// Runs the program in the folder of a stack, as its operator.
fn run(stack: &Stack, data: &Path, arguments: &[&str]) -> serde_json::Value {
    said(
        Command::new(binary())
            .args(arguments)
            .args(["--url", stack.base(), "--data"])
            .arg(data)
            .env("CHOPMARK_PASSPHRASE_FILE", data.join("words"))
            .current_dir(data),
    )
}

fn heading(did: &str) -> String {
    format!("document.querySelector('#page h2')?.textContent === '{did}'")
}

#[test]
fn a_did_shows_where_it_stands_and_its_whole_history() {
    let data = tempfile::tempdir().unwrap();
    let stack = Stack::start(data.path());
    let folder = data.path();
    let template = r#"{"class": "product", "fields": ["serial"], "document": {"alsoKnownAs": ["urn:x:{serial}"]}}"#;
    std::fs::write(folder.join("crate.json"), template).unwrap();
    std::fs::write(folder.join("crates.csv"), "serial\nS0\nS1\n").unwrap();
    std::fs::write(folder.join("words"), "correct horse battery staple").unwrap();
    let packer = run(&stack, folder, &["did", "create", "--name", "packer"]);
    let packer = packer["did"].as_str().unwrap();
    let files = [
        "--template",
        "crate.json",
        "--items",
        "crates.csv",
        "--dids",
        "dids.csv",
    ];
    let create = [
        &["did", "batch", "create", "--controller", "packer"][..],
        &files,
    ]
    .concat();
    let made = run(&stack, folder, &create);
    let batch = made["batch"].as_str().unwrap();
    let void = [
        "did",
        "batch",
        "void",
        batch,
        "1..2",
        "--reason",
        "torn",
        "--controller",
        "packer",
    ];
    run(&stack, folder, &void);
    run(&stack, folder, &["did", "deactivate", "packer", "--yes"]);
    let dids = std::fs::read_to_string(folder.join("dids.csv")).unwrap();
    let item = dids.lines().nth(2).unwrap().split_once(',').unwrap().1;

    let page = format!("{}/explorer#/did/{item}", stack.base());
    let mut browser = Browser::open(folder, &page);
    browser.wait_for(&heading(item));
    let on_top = "document.querySelector('#page dl').textContent";
    let said = browser.evaluate(on_top).to_string();
    assert!(said.contains("Codevoid") && said.contains("torn"), "{said}");
    browser.evaluate(&format!("location.hash = '#/did/{packer}'; true"));
    browser.wait_for(&heading(packer));
    let said = browser.evaluate(on_top).to_string();
    assert!(said.contains("ended"), "{said}");

    let party = Party::create(&stack);
    let (envelope, products) = party.create_products(1);
    assert_eq!(stack.post("/v1/transactions", &envelope).status, 201);
    let product = products[0].to_string();
    party.rewrite(&stack, &products[0], 300);
    let log = run(&stack, folder, &["did", "log", &product]);
    assert_eq!(log.as_array().unwrap().len(), 301);
    let last = log[300]["versionId"].as_str().unwrap();
    assert!(last.starts_with("300-"), "{last}");
    browser.evaluate(&format!("location.hash = '#/did/{product}'; true"));
    browser.wait_for(&heading(&product));
    let versions = "document.querySelectorAll('#page section')[1]";
    assert_eq!(
        browser.evaluate(&format!("{versions}.querySelectorAll('tbody tr').length")),
        256
    );
    browser.evaluate(&format!("{versions}.querySelector('button').click(); true"));
    browser.wait_for(&format!("{versions}.querySelectorAll('tbody tr').length === 301 && !{versions}.querySelector('button')"));
}

fn looks_well_in_light_and_in_dark(browser: &mut Browser) {
    let mut seen = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        let paper = browser.evaluate("getComputedStyle(document.body).backgroundColor");
        let wide = browser.evaluate("document.documentElement.scrollWidth > innerWidth");
        assert_eq!(wide, false, "it scrolls sideways");
        let picture = browser.screenshot();
        assert!(picture.starts_with(b"\x89PNG"));
        // An empty page of this size compresses to a few kilobytes.
        assert!(picture.len() > 15_000, "{} bytes", picture.len());
        seen.push((paper.to_string(), picture));
    }
    assert_ne!(seen[0].0, seen[1].0);
    assert_ne!(seen[0].1, seen[1].1);
}

fn shows_no_more_than_fifty(stack: &Stack, browser: &mut Browser) {
    let mut last = Party::create(stack);
    for _ in 0..52 {
        last = Party::create(stack);
    }
    browser.wait_for(&format!("{} === 1", rows(last.did)));
    let shown = browser.evaluate("document.querySelectorAll('#page .rows tbody tr').length");
    assert_eq!(shown, 50);
}

fn lets_go_of_what_it_left(browser: &mut Browser) {
    browser.evaluate("document.querySelector('#page section').dataset.old = 'true'");
    // Faster than the answers come.
    browser.evaluate(
        "(async () => { for (let n = 0; n < 4; n++) for (const place of ['#/members', '#/']) { \
         location.hash = place; await new Promise((next) => addEventListener('hashchange', next, { once: true })) } return true })()",
    );
    browser.wait_for(&format!("!document.querySelector('[data-old]') && {LIVE}"));
    let open = "window.streams.filter((stream) => stream.readyState !== 2).length";
    assert_eq!(browser.evaluate(open), 1);
    browser.evaluate("location.hash = '#/members'");
    browser.wait_for(&format!("{open} === 0"));
}

fn shows_more_once(browser: &mut Browser) {
    browser.evaluate("location.hash = '#/transactions'");
    let rows = "[...document.querySelectorAll('#page tbody tr')].map((row) => row.querySelector('a').href)";
    browser.wait_for(&format!("location.hash === '#/transactions' && document.querySelector('#page h2').textContent === 'Transactions' && {rows}.length === 20"));
    let press = "document.querySelector('#page button').click(); document.querySelector('#page button').click(); true";
    browser.evaluate(press);
    browser.wait_for(&format!("{rows}.length > 20 && !document.querySelector('#page button')?.hasAttribute('aria-disabled')"));
    assert_eq!(browser.evaluate(&format!("{rows}.length")), 40);
    assert_eq!(browser.evaluate(&format!("new Set({rows}).size")), 40);
}

"use strict";
// Everything that comes from a server or a user is written as text, never as markup.
const $ = (id) => document.getElementById(id);

const show = (element, text, kind) => {
  element.hidden = false;
  element.textContent = text;
  if (kind !== undefined) element.className = `verdict ${kind}`;
};

const answer = async (response) => {
  const text = await response.text();
  try { return JSON.parse(text); } catch { return { detail: text }; }
};

const refresh = async () => {
  const response = await fetch("/v1/status");
  if (!response.ok) return;
  const status = await response.json();
  for (const field of document.querySelectorAll("#status [data-field]")) {
    const value = status[field.dataset.field];
    if (value !== undefined) field.textContent = String(value);
  }
};

// What the service answers is checked here, in the browser, by the same verifier that runs in Node.
const check = async (body) => {
  const [chosen] = $("trust-root").files;
  const { parseTrustRoot, verifyResolution } = await import("/assets/verifier/chopmark.mjs");
  try {
    const root = await parseTrustRoot(chosen ? JSON.parse(await chosen.text()) : await (await fetch("/v1/trust-root")).json());
    const { header } = await verifyResolution(root, body, { nowMs: Date.now() });
    const against = chosen ? `the trust root ${chosen.name}` : "the trust root that this same service gives: choose one that you got elsewhere";
    const time = new Date(header.timeMs).toISOString();
    show($("resolve-check"), `Checked in this browser: header ${header.height} of ${time}, signed by ${header.signed} of ${header.validators} validators, against ${against}`, chosen ? "accepted" : "indeterminate");
  } catch (error) {
    show($("resolve-check"), `Not proven in this browser: ${error.message}`, "refused");
  }
};

$("resolve").addEventListener("submit", async (event) => {
  event.preventDefault();
  const did = $("did").value.trim();
  // Only a ledger proves its answers.
  const chop = /^did:chop:[^?#/]*$/.test(did);
  const response = await fetch(`/1.0/identifiers/${encodeURIComponent(did)}${chop ? "?proof=true" : ""}`, { headers: { accept: "application/did-resolution" } });
  const body = await answer(response);
  const error = body.didResolutionMetadata?.error;
  if (response.ok) show($("resolve-verdict"), "Resolved", "accepted");
  else if (response.status === 410) show($("resolve-verdict"), "Deactivated: this DID will never change again", "indeterminate");
  else show($("resolve-verdict"), error?.title ?? body.title ?? `Refused (${response.status})`, "refused");
  show($("resolve-answer"), JSON.stringify(body, null, 2));
  $("resolve-check").hidden = true;
  // That there is no such DID is proven as well.
  if (chop && (response.ok || response.status === 410 || body.didDocumentMetadata?.proof)) await check(body);
});

$("verify").addEventListener("submit", async (event) => {
  event.preventDefault();
  const pasted = $("credential").value.trim();
  // The pasted text travels unparsed: the service decides what is well-formed, duplicate members included.
  const credential = pasted.startsWith("{") ? pasted : JSON.stringify(pasted);
  const response = await fetch("/v1/verifications", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: `{"credential":${credential}}`,
  });
  const verdict = await answer(response);
  const outcome = verdict.outcome ?? "refused";
  show($("verify-verdict"), response.ok ? outcome : verdict.title ?? "Refused", outcome);
  const rows = $("verify-checks").tBodies[0];
  rows.replaceChildren(...(verdict.checks ?? []).map((check) => {
    const row = document.createElement("tr");
    for (const [text, kind] of [[check.check, ""], [check.outcome, check.outcome], [check.detail ?? "", ""]]) {
      const cell = document.createElement("td");
      cell.textContent = text;
      cell.className = kind;
      row.append(cell);
    }
    return row;
  }));
  $("verify-checks").hidden = rows.rows.length === 0;
  show($("verify-answer"), JSON.stringify(verdict, null, 2));
});

refresh();

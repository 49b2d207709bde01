"use strict";
// Everything from the ledger goes into the page as text, never as markup.
const page = document.getElementById("page");
const asOf = document.getElementById("as-of");

const element = (name, attributes, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) node.setAttribute(key, value);
  node.append(...children.filter((child) => child !== undefined && child !== null));
  return node;
};
const link = (path, text) => element("a", { href: `#/${path}` }, text);
const did = (text) => link(`did/${text}`, element("code", {}, short(text)));
const short = (text) => (text.length > 34 ? `${text.slice(0, 22)}…${text.slice(-6)}` : text);
const time = (text) => element("time", { datetime: text }, text.replace("T", " ").replace(/\.\d+Z$/, "Z"));
const section = (title, ...children) => element("section", {}, element("h2", {}, title), ...children);
const cell = (content, kind) => element("td", kind ? { class: kind } : {}, ...[content].flat());
const table = (heads, rows) => rows.length === 0
  ? element("p", { class: "soft" }, "Nothing here.")
  : element("table", {}, element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...rows));
const fields = (pairs) => element("dl", {}, ...pairs.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, ...[value].flat())]));
const raw = (value) => element("details", {}, element("summary", {}, "As JSON"), element("pre", {}, JSON.stringify(value, null, 2)));

const sayAsOf = (height) => { asOf.textContent = `As of block ${height}. Lists are not proven; each entry is, by its own key.`; };

// A visit of one part of the page: what it asks for and follows ends when another part is shown.
const visiting = (signal) => ({
  signal,
  // `also` are statuses beside success whose body is an answer, too.
  ask: async (path, { accept = "application/json", also = [] } = {}) => {
    const answer = await fetch(path, { headers: { accept }, signal });
    const body = await answer.json();
    if (!answer.ok && !also.includes(answer.status)) {
      const why = body?.didResolutionMetadata?.error ?? body;
      throw new Error(why?.detail ?? why?.title ?? `the node answered ${answer.status}`);
    }
    if (body?.asOf && !signal.aborted) sayAsOf(body.asOf.height);
    return body;
  },
});

// The pages of a list: each names the cursor of the next one.
const paged = ({ ask }, path) => (next) => ask(next ? `${path}${path.includes("?") ? "&" : "?"}cursor=${next}` : path);

const outcome = (transaction) => transaction.status === "committed"
  ? element("span", { class: "good" }, "committed")
  : element("span", { class: "bad" }, `refused: ${transaction.rule}`);

const transactionRow = (transaction) => element("tr", {},
  cell(link(`transaction/${transaction.hash}`, element("code", {}, `${transaction.hash.slice(0, 12)}…`)), "short"),
  cell(link(`block/${transaction.height}`, `${transaction.height}.${transaction.index}`), "short"),
  cell(time(transaction.time), "short"),
  cell(transaction.actions.map((action) => action.type).join(", ")),
  cell(did(transaction.actor)), cell(outcome(transaction)));
const transactionHeads = ["Transaction", "Block", "Time", "Actions", "Actor", "Outcome"];

// Adds rows to a table, which is there from the first row on.
const grow = (box, heads, rows, place) => {
  const body = box.querySelector("tbody");
  if (body) body[place](...rows);
  else if (rows.length > 0) box.querySelector(".rows").replaceChildren(table(heads, rows));
};

// A list that grows by a button; `read` reads a page, `row` makes a row. A page of rare things may be empty and still not be the last.
const list = async (title, heads, read, row) => {
  const first = await read();
  let { next } = first;
  const none = (items) => (items.length === 0 && next ? " None among these; there are earlier ones." : "");
  const rows = none(first.items) ? undefined : table(heads, first.items.map(row));
  const box = section(title, element("div", { class: "rows" }, rows));
  if (!next) return box;
  const more = element("button", { type: "button" }, "Show more");
  const told = element("span", { class: "soft", role: "status" }, none(first.items));
  more.addEventListener("click", async () => {
    if (more.getAttribute("aria-disabled")) return;
    more.setAttribute("aria-disabled", "true");
    told.textContent = "";
    try {
      const after = await read(next);
      grow(box, heads, after.items.map(row), "append");
      ({ next } = after);
      told.textContent = none(after.items);
      if (!next) more.parentElement.remove();
    } catch (error) {
      told.textContent = ` That did not work: ${error.message}`;
    }
    more.removeAttribute("aria-disabled");
  });
  box.append(element("p", {}, more, told));
  return box;
};

const transactions = (visit, filters, title) =>
  list(title, transactionHeads, paged(visit, `/v1/transactions?limit=20${filters}`), transactionRow);

const blocks = (visit) => list("Blocks", ["Height", "Time", "Hash", "Transactions", "Refused"], paged(visit, "/v1/blocks?limit=20"), (block) => element("tr", {},
  cell(link(`block/${block.height}`, String(block.height)), "short"), cell(time(block.time), "short"),
  cell(element("code", {}, `${block.hash.slice(0, 16)}…`)), cell(String(block.envelopes)), cell(String(block.refused))));

const dids = (visit, filters = "") => list("DIDs", ["DID", "Class", "Controller", "Versions", "Created", ""], paged(visit, `/v1/dids?limit=20${filters}`), (entry) => element("tr", {},
  cell(did(entry.did)), cell(entry.class), cell(entry.controller ? did(entry.controller) : "its own keys"), cell(String(entry.versions)),
  cell(time(entry.created), "short"), cell(entry.deactivated ? element("span", { class: "bad" }, "ended") : "")));

const proposalRow = ({ standing, proposal }) => element("tr", {},
  cell(link(`proposal/${proposal.id}`, Object.keys(proposal.change)[0])), cell(did(proposal.proposer)), cell(time(proposal.time), "short"),
  cell(standing), cell(proposal.note ?? ""));
const proposals = (visit) => list("Proposals", ["Change", "Proposer", "Time", "Standing", "Note"], paged(visit, "/v1/proposals/all?limit=20"), proposalRow);

const accreditations = (visit, filters = "") => list("Accreditations", ["Type", "Held by", "Granted by", "From", "Standing"], paged(visit, `/v1/accreditations?limit=20${filters}`),
  ({ standing, accreditation: found }) => element("tr", {}, cell(found.credentialType), cell(did(found.subject)), cell(did(found.accreditor)),
    cell(time(found.validFrom), "short"), cell(element("span", { class: standing === "live" ? "good" : "bad" }, standing))));

const members = async ({ ask }) => {
  const found = await ask("/v1/members");
  return section("Members", table(["Member", "DID", "Standing", "Since"], found.members.map(({ standing, member }) => element("tr", {},
    cell(member.name ?? "a founder"), cell(did(member.did)), cell(standing), cell(time(member.since), "short")))),
  element("p", { class: "soft" }, `${found.validators.length || "No"} validators under the members' rule.`));
};

// Where a DID stands, before all else: whether it has ended, and of an item whether its code is in use.
const standing = ({ deactivated, chop = {} }) => {
  const { code, deactivatedAt, item } = chop;
  const said = [];
  if (deactivated) said.push(["Standing", [element("span", { class: "bad" }, "ended, for ever"), ...(deactivatedAt ? [" at ", time(deactivatedAt)] : [])]]);
  if (code) {
    said.push(["Code", [element("span", { class: code.standing === "active" ? "good" : "bad" }, code.standing), " since ", time(code.since)]]);
    for (const [name, value] of [["Reason", code.reason], ["Lot", code.lot]]) if (value !== undefined) said.push([name, value]);
    if (code.firstClaimed) said.push(["First claimed", time(code.firstClaimed)]);
  }
  if (item) said.push(["Item", [`${item.ordinal} of batch `, element("code", {}, item.batch)]]);
  return said.length > 0 ? fields(said) : undefined;
};

// The log of a DID, oldest first. Before its first change, an item has none.
const versions = ({ ask }, name) => list("Versions", ["Version", "Operation", "Time"], async (from) => {
  const { operations: items = [], next } = await ask(`/v1/dids/${name}/log${from ? `?from=${from}` : ""}`, { also: [404] });
  return { items, next };
}, (entry) => element("tr", {}, cell(element("code", {}, short(entry.versionId))), cell(entry.operation.type ?? ""), cell(time(entry.time), "short")));

// Whether the node no longer knows all that came behind an event; why it was refused, a stream does not say.
const isGone = async (after) => {
  const asking = new AbortController();
  try {
    const { status } = await fetch(`/v1/events?after=${after}`, { signal: asking.signal });
    return status === 410;
  } catch {
    return false;
  } finally {
    asking.abort();
  }
};

// Follows what happens behind a position while the visit lasts. After a break the browser goes on behind the last id by itself,
// but never after an answer that is no stream, such as 503: then another stream begins there, unless what came there is `gone`.
const follow = (signal, after, { take, tell, gone }) => {
  let last = after;
  const open = () => {
    if (signal.aborted) return;
    const stream = new EventSource(`/v1/events?after=${last}`);
    const close = () => stream.close();
    signal.addEventListener("abort", close, { once: true });
    stream.addEventListener("transaction", (event) => {
      last = event.lastEventId;
      take(JSON.parse(event.data));
    });
    stream.addEventListener("gap", (event) => {
      last = event.lastEventId;
      tell(`Live, but not whole: what came before block ${JSON.parse(event.data).first} is not known here any more.`);
    });
    stream.addEventListener("open", () => tell("Live: new ones come by themselves."));
    stream.addEventListener("error", async () => {
      tell("The connection broke; trying again.");
      if (stream.readyState !== EventSource.CLOSED) return;
      signal.removeEventListener("abort", close);
      const next = await isGone(last) ? gone : open;
      setTimeout(() => { if (!signal.aborted) next(); }, 3000);
    });
  };
  open();
};

// The newest transactions, and those that come, on top. Events go on behind the newest that the list has: none is missed, none is shown twice.
const now = async ({ ask, signal }) => {
  const [status, recent] = await Promise.all([ask("/v1/status"), ask("/v1/transactions?limit=10")]);
  const height = element("span", {}, String(status.height));
  const told = element("p", { class: "soft", role: "status" }, "Connecting to what comes.");
  const latest = section("Latest transactions", told, element("div", { class: "rows" }, table(transactionHeads, recent.items.map(transactionRow))));
  const [newest] = recent.items;
  follow(signal, newest ? `${newest.height}.${newest.index}` : "0.0", {
    take: (transaction) => {
      grow(latest, transactionHeads, [transactionRow(transaction)], "prepend");
      const { children } = latest.querySelector("tbody");
      while (children.length > 50) children[50].remove();
      const last = Math.max(Number(height.textContent), transaction.height);
      height.textContent = String(last);
      sayAsOf(last);
    },
    tell: (text) => { told.textContent = text; },
    // The newest ones, anew: those between are lost to this page.
    gone: () => show(true),
  });
  return [section("This ledger", fields([["Ledger", element("code", {}, status.ledger)], ["Engine", status.engine], ["Height", height],
    ["State root", element("code", {}, status.app_hash)], ["Validators", String(status.validators.length)]])), latest];
};

const pages = {
  "": now,
  blocks,
  block: async (visit, height) => {
    const block = await visit.ask(`/v1/blocks/${height}`);
    return [section(`Block ${block.height}`, fields([["Time", time(block.time)], ["Hash", element("code", {}, block.hash)],
      ["State root before", element("code", {}, block.appHash)]]),
    element("p", {}, Number(height) > 1 ? link(`block/${height - 1}`, "← before") : "", " ", link(`block/${Number(height) + 1}`, "after →"))),
    await transactions(visit, `&from=${height}&to=${height}`, "Transactions")];
  },
  transactions: (visit) => transactions(visit, "", "Transactions"),
  transaction: async ({ ask }, hash) => {
    const known = await ask(`/v1/transactions/${hash}`);
    if (!known.height) return section("Transaction", fields([["Hash", element("code", {}, hash)], ["Status", known.status]]));
    const path = `/v1/transactions?limit=100&from=${known.height}&to=${known.height}`;
    let found;
    for (let cursor = ""; !found && cursor !== undefined;) {
      const answer = await ask(path + cursor);
      found = answer.items.find((item) => item.hash === hash);
      cursor = answer.next && `&cursor=${answer.next}`;
    }
    if (!found) throw new Error("the read model does not have it");
    return section("Transaction", fields([["Hash", element("code", {}, found.hash)],
      ["Block", [link(`block/${found.height}`, String(found.height)), `, place ${found.index}`]], ["Time", time(found.time)],
      ["Actor", did(found.actor)], ["Sponsor", did(found.sponsor)], ["Outcome", outcome(found)], ...(found.detail ? [["Why", found.detail]] : [])]),
    table(["Action", "About", "DIDs"], found.actions.map((action) => element("tr", {}, cell(action.type), cell(element("code", {}, action.about ?? "")),
      cell((action.dids ?? []).flatMap((each) => [did(each), " "]))))), raw(found));
  },
  dids: (visit) => dids(visit),
  did: async (visit, name) => {
    // Of a DID that has ended, 410 tells what is left to know.
    const resolved = await visit.ask(`/1.0/identifiers/${name}`, { accept: "application/did-resolution", also: [410] });
    return [section(name, standing(resolved.didDocumentMetadata ?? {}), raw(resolved)), await versions(visit, name),
      await transactions(visit, `&did=${name}`, "What it did, and what was done about it"), await dids(visit, `&controller=${name}`),
      await accreditations(visit, `&subject=${name}`)];
  },
  members,
  proposals,
  proposal: async ({ ask }, id) => {
    const shown = await ask(`/v1/proposals/${id}`);
    return section("Proposal", fields([["Id", element("code", {}, id)], ["Standing", shown.standing], ["Proposer", did(shown.proposal.value.proposer)],
      ["Expires", time(shown.proposal.value.expires)]]), element("pre", {}, JSON.stringify(shown.proposal.value.change, null, 2)),
    table(["Voter", "Vote", "Time"], shown.votes.map(({ value }) => element("tr", {}, cell(did(value.voter)), cell(value.choice), cell(time(value.time), "short")))));
  },
  accreditations: (visit) => accreditations(visit),
  search: async ({ ask }, asked) => {
    const found = await ask(`/v1/search?q=${encodeURIComponent(asked)}`);
    const own = { block: "block", transaction: "transaction", did: "did", item: "did", member: "did", proposal: "proposal" };
    const rows = found.hits.map((hit) => element("tr", {}, cell(hit.kind),
      cell(own[hit.kind] ? link(`${own[hit.kind]}/${hit.id}`, element("code", {}, hit.id)) : element("a", { href: hit.path }, element("code", {}, hit.id))), cell(hit.label ?? "")));
    return section(`Found for “${asked}”`, table(["Kind", "Name", ""], rows), found.more ? element("p", { class: "soft" }, "There is more; say more of the name.") : "");
  },
};

let visit = new AbortController();
const show = async (first) => {
  visit.abort();
  visit = new AbortController();
  const { signal } = visit;
  const [name, ...rest] = location.hash.replace(/^#\//, "").split("/");
  let words = rest.join("/");
  try { words = decodeURIComponent(words); } catch { /* As it stands. */ }
  for (const item of document.querySelectorAll("nav a")) {
    if (item.getAttribute("href") === `#/${name}`) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  asOf.textContent = "";
  let content;
  try {
    if (!Object.hasOwn(pages, name)) throw new Error("there is no such page");
    content = [await pages[name](visiting(signal), words)].flat();
  } catch (error) {
    content = [section("That did not work", element("p", { role: "alert" }, error.message))];
  }
  if (signal.aborted) return;
  page.replaceChildren(...content);
  // Whoever goes by keyboard or by ear is at the new content, not at the top.
  if (first !== true) page.focus();
};

document.getElementById("search").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = `#/search/${encodeURIComponent(document.getElementById("q").value.trim())}`;
});
addEventListener("hashchange", show);
show(true);

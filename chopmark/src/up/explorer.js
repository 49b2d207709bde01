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

const ask = async (path) => {
  const answer = await fetch(path, { headers: { accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail ?? body.title ?? `the node answered ${answer.status}`);
  if (body.asOf) asOf.textContent = `As of block ${body.asOf.height}. Lists are not proven; each entry is, by its own key.`;
  return body;
};

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

// A list that grows by a button; `rows` makes its rows.
const list = async (title, heads, path, row) => {
  const first = await ask(path);
  const shown = table(heads, first.items.map(row));
  const box = section(title, shown);
  let next = first.next;
  if (next) {
    const more = element("button", { type: "button" }, "Show more");
    more.addEventListener("click", async () => {
      const after = await ask(`${path}${path.includes("?") ? "&" : "?"}cursor=${next}`);
      box.querySelector("tbody")?.append(...after.items.map(row));
      next = after.next;
      if (!next) more.remove();
    });
    box.append(element("p", {}, more));
  }
  return box;
};

const transactions = (filters, title) =>
  list(title, transactionHeads, `/v1/transactions?limit=20${filters}`, transactionRow);

const blocks = () => list("Blocks", ["Height", "Time", "Hash", "Transactions", "Refused"], "/v1/blocks?limit=20", (block) => element("tr", {},
  cell(link(`block/${block.height}`, String(block.height)), "short"), cell(time(block.time), "short"),
  cell(element("code", {}, `${block.hash.slice(0, 16)}…`)), cell(String(block.envelopes)), cell(String(block.refused))));

const dids = (filters = "") => list("DIDs", ["DID", "Class", "Controller", "Versions", "Created", ""], `/v1/dids?limit=20${filters}`, (entry) => element("tr", {},
  cell(did(entry.did)), cell(entry.class), cell(entry.controller ? did(entry.controller) : "its own keys"), cell(String(entry.versions)),
  cell(time(entry.created), "short"), cell(entry.deactivated ? element("span", { class: "bad" }, "ended") : "")));

const proposalRow = ({ standing, proposal }) => element("tr", {},
  cell(link(`proposal/${proposal.id}`, Object.keys(proposal.change)[0])), cell(did(proposal.proposer)), cell(time(proposal.time), "short"),
  cell(standing), cell(proposal.note ?? ""));
const proposals = () => list("Proposals", ["Change", "Proposer", "Time", "Standing", "Note"], "/v1/proposals/all?limit=20", proposalRow);

const accreditations = (filters = "") => list("Accreditations", ["Type", "Held by", "Granted by", "From", "Standing"], `/v1/accreditations?limit=20${filters}`,
  ({ standing, accreditation: found }) => element("tr", {}, cell(found.credentialType), cell(did(found.subject)), cell(did(found.accreditor)),
    cell(time(found.validFrom), "short"), cell(element("span", { class: standing === "live" ? "good" : "bad" }, standing))));

const members = async () => {
  const found = await ask("/v1/members");
  return section("Members", table(["Member", "DID", "Standing", "Since"], found.members.map(({ standing, member }) => element("tr", {},
    cell(member.name ?? "a founder"), cell(did(member.did)), cell(standing), cell(time(member.since), "short")))),
  element("p", { class: "soft" }, `${found.validators.length || "No"} validators under the members' rule.`));
};

// What happens from now on, the newest on top; the browser goes on behind the last id after a break.
let stream;
const now = async () => {
  const [status, recent] = [await ask("/v1/status"), await ask("/v1/transactions?limit=10")];
  const height = element("span", {}, String(status.height));
  const shown = table(transactionHeads, recent.items.map(transactionRow));
  const latest = section("Latest transactions", element("p", { class: "soft", role: "status" }, "Live: new ones come by themselves."), shown);
  const state = latest.querySelector("[role=status]");
  stream = new EventSource("/v1/events");
  stream.addEventListener("transaction", (event) => {
    const transaction = JSON.parse(event.data);
    let body = latest.querySelector("tbody");
    if (!body) {
      latest.lastElementChild.replaceWith(table(transactionHeads, [transactionRow(transaction)]));
      body = latest.querySelector("tbody");
    } else body.prepend(transactionRow(transaction));
    while (body.children.length > 50) body.lastElementChild.remove();
    height.textContent = String(Math.max(Number(height.textContent), transaction.height));
  });
  stream.addEventListener("open", () => { state.textContent = "Live: new ones come by themselves."; });
  stream.addEventListener("error", () => { state.textContent = "The connection broke; trying again."; });
  return [section("This ledger", fields([["Ledger", element("code", {}, status.ledger)], ["Engine", status.engine], ["Height", height],
    ["State root", element("code", {}, status.app_hash)], ["Validators", String(status.validators.length)]])), latest];
};

const pages = {
  "": now,
  blocks,
  block: async (height) => {
    const block = await ask(`/v1/blocks/${height}`);
    return [section(`Block ${block.height}`, fields([["Time", time(block.time)], ["Hash", element("code", {}, block.hash)],
      ["State root before", element("code", {}, block.appHash)]]),
    element("p", {}, Number(height) > 1 ? link(`block/${height - 1}`, "← before") : "", " ", link(`block/${Number(height) + 1}`, "after →"))),
    await transactions(`&from=${height}&to=${height}`, "Transactions")];
  },
  transactions: () => transactions("", "Transactions"),
  transaction: async (hash) => {
    const known = await ask(`/v1/transactions/${hash}`);
    if (!known.height) return section("Transaction", fields([["Hash", element("code", {}, hash)], ["Status", known.status]]));
    let path = `/v1/transactions?limit=100&from=${known.height}&to=${known.height}`;
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
  dids,
  did: async (name) => {
    const [resolved, log] = await Promise.all([ask(`/1.0/identifiers/${name}`), ask(`/v1/dids/${name}/log`)]);
    const versions = log.map((entry) => element("tr", {}, cell(element("code", {}, short(entry.versionId))), cell(entry.operation.type ?? ""), cell(time(entry.time), "short")));
    return [section(name, raw(resolved)), section("Versions", table(["Version", "Operation", "Time"], versions)),
      await transactions(`&did=${name}`, "What it did, and what was done about it"), await dids(`&controller=${name}`),
      await accreditations(`&subject=${name}`)];
  },
  members,
  proposals,
  proposal: async (id) => {
    const shown = await ask(`/v1/proposals/${id}`);
    return section("Proposal", fields([["Id", element("code", {}, id)], ["Standing", shown.standing], ["Proposer", did(shown.proposal.value.proposer)],
      ["Expires", time(shown.proposal.value.expires)]]), element("pre", {}, JSON.stringify(shown.proposal.value.change, null, 2)),
    table(["Voter", "Vote", "Time"], shown.votes.map(({ value }) => element("tr", {}, cell(did(value.voter)), cell(value.choice), cell(time(value.time), "short")))));
  },
  accreditations: () => accreditations(),
  search: async (asked) => {
    const found = await ask(`/v1/search?q=${encodeURIComponent(asked)}`);
    const own = { block: "block", transaction: "transaction", did: "did", member: "did", proposal: "proposal" };
    const rows = found.hits.map((hit) => element("tr", {}, cell(hit.kind),
      cell(own[hit.kind] ? link(`${own[hit.kind]}/${hit.id}`, element("code", {}, hit.id)) : element("a", { href: hit.path }, element("code", {}, hit.id))), cell(hit.label ?? "")));
    return section(`Found for “${asked}”`, table(["Kind", "Name", ""], rows), found.more ? element("p", { class: "soft" }, "There is more; say more of the name.") : "");
  },
};

const show = async (first) => {
  stream?.close();
  const [name, ...rest] = location.hash.replace(/^#\//, "").split("/");
  let words = rest.join("/");
  try { words = decodeURIComponent(words); } catch { /* As it stands. */ }
  for (const item of document.querySelectorAll("nav a")) {
    if (item.getAttribute("href") === `#/${name}`) item.setAttribute("aria-current", "page");
    else item.removeAttribute("aria-current");
  }
  asOf.textContent = "";
  const here = location.hash;
  let content;
  try {
    if (!Object.hasOwn(pages, name)) throw new Error("there is no such page");
    content = [await pages[name](words)].flat();
  } catch (error) {
    content = [section("That did not work", element("p", { role: "alert" }, error.message))];
  }
  if (location.hash !== here) {
    if (name === "") stream?.close();
    return;
  }
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

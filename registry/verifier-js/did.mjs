// What a resolution result for a did:chop says and what proves it: SPEC §7.2 and §8.3.

import { documentOfItem, verifyAbsence, verifyItem } from "./item.mjs";
import { Refusal, exactly, jcs, sha256, text, verifyState } from "./proof.mjs";
import { toBase32 } from "./wire.mjs";

const RELATIONSHIPS = ["authentication", "assertionMethod", "keyAgreement", "capabilityInvocation", "capabilityDelegation"];
const COMPROMISED = { compromised: { "@id": "https://w3id.org/chopmark#compromised", "@type": "http://www.w3.org/2001/XMLSchema#dateTime" } };

/** Writes the document that a resolver emits from the one that the ledger holds: absolute ids, contexts, controllers (SPEC §7.2). */
export function documentOf(did, controller, stored) {
  const methods = stored.verificationMethod ?? [];
  const context = ["https://www.w3.org/ns/did/v1"];
  if (methods.some(({ type }) => type === "Multikey")) context.push("https://w3id.org/security/multikey/v1");
  if (methods.some(({ type }) => type === "JsonWebKey")) context.push("https://w3id.org/security/jwk/v1");
  if (methods.some((method) => "compromised" in method)) context.push(COMPROMISED);
  const document = { ...stored, "@context": context, id: did };
  if (controller !== undefined) document.controller = controller;
  if (stored.verificationMethod) document.verificationMethod = methods.map((method) => ({ ...method, id: did + method.id, controller: did }));
  if (stored.service) document.service = stored.service.map((service) => ({ ...service, id: did + service.id }));
  for (const name of RELATIONSHIPS) {
    if (stored[name]) document[name] = stored[name].map((id) => did + id);
  }
  return document;
}

export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Whether a document's lists are lists, of objects or of ids: what the functions here rely on. */
function isDocument(document) {
  const lists = (names, fits) => names.every((name) => !(name in document) || (Array.isArray(document[name]) && document[name].every(fits)));
  return isObject(document) && lists(["verificationMethod", "service"], isObject) && lists(RELATIONSHIPS, (id) => typeof id === "string");
}

/** Undoes `documentOf`: what the ledger holds the hash of. */
function storedOf(did, document) {
  const relative = (id) => (typeof id === "string" && id.startsWith(`${did}#`) ? id.slice(did.length) : id);
  const { "@context": _context, id: _id, controller: _controller, ...stored } = document;
  if (stored.verificationMethod) {
    stored.verificationMethod = stored.verificationMethod.map(({ controller: _own, ...method }) => ({ ...method, id: relative(method.id) }));
  }
  if (stored.service) stored.service = stored.service.map((service) => ({ ...service, id: relative(service.id) }));
  for (const name of RELATIONSHIPS) {
    if (stored[name]) stored[name] = stored[name].map(relative);
  }
  return stored;
}

/** `SHA-256(tag ‖ JCS(value))` in base32: how SPEC §4.2 hashes documents and operations. */
export const hashOf = async (tag, value) => toBase32(await sha256(text(tag), text(jcs(value))));

export const documentHash = (stored) => hashOf("chop/document/v1", stored);

/** Splits `did:chop:<ledger>:<scid>`; refuses any other spelling (SPEC §3.1). */
export function parseDid(did) {
  const match = typeof did === "string" && /^did:chop:([a-z2-7]{16}):([ab][a-z2-7]{51}[aq])$/.exec(did);
  if (!match) throw new Refusal("did", `${did} is not a did:chop identifier`);
  return { ledger: match[1], scid: match[2] };
}

/** Checks that a value under `did/{scid}` is the state of this DID on this ledger. */
export function checkState(root, did, key, state) {
  const { ledger, scid } = parseDid(did);
  if (ledger !== root.ledger) throw new Refusal("did", `${did} lives on ledger ${ledger}, the trust root is that of ${root.ledger}`);
  if (key !== `did/${scid}` || (state !== null && state.did !== did)) throw new Refusal("did", `the proven state is not that of ${did}`);
}

const NOT_FOUND = "https://www.w3.org/ns/did#NOT_FOUND";

/**
 * Checks a resolution result that was asked for with `proof=true`.
 * Returns `{did, header, deactivated, versionId, unproven, code}`; `unproven` lists what no proof covers: members of the document, and
 * where the `code` of an item stands when an earlier version of it is shown. Of the current one it is always shown.
 * Of a DID that the ledger does not hold it returns `{did, header, absent: true, unproven}`; of an item also `batch`, the only one of which it
 * is shown not to be, and `isBatch`, whether the ledger has that one at all.
 */
export async function verifyResolution(root, result, freshness) {
  const metadata = result.didDocumentMetadata;
  const statements = metadata?.proof;
  if (!Array.isArray(statements) || statements.length === 0) throw new Refusal("did", "the result carries no proof; ask with proof=true");
  const proven = new Map();
  let header;
  let shownItem;
  let absence;
  for (const statement of statements) {
    const { type, key, value, proof } = statement ?? {};
    if (type === "ChopItemProof") {
      shownItem = statement;
      continue;
    }
    if (type === "ChopItemAbsence") {
      absence = statement.absence;
      continue;
    }
    if (type !== "ChopStateProof") throw new Refusal("did", `${type} is no proof that is known here`);
    const under = await verifyState(root, { key, value, proof }, freshness);
    // A version is the current one in the same state that holds no later one.
    if (header && under.height !== header.height) throw new Refusal("did", "the proofs are of different heights");
    header = under;
    proven.set(key, value);
  }
  const error = result.didResolutionMetadata?.error;
  if (error) return verifyNotFound(root, result, { error, proven, header, absence });
  if (shownItem) return verifyItemResolution(root, result, { proven, header, shownItem });
  const [stateKey, state] = stateIn(proven);
  if (!state) throw new Refusal("did", "the state of the DID is not proven");
  checkState(root, state.did, stateKey, state);
  const shown = { did: state.did, header, deactivated: state.deactivated, versionId: metadata.versionId, unproven: [] };
  const isItem = parseDid(state.did).scid.startsWith("b");
  if (metadata.versionId === `${state.seq}-${state.operation}`) {
    // Who left out of which batch it is would hide that its code is void.
    if (isItem) throw new Refusal("did", "where the code of the item stands is not proven");
    const expected = state.deactivated ? null : documentOf(state.did, state.control.controller, state.document);
    if (jcs(result.didDocument ?? null) !== jcs(expected)) throw new Refusal("did", "the document is not the one that the ledger holds");
    checkMetadata(metadata, { deactivated: state.deactivated });
  } else {
    await checkEarlier(result, state, stateKey, proven, shown);
    checkMetadata(metadata, { deactivated: false });
    if (isItem) shown.unproven.push("code");
  }
  return shown;
}

/** The proven entry of a DID itself: its key and what stands there. */
const stateIn = (proven) => [...proven].find(([key]) => /^did\/[^/]+$/.test(key)) ?? [];

/** What the metadata say beside the document: whether the DID has ended, and of an item, and of nothing else, its batch and its code. */
function checkMetadata({ deactivated = false, chop }, expected) {
  if (deactivated !== expected.deactivated) throw new Refusal("did", "whether the DID is deactivated is not what the ledger holds");
  for (const name of ["code", "item"]) {
    if (jcs(chop?.[name] ?? null) !== jcs(expected[name] ?? null)) throw new Refusal("did", `chop.${name} is not what the ledger and the batch say`);
  }
}

/** That the ledger holds no such DID (SPEC §8.3), or a batch no such item (SPEC §13.6). Which batch has an item is no part of the state. */
async function verifyNotFound(root, result, { error, proven, header, absence }) {
  const isProven = error.type === NOT_FOUND && !error.unproven && (result.didDocument ?? null) === null;
  if (!isProven) throw new Refusal("did", "the answer is an error that no proof covers");
  const [stateKey, state] = stateIn(proven);
  if (state !== null) throw new Refusal("did", "that the ledger holds no such DID is not proven");
  const scid = stateKey.slice("did/".length);
  const did = `did:chop:${root.ledger}:${scid}`;
  parseDid(did);
  const shown = { did, header, absent: true, unproven: [] };
  if (scid.startsWith("a")) return shown;
  const [batchKey, record] = [...proven].find(([key]) => key.startsWith("batch/")) ?? [];
  if (record === undefined) throw new Refusal("did", "of an item nothing is proven without its batch; ask with batch=ID");
  const batch = batchKey.slice("batch/".length);
  if (record !== null) {
    if (!isObject(absence) || absence.batch !== batch) throw new Refusal("did", "that the batch has no such item is not shown");
    if (record.terms.ledger !== root.genesis) throw new Refusal("did", "the batch is of another ledger");
    await verifyAbsence(record, scid, absence);
  }
  return { ...shown, batch, isBatch: record !== null };
}

/** An item of a batch: its own state, or what the template makes of it where the ledger has none (SPEC §13.6). */
async function verifyItemResolution(root, result, { proven, header, shownItem }) {
  const at = (key) => {
    if (!proven.has(key)) throw new Refusal("did", `${key} is not proven`);
    return proven.get(key);
  };
  const { did, first, code } = await checkItem(root, shownItem, at, proven);
  const { scid } = parseDid(did);
  const state = at(`did/${scid}`);
  checkState(root, did, `did/${scid}`, state);
  const current = state ?? first;
  const versionId = `${current.seq}-${current.operation}`;
  const expected = current.deactivated ? null : documentOf(did, current.control.controller, current.document);
  if (result.didDocumentMetadata.versionId !== versionId || jcs(result.didDocument ?? null) !== jcs(expected)) {
    throw new Refusal("did", "the document is not the one that the ledger and the batch make");
  }
  const { batch, ordinal, item } = shownItem.item;
  checkMetadata(result.didDocumentMetadata, { deactivated: current.deactivated, code, item: { batch, ordinal, data: item.data } });
  return { did, header, deactivated: current.deactivated, versionId, unproven: [], code };
}

/**
 * Checks `{"item", "template"}` against the ledger: `at` reads a proven key or refuses, `proven` lists all of them with
 * their values.
 * Returns `{did, first, code}`: the state that the item begins with, and where its code stands.
 */
export async function checkItem(root, { item, template }, at, proven) {
  const record = at(`batch/${item?.batch}`);
  if (!record) throw new Refusal("did", "the ledger has no such batch");
  const scid = await verifyItem(record, item);
  if (record.terms.ledger !== root.genesis) throw new Refusal("did", "the batch is of another ledger");
  const segments = [...proven].filter(([key]) => key.startsWith(`code/${item.batch}/`));
  const [, segment] = segments.find(([, value]) => value && value.from <= item.ordinal && item.ordinal < value.to) ?? [];
  if (!segment) throw new Refusal("did", "where the code stands is not proven");
  const claim = at(`claim/${scid}`);
  const document = await documentOfItem(record, template, item.item);
  const first = { seq: 0, operation: scid.slice(1), deactivated: false, control: { controller: record.terms.controller }, document, updated: record.time };
  const secret = item.item.key !== undefined;
  const said = { standing: segment.standing, since: segment.time, lot: segment.lot, reason: segment.reason, secret, firstClaimed: claim?.time, holder: claim?.holder };
  // What the ledger does not say is left out, as a resolver leaves it out (SPEC §13.6).
  const code = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
  return { did: `did:chop:${root.ledger}:${scid}`, first, code };
}

/** An earlier version: its record names the document's hash, and the record after it says until when it was current. */
async function checkEarlier(result, state, stateKey, proven, shown) {
  const seq = Number(/^(0|[1-9][0-9]*)-/.exec(shown.versionId ?? "")?.[1] ?? NaN);
  const record = proven.get(`${stateKey}/${seq}`);
  if (!record || shown.versionId !== `${seq}-${record.operation}`) throw new Refusal("did", "the version is not proven");
  if (!proven.has(`${stateKey}/${seq + 1}`)) throw new Refusal("did", "until when the version was current is not proven");
  if (!isDocument(result.didDocument)) throw new Refusal("did", "the document is malformed");
  const { controller } = result.didDocument;
  const stored = storedOf(state.did, result.didDocument);
  const same = jcs(documentOf(state.did, controller, stored)) === jcs(result.didDocument);
  if (!same || (await documentHash(stored)) !== record.document) throw new Refusal("did", "the document is not the one that the ledger recorded");
  // Who controlled the DID then stands in the operations, which a resolution result does not carry.
  if (controller !== undefined) shown.unproven.push("controller");
}

/** Checks an answer of `GET /v1/state/{key}?proof=true`. */
export async function verifyAnswer(root, answer, freshness) {
  exactly(answer, ["key", "value", "proof"], (reason) => new Refusal("answer", `this is no answer to a keyed read with proof: ${reason}`));
  return verifyState(root, answer, freshness);
}

// Offline bundles: a DID with its log, and the headers that lead to it from the trust root; and evidence of forks.

import { checkItem, checkState, documentHash, documentOf, hashOf, isObject, parseDid } from "./did.mjs";
import { verifyHandover, isLastOfSolo, notCrossed } from "./handover.mjs";
import { checkProofs } from "./operation.mjs";
import { Refusal, checkChain, checkFreshness, checkSet, checkSigned, confirm, decodeHeader, decodeSignedHeader, decodeValidators, exactly, hashOfSet, headerHash, part, text, timeMs, verifyHeader } from "./proof.mjs";
import { base64, equal, malformed } from "./wire.mjs";

const MAX = { headers: 256, statements: 256, links: 4096, timestamp: 32 * 1024 };

/**
 * Checks a bundle, read by `parseJson` with `integers`: what `JSON.parse` forgives the Rust verifier refuses. Everything in it is so as of the time of its header, and need not be so now: `nowMs` only shows that nothing
 * is dated in the future.
 *
 * Returns `{did, state, document, versions, code, header, changes, promotion, direction, checkpoint, timestamp}`: `code` says where the
 * code of an item stood, the state is the one that it began with where it has none of its own; `promotion` is the height of the
 * last header of a solo ledger that was promoted on the way, or null; `direction` is "forward" when the pinned validators, or
 * those that they handed over to, signed the header, and "backward" when they signed the checkpoint, whose past the header
 * is in; `checkpoint` is a header or null; `timestamp` says whether a token was added, which is not checked here.
 */
export async function verifyBundle(root, bundle, { nowMs }) {
  const { item = null, ...rest } = isObject(bundle) ? bundle : {};
  exactly(rest, ["type", "did", "log", "evidence"], (reason) => new Refusal("bundle", `this is no bundle: ${reason}`));
  if (bundle.type !== "ChopDidBundle") throw new Refusal("bundle", `${bundle.type} is no bundle that is known here`);
  const { scid } = parseDid(bundle.did);
  // That an item has no state of its own does not say that there is no item.
  if (scid.startsWith("b") !== (item !== null)) throw new Refusal("bundle", "an item comes with the DID of an item, and with no other");
  const shown = await verifyEvidence(root, bundle.evidence, nowMs);
  const value = (key) => {
    if (!shown.statements.has(key)) throw new Refusal("bundle", `it says nothing about ${key}`);
    const found = shown.statements.get(key);
    return found === null ? null : JSON.parse(found);
  };
  const { first = null, code } = item === null ? {} : await itemOf(root, bundle, value);
  const stateKey = `did/${scid}`;
  const own = value(stateKey);
  checkState(root, bundle.did, stateKey, own);
  const records = [];
  if (own) {
    for (let seq = 0; seq <= own.seq; seq += 1) records.push(value(`${stateKey}/${seq}`));
    if (value(`${stateKey}/${own.seq + 1}`) !== null) throw new Refusal("bundle", "there is a later version");
  }
  const versions = await checkLog(bundle, own, first, records);
  const state = own ?? first;
  const document = state && !state.deactivated ? documentOf(bundle.did, state.control.controller, state.document) : null;
  const { statements: _, ...evidence } = shown;
  return { did: bundle.did, state, document, versions, code, ...evidence };
}

/** The item of a bundle: it is the DID's, and the key that it names is that of the segment which holds it. */
async function itemOf(root, { did, item }, value) {
  exactly(item, ["proof", "template", "segment"], (reason) => new Refusal("bundle", `this is no item: ${reason}`));
  const segment = value(item.segment);
  const named = `code/${item.proof?.batch}/${String(segment?.to).padStart(7, "0")}`;
  if (!segment || item.segment !== named) throw new Refusal("bundle", "it names no segment of the batch's codes");
  const shown = await checkItem(root, { item: item.proof, template: item.template }, value, [[item.segment, segment]]);
  if (shown.did !== did) throw new Refusal("bundle", `the item is ${shown.did}`);
  return shown;
}

/** Checks that the log is the one that the records name (SPEC §4.2, §7.4): each operation by its hash, its parent's, and its proofs. */
async function checkLog({ did, log }, state, first, records) {
  const other = (reason) => new Refusal("bundle", `the log is not the one that the ledger records: ${reason}`);
  const versions = [];
  let previous;
  // No operation made the first version of an item.
  if (first) {
    const [record] = records;
    const same = !state || (record?.operation === first.operation && record.time === first.updated && record.document === (await documentHash(first.document)));
    if (!same) throw other("the first version is not that of the item");
    versions.push({ versionId: `0-${first.operation}`, time: first.updated, type: "item" });
    previous = first.operation;
  }
  const made = state ? records.slice(versions.length) : [];
  if (!Array.isArray(log) || log.length !== made.length) throw other("it has another number of operations");
  for (const [index, entry] of log.entries()) {
    const seq = versions.length;
    const record = made[index];
    if (!record) throw other(`there is no version ${seq}`);
    if (!isObject(entry) || !isObject(entry.operation)) throw other(`operation ${seq} is malformed`);
    const { proof: _, ...operation } = entry.operation;
    const id = `${seq}-${record.operation}`;
    if (entry.versionId !== id || entry.time !== record.time) throw other(`version ${seq} has another name or time`);
    if ((await hashOf("chop/operation/v1", operation)) !== record.operation) throw other(`operation ${seq} is another`);
    if (operation.did !== did || operation.seq !== seq || operation.previous !== previous) throw other(`operation ${seq} does not follow`);
    // The hash leaves the proofs out, so that only they can be others.
    await checkProofs(entry.operation, (reason) => other(`of operation ${seq} ${reason}`));
    const document = operation.document ?? operation.genesis?.document ?? {};
    if ((await documentHash(document)) !== record.document) throw other(`the document of version ${seq} is another`);
    versions.push({ versionId: id, time: record.time, type: operation.type });
    previous = record.operation;
  }
  if (state && state.operation !== previous) throw other("the state is that of another version");
  return versions;
}

/** Checks the evidence of a bundle; `statements` of the result maps keys to the text that the ledger holds, or to null. */
export async function verifyEvidence(root, evidence, nowMs) {
  const refuse = (reason) => new Refusal("bundle", `the evidence is malformed: ${reason}`);
  const { handover = null, checkpoint = null, timestamp = null, ...rest } = evidence ?? {};
  exactly(rest, ["headers", "proof"], refuse);
  exactly(rest.proof, ["signedHeader", "validators", "statements"], refuse);
  if (checkpoint) exactly(checkpoint, ["links", "signedHeader", "validators"], refuse);
  bounded("headers", rest.headers);
  bounded("statements", rest.proof.statements);
  if (checkpoint) bounded("links", checkpoint.links);
  if (timestamp !== null && base64(timestamp, "timestamp").length > MAX.timestamp) throw new Refusal("proof.too-long", "the timestamp is too long");

  const ever = { nowMs, maxAgeMs: null };
  const epochs = await follow(root, { handover, ...rest }, ever);
  const { height } = decodeSignedHeader(part("signed header", rest.proof.signedHeader)).header;
  const rootAt = (at) => until(epochs, at).at(-1).root;
  const direction = await directionTo(root, until(epochs, height), checkpoint);
  const header = await verifyHeader(rootAt(height), rest.proof, ever);
  checkFirst(epochs, header);
  const statements = new Map();
  for (const statement of rest.proof.statements) {
    exactly(statement, ["key", "value", "path"], refuse);
    const { key, value } = statement;
    if (statements.has(key)) throw new Refusal("proof.repeated-key", `two statements are about the key ${key}`);
    if (value !== null && typeof value !== "string") throw refuse("a value is text or null");
    await confirm(header, part("Merkle path", statement.path), key, value === null ? null : text(value));
    statements.set(key, value);
  }
  const later = checkpoint && (await verifyCheckpoint(direction === "backward" ? () => root : rootAt, checkpoint, header, ever));
  const promotion = epochs[1]?.first ? Number(epochs[1].height) : null;
  return { header, changes: epochs.length - 1, promotion, direction, checkpoint: later, timestamp: timestamp !== null, statements };
}

/** From which side the pinned validators lead to a header: they signed it or a change before it, or the checkpoint after it. */
async function directionTo(root, epochs, checkpoint) {
  const isPinned = (hash) => equal(hash, root.validatorsHash);
  if (epochs.some((epoch) => isPinned(epoch.root.validatorsHash))) return "forward";
  if (checkpoint && isPinned(await hashOfSet(await decodeValidators(part("validator set", checkpoint.validators))))) return "backward";
  throw new Refusal("proof.untrusted-validators", "the validators that signed are neither the pinned ones nor those that these handed over to");
}

/**
 * Follows the changes of validators from those of the first header, who count for nothing until the pinned ones are found. An epoch is
 * `{root, height, time, hash}`: those who sign after the header of that height; `first` is the header that a promotion leads to.
 */
async function follow(root, { handover, headers, proof }, freshness) {
  const first = await decodeValidators(part("validator set", handover?.last?.validators ?? headers[0]?.validators ?? proof.validators));
  const epochs = [{ root: { ...root, validators: first, validatorsHash: await hashOfSet(first) } }];
  if (handover !== null) epochs.push(await verifyHandover(epochs[0].root, handover, freshness));
  for (const encoded of headers) {
    const block = await decodeLightBlock(encoded);
    const { header } = block.signed;
    epochs.push(await followTo(epochs.at(-1), block));
    checkFreshness(timeMs(header), freshness);
    if (isLastOfSolo(block)) throw notCrossed("the header that ends a solo ledger belongs into the handover");
    if (equal(header.nextValidatorsHash, header.validatorsHash)) throw notAdvancing(header, "it changes no validators");
  }
  return epochs;
}

/** The epochs up to a height: all that begin after a change below it. */
const until = (epochs, height) => epochs.filter((epoch) => epoch.height === undefined || epoch.height < height);

const notAdvancing = ({ height }, reason) => new Refusal("proof.not-advancing", `the header at height ${height} does not follow from the trusted one: ${reason}`);

/** Steps to a later header that the trusted validators signed; returns it with those that it hands over to. */
async function followTo({ root, height, time, hash, first }, { signed, set, next }) {
  if (first) ({ height, time, hash } = first);
  const { header } = signed;
  const isTrusted = equal(await hashOfSet(set), root.validatorsHash);
  const untrusted = new Refusal("proof.untrusted-validators", `the validators that signed header ${header.height} are not the trusted ones`);
  // What is wrong with a first header matters less than that it is not by the pinned validators.
  if (!hash && !isTrusted) throw untrusted;
  checkChain(root, signed);
  await checkSet(set, header.validatorsHash);
  await checkSet(next, header.nextValidatorsHash);
  const { hash: found } = await checkSigned(root, signed, set);
  if (!isTrusted) throw untrusted;
  const at = header.time.seconds * 1_000_000_000n + header.time.nanos;
  if (hash && (header.height <= height || at <= time)) throw notAdvancing(header, "it is not later in height and time");
  if (hash && !header.lastBlockId) throw new Refusal("proof.unlinked", `header ${header.height} names no parent`);
  if (hash && header.height === height + 1n && !equal(header.lastBlockId?.hash ?? new Uint8Array(), hash)) {
    throw new Refusal("proof.unlinked", `header ${header.height} names another parent than the trusted header`);
  }
  return { root: { ...root, validators: next, validatorsHash: await hashOfSet(next) }, height: header.height, time: at, hash: found };
}

/** A header without a parent is the very one that the handover shows; there is one at its height only. */
function checkFirst(epochs, { height, hash, hasParent }) {
  const first = epochs[1]?.first;
  const holds = first
    ? height === first.height ? equal(hash, first.hash) : hasParent || height === 1n
    : hasParent || height === 1n || until(epochs, height).length === 1;
  if (!holds) throw notCrossed("the header is another first one than that of the handover");
}

async function decodeLightBlock(encoded) {
  exactly(encoded, ["signedHeader", "validators", "nextValidators"], (reason) => malformed("light block", reason));
  return {
    signed: decodeSignedHeader(part("signed header", encoded.signedHeader)),
    set: await decodeValidators(part("validator set", encoded.validators)),
    next: await decodeValidators(part("validator set", encoded.nextValidators)),
  };
}

/** Checks a later header, and that the links lead from it back to the proven one. */
async function verifyCheckpoint(rootAt, checkpoint, proven, freshness) {
  const refuse = (reason) => new Refusal("proof.checkpoint", `the checkpoint does not confirm the header: ${reason}`);
  const { header: head } = decodeSignedHeader(part("signed header", checkpoint.signedHeader));
  const shown = await verifyHeader(rootAt(head.height), checkpoint, freshness);
  let { height, hash } = proven;
  for (const next of [...checkpoint.links.map((link) => decodeHeader(part("header", link))), head]) {
    if (next.height !== height + 1n) throw refuse("its headers do not follow one another");
    if (!equal(next.lastBlockId?.hash ?? new Uint8Array(), hash)) throw refuse("a header names another parent");
    height = next.height;
    hash = await headerHash(next);
  }
  return shown;
}

function bounded(parts, list) {
  if (!Array.isArray(list)) throw new Refusal("bundle", `${parts} are a list`);
  if (list.length > MAX[parts]) throw new Refusal("proof.too-many", `there are ${list.length} ${parts}, but at most ${MAX[parts]} are read`);
}

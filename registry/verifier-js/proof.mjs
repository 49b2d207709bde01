// Checks what a Chopmark ledger says, from a pinned trust root (SPEC §8.2). It shares no code with the Rust verifier, and runs in
// browsers and in Node with WebCrypto and the Ed25519 in vendor/.
//
//   trust root ──pins──▶ validators ──sign──▶ header ──app_hash──▶ path ──▶ "K = V" or "K is absent"

import { Point, verifyAsync } from "./vendor/noble-ed25519.mjs";
import { Refusal, base58, base64, canonical, compare, concat, decodePath, delimited, encode, equal, hex, jcs, malformed, notCanonical } from "./wire.mjs";

export { Refusal, jcs } from "./wire.mjs";

/** The block protocol of CometBFT 0.38. */
const BLOCK_PROTOCOL = 11n;
/** How far a header may be dated ahead of the clock, in milliseconds: what validators allow each other. */
const MAX_AHEAD_MS = 10_000;
/** The oldest header that shows how things are now, in milliseconds. */
export const DEFAULT_MAX_AGE_MS = 300_000;
/** The largest parts of a proof, in bytes. */
const LIMITS = { header: 128 * 1024, "signed header": 128 * 1024, "validator set": 128 * 1024, "Merkle path": 20 * 1024 };
/** The highest power that a whole set may have: an eighth of the largest int64. */
const MAX_TOTAL_POWER = (2n ** 63n - 1n) / 8n;
/** The years 1 to 9999, in seconds since 1970. */
const FIRST_SECOND = -62_135_596_800n;
const LAST_SECOND = 253_402_300_799n;

// --- CometBFT's messages (proto/tendermint/types/types.proto and its neighbours).

const TIMESTAMP = [[1, "seconds", "int"], [2, "nanos", "int"]];
const PARTS = [[1, "total", "int"], [2, "hash", "bytes"]];
const BLOCK_ID = [[1, "hash", "bytes"], [2, "parts", "message", PARTS]];
const VERSION = [[1, "block", "int"], [2, "app", "int"]];
const HEADER = [
  [1, "version", "message", VERSION], [2, "chainId", "string"], [3, "height", "int"], [4, "time", "message", TIMESTAMP],
  [5, "lastBlockId", "message", BLOCK_ID], [6, "lastCommitHash", "bytes"], [7, "dataHash", "bytes"],
  [8, "validatorsHash", "bytes"], [9, "nextValidatorsHash", "bytes"], [10, "consensusHash", "bytes"], [11, "appHash", "bytes"],
  [12, "lastResultsHash", "bytes"], [13, "evidenceHash", "bytes"], [14, "proposerAddress", "bytes"],
];
const COMMIT_SIG = [[1, "flag", "int"], [2, "address", "bytes"], [3, "time", "message", TIMESTAMP], [4, "signature", "bytes"]];
const COMMIT = [[1, "height", "int"], [2, "round", "int"], [3, "blockId", "message", BLOCK_ID], [4, "signatures", "messages", COMMIT_SIG]];
const SIGNED_HEADER = [[1, "header", "message", HEADER], [2, "commit", "message", COMMIT]];
const PUBLIC_KEY = [[1, "ed25519", "bytes"]];
const VALIDATOR = [[1, "address", "bytes"], [2, "publicKey", "message", PUBLIC_KEY], [3, "power", "int"], [4, "priority", "int"]];
const VALIDATOR_SET = [[1, "validators", "messages", VALIDATOR], [2, "proposer", "message", VALIDATOR], [3, "totalPower", "int"]];
const SIMPLE_VALIDATOR = [[1, "publicKey", "message", PUBLIC_KEY], [2, "power", "int"]];
const CANONICAL_VOTE = [
  [1, "type", "int"], [2, "height", "fixed"], [3, "round", "fixed"], [4, "blockId", "message", BLOCK_ID],
  [5, "time", "message", TIMESTAMP], [6, "chainId", "string"],
];
const PRECOMMIT = 2n;
const ABSENT = 1n;
const FOR_BLOCK = 2n;
const FOR_NIL = 3n;

// --- The trust root.

/**
 * Reads a trust root: `{"ledger", "chainId", "genesis", "validators": [{"publicKey": Multikey, "power"}]}`.
 * Returns `{ledger, chainId, genesis, validators, validatorsHash}`, the validators in Tendermint's order.
 */
export async function parseTrustRoot(json) {
  const bad = (reason) => new Refusal("trust-root", `not a trust root: ${reason}`);
  exactly(json, ["ledger", "chainId", "genesis", "validators"], bad);
  // 52 characters carry 260 bits: the four past the hash are zero in the one canonical spelling.
  if (!/^[a-z2-7]{51}[aq]$/.test(json.genesis)) throw bad("the genesis hash takes 52 characters of lower-case base32");
  if (json.ledger !== json.genesis.slice(0, 16)) throw bad("the ledger is not the one of the genesis hash");
  if (json.chainId !== `chop-${json.ledger}`) throw bad("the chain id is not the one of the ledger");
  if (!Array.isArray(json.validators) || json.validators.length === 0) throw bad("it lists no validator");
  const validators = [];
  for (const listed of json.validators) {
    exactly(listed, ["publicKey", "power"], bad);
    const key = ed25519Multikey(listed.publicKey);
    if (!key) throw bad(`${listed.publicKey} is not an Ed25519 Multikey`);
    if (!Number.isSafeInteger(listed.power) || listed.power < 1) throw bad(`voting power ${listed.power} is out of range`);
    validators.push({ publicKey: key, power: BigInt(listed.power), address: await addressOf(key) });
  }
  validators.sort(inOrder);
  const keys = new Set(validators.map(({ publicKey }) => hex(publicKey)));
  if (keys.size < validators.length) throw bad("a validator is listed twice");
  if (totalPower(validators) > MAX_TOTAL_POWER) throw bad("the voting power is out of range");
  return { ledger: json.ledger, chainId: json.chainId, genesis: json.genesis, validators, validatorsHash: await hashOfSet(validators) };
}

/** The 32 bytes of an Ed25519 Multikey, or null. */
function ed25519Multikey(text) {
  const bytes = typeof text === "string" && /^z.{1,140}$/.test(text) ? base58(text.slice(1)) : null;
  if (bytes?.length !== 34 || bytes[0] !== 0xed || bytes[1] !== 0x01) return null;
  const key = bytes.subarray(2);
  try {
    // Under a point of small order a signature proves nothing.
    return Point.fromBytes(key).isSmallOrder() ? null : key;
  } catch {
    return null;
  }
}

// --- The statement.

/**
 * Checks that the ledger holds `value` under `key`, or nothing when `value` is null; `proof` is a state proof as JSON.
 * `value` is bytes, or the JSON value whose canonical form the ledger holds.
 * Returns what `verifyHeader` returns; throws a `Refusal` that names the first thing that does not hold.
 */
export async function verifyState(root, { key, value, proof }, freshness) {
  exactly(proof, ["signedHeader", "validators", "path"], (reason) => malformed("proof", reason));
  if (typeof key !== "string" || value === undefined) throw malformed("statement", "it has a key, and a value or null");
  const header = await verifyHeader(root, proof, freshness);
  await confirm(header, part("Merkle path", proof.path), key, value);
  return header;
}

/**
 * Checks header, commit and validators of a proof. `freshness` is `{nowMs, maxAgeMs}`; a `maxAgeMs` of null accepts headers of
 * any age, for stored evidence and never for "is it still so".
 * Returns `{height, timeMs, appHash, hash, validators, signed, hasParent}`; `validators` and `signed` are counts.
 */
export async function verifyHeader(root, proof, freshness) {
  const signed = decodeSignedHeader(part("signed header", proof.signedHeader));
  checkChain(root, signed);
  checkFreshness(timeMs(signed.header), freshness);
  const set = await decodeValidators(part("validator set", proof.validators));
  await checkSet(set, signed.header.validatorsHash);
  if (!equal(await hashOfSet(set), root.validatorsHash)) {
    throw new Refusal("proof.untrusted-validators", "the validators that signed are not the trusted ones");
  }
  const { header } = signed;
  const { hash, signed: count } = await checkSigned(root, signed, set);
  if (header.appHash.length !== 32) throw new Refusal("proof.inconsistent-header", "the header is inconsistent: app_hash is not 32 bytes");
  return { height: header.height, timeMs: timeMs(header), appHash: header.appHash, hash, validators: set.length, signed: count, hasParent: header.lastBlockId !== undefined };
}

/** Checks that a state root holds `value` under `key`, or nothing when `value` is null: SPEC §8.2, step 5. */
export async function confirm(header, path, key, value) {
  const refuse = (reason) => new Refusal("proof.path-mismatch", `the path does not show this statement under state root ${hex(header.appHash)}: ${reason}`);
  const { leaf, siblings } = decodePath(path);
  const place = await sha256(text(key));
  if (siblings.length > 256) throw refuse("it is deeper than the tree");
  if (value !== null) {
    if (!leaf) throw refuse("it shows an empty place");
    if (!equal(leaf[0], place)) throw refuse("it shows another key");
    if (!equal(leaf[1], await sha256(bytesOf(value)))) throw refuse("it shows another value");
  } else if (leaf) {
    if (equal(leaf[0], place)) throw refuse("it shows that the key is there");
    for (let depth = 0; depth < siblings.length; depth += 1) {
      if (bit(leaf[0], depth) !== bit(place, depth)) throw refuse("it shows a leaf that stands elsewhere");
    }
  }
  let hash = leaf ? await nodeHash([2, ...leaf]) : await nodeHash([0]);
  for (const [index, sibling] of siblings.entries()) {
    const other = await nodeHash(sibling);
    const depth = siblings.length - 1 - index;
    hash = await nodeHash(bit(place, depth) ? [1, other, hash] : [1, hash, other]);
  }
  if (!equal(hash, header.appHash)) throw refuse("it leads to another root");
}

const bit = (bytes, index) => (bytes[index >> 3] >> (7 - (index & 7))) & 1;

async function nodeHash([tag, ...hashes]) {
  if (tag === 0) return text("SPARSE_MERKLE_PLACEHOLDER_HASH__");
  return sha256(text(tag === 1 ? "JMT::IntrnalNode" : "JMT::LeafNode"), ...hashes);
}

const bytesOf = (value) => (value instanceof Uint8Array ? value : text(jcs(value)));

// --- Headers.

/** Decodes a signed header and checks everything that CometBFT's own decoder checks. */
export function decodeSignedHeader(bytes) {
  const where = "signed header";
  const signed = canonical(SIGNED_HEADER, bytes, where);
  const need = needing(where);
  const { header, commit } = signed;
  need(header && commit, "header or commit is missing");
  checkHeaderShape(header, where);
  need(commit.height === header.height, "the heights do not agree");
  need(commit.round >= 0n && commit.round < 2n ** 31n, "the round is out of range");
  need(isBlockId(commit.blockId), "the commit names no block");
  for (const entry of commit.signatures) checkEntryShape(entry, need, where);
  return signed;
}

/** Decodes a header that travels without its commit. */
export function decodeHeader(bytes) {
  const header = canonical(HEADER, bytes, "header");
  checkHeaderShape(header, "header");
  return header;
}

const needing = (where) => (condition, reason) => {
  if (!condition) throw malformed(where, reason);
};

function checkHeaderShape(header, where) {
  const need = needing(where);
  need(header.version, "the version is missing");
  need(/^[A-Za-z0-9._-]{1,50}$/.test(header.chainId), "this is no chain id");
  need(header.height >= 0n, "the height is negative");
  need(isTime(header.time), "the time is missing or out of range");
  for (const name of ["lastCommitHash", "dataHash", "validatorsHash", "nextValidatorsHash", "consensusHash", "lastResultsHash", "evidenceHash"]) {
    need(isHash(header[name]), `${name} is not a hash`);
  }
  need(header.proposerAddress.length === 20, "the proposer has no address");
  if (header.lastBlockId) {
    need(isBlockId(header.lastBlockId), "the parent is not a block id");
    // An empty parent is written by leaving it out.
    if (equal(encode(BLOCK_ID, header.lastBlockId), encode(BLOCK_ID, NO_BLOCK))) throw notCanonical(where);
    need(header.height !== 1n, "the first block names a parent");
  }
}

function checkEntryShape(entry, need, where) {
  need([ABSENT, FOR_BLOCK, FOR_NIL].includes(entry.flag), "an entry of the commit is of no known kind");
  if (entry.flag === ABSENT) {
    const canonicalEntry = { flag: ABSENT, address: new Uint8Array(), time: { seconds: FIRST_SECOND, nanos: 0n }, signature: new Uint8Array() };
    if (!equal(encode(COMMIT_SIG, entry), encode(COMMIT_SIG, canonicalEntry))) throw notCanonical(where);
    return;
  }
  need(entry.address.length === 20, "an entry of the commit has no address");
  need(isTime(entry.time), "an entry of the commit has no time");
  need(entry.signature.length === 64, "an entry of the commit has no signature");
}

const NO_BLOCK = { hash: new Uint8Array(), parts: { total: 0n, hash: new Uint8Array() } };
const isHash = (bytes) => bytes.length === 0 || bytes.length === 32;
const isBlockId = (id) => id?.parts !== undefined && isHash(id.hash) && isHash(id.parts.hash) && id.parts.total >= 0n && id.parts.total < 2n ** 32n;
const isTime = (time) => time !== undefined && time.seconds >= FIRST_SECOND && time.seconds <= LAST_SECOND && time.nanos >= 0n && time.nanos < 1_000_000_000n;

/** Header time in milliseconds since 1970, rounded down. */
export const timeMs = (header) => Number(header.time.seconds * 1000n + header.time.nanos / 1_000_000n);

export function checkChain(root, { header }) {
  if (header.chainId !== root.chainId) {
    throw new Refusal("proof.other-chain", `the header is of chain ${header.chainId}, but chain ${root.chainId} is trusted`);
  }
  if (header.version.block !== BLOCK_PROTOCOL) {
    throw new Refusal("proof.other-protocol", `the header follows block protocol ${header.version.block}, but only ${BLOCK_PROTOCOL} is known`);
  }
  const inconsistent = (reason) => new Refusal("proof.inconsistent-header", `the header is inconsistent: ${reason}`);
  if (header.height === 0n) throw inconsistent("height 0 has no block");
  // CometBFT's first block after a promotion has no parent, and nothing else of one.
  if (header.height > 1n && !header.lastBlockId && !isFirstOfChain(header)) throw inconsistent("a later block names no parent");
}

/** The root of an empty list: what a block commits to that has no parent, and no commit or results of one. */
const NOTHING = Uint8Array.from("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".match(/../g), (byte) => parseInt(byte, 16));

/** Whether a header has the form of CometBFT's first one. */
export const isFirstOfChain = (header) => !header.lastBlockId && equal(header.lastCommitHash, NOTHING) && equal(header.lastResultsHash, NOTHING);

export function checkFreshness(time, { nowMs, maxAgeMs = DEFAULT_MAX_AGE_MS }) {
  const age = nowMs - time;
  if (age < -MAX_AHEAD_MS) {
    throw new Refusal("proof.from-the-future", `the header is dated ${-age} ms ahead of the clock, but at most ${MAX_AHEAD_MS} ms are accepted`);
  }
  if (maxAgeMs !== null && age > maxAgeMs) {
    throw new Refusal("proof.stale", `the header was made ${age} ms ago, but at most ${maxAgeMs} ms are accepted`);
  }
}

/** Checks that a header is the one that a set of validators signed, and returns its hash and how many of them did. */
export async function checkSigned(root, { header, commit }, set) {
  const hash = await headerHash(header);
  if (!equal(hash, commit.blockId.hash)) {
    throw new Refusal("proof.other-block", `the commit is for block ${hex(commit.blockId.hash)}, but the header hashes to ${hex(hash)}`);
  }
  return { hash, signed: await checkCommit(root.chainId, commit, set) };
}

/** The Merkle root over the header's fourteen fields, each in the encoding that CometBFT's `Header.Hash` gives it. */
export function headerHash(header) {
  const wrapped = (kind, value) => encode([[1, "value", kind]], { value });
  return merkleRoot([
    encode(VERSION, header.version),
    wrapped("string", header.chainId),
    wrapped("int", header.height),
    encode(TIMESTAMP, header.time),
    encode(BLOCK_ID, header.lastBlockId ?? NO_BLOCK),
    ...["lastCommitHash", "dataHash", "validatorsHash", "nextValidatorsHash", "consensusHash", "appHash", "lastResultsHash", "evidenceHash", "proposerAddress"]
      .map((name) => wrapped("bytes", header[name])),
  ]);
}

// --- Validators and their votes.

/** Decodes a validator set in its order, without proposer and priorities, which no header commits to. */
export async function decodeValidators(bytes) {
  const where = "validator set";
  const { validators, proposer, totalPower: total } = canonical(VALIDATOR_SET, bytes, where);
  const set = [];
  for (const { address, publicKey, power, priority } of validators) {
    const key = publicKey?.ed25519;
    if (key?.length !== 32 || !equal(address, await addressOf(key))) throw malformed(where, "an address is not that of an Ed25519 key");
    if (power < 0n) throw malformed(where, "a power is negative");
    if (priority !== 0n) throw notCanonical(where);
    set.push({ publicKey: key, power, address });
  }
  if (totalPower(set) > MAX_TOTAL_POWER) throw malformed(where, "the voting power is out of range");
  const sorted = set.every((validator, index) => index === 0 || inOrder(set[index - 1], validator) <= 0);
  if (proposer || total !== totalPower(set) || !sorted) throw notCanonical(where);
  return set;
}

/** Checks that a set is the one that a header names. */
export async function checkSet(set, named) {
  const found = await hashOfSet(set);
  if (!equal(found, named)) {
    throw new Refusal("proof.other-validators", `the validator set hashes to ${hex(found)}, but the header names ${hex(named)}`);
  }
}

/** Tendermint's order: power falling, then address rising. */
const inOrder = (a, b) => (a.power === b.power ? compare(a.address, b.address) : a.power > b.power ? -1 : 1);
const totalPower = (set) => set.reduce((total, { power }) => total + power, 0n);
const addressOf = async (key) => (await sha256(key)).subarray(0, 20);

export const hashOfSet = (set) => merkleRoot(set.map(({ publicKey, power }) => encode(SIMPLE_VALIDATOR, { publicKey: { ed25519: publicKey }, power })));

/** Checks every listed signature, also past two thirds and for nil, and returns how many validators signed the block. */
async function checkCommit(chainId, commit, set) {
  if (commit.signatures.length !== set.length) {
    throw new Refusal("proof.commit-length", `the commit has ${commit.signatures.length} entries for ${set.length} validators`);
  }
  let count = 0;
  let power = 0n;
  for (const [index, entry] of commit.signatures.entries()) {
    if (entry.flag === ABSENT) continue;
    const validator = set[index];
    if (!equal(entry.address, validator.address)) {
      throw new Refusal("proof.out-of-order", `entry ${index} of the commit is by ${hex(entry.address)}, but validator ${hex(validator.address)} has that place`);
    }
    if (!(await verifyVote(validator.publicKey, voteBytes(chainId, commit, entry), entry.signature))) {
      throw new Refusal("proof.bad-signature", `entry ${index} of the commit has a signature by ${hex(validator.address)} that does not verify`);
    }
    if (entry.flag === FOR_BLOCK) {
      count += 1;
      power += validator.power;
    }
  }
  const total = totalPower(set);
  if (power * 3n <= total * 2n) {
    throw new Refusal("proof.too-little-power", `${power} of ${total} voting power signed, but more than two thirds must`);
  }
  return count;
}

/** The bytes that a validator signs: CometBFT's `CanonicalVote`; a vote for nil names no block. */
function voteBytes(chainId, commit, entry) {
  const blockId = entry.flag === FOR_BLOCK ? commit.blockId : undefined;
  return delimited(encode(CANONICAL_VOTE, { type: PRECOMMIT, height: commit.height, round: commit.round, blockId, time: entry.time, chainId }));
}

/**
 * Verifies a vote by ZIP-215, the rule of CometBFT. WebCrypto follows RFC 8032 more strictly, and engines differ in how strictly:
 * whatever they accept ZIP-215 accepts too, so their yes counts, and after their no the vendored verifier decides.
 */
async function verifyVote(key, message, signature) {
  try {
    const imported = await subtle().importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
    if (await subtle().verify({ name: "Ed25519" }, imported, signature, message)) return true;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    // The engine has no Ed25519, or refuses this key.
  }
  return verifyAsync(signature, message, key, { zip215: true });
}

// --- Hashes.

/** CometBFT's Merkle root (RFC 6962): leaves behind a zero byte, inner nodes behind a one, split at the largest power of two. */
async function merkleRoot(leaves) {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return sha256(Uint8Array.of(0), leaves[0]);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(Uint8Array.of(1), await merkleRoot(leaves.slice(0, split)), await merkleRoot(leaves.slice(split)));
}

export async function sha256(...parts) {
  return new Uint8Array(await subtle().digest("SHA-256", concat(...parts)));
}

export function subtle() {
  const found = globalThis.crypto?.subtle;
  if (!found) throw new Refusal("no-webcrypto", "WebCrypto is missing: browsers offer it to pages from https or from this machine");
  return found;
}

export const text = (string) => new TextEncoder().encode(string);

/** Reads one part of a proof within its limit. */
export function part(name, encoded) {
  const limit = LIMITS[name];
  // Four characters of base64 carry three bytes.
  if (typeof encoded === "string" && encoded.length > 4 * Math.ceil(limit / 3)) throw tooLong(name, Math.floor((encoded.length / 4) * 3), limit);
  const bytes = base64(encoded, name);
  if (bytes.length > limit) throw tooLong(name, bytes.length, limit);
  return bytes;
}

const tooLong = (name, length, limit) => new Refusal("proof.too-long", `the ${name} has ${length} bytes, but at most ${limit} are read`);

/** Refuses an object that does not have exactly these members. */
export function exactly(object, names, refuse) {
  const isObject = object !== null && typeof object === "object" && !Array.isArray(object);
  const found = isObject ? Object.keys(object).sort() : [];
  if (!isObject || found.join() !== [...names].sort().join()) throw refuse(`its members are ${names.join(", ")}`);
}

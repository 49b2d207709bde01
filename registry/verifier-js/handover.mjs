// The one way across a promotion (ADR 0010): from the last header of a solo ledger to the first header of its validators.
//
//   solo validator ──signs──▶ last header ──next_validators_hash──▶ new validators ──sign──▶ first header
//                                 └──app_hash──▶ promotion record         same app_hash, next height, no parent

import { Refusal, checkChain, checkFreshness, checkSet, checkSigned, confirm, decodeSignedHeader, decodeValidators, exactly, hashOfSet, isFirstOfChain, part, text, timeMs } from "./proof.mjs";
import { equal, malformed } from "./wire.mjs";

const KEY = "promotion";
/** The longest promotion record, in bytes. */
const RECORD_LIMIT = 1024;

export const notCrossed = (reason) => new Refusal("proof.handover", `the promotion of the solo ledger is not crossed: ${reason}`);

/** Whether one validator alone signs and hands over to others: no other ledger changes all of its validators at once. */
export const isLastOfSolo = ({ set, next }) => set.length === 1 && !next.some(({ publicKey }) => equal(publicKey, set[0].publicKey));

/**
 * Checks a handover `{last, record, first}` from the solo validator that `root` pins. Returns the epoch that it begins: `{root, height, first}`
 * with those who sign from then on, the height of the last solo header, and the first header's `{height, time, hash}`.
 */
export async function verifyHandover(root, handover, freshness) {
  exactly(handover, ["last", "record", "first"], (reason) => malformed("handover", reason));
  const { last, record, first } = handover;
  exactly(last, ["signedHeader", "validators", "nextValidators"], (reason) => malformed("light block", reason));
  const before = decodeSignedHeader(part("signed header", last.signedHeader));
  const set = await decodeValidators(part("validator set", last.validators));
  const next = await decodeValidators(part("validator set", last.nextValidators));

  // The last header: by the trusted validator, and it commits to those who come.
  if (!equal(await hashOfSet(set), root.validatorsHash)) throw new Refusal("proof.untrusted-validators", "the validator that signed the last header is not the trusted one");
  await checkBy(root, before, set, next);
  if (!isLastOfSolo({ set, next })) throw notCrossed("the last header is not that of a solo ledger which hands over");
  await checkRecord(before.header, record);

  // The first header: by exactly those, and it goes on from the very state.
  const after = decodeSignedHeader(part("signed header", first));
  await checkBy(root, after, next, next);
  if (after.header.height !== before.header.height + 1n) throw notCrossed("the first header is not of the next height");
  if (!isFirstOfChain(after.header)) throw notCrossed("the first header has something before it");
  if (!equal(after.header.appHash, before.header.appHash)) throw notCrossed("the first header has another state root");
  if (nanos(after.header) <= nanos(before.header)) throw notCrossed("the first header is not later");

  for (const { header } of [before, after]) checkFreshness(timeMs(header), freshness);
  return {
    root: { ...root, validators: next, validatorsHash: await hashOfSet(next) },
    height: before.header.height,
    first: { height: after.header.height, time: nanos(after.header), hash: after.commit.blockId.hash },
  };
}

/** Checks that a set signed a header which names it, and names those who sign the next one. */
async function checkBy(root, signed, set, next) {
  checkChain(root, signed);
  await checkSet(set, signed.header.validatorsHash);
  await checkSet(next, signed.header.nextValidatorsHash);
  await checkSigned(root, signed, set);
}

/** Checks that the state under the last header holds the promotion record, and that it is about this very header. */
async function checkRecord(header, record) {
  exactly(record, ["key", "value", "path"], (reason) => malformed("statement", reason));
  const { key, value, path } = record;
  if (key !== KEY || typeof value !== "string" || text(value).length > RECORD_LIMIT) throw notCrossed("it carries no promotion record");
  if (header.appHash.length !== 32) throw notCrossed("the last header has no state root");
  await confirm(header, part("Merkle path", path), key, text(value));
  // Read in its one form, so that every verifier reads the same.
  const [, height] = /^\{"height":(0|[1-9][0-9]{0,14})[,}]/.exec(value) ?? [];
  if (height === undefined) throw notCrossed("the promotion record is none");
  if (BigInt(height) + 1n !== header.height) throw notCrossed("the promotion record is of another height");
}

const nanos = ({ time }) => time.seconds * 1_000_000_000n + time.nanos;

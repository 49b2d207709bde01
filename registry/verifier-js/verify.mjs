#!/usr/bin/env node
// node verify.mjs TRUST-ROOT ANSWER: checks an answer of a registry against a pinned trust root, without a network.

import { readFileSync } from "node:fs";
import { argv, exit, stderr, stdout } from "node:process";
import { parseArgs } from "node:util";
import { verifyBundle } from "./bundle.mjs";
import { verifyAnswer, verifyResolution } from "./did.mjs";
import { parseJson } from "./json.mjs";
import { DEFAULT_MAX_AGE_MS, Refusal, jcs, parseTrustRoot } from "./proof.mjs";

const USAGE = `Usage: node verify.mjs [--max-age SECONDS] [--at TIME] TRUST-ROOT ANSWER

Checks what a registry answered to GET /v1/state/{key}?proof=true or GET /1.0/identifiers/{did}?proof=true, or an offline bundle.
ANSWER - is standard input.

  --max-age SECONDS  oldest header that counts [default: ${DEFAULT_MAX_AGE_MS / 1000}]; "any" for stored evidence. For bundles any does
  --at TIME          the time to judge by, RFC 3339 [default: now]

Exit code 0: proved. 1: refused. 2: the arguments or the files cannot be used.
`;

/** Ends with the usage: what was asked cannot be done. */
function unusable(reason) {
  stderr.write(`${reason}\n\n${USAGE}`);
  exit(2);
}

const { values, positionals } = (() => {
  try {
    return parseArgs({ args: argv.slice(2), allowPositionals: true, options: { "max-age": { type: "string" }, at: { type: "string" }, help: { type: "boolean" } } });
  } catch (error) {
    return unusable(error.message);
  }
})();
if (values.help) {
  stdout.write(USAGE);
  exit(0);
}
if (positionals.length !== 2) unusable("two files are needed");

const maxAge = values["max-age"] ?? String(DEFAULT_MAX_AGE_MS / 1000);
const maxAgeMs = maxAge === "any" ? null : Number(maxAge) * 1000;
const nowMs = values.at === undefined ? Date.now() : Date.parse(values.at);
if (Number.isNaN(maxAgeMs) || Number.isNaN(nowMs)) unusable("--max-age or --at is not understood");

const read = (file) => {
  try {
    const text = readFileSync(file === "-" ? 0 : file, "utf8");
    const value = parseJson(text);
    // Documents of schemas have fractions, and stand in the state; nothing in a bundle has.
    return value?.type === "ChopDidBundle" ? parseJson(text, { integers: true }) : value;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    return unusable(`${file} cannot be read: ${error.message}`);
  }
};

/** The header in words: what is proved is so as of its time, and not necessarily now. */
const asOf = (header) => {
  const alone = header.validators === 1 ? " (one alone: it is trusted, not outvoted)" : "";
  return `as of header ${header.height} of ${new Date(header.timeMs).toISOString()}, signed by ${header.signed} of ${header.validators} validators${alone}`;
};

async function check() {
  const [rootJson, answer] = positionals.map(read);
  const root = await parseTrustRoot(rootJson);
  const freshness = { nowMs, maxAgeMs };
  if (answer?.type === "ChopDidBundle") return bundled(await verifyBundle(root, answer, freshness));
  if (answer !== null && typeof answer === "object" && "didDocumentMetadata" in answer) {
    const { did, header, versionId, deactivated, unproven, code, ...shown } = await verifyResolution(root, answer, freshness);
    if (shown.absent) return `proved: ${absent(root, did, shown)}\n${asOf(header)}`;
    const without = unproven.length > 0 ? `\nnot covered by the proof: ${unproven.join(", ")}` : "";
    return `${standing(code)}proved: ${did} ${deactivated ? "was deactivated by" : "has"} version ${versionId}\n${asOf(header)}${without}`;
  }
  const header = await verifyAnswer(root, answer, freshness);
  const says = answer.value === null ? `holds nothing under ${answer.key}` : `holds under ${answer.key}:\n${jcs(answer.value)}`;
  return `proved: ledger ${root.ledger} ${says}\n${asOf(header)}`;
}

/** That there is no such DID; of an item it is known of one batch only. */
function absent(root, did, { batch, isBatch }) {
  if (batch === undefined) return `ledger ${root.ledger} has no ${did}`;
  return isBatch ? `batch ${batch} has no item ${did}` : `ledger ${root.ledger} has no batch ${batch}, of which ${did} could be`;
}

/** Where a code stands comes first: a document proves nothing about a label that must not be there. */
const standing = (code) => (code && code.standing !== "active" ? `${code.standing.toUpperCase()}: this code is not in use\n` : "");

/** What a bundle shows, and what else vouches for the age of its header. */
function bundled({ did, header, state, document, versions, code, changes, promotion, direction, checkpoint, timestamp }) {
  const what = state === null ? "does not exist" : state.deactivated ? "was deactivated" : `has version ${versions.at(-1).versionId}`;
  const later = checkpoint && `in the past of header ${checkpoint.height} of ${new Date(checkpoint.timeMs).toISOString()}`;
  return [
    `${standing(code)}proved: ${did} ${what}`,
    asOf(header),
    `it was so then, and need not be so now`,
    ...versions.map(({ versionId, time, type }) => `  ${time} ${type.padEnd(10)} ${versionId}`),
    direction === "forward" ? `changes of validators on the way: ${changes}` : "the pinned validators signed the checkpoint, not the header",
    ...(promotion === null ? [] : [`a solo ledger up to header ${promotion}, promoted to a consortium after it`]),
    `checkpoint: ${later ?? "none: the keys of that time must have stayed with their owners"}`,
    `timestamp: ${timestamp ? "carried, not checked here" : "none"}`,
    ...(document ? [JSON.stringify(document, null, 2)] : []),
  ].join("\n");
}

try {
  stdout.write(`${await check()}\n`);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  stderr.write(`refused: ${error.message} (${error.code})\n`);
  exit(1);
}

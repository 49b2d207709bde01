// What shows that an item is of a batch, or that a batch has no such item: SPEC §13.

import { Refusal, exactly, jcs, sha256, text } from "./proof.mjs";
import { base32, compare, concat, equal, toBase32 } from "./wire.mjs";

/** Sizes and counts of SPEC §13.1 and §13.2, in bytes. */
const LIMITS = { value: 128, item: 512, uri: 512, uris: 2_560, template: 2_048 };
const MAX_LEAVES = 1_000_000;

const refuse = (code, reason) => new Refusal(`item.${code}`, reason);
const isHash = (value) => typeof value === "string" && /^[a-z2-7]{51}[aq]$/.test(value);
const isIndex = (value) => Number.isInteger(value) && value >= 0 && value < MAX_LEAVES;

/** `SHA-256(tag ‖ parts)`. */
const tagged = (tag, ...parts) => sha256(text(tag), ...parts);

/** The id of a batch: ledger, controller and nonce decide. */
export const batchId = async ({ controller, ledger, nonce }) => toBase32(await tagged("chop/batch/v1", text(jcs({ controller, ledger, nonce }))));

/**
 * Checks that an item, `{"batch", "index", "ordinal", "item", "path"}`, is of the batch whose record the ledger holds.
 * Returns its scid.
 */
export async function verifyItem(record, shown) {
  exactly(shown, ["batch", "index", "ordinal", "item", "path"], (reason) => refuse("malformed", `no proof of an item: ${reason}`));
  await sameBatch(record, shown.batch);
  const bytes = text(jcs(shown.item));
  const hash = await tagged("chop/batch-item/v1", base32(shown.batch), base32(record.terms.template), bytes);
  await verifyPath(record, { ...shown, hash });
  return `b${toBase32(hash)}`;
}

/** Checks that no item of a batch has a scid: `{"batch", "before", "after"}`, the leaves between which it would stand. */
export async function verifyAbsence(record, scid, { batch, before, after, ...rest }) {
  exactly(rest, [], () => refuse("malformed", "its members are batch, before, after"));
  await sameBatch(record, batch);
  if (!/^b[a-z2-7]{51}[aq]$/.test(scid)) throw refuse("other", "a scid that begins with \"a\" is of no batch");
  const absent = base32(scid.slice(1));
  for (const leaf of [before, after]) {
    if (leaf === undefined) continue;
    exactly(leaf, ["index", "ordinal", "item", "path"], (reason) => refuse("malformed", `no leaf: ${reason}`));
    if (!isHash(leaf.item)) throw refuse("malformed", "a leaf names its item by its hash");
    await verifyPath(record, { ...leaf, hash: base32(leaf.item) });
  }
  const isBefore = before === undefined || compare(base32(before.item), absent) < 0;
  const isAfter = after === undefined || compare(absent, base32(after.item)) < 0;
  const first = before === undefined ? -1 : before.index;
  const last = after === undefined ? record.terms.count : after.index;
  if (!isBefore || !isAfter || first + 1 !== last || (before === undefined && after === undefined)) {
    throw refuse("absence", "these leaves do not show that the item is absent");
  }
}

/** Checks a template against its digest and makes the document of an item, with relative ids. */
export async function documentOfItem(record, template, item) {
  exactly(template, ["class", "fields", "document"], (reason) => refuse("template", `no template: ${reason}`));
  const bytes = text(jcs(template));
  const digest = toBase32(await tagged("chop/batch-template/v1", bytes));
  if (digest !== record.terms.template || bytes.length > LIMITS.template) throw refuse("template", "the template is not that of the batch");
  checkItem(template, item);
  const uris = [];
  const fill = (value) => {
    if (typeof value === "string") return expand(template.fields, value, item.data, uris);
    return Array.isArray(value) ? value.map((entry) => (typeof entry === "string" ? fill(entry) : entry)) : value;
  };
  const document = { ...template.document };
  if (document.alsoKnownAs) document.alsoKnownAs = fill(document.alsoKnownAs);
  if (new Set(document.alsoKnownAs).size < (document.alsoKnownAs?.length ?? 0)) throw refuse("document", "the same alsoKnownAs twice");
  if (document.service) document.service = document.service.map((service) => ({ ...service, serviceEndpoint: fill(service.serviceEndpoint) }));
  const lengths = uris.map((uri) => text(uri).length);
  if (lengths.some((length) => length > LIMITS.uri) || lengths.reduce((sum, length) => sum + length, 0) > LIMITS.uris) throw refuse("document", "URIs too long");
  return document;
}

function checkItem(template, item) {
  const members = Object.keys(item ?? {});
  const known = members.every((name) => name === "data" || name === "key");
  if (!known || !Array.isArray(item?.data) || item.data.length !== template.fields.length) throw refuse("document", "the item is not one of the template");
  for (const value of item.data) {
    const length = typeof value === "string" ? text(value).length : 0;
    if (length < 1 || length > LIMITS.value || /\p{Cc}/u.test(value)) throw refuse("document", "a value is empty, too long, or holds a control character");
  }
  if (text(jcs(item)).length > LIMITS.item) throw refuse("document", "the item is too large");
}

/** RFC 6570 §3.2.2: unreserved characters stand, every other byte is percent-encoded. */
function expand(fields, uri, data, uris) {
  const value = (name) => {
    const at = fields.indexOf(name);
    if (at < 0) throw refuse("template", `${name} is no field`);
    return Array.from(text(data[at]), (byte) => {
      const char = String.fromCharCode(byte);
      return /[A-Za-z0-9._~-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    }).join("");
  };
  const expanded = uri.replace(/\{([^}]*)\}/g, (_place, name) => value(name));
  uris.push(expanded);
  return expanded;
}

async function sameBatch(record, id) {
  if (!isHash(id) || id !== (await batchId(record.terms))) throw refuse("other-batch", "it is for another batch");
}

/** RFC 9162 §2.1.3.2, with the length that place and count give. */
async function verifyPath(record, { index, ordinal, hash, path }) {
  const { count, root } = record.terms;
  if (!isIndex(ordinal) || ordinal >= count) throw refuse("ordinal", `ordinal ${ordinal} was named of ${count}`);
  if (!isIndex(index) || index >= count) throw refuse("path", `leaf ${index} was named of ${count}`);
  if (!Array.isArray(path) || path.length > 20 || !path.every(isHash)) throw refuse("path", "the path is not a list of hashes");
  const number = new Uint8Array(4);
  new DataView(number.buffer).setUint32(0, ordinal);
  let found = await tagged("chop/batch-leaf/v1", hash, number);
  let place = index;
  let last = count - 1;
  const node = (left, right) => tagged("chop/batch-node/v1", concat(left, right));
  for (const beside of path.map(base32)) {
    // A node that is the last of its level and stands left has no neighbour: it rises as it is.
    while (last > 0 && place === last && place % 2 === 0) {
      place /= 2;
      last /= 2;
    }
    if (last === 0) throw refuse("path", "the path is too long");
    found = place % 2 === 0 ? await node(found, beside) : await node(beside, found);
    place = Math.floor(place / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw refuse("path", "the path is too short");
  if (!equal(found, base32(root))) throw refuse("path", "the path leads to another root");
}

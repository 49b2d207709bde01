// Encodings: protobuf by tables, the borsh of a Merkle path, and the text forms of bytes. No rules about what the bytes mean.

/** Why something is not believed: `code` is the same stable code that the Rust verifier gives. */
export class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export const malformed = (part, reason) => new Refusal("proof.malformed", `the ${part} does not decode: ${reason}`);

// --- Protobuf. A table lists the fields of a message in their order: [number, name, kind, table of the inner message].
// Kinds: "int" (int32, int64, uint32, uint64: all are BigInt here), "fixed" (sfixed64), "bytes", "string", "message", "messages".
// As proto3 says, a field that is absent reads as 0n, empty bytes, "", undefined or [].

const WIRE_TYPE = { int: 0n, fixed: 1n, bytes: 2n, string: 2n, message: 2n, messages: 2n };
const EMPTY = new Uint8Array();

/** Reads a message; unknown fields are dropped, which `canonical` then notices. */
function decode(table, bytes, part) {
  const message = {};
  for (const [, name, kind] of table) {
    message[name] = kind === "messages" ? [] : kind === "message" ? undefined : kind === "bytes" ? EMPTY : kind === "string" ? "" : 0n;
  }
  const reader = new Reader(bytes, part);
  while (!reader.done()) {
    const key = reader.varint();
    const field = table.find(([number]) => BigInt(number) === key >> 3n);
    const value = reader.value(key & 7n);
    if (!field) continue;
    const [, name, kind, inner] = field;
    if (WIRE_TYPE[kind] !== (key & 7n)) throw malformed(part, `${name} has another wire type`);
    if (kind === "message") message[name] = decode(inner, value, part);
    else if (kind === "messages") message[name].push(decode(inner, value, part));
    else if (kind === "string") message[name] = utf8(value, part);
    else message[name] = kind === "int" ? BigInt.asIntN(64, value) : value;
  }
  return message;
}

/** Writes a message in the one canonical way: fields in order, defaults left out, shortest varints. */
export function encode(table, message) {
  const out = [];
  for (const [number, name, kind, inner] of table) {
    const value = message[name];
    const key = varint((BigInt(number) << 3n) | WIRE_TYPE[kind]);
    if (kind === "int" && value !== 0n) out.push(key, varint(BigInt.asUintN(64, value)));
    if (kind === "fixed" && value !== 0n) out.push(key, fixed(value));
    if (kind === "bytes" && value.length > 0) out.push(key, delimited(value));
    if (kind === "string" && value !== "") out.push(key, delimited(new TextEncoder().encode(value)));
    if (kind === "message" && value !== undefined) out.push(key, delimited(encode(inner, value)));
    if (kind === "messages") for (const one of value) out.push(key, delimited(encode(inner, one)));
  }
  return concat(...out);
}

/** Reads a message and refuses it unless writing it again gives the same bytes: a proof has one spelling. */
export function canonical(table, bytes, part) {
  const message = decode(table, bytes, part);
  if (!equal(encode(table, message), bytes)) throw notCanonical(part);
  return message;
}

export const notCanonical = (part) => new Refusal("proof.not-canonical", `the ${part} is not in its canonical encoding`);

/** Puts its length before a message, as CometBFT does with what validators sign. */
export const delimited = (bytes) => concat(varint(BigInt(bytes.length)), bytes);

/** Reads from the front of bytes and refuses to read past their end. */
export class Reader {
  constructor(bytes, part) {
    this.bytes = bytes;
    this.part = part;
    this.at = 0;
  }

  done() {
    return this.at === this.bytes.length;
  }

  take(length) {
    if (length > this.bytes.length - this.at) throw malformed(this.part, "it ends too early");
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  byte() {
    return this.take(1)[0];
  }

  varint() {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = BigInt(this.byte());
      value |= (byte & 127n) << shift;
      if (byte < 128n) {
        if (value >> 64n) break;
        return value;
      }
    }
    throw malformed(this.part, "a number is longer than 64 bits");
  }

  value(wireType) {
    if (wireType === 0n) return this.varint();
    if (wireType === 1n) return this.take(8);
    if (wireType === 2n) {
      const length = this.varint();
      return this.take(length > BigInt(this.bytes.length) ? Infinity : Number(length));
    }
    if (wireType === 5n) return this.take(4);
    throw malformed(this.part, `wire type ${wireType} is not used`);
  }
}

function varint(value) {
  const out = [];
  for (; value > 127n; value >>= 7n) out.push(Number(value & 127n) | 128);
  out.push(Number(value));
  return Uint8Array.from(out);
}

function fixed(value) {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigInt64(0, value, true);
  return out;
}

function utf8(bytes, part) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw malformed(part, "a text is not UTF-8");
  }
}

// --- The borsh of a Merkle path: an optional leaf (two hashes), then siblings from the bottom up, each a tag byte and
// its hashes: 0 empty, 1 inner node (left, right), 2 leaf (key, value).

/** Reads `{leaf: [key, value] | null, siblings: [[tag, hash, hash]]}`. This borsh has one spelling for each path. */
export function decodePath(bytes) {
  const reader = new Reader(bytes, "Merkle path");
  const present = reader.byte();
  if (present > 1) throw malformed("Merkle path", `an option is 0 or 1, not ${present}`);
  const pair = () => [reader.take(32), reader.take(32)];
  const leaf = present === 1 ? pair() : null;
  const length = reader.take(4);
  const count = new DataView(length.buffer, length.byteOffset, 4).getUint32(0, true);
  const siblings = [];
  for (let index = 0; index < count; index += 1) {
    const tag = reader.byte();
    if (tag > 2) throw malformed("Merkle path", `there is no kind ${tag} of node`);
    siblings.push(tag === 0 ? [tag] : [tag, ...pair()]);
  }
  if (!reader.done()) throw malformed("Merkle path", "it goes on after its end");
  return { leaf, siblings };
}

// --- Bytes and text.

export function concat(...parts) {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Compares byte strings as numbers from the front: negative, 0 or positive. */
export function compare(a, b) {
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    if (a[index] !== b[index]) return a[index] - b[index];
  }
  return a.length - b.length;
}

export const equal = (a, b) => compare(a, b) === 0;

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** Reads padded base64 in its one spelling. */
export function base64(text, part) {
  if (typeof text !== "string") throw malformed(part, "it is not text");
  let bytes;
  try {
    bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    throw malformed(part, "it is not base64");
  }
  // `atob` forgives white space, missing padding and spare bits.
  if (toBase64(bytes) !== text) throw malformed(part, "its base64 is not canonical");
  return bytes;
}

export const toBase64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";

/** The 32 bytes of 52 characters of base32, lower case and unpadded, whose spelling was checked. */
export function base32(text) {
  const bytes = new Uint8Array(32);
  let [bits, value, at] = [0, 0, 0];
  for (const char of text) {
    value = ((value << 5) | BASE32.indexOf(char)) & 0xfff;
    bits += 5;
    if (bits >= 8 && at < 32) {
      bits -= 8;
      bytes[at] = (value >> bits) & 0xff;
      at += 1;
    }
  }
  return bytes;
}

/** Writes lower-case unpadded base32. */
export function toBase32(bytes) {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) text += BASE32[(held >> (bits - 5)) & 31];
    held &= 31;
  }
  return bits > 0 ? text + BASE32[(held << (5 - bits)) & 31] : text;
}

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/** Reads base58btc; null when it is none. */
export function base58(text) {
  let value = 0n;
  for (const character of text) {
    const digit = BASE58.indexOf(character);
    if (digit < 0) return null;
    value = value * 58n + BigInt(digit);
  }
  const out = [];
  for (; value > 0n; value >>= 8n) out.unshift(Number(value & 255n));
  const zeros = text.match(/^1*/)[0].length;
  return concat(new Uint8Array(zeros), Uint8Array.from(out));
}

/**
 * Writes the canonical form of a JSON value (RFC 8785). What ledgers store holds no fractions and no integers beyond
 * ±(2^53−1), so JavaScript's own number and string forms are those of the RFC.
 */
export function jcs(value) {
  if (Array.isArray(value)) return `[${value.map(jcs).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  // Sorting text in JavaScript compares UTF-16 code units, which is the order of RFC 8785.
  const members = Object.keys(value).sort().map((name) => `${JSON.stringify(name)}:${jcs(value[name])}`);
  return `{${members.join(",")}}`;
}

// Who signed an operation: the proofs that its hash leaves out (SPEC §4.7). Whether they might is for the ledger, which took it.

import { ecdsaVerifies, isUsableEd25519, strictEd25519Verifies } from "./keys.mjs";
import { subtle, text } from "./proof.mjs";
import { base58, concat, jcs } from "./wire.mjs";

/** The most proofs, and the most bytes of a signed operation in JCS form (SPEC §4.6). */
const MAX = { proofs: 14, bytes: 8_192 };
const MEMBERS = ["type", "cryptosuite", "verificationMethod", "proofPurpose", "created", "proofValue"];

/** By the first bytes of a multikey: its suite, the hash that is signed, the length of a signature in bytes. */
const KINDS = [
  { codec: [0xed, 0x01], suite: "eddsa-jcs-2022", hash: "SHA-256", length: 64, keyLength: 32 },
  { codec: [0x80, 0x24], suite: "ecdsa-jcs-2019", hash: "SHA-256", length: 64, keyLength: 33, curve: "P-256" },
  { codec: [0x81, 0x24], suite: "ecdsa-jcs-2019", hash: "SHA-384", length: 96, keyLength: 49, curve: "P-384" },
];

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/**
 * Checks the shape and the signature of every proof of an operation; `refuse` makes the refusal of a reason. A founder's create has no
 * proof: its ledger's genesis vouches for it (SPEC §6.9).
 */
export async function checkProofs({ proof, ...unsigned }, refuse) {
  if (proof === undefined) {
    if (unsigned.type === "create" && isObject(unsigned.genesis) && !("controller" in unsigned.genesis)) return;
    throw refuse("it has no proof");
  }
  const proofs = Array.isArray(proof) ? proof : [proof];
  if (proofs.length === 0 || proofs.length > MAX.proofs) throw refuse(`it has ${proofs.length} proofs, 1 to ${MAX.proofs} are allowed`);
  if (text(jcs({ ...unsigned, proof })).length > MAX.bytes) throw refuse(`it has more than ${MAX.bytes} bytes`);
  for (const one of proofs) {
    const reason = await flawOf(unsigned, one);
    if (reason) throw refuse(`a proof does not hold: ${reason}`);
  }
}

/** What is wrong with a proof; undefined when nothing is. */
async function flawOf(unsigned, proof) {
  if (!isObject(proof)) return "it is no object";
  if (Object.keys(proof).some((name) => !MEMBERS.includes(name))) return "it has a member that proofs of operations do not have";
  if (proof.type !== "DataIntegrityProof") return "its type is not DataIntegrityProof";
  if (proof.proofPurpose !== "assertionMethod") return "its purpose is not assertionMethod";
  if ("created" in proof && !isDateTime(proof.created)) return "its time is no dateTime";
  const key = keyOf(proof.verificationMethod);
  if (!key) return "its verificationMethod is no did:key URL of a key that signs";
  if (proof.cryptosuite !== key.suite) return "its cryptosuite is not the one for its key";
  const { proofValue, ...configuration } = proof;
  const isText = typeof proofValue === "string" && proofValue.startsWith("z") && proofValue.length <= 1 + Math.floor((key.length * 7) / 5);
  const signature = isText ? base58(proofValue.slice(1)) : null;
  if (signature?.length !== key.length) return "its proofValue is no signature of its key in base58btc";
  const digest = async (value) => new Uint8Array(await subtle().digest(key.hash, text(jcs(value))));
  const signed = concat(await digest(configuration), await digest(unsigned));
  const holds = key.curve ? await ecdsaVerifies(key, signed, signature) : await strictEd25519Verifies(key.bytes, signed, signature);
  return holds ? undefined : "its signature does not match";
}

/** The key of `did:key:M#M`: its kind and its bytes; undefined when it is none. */
function keyOf(url) {
  const [, multikey] = (typeof url === "string" && /^did:key:(z[^#]{1,140})#\1$/.exec(url)) || [];
  const bytes = multikey && base58(multikey.slice(1));
  const kind = bytes && KINDS.find(({ codec: [first, second] }) => bytes[0] === first && bytes[1] === second);
  if (!kind || bytes.length !== 2 + kind.keyLength) return undefined;
  const key = { ...kind, bytes: bytes.subarray(2) };
  return key.curve || isUsableEd25519(key.bytes) ? key : undefined;
}

/** An XML Schema dateTime of the years 1 to 9999. */
function isDateTime(value) {
  const parts = typeof value === "string" && /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|[+-](\d\d):(\d\d))?$/.exec(value);
  if (!parts) return false;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number);
  const [hours, minutes] = [Number(parts[8] ?? 0), Number(parts[9] ?? 0)];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
  const isMidnight = hour === 24 && minute === 0 && second === 0 && /^0*$/.test(parts[7] ?? "");
  const inDay = (hour < 24 || isMidnight) && minute < 60 && second < 60;
  return year > 0 && day >= 1 && day <= days && inDay && minutes < 60 && (hours < 14 || (hours === 14 && minutes === 0));
}

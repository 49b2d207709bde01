// Signatures of operations, as strict as the Rust verifier is: one signature has one spelling (SPEC §4.7).

import { subtle } from "./proof.mjs";
import { Point } from "./vendor/noble-ed25519.mjs";
import { concat, hex } from "./wire.mjs";

/** NIST SP 800-186 §3.2.1: field, b and order of y² = x³ − 3x + b. */
const CURVES = {
  "P-256": {
    hash: "SHA-256",
    p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  "P-384": {
    hash: "SHA-384",
    p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
};

const number = (bytes) => BigInt(`0x${hex(bytes)}`);
const little = (bytes) => number(Uint8Array.from(bytes).reverse());

/** A point in its one encoding whose order is not small; null when the bytes are none. */
function pointOf(bytes) {
  try {
    const point = Point.fromBytes(bytes);
    return point.isSmallOrder() ? null : point;
  } catch {
    return null;
  }
}

/** Whether these 32 bytes are an Ed25519 key under which a signature proves something. */
export const isUsableEd25519 = (bytes) => pointOf(bytes) !== null;

/**
 * Verifies an Ed25519 signature without cofactor, and with no point of small order. Engines and libraries differ in both, so the equation
 * is written out: [s]B = R + [k]A.
 */
export async function strictEd25519Verifies(key, message, signature) {
  const order = Point.CURVE().n;
  const [a, r, s] = [pointOf(key), pointOf(signature.subarray(0, 32)), little(signature.subarray(32))];
  if (!a || !r || s >= order) return false;
  const digest = await subtle().digest("SHA-512", concat(signature.subarray(0, 32), key, message));
  const k = little(new Uint8Array(digest)) % order;
  return Point.BASE.multiply(s, false).equals(r.add(a.multiply(k, false)));
}

/** Verifies r ‖ s under a compressed point; of the two s that fit only the lower counts. */
export async function ecdsaVerifies({ curve: name, bytes }, message, signature) {
  const curve = CURVES[name];
  const point = uncompressed(curve, bytes);
  if (!point || 2n * number(signature.subarray(signature.length / 2)) > curve.n) return false;
  const key = await subtle().importKey("raw", point, { name: "ECDSA", namedCurve: name }, false, ["verify"]);
  return subtle().verify({ name: "ECDSA", hash: curve.hash }, key, signature, message);
}

/** SEC 1 §2.3.4; engines need not read compressed points. Null when the bytes are none. */
function uncompressed({ p, b }, bytes) {
  const [sign, x] = [bytes[0], number(bytes.subarray(1))];
  if ((sign !== 2 && sign !== 3) || x >= p) return null;
  const square = (x ** 3n - 3n * x + b) % p;
  // Both fields have p = 3 mod 4.
  const root = power(square, (p + 1n) / 4n, p);
  if ((root * root - square) % p !== 0n) return null;
  const y = root % 2n === BigInt(sign & 1) ? root : p - root;
  const digits = y.toString(16).padStart(2 * (bytes.length - 1), "0");
  return concat(Uint8Array.of(4), bytes.subarray(1), Uint8Array.from(digits.match(/../g), (byte) => parseInt(byte, 16)));
}

function power(base, exponent, modulus) {
  let [result, square] = [1n, ((base % modulus) + modulus) % modulus];
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

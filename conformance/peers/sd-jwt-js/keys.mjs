// Signing and verifying with JSON Web Keys: Node's own cryptography, as @sd-jwt leaves it to its user.
import {createPrivateKey, createPublicKey, sign, verify} from 'node:crypto';

const ALGORITHMS = {
  Ed25519: {alg: 'EdDSA', hash: null},
  'P-256': {alg: 'ES256', hash: 'sha256'},
  'P-384': {alg: 'ES384', hash: 'sha384'}
};

export function algorithm({crv}) {
  if(!Object.hasOwn(ALGORITHMS, crv)) {
    throw new Error(`this peer has no keys of ${crv}`);
  }
  return ALGORITHMS[crv];
}

/** Gives the function that signs the text and answers base64url. */
export function signer(jwk) {
  const key = createPrivateKey({format: 'jwk', key: jwk});
  const {hash} = algorithm(jwk);
  return text => sign(hash, Buffer.from(text), {key, dsaEncoding: 'ieee-p1363'}).toString('base64url');
}

/** Gives the function that says whether the base64url signature is of the text. */
export function verifier(jwk) {
  const {d: _, ...publicJwk} = jwk;
  const key = createPublicKey({format: 'jwk', key: publicJwk});
  const {hash} = algorithm(jwk);
  return (text, signature) =>
    verify(hash, Buffer.from(text), {key, dsaEncoding: 'ieee-p1363'}, Buffer.from(signature, 'base64url'));
}

// Speaks the line protocol for jose and @auth0/cose, which know tokens and leave the credential in them to their user.
import {Sign1} from '@auth0/cose';
import * as jose from 'jose';
import {microseconds, serve, versions} from '../lines.mjs';

const JWS = {'Ed25519': 'EdDSA', 'P-256': 'ES256', 'P-384': 'ES384'};
// RFC 9053 §2.1 and §2.2.
const COSE = {EdDSA: -8, ES256: -7, ES384: -35};
// RFC 9052 §3.1, RFC 9596 §2 and RFC 9597 §2.
const HEADER = {alg: 1, contentType: 3, kid: 4, cwtClaims: 15, typ: 16};
// RFC 8392 §3.1.3 and RFC 9711 §4.1.
const CLAIM = {aud: 3, nonce: 10};

const SUITES = {
  'vc+jwt': {content: 'vc', sign: signJwt, verify: verifyJwt},
  'vp+jwt': {content: 'vp', sign: signJwt, verify: verifyJwt},
  'vc+cose': {content: 'vc', sign: signCose, verify: verifyCose},
  'vp+cose': {content: 'vp', sign: signCose, verify: verifyCose}
};

await serve({
  start: () => ({versions: versions(import.meta.url), suites: Object.keys(SUITES)}),

  /** Issues: {suite, document, key: {id, jwk}} gives the compact JWS, or the COSE_Sign1 in base64url. */
  issue: ({suite, document, key}) => find(suite).sign(suite, document, key, {}),

  /** Presents: {suite, document, key, options: {audience, nonce}} gives the same with both claims. */
  present: ({suite, document, key, options = {}}) => find(suite).sign(suite, document, key, options),

  /** Verifies: {suite, secured, key, options: {audience, nonce}} gives the payload. */
  verify: ({suite, secured, key, options}) => find(suite).verify(suite, secured, key, options),

  /** Measures: {suite, secured, key, iterations} gives mean times in microseconds, of verifying and of the bare signature check. */
  async bench({suite, secured, key, iterations}) {
    const imported = await importPublic(key);
    const algorithm = JWS[key.jwk.crv] === 'EdDSA' ? {name: 'Ed25519'} : {name: 'ECDSA', hash: `SHA-${key.jwk.crv.slice(2)}`};
    const data = new Uint8Array(64).fill(7);
    const signature = await crypto.subtle.sign(algorithm, await jose.importJWK(key.jwk, JWS[key.jwk.crv]), data);
    return {
      verify: await microseconds(iterations, () => find(suite).verify(suite, secured, key, {}, imported)),
      raw: await microseconds(iterations, () => crypto.subtle.verify(algorithm, imported, signature, data))
    };
  }
});

function find(suite) {
  if(!Object.hasOwn(SUITES, suite)) {
    throw new Error(`this peer has no suite ${suite}`);
  }
  return SUITES[suite];
}

function importPublic({jwk: {d: _, ...publicJwk}}) {
  return jose.importJWK(publicJwk, JWS[publicJwk.crv]);
}

async function signJwt(suite, document, {id, jwk}, {audience, nonce}) {
  const alg = JWS[jwk.crv];
  const claims = {...document, ...(audience && {aud: audience}), ...(nonce && {nonce})};
  return new jose.CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({alg, typ: suite, cty: find(suite).content, kid: id})
    .sign(await jose.importJWK(jwk, alg));
}

async function verifyJwt(suite, secured, key, {audience, nonce} = {}, imported) {
  const options = {typ: suite, algorithms: [JWS[key.jwk.crv]], ...(audience && {audience})};
  const {payload, protectedHeader} = await jose.jwtVerify(secured, imported ?? await importPublic(key), options);
  if(protectedHeader.kid !== key.id) {
    throw new Error(`kid is ${protectedHeader.kid}, not ${key.id}`);
  }
  if(nonce && payload.nonce !== nonce) {
    throw new Error(`nonce is ${payload.nonce}, not ${nonce}`);
  }
  return payload;
}

async function signCose(suite, document, {id, jwk}, {audience, nonce}) {
  const alg = JWS[jwk.crv];
  const headers = [
    [HEADER.alg, COSE[alg]],
    [HEADER.contentType, `application/${find(suite).content}`],
    [HEADER.kid, new TextEncoder().encode(id)],
    [HEADER.typ, `application/${suite}`]
  ];
  if(audience || nonce) {
    headers.push([HEADER.cwtClaims, new Map([[CLAIM.aud, audience], [CLAIM.nonce, new TextEncoder().encode(nonce)]])]);
  }
  const payload = new TextEncoder().encode(JSON.stringify(document));
  const signed = await Sign1.sign(headers, [], payload, await jose.importJWK(jwk, alg));
  return Buffer.from(signed.encode()).toString('base64url');
}

async function verifyCose(suite, secured, key, {audience, nonce} = {}, imported) {
  const signed = Sign1.decode(Buffer.from(secured, 'base64url'));
  const typ = signed.protectedHeaders.get(HEADER.typ);
  if(typ !== `application/${suite}`) {
    throw new Error(`typ is ${typ}`);
  }
  const kid = new TextDecoder().decode(signed.kid);
  if(kid !== key.id) {
    throw new Error(`kid is ${kid}, not ${key.id}`);
  }
  expectClaims(signed.protectedHeaders.get(HEADER.cwtClaims), audience, nonce);
  await signed.verify(imported ?? await importPublic(key), {algorithms: [COSE[JWS[key.jwk.crv]]]});
  return JSON.parse(new TextDecoder().decode(signed.payload));
}

/** Both claims stand in the header, which the library leaves to its user. */
function expectClaims(claims, audience, nonce) {
  const found = label => claims instanceof Map ? claims.get(label) : claims?.[label];
  if(audience && found(CLAIM.aud) !== audience) {
    throw new Error(`audience is ${found(CLAIM.aud)}, not ${audience}`);
  }
  const text = new TextDecoder().decode(found(CLAIM.nonce));
  if(nonce && text !== nonce) {
    throw new Error(`nonce is ${text}, not ${nonce}`);
  }
}

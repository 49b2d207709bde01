// Speaks the line protocol for @sd-jwt/core, @sd-jwt/sd-jwt-vc and @sd-jwt/jwt-status-list.
import {
  StatusList, createHeaderAndPayload, getListFromStatusListJWT
} from '@sd-jwt/jwt-status-list';
import {digest, generateSalt} from '@sd-jwt/crypto-nodejs';
import {Jwt, SDJwtInstance} from '@sd-jwt/core';
import {SDJwtVcInstance} from '@sd-jwt/sd-jwt-vc';
import {algorithm, signer, verifier} from './keys.mjs';
import {disclosureFrame, presentationFrame} from './frames.mjs';
import {microseconds, serve, versions} from '../lines.mjs';

/** What the header says beside `alg`, `typ` and `kid`. */
const SUITES = {
  'dc+sd-jwt': {make: config => new SDJwtVcInstance(config), header: {}},
  'vc+sd-jwt': {make: config => new SDJwtInstance(config), header: {cty: 'vc'}}
};
const STATUS_LIST = 'statuslist+jwt';
const HASHING = {hasher: digest, hashAlg: 'sha-256', saltGenerator: generateSalt};

await serve({
  start: () => ({versions: versions(import.meta.url), suites: [...Object.keys(SUITES), STATUS_LIST]}),

  /**
   * Issues: {suite, document, key: {id, jwk}, options: {disclosable: pointers, decoys: number}} gives the compact SD-JWT; for a
   * status list the document is the payload with `statuses` in place of `lst`.
   */
  async issue({suite, document, key, options: {disclosable = [], decoys = 0} = {}}) {
    if(suite === STATUS_LIST) {
      return issueStatusList(document, key);
    }
    const {make, header} = find(suite);
    const {alg} = algorithm(key.jwk);
    const instance = make({...HASHING, signer: signer(key.jwk), signAlg: alg});
    return instance.issue(document, disclosureFrame(disclosable, decoys), {header: {typ: suite, kid: key.id, ...header}});
  },

  /** Presents: {suite, secured, key, options: {disclose: pointers, audience, nonce, issuedAt}}; without `key` nothing is bound. */
  async present({suite, secured, key, options: {disclose = [], audience, nonce, issuedAt}}) {
    const config = key ? {kbSigner: signer(key.jwk), kbSignAlg: algorithm(key.jwk).alg} : {};
    const instance = find(suite).make({...HASHING, ...config});
    const kb = key && {payload: {aud: audience, nonce, iat: issuedAt}};
    return instance.present(secured, presentationFrame(disclose), kb ? {kb} : {});
  },

  /** Verifies: {suite, secured, key, options: {audience, nonce}} gives the claims that the issuer signed and the holder showed. */
  async verify({suite, secured, key, options = {}}) {
    if(suite === STATUS_LIST) {
      return verifyStatusList(secured, key);
    }
    return verify(suite, secured, key, options);
  },

  /** Measures: {suite, secured, key, options, iterations} gives mean times in microseconds, of verifying and of the bare signature check. */
  async bench({suite, secured, key, options = {}, iterations}) {
    const text = 'x'.repeat(64);
    const signature = signer(key.jwk)(text);
    const check = verifier(key.jwk);
    return {
      verify: await microseconds(iterations, () => verify(suite, secured, key, options)),
      raw: await microseconds(iterations, () => check(text, signature))
    };
  }
});

function find(suite) {
  if(!Object.hasOwn(SUITES, suite)) {
    throw new Error(`this peer has no suite ${suite}`);
  }
  return SUITES[suite];
}

async function verify(suite, secured, key, {audience, nonce}) {
  const instance = find(suite).make({
    ...HASHING,
    verifier: verifier(key.jwk),
    kbVerifier: (text, signature, payload) => verifier(payload.cnf.jwk)(text, signature)
  });
  const {payload, kb} = await instance.verify(secured, nonce ? {keyBindingNonce: nonce} : {});
  // The library leaves the audience to its user.
  if(nonce && kb.payload.aud !== audience) {
    throw new Error(`key binding is for audience ${kb.payload.aud}, not ${audience}`);
  }
  return payload;
}

async function issueStatusList({statuses, bits, ...claims}, key) {
  const {header, payload} = createHeaderAndPayload(
    new StatusList(statuses, bits), claims, {alg: algorithm(key.jwk).alg, typ: STATUS_LIST, kid: key.id});
  const jwt = new Jwt({header, payload});
  await jwt.sign(signer(key.jwk));
  return jwt.encodeJwt();
}

async function verifyStatusList(secured, key) {
  const jwt = Jwt.fromEncode(secured);
  if(jwt.header.typ !== STATUS_LIST) {
    throw new Error(`typ is ${jwt.header.typ}`);
  }
  await jwt.verify(verifier(key.jwk));
  const list = getListFromStatusListJWT(secured);
  return {bits: list.getBitsPerStatus(), statuses: list.statusList};
}

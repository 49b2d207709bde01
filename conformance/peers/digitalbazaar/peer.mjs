// Speaks the line protocol for @digitalbazaar/vc and its cryptosuites.
import * as vc from '@digitalbazaar/vc';
import jsigs from 'jsonld-signatures';
import jsonld from 'jsonld';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {Ed25519Signature2020} from '@digitalbazaar/ed25519-signature-2020';
import {microseconds, reason, serve, versions} from '../lines.mjs';
import {keyPair, loader} from './keys.mjs';
import {SUITES} from './suites.mjs';

let documentLoader = loader({});

await serve({
  /** Takes the contexts that documents may name, by URL: {contexts}. */
  start({contexts}) {
    documentLoader = loader(contexts);
    return {versions: versions(import.meta.url), suites: ['RDFC-1.0', ...Object.keys(SUITES)]};
  },

  /** Issues: {suite, document, key: {id, jwk}, options: {created, mandatoryPointers}} gives the secured credential. */
  async issue({suite, document, key, options = {}}) {
    const signer = (await keyPair(key)).signer();
    return vc.issue({
      credential: document, documentLoader, suite: signing(suite, {signer, options})
    });
  },

  /** Derives: {suite, secured, options: {selectivePointers}} gives the derived credential. */
  async derive({suite, secured, options = {}}) {
    const cryptosuite = offered(suite, 'disclose')(options);
    return vc.derive({
      verifiableCredential: secured, documentLoader, suite: new DataIntegrityProof({cryptosuite})
    });
  },

  /** Verifies: {suite, secured} gives true, or refuses. */
  async verify({suite, secured}) {
    await verify(suite, secured);
    return true;
  },

  /** Presents: {suite, document, key, options: {challenge, domain, created}} gives the secured presentation. */
  async present({suite, document, key, options = {}}) {
    const signer = (await keyPair(key)).signer();
    const {challenge, domain} = options;
    return vc.signPresentation({
      presentation: document, documentLoader, challenge, domain, suite: signing(suite, {signer, options})
    });
  },

  /** Verifies a presentation: {suite, secured, options: {challenge, domain}}; its credentials have to be of the same suite. */
  async verifyPresentation({suite, secured, options: {challenge, domain} = {}}) {
    const result = await vc.verify({
      presentation: secured, challenge, domain, documentLoader, suite: verifying(suite)
    });
    expectVerified(result);
    return true;
  },

  /** Canonicalizes: {document} gives the canonical N-Quads of RDFC-1.0. */
  canonicalize({document}) {
    return jsonld.canonize(document, {
      algorithm: 'RDFC-1.0', format: 'application/n-quads', documentLoader, safe: true, rdfDirection: null
    });
  },

  /** Measures: {suite, secured, key, iterations} gives mean times in microseconds: of verifying, and of the bare signature check. */
  async bench({suite, secured, key, iterations}) {
    const pair = await keyPair(key);
    const data = new Uint8Array(64).fill(7);
    const times = {verify: await microseconds(iterations, () => verify(suite, structuredClone(secured)))};
    if(!suite.startsWith('bbs-')) {
      const signature = await pair.signer().sign({data});
      const verifier = pair.verifier();
      times.raw = await microseconds(iterations, () => verifier.verify({data, signature}));
    }
    return times;
  }
});

async function verify(suite, credential) {
  expectVerified(await vc.verifyCredential({credential, documentLoader, suite: verifying(suite)}));
}

function expectVerified(result) {
  if(result.verified !== true) {
    throw new Error(reason(result.error ?? new Error('not verified')));
  }
}

function offered(suite, act) {
  if(!Object.hasOwn(SUITES, suite) || !SUITES[suite][act]) {
    throw new Error(`this peer does not ${act} ${suite}`);
  }
  return SUITES[suite][act];
}

function signing(suite, {signer, options}) {
  const {created: date} = options;
  if(suite === 'Ed25519Signature2020') {
    return new Ed25519Signature2020({signer, date});
  }
  return new DataIntegrityProof({signer, date, cryptosuite: offered(suite, 'sign')(options)});
}

function verifying(suite) {
  if(suite === 'Ed25519Signature2020') {
    return new Ed25519Signature2020();
  }
  return new DataIntegrityProof({cryptosuite: offered(suite, 'verify')()});
}

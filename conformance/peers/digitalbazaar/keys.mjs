// Keys as did:key, and the loader of their documents and of the contexts.
import * as Bls12381Multikey from '@digitalbazaar/bls12-381-multikey';
import * as EcdsaMultikey from '@digitalbazaar/ecdsa-multikey';
import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import jsigs from 'jsonld-signatures';

const DID_CONTEXTS = ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'];

/** Takes {id, jwk}, the verification method and the private key. */
export function keyPair({id, jwk}) {
  const [controller] = id.split('#');
  const library = {Ed25519: Ed25519Multikey, 'P-256': EcdsaMultikey, 'P-384': EcdsaMultikey, Bls12381G2: Bls12381Multikey}[jwk.crv];
  if(!library) {
    throw new Error(`this peer has no keys of ${jwk.crv}`);
  }
  return library.fromJwk({jwk, secretKey: true, id, controller});
}

/** Gives a loader that knows the contexts, by URL, and did:key; it never asks the network. */
export function loader(contexts) {
  return jsigs.extendContextLoader(async documentUrl => {
    const document = Object.hasOwn(contexts, documentUrl) ? contexts[documentUrl] : didKey(documentUrl);
    return {contextUrl: null, documentUrl, document};
  });
}

function didKey(url) {
  const [, multikey, fragment] = /^did:key:(z[1-9A-HJ-NP-Za-km-z]+)(?:#(.+))?$/.exec(url) ?? [];
  if(!multikey || (fragment !== undefined && fragment !== multikey)) {
    throw new Error(`unknown document ${url}`);
  }
  const controller = `did:key:${multikey}`;
  const method = {
    id: `${controller}#${multikey}`, type: 'Multikey', controller, publicKeyMultibase: multikey
  };
  if(fragment) {
    return {'@context': DID_CONTEXTS[1], ...method};
  }
  return {
    '@context': DID_CONTEXTS,
    id: controller,
    verificationMethod: [method],
    assertionMethod: [method.id],
    authentication: [method.id]
  };
}

// Describes a stack of `chopmark up --conformance` to the W3C test suites, which look for this file at the root of their checkout.
//
//   CHOPMARK_URL    the stack's base URL; https://127.0.0.1:8443 when absent
//   CHOPMARK_DIDS   a JSON file with DIDs for the suite of DID Resolution (written by `run`); without it only a did:key is resolved
'use strict';

const {execFileSync} = require('node:child_process');
const {readFileSync} = require('node:fs');

const name = 'Chopmark';
const base = (process.env.CHOPMARK_URL || 'https://127.0.0.1:8443').replace(/\/+$/, '');
const instances = ask('/v1/issuers');
const dids = process.env.CHOPMARK_DIDS ? JSON.parse(readFileSync(process.env.CHOPMARK_DIDS, 'utf8')) : {};

// What each issuing instance is for, by its name in the stack; the tags are those that the suites select by. The data model's suite
// issues with a jcs suite because it has credentials whose texts have a base direction, which RDF would lose.
const purposes = {
  'eddsa-rdfc-2022': [{tags: ['eddsa-rdfc-2022']}],
  'eddsa-jcs-2022': [
    {tags: ['eddsa-jcs-2022', 'vc2.0']},
    {tags: ['BitstringStatusList'], options: {credentialStatus: statuses()}},
  ],
  'p256/ecdsa-rdfc-2019': [{tags: ['ecdsa-rdfc-2019'], supportedEcdsaKeyTypes: ['P-256']}],
  'p384/ecdsa-rdfc-2019': [{tags: ['ecdsa-rdfc-2019'], supportedEcdsaKeyTypes: ['P-384']}],
  'p256/ecdsa-jcs-2019': [{tags: ['ecdsa-jcs-2019'], supportedEcdsaKeyTypes: ['P-256']}],
  'p384/ecdsa-jcs-2019': [{tags: ['ecdsa-jcs-2019'], supportedEcdsaKeyTypes: ['P-384']}],
  'ecdsa-sd-2023': [{tags: ['ecdsa-sd-2023'], supportedEcdsaKeyTypes: ['P-256']}],
  'bbs-2023': [{tags: ['bbs-2023']}],
  'ed25519-2020': [{tags: ['Ed25519Signature2020', 'vc-api']}],
  jwt: [{tags: ['EnvelopingProof']}],
};

const issuers = instances.flatMap(instance => (purposes[instance.name] || []).map(purpose => ({
  id: instance.did,
  endpoint: base + instance.issuePath,
  supports: {vc: ['1.1', '2.0'], keyTypes: [instance.keyType]},
  ...purpose,
})));

const verifier = (endpoint, tags, more) => ({id: `${base}/`, endpoint: base + endpoint, tags, supports: {vc: ['1.1', '2.0']}, ...more});
const curves = {supportedEcdsaKeyTypes: ['P-256', 'P-384']};

module.exports = {
  settings: {enableInteropTests: true, testAllImplementations: false},
  implementations: [
    {
      name,
      implementation: 'Chopmark',
      issuers,
      verifiers: [
        verifier('/credentials/verify', ['vc2.0', 'EnvelopingProof', 'vc-api', 'BitstringStatusList']),
        // The specifications' own examples are signed by a key that is not their issuer's, so these suites ask about the proof alone.
        verifier('/credentials/verify?checks=proof', ['Ed25519Signature2020', 'eddsa-rdfc-2022', 'eddsa-jcs-2022', 'bbs-2023']),
        verifier('/credentials/verify?checks=proof', ['ecdsa-rdfc-2019', 'ecdsa-jcs-2019'], curves),
        verifier('/credentials/verify?checks=proof', ['ecdsa-sd-2023'], {supportedEcdsaKeyTypes: ['P-256']}),
      ],
      vpVerifiers: [verifier('/presentations/verify', ['vc2.0', 'EnvelopingProof'])],
      vcHolders: holders(),
      didResolvers: [{
        id: `${base}/`,
        endpoint: `${base}/1.0/identifiers`,
        tags: ['did-resolution', 'did-key'],
        supportedDids: {
          ...dids,
          valid: [{did: issuers[0].id, resolutionOptions: {}}, ...(dids.valid || [])],
        },
      }],
    },
    // The suites for selective disclosure ask a holder of this name, by their own configuration, to derive; here it is the stack itself.
    {name: 'Digital Bazaar', implementation: 'Chopmark', vcHolders: holders(), issuers: []},
  ],
};

function holders() {
  return [{id: `${base}/`, endpoint: `${base}/credentials/derive`, tags: ['vcHolder', 'ecdsa-sd-2023', 'bbs-2023']}];
}

// One status of one bit, and one of two with a message for each of its four values.
function statuses() {
  return [
    {statusPurpose: 'revocation'},
    {
      statusPurpose: 'message',
      statusSize: 2,
      statusMessage: ['sown', 'grown', 'picked', 'sold'],
      statusReference: 'https://example.org/status-dictionary',
    },
  ];
}

// Asks the stack and waits for the answer, as a configuration file cannot do it otherwise.
function ask(path) {
  const script = 'fetch(process.argv[1]).then(r => r.text()).then(t => process.stdout.write(t), e => { console.error(e.cause || e); process.exit(1); })';
  const answer = execFileSync(process.execPath, ['-e', script, base + path], {
    encoding: 'utf8',
    env: {...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1'},
  });
  return JSON.parse(answer);
}

// Reads lists of trusted entities and entity statements with the software of others.
//
//   node read.mjs lote FILE                     a compact JWS: signature, certificate, the data model
//   node read.mjs federation LEAF ANCHOR HOSTS  a trust chain; HOSTS is JSON that says where each https origin is served
//
// Prints one JSON object; fails when something does not hold that an honest export always holds.

import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { resolveTrustChains } from '@openid-federation/core';
import { validateLoTE } from '@owf/eudi-lote';
import { compactVerify, decodeProtectedHeader, importJWK } from 'jose';

const GRANTED = 'http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted';

function demand(condition, words) {
  if (!condition) throw new Error(words);
}

async function lote(file) {
  const token = readFileSync(file, 'utf8');
  const header = decodeProtectedHeader(token);
  const der = Buffer.from(header.x5c[0], 'base64');
  const thumbprint = createHash('sha256').update(der).digest('base64url');
  demand(header['x5t#S256'] === thumbprint, 'x5t#S256 is of another certificate');
  demand(Number.isInteger(header.iat), 'iat is missing');
  const certificate = new X509Certificate(der);
  const { payload } = await compactVerify(token, certificate.publicKey);
  const list = JSON.parse(Buffer.from(payload).toString('utf8'));
  const { valid, errors } = validateLoTE(list);
  const services = list.LoTE.TrustedEntitiesList.flatMap((entity) => entity.TrustedEntityServices);
  const granted = services.filter((service) => service.ServiceInformation.ServiceStatus === GRANTED);
  for (const service of granted) {
    const keys = service.ServiceInformation.ServiceDigitalIdentity.PublicKeyValues;
    for (const key of keys) await importJWK(key, key.alg);
    demand(keys.length > 0, 'a granted service has no key');
  }
  return { valid, errors, granted: granted.length, subject: certificate.subject };
}

async function federation(leaf, anchor, hosts) {
  const served = Object.entries(JSON.parse(hosts));
  const ask = globalThis.fetch;
  globalThis.fetch = (url, options) => {
    const host = served.find(([origin]) => url.startsWith(`${origin}/`));
    demand(host, `nothing is served under ${url}`);
    return ask(host[1] + url.slice(host[0].length), options);
  };
  const verifyJwtCallback = async ({ jwt, jwk }) => {
    await compactVerify(jwt, await importJWK(jwk, jwk.alg));
    return true;
  };
  const chains = await resolveTrustChains({ entityId: leaf, trustAnchorEntityIds: [anchor], verifyJwtCallback })
    // The library gives up on a chain by throwing when a superior has no statement.
    .catch((error) => (/content-type/.test(error.message) ? [] : Promise.reject(error)));
  const [first] = chains;
  return {
    chains: chains.length,
    subjects: first?.chain.map((statement) => statement.sub),
    types: first?.resolvedLeafMetadata?.openid_credential_issuer?.accredited_credential_types,
  };
}

const [what, ...rest] = process.argv.slice(2);
const result = what === 'lote' ? await lote(...rest) : await federation(...rest);
console.log(JSON.stringify(result));

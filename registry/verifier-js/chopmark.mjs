// What the verifier offers: read a trust root, then check answers against it.

export { DEFAULT_MAX_AGE_MS, Refusal, parseTrustRoot, verifyState } from "./proof.mjs";
export { documentOf, verifyAnswer, verifyResolution } from "./did.mjs";
export { verifyBundle, verifyEvidence } from "./bundle.mjs";
export { documentOfItem, verifyAbsence, verifyItem } from "./item.mjs";
export { parseJson } from "./json.mjs";

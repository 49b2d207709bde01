// One question of the tests to the JavaScript verifier. The same text runs in Node and in a page of a browser.
export async function judge({ proof }, question) {
  try {
    const root = await proof.parseTrustRoot(question.trustRoot);
    const value = question.value === null ? null : proof.text(question.value);
    const freshness = { nowMs: question.nowMs, maxAgeMs: question.maxAgeMs };
    const header = await proof.verifyState(root, { key: question.key, value, proof: question.proof }, freshness);
    return { height: Number(header.height) };
  } catch (error) {
    // An error that is no refusal has no code: it shows as such and fails the test.
    return { refused: error.code ?? `${error.stack}` };
  }
}

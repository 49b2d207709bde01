// One question of the tests to the JavaScript verifier. The same text runs in Node and in a page of a browser.
export async function judge({ proof, bundle, item, did }, question) {
  try {
    if (question.absence) {
      await item.verifyAbsence(question.batch, question.scid, question.absence);
      return { absent: question.scid };
    }
    if (question.item) {
      const scid = await item.verifyItem(question.batch, question.item);
      if (question.did !== `did:chop:${question.batch.terms.ledger.slice(0, 16)}:${scid}`) return { refused: "item.other-item" };
      const stored = await item.documentOfItem(question.batch, question.template, question.item.item);
      return { versionId: `0-${scid.slice(1)}`, document: did.documentOf(question.did, question.batch.terms.controller, stored) };
    }
    const root = await proof.parseTrustRoot(question.trustRoot);
    const { nowMs, maxAgeMs } = question;
    if (question.evidence) {
      const { header, direction, checkpoint } = await bundle.verifyEvidence(root, question.evidence, nowMs);
      return { height: Number(header.height), direction, checkpoint: checkpoint && Number(checkpoint.height) };
    }
    if (question.bundle) {
      const { header, versions, document, code } = await bundle.verifyBundle(root, question.bundle, { nowMs });
      return { versionId: versions.at(-1)?.versionId ?? null, height: Number(header.height), document, ...(code && { standing: code.standing }) };
    }
    if (question.resolution) {
      const { header, code, ...shown } = await did.verifyResolution(root, question.resolution, { nowMs, maxAgeMs: null });
      return { ...shown, height: Number(header.height), ...(code && { standing: code.standing }) };
    }
    const value = question.value === null ? null : proof.text(question.value);
    const header = await proof.verifyState(root, { key: question.key, value, proof: question.proof }, { nowMs, maxAgeMs });
    return { height: Number(header.height) };
  } catch (error) {
    // An error that is no refusal has no code: it shows as such and fails the test.
    return { refused: error.code ?? `${error.stack}` };
  }
}

// Answers questions in Node: one JSON question per line on standard input, one JSON verdict per line on standard output.

import { createInterface } from "node:readline";
import * as bundle from "../../../registry/verifier-js/bundle.mjs";
import * as did from "../../../registry/verifier-js/did.mjs";
import * as item from "../../../registry/verifier-js/item.mjs";
import { parseJson } from "../../../registry/verifier-js/json.mjs";
import * as proof from "../../../registry/verifier-js/proof.mjs";
import { judge } from "./judge.mjs";

/** Bundles are read as the command line reads them. */
async function verdict(line) {
  const question = JSON.parse(line);
  try {
    if (question.bundle) parseJson(line, { integers: true });
  } catch (error) {
    return { refused: error.code ?? `${error.stack}` };
  }
  return judge({ proof, bundle, item, did }, question);
}

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(`${JSON.stringify(await verdict(line))}\n`);
}

// Answers questions in Node: one JSON question per line on standard input, one JSON verdict per line on standard output.

import { createInterface } from "node:readline";
import * as bundle from "../../../registry/verifier-js/bundle.mjs";
import * as did from "../../../registry/verifier-js/did.mjs";
import * as item from "../../../registry/verifier-js/item.mjs";
import * as proof from "../../../registry/verifier-js/proof.mjs";
import { judge } from "./judge.mjs";

for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(`${JSON.stringify(await judge({ proof, bundle, item, did }, JSON.parse(line)))}\n`);
}

// JSON read as strictly as the Rust verifier reads it: what `JSON.parse` forgives is refused.

import { Refusal } from "./wire.mjs";

/** The deepest nesting. */
const MAX_DEPTH = 64;
/** The tokens of text that is JSON. */
const TOKEN = /"(?:[^"\\]+|\\.)*"|-?[0-9][0-9.eE+-]*|[{}[\]:]/g;

const refuse = (reason) => new Refusal("json", `the JSON is not strict: ${reason}`);

/**
 * Reads JSON in which no object repeats a member and no text holds half a character; with `integers` every number is written as an integer
 * within ±(2^53−1) too: `1.0` is none. Text that is no JSON is a `SyntaxError`, as from `JSON.parse`.
 */
export function parseJson(text, { integers = false } = {}) {
  const value = JSON.parse(text);
  const open = [];
  let last = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      open.push(token === "{" ? new Set() : null);
      if (open.length > MAX_DEPTH) throw refuse(`it is nested deeper than ${MAX_DEPTH} levels`);
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === ":") {
      const name = JSON.parse(last);
      if (open.at(-1).has(name)) throw refuse(`the member ${name} stands twice`);
      open.at(-1).add(name);
    } else if (token.startsWith('"')) {
      if (/\p{Cs}/u.test(JSON.parse(token))) throw refuse("a text holds half a character");
    } else if (integers && isNoInteger(token)) {
      throw refuse(`${token} is not written as an integer within ±(2^53−1)`);
    }
    last = token;
  }
  return value;
}

const isNoInteger = (token) => /[.eE]/.test(token) || token === "-0" || !Number.isSafeInteger(Number(token));

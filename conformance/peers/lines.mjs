// The line protocol that every JavaScript peer speaks: one JSON request per line on stdin, one JSON answer per line on stdout.
//
// Request: {"op": …, …}. Answer: {"ok": true, "result": …} or {"ok": false, "error": text}. An operation that throws has refused.
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

/**
 * Serves the operations until stdin ends.
 *
 * @param {Object<string, function(object): *>} operations - By name; each takes the request and gives the result.
 */
export async function serve(operations) {
  // What a library prints must not stand between the answers.
  console.log = console.info = console.warn = console.error;
  for await (const line of createInterface({input: process.stdin, crlfDelay: Infinity})) {
    process.stdout.write(JSON.stringify(await answer(operations, line)) + '\n');
  }
}

async function answer(operations, line) {
  try {
    const request = JSON.parse(line);
    if(!Object.hasOwn(operations, request.op)) {
      throw new Error(`this peer has no operation ${request.op}`);
    }
    return {ok: true, result: await operations[request.op](request)};
  } catch(error) {
    return {ok: false, error: reason(error)};
  }
}

/** Gives the message of an error and of all that it was caused by. */
export function reason(error) {
  const parts = [error?.message ?? String(error)];
  for(const inner of error?.errors ?? []) {
    parts.push(reason(inner));
  }
  if(error?.cause) {
    parts.push(reason(error.cause));
  }
  return [...new Set(parts)].join(': ');
}

/** Lists the installed versions of the peer's own dependencies. */
export function versions(url) {
  const require = createRequire(url);
  const {dependencies} = require('./package.json');
  return Object.entries(dependencies).map(([name, version]) => `${name} ${version}`);
}

/** Runs an asynchronous operation some times and gives the mean time of one in microseconds, after warming up. */
export async function microseconds(iterations, operation) {
  for(let i = 0; i < Math.min(iterations, 200); ++i) {
    await operation();
  }
  const started = process.hrtime.bigint();
  for(let i = 0; i < iterations; ++i) {
    await operation();
  }
  return Number(process.hrtime.bigint() - started) / 1000 / iterations;
}

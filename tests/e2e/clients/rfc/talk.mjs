// How a script here talks with the test that started it, a JSON value per line: the task comes in; `open` asks the test to
// be the browser, and the address at which that ended comes in; `result` or `error` ends it.
import path from "node:path";
import readline from "node:readline";
import { pathToFileURL } from "node:url";

const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

export const load = (file) => import(pathToFileURL(path.join(process.env.NODE_MODULES, file)));

export async function browse(url) {
  say({ open: String(url) });
  return new URL((await lines.next()).value);
}

// The same where the answer is posted to the app: the request that the app's server gets.
export async function posted(url) {
  say({ open: String(url) });
  const [action, body] = (await lines.next()).value.split(" ");
  return new Request(action, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body });
}

// The last exchange, for the message of a flow that fails. Only listens.
let last = "no request";
const send = globalThis.fetch;
globalThis.fetch = async (url, options = {}) => {
  const sent = [...new Headers(options.headers)].map(([name, value]) => `${name}: ${value}`).join("\n");
  last = `> ${options.method ?? "GET"} ${url}\n${sent}\n\n${options.body ?? ""}`;
  const answer = await send(url, options);
  const got = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  last += `\n\n< ${answer.status}\n${got}\n\n${await answer.clone().text()}`;
  return answer;
};

export async function main(flows) {
  const task = JSON.parse((await lines.next()).value);
  try {
    say({ result: await flows[task.flow](task) });
  } catch (error) {
    const cause = error.cause instanceof Error ? error.cause.message : error.cause;
    say({ error: { name: error.name, code: error.code, message: error.message, cause, stack: error.stack }, last });
  }
  process.exit(0);
}

// The private key of the sheet as the libraries want it.
export async function privateKey({ kty, crv, x, y, d, kid }) {
  const key = await crypto.subtle.importKey("jwk", { kty, crv, x, y, d }, { name: "ECDSA", namedCurve: crv }, false, ["sign"]);
  return { key, kid };
}

export const header = (jwt) => JSON.parse(Buffer.from(jwt.split(".")[0], "base64url"));

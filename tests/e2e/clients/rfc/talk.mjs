// How a script here talks with the test that started it, a JSON value per line: the task comes in; `open` asks the test to
// be the browser, and the address at which that ended comes in; `result` or `error` ends it.
import fs from "node:fs";
import https from "node:https";
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
// A client certificate and the authority of the server, given to every connection: the built-in fetch takes neither.
const tls = {};
const overTls = (url, { method = "GET", headers, body }) =>
  new Promise((resolve, reject) => {
    const options = { method, headers: Object.fromEntries(new Headers(headers)), ...tls };
    const request = https.request(url, options, (answer) => {
      const pieces = [];
      answer.on("data", (piece) => pieces.push(piece));
      answer.on("end", () => {
        const empty = answer.statusCode === 204 || answer.statusCode === 304;
        const said = Object.entries(answer.headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
        resolve(new Response(empty ? null : Buffer.concat(pieces), { status: answer.statusCode, headers: said }));
      });
    });
    request.on("error", reject);
    request.end(body === undefined || body === null ? undefined : String(body));
  });

// The last exchange, for the message of a flow that fails. Only listens.
let last = "no request";
const plainly = globalThis.fetch;
const send = (url, options) => (tls.ca ? overTls(url, options) : plainly(url, options));
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
  for (const [name, file] of Object.entries(task.tls ?? {})) tls[name] = fs.readFileSync(file);
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

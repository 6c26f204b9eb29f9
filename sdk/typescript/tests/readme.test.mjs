// The code blocks of README.md, each run as a program of its own against the scripted server.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { scriptedServer } from "./support/server.mjs";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const blocks = [...readFileSync(join(PACKAGE, "README.md"), "utf8").matchAll(/```js\n(.*?)```/gs)].map((match) => match[1]);

let server, folder;
before(async () => {
  server = await scriptedServer();
  folder = mkdtempSync(join(tmpdir(), "mandate-readme-"));
  mkdirSync(join(folder, "node_modules", "@mandate"), { recursive: true });
  symlinkSync(PACKAGE, join(folder, "node_modules", "@mandate", "session"));
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** The issuer's model as the block expects it: which client it is, and which scope the API wants. */
function issuerFor(block) {
  if (block.includes("APPKEY")) return { client_id: "APPKEY", client_secret: null, access_seconds: 300, expires_in: "text" };
  return block.includes("ScopeMissing") ? { scopes: { "/v2/stocks/bars": "data" } } : {};
}

/** The addresses of the platforms become those of the scripted server, and paths of the disk those of this test. */
const placed = (block, made, number) =>
  block
    .replace(/https:\/\/[a-z.-]+(?:\/[a-z0-9/]*)?\/token/g, `${made.issuer}/token`)
    .replace(/https:\/\/issuer\.example/g, made.issuer)
    .replace(/https:\/\/(api\.refinitiv\.com|paper-api\.alpaca\.markets|data\.alpaca\.markets|www\.olx\.pl|api\.example)/g, made.api)
    .replace(/"\/(var|home)\//g, `"${folder}/${number}/`)
    // The person is played: opens the address and follows the way back.
    .replace('console.log("Please open", url)', 'fetch(url, { redirect: "manual" }).then((answer) => fetch(answer.headers.get("location")))')
    .replace("await session.login.finishDevice", "await globalThis.agreed?.(); await session.login.finishDevice");

test("the page has its blocks", () => assert.equal(blocks.length, 8));

for (const [index, block] of blocks.entries())
  test(`block ${index + 1}: ${block.match(/Session\.\w+/)[0]}`, async () => {
    const made = await server.scenario({ issuer: issuerFor(block), now_ms: null });
    const file = join(folder, `block-${index + 1}.mjs`);
    writeFileSync(file, placed(block, made, index));
    const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    child.stdout.on("data", (text) => {
      said += text;
      if (said.includes("and type")) void made.order("approve");
    });
    child.stderr.on("data", (text) => (said += text));
    const code = await new Promise((resolve) => child.once("exit", resolve));
    assert.equal(code, 0, said);
    const { requests } = await made.order("log");
    assert.ok(requests.length > 0);
    if (!block.includes("ScopeMissing")) assert.deepEqual(requests.filter(({ status }) => status >= 400 && status !== 400), [], said);
    if (block.includes("response.status")) assert.match(said, /200/);
    if (block.includes("state().kind)")) assert.match(said, /live/);
    if (block.includes("ScopeMissing")) assert.match(said, /ask for/);
    await made.order("end");
  });

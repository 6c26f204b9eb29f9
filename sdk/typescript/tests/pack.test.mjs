// What `npm pack` makes installs into an empty project, imports, and type-checks there.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const MODULES = realpathSync(join(PACKAGE, "node_modules"));
const PROGRAM = `
import { Session, Cause, NeedsLogin, type State, type Refusal, type SessionEvent } from "@mandate/session";
const session = Session.clientCredentials({
  tokenEndpoint: "https://issuer.example/token", clientId: "a", clientSecret: undefined,
  observer: (event: SessionEvent) => void (event.name === "renewed" && event.early),
});
const state: State = session.state();
if (state.kind === "needs_login") state.reason satisfies string;
export async function call(): Promise<Refusal | undefined> {
  const drop: typeof fetch = session.fetch as typeof fetch;
  const response = await session.fetch("https://api.example/x", { method: "POST", body: "a" });
  void drop;
  for await (const token of session.renewals()) token.text satisfies string;
  try { await session.check(response); } catch (error) { if (error instanceof NeedsLogin && error.causeId === Cause.TOKEN_EXPIRED) throw error; }
  // @ts-expect-error a client needs a name
  Session.device({ tokenEndpoint: "https://issuer.example/token" });
  return session.refusal(response);
}
`;
const NODE_PROGRAM = `import { FileStore, loopback, Session } from "@mandate/session/node";
const session = Session.authorizationCode({ issuer: "https://issuer.example", clientId: "a", store: new FileStore({ folder: "x" }) });
export const signedIn: Promise<void> = loopback(session, { open: (url: string) => console.log(url) });
`;

/** Of the package's folder: what is made from the rest, and tests. */
const LEFT_OUT = new Set(["dist", "node_modules", "tests"]);

let copy;
let project;
const run = (command, args) => execFileSync(command, args, { cwd: project, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
const checked = (files, options) => {
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: { strict: true, noEmit: true, target: "ES2022", exactOptionalPropertyTypes: true, ...options }, files }));
  try {
    run(process.execPath, [join(MODULES, "typescript", "bin", "tsc"), "-p", "."]);
  } catch (error) {
    assert.fail(error.stdout);
  }
};

before(() => {
  project = mkdtempSync(join(tmpdir(), "mandate-pack-"));
  // Packing builds. That is done in a copy: other tests import what is built, at the same time.
  copy = mkdtempSync(join(tmpdir(), "mandate-source-"));
  for (const name of readdirSync(PACKAGE)) if (!LEFT_OUT.has(name)) cpSync(join(PACKAGE, name), join(copy, name), { recursive: true });
  symlinkSync(MODULES, join(copy, "node_modules"));
  const npm = join(dirname(process.execPath), "npm");
  execFileSync(npm, ["pack", "--silent", "--pack-destination", project], { cwd: copy, stdio: ["ignore", "ignore", "pipe"] });
  const [tarball] = readdirSync(project).filter((name) => name.endsWith(".tgz"));
  writeFileSync(join(project, "package.json"), '{"private": true, "type": "module"}');
  run(npm, ["install", "--offline", "--no-audit", "--no-fund", "--silent", `./${tarball}`]);
  // As if the project had installed these itself.
  mkdirSync(join(project, "node_modules", "@types"), { recursive: true });
  symlinkSync(join(MODULES, "@types", "node"), join(project, "node_modules", "@types", "node"));
  symlinkSync(join(MODULES, "undici-types"), join(project, "node_modules", "undici-types"));
  writeFileSync(join(project, "any.ts"), PROGRAM);
  writeFileSync(join(project, "node.ts"), NODE_PROGRAM);
});
after(() => [project, copy].forEach((folder) => rmSync(folder, { recursive: true })));

test("the tarball holds what is needed and nothing else", () => {
  const at = join(project, "node_modules", "@mandate", "session");
  assert.deepEqual(readdirSync(at).sort(), ["LICENSE", "README.md", "dist", "package.json"]);
  const manifest = JSON.parse(readFileSync(join(at, "package.json"), "utf8"));
  assert.deepEqual([manifest.name, manifest.license, manifest.dependencies], ["@mandate/session", "Apache-2.0", undefined]);
});

test("both entry points import", () => {
  const code = `
    const any = await import("@mandate/session"), node = await import("@mandate/session/node");
    if (typeof any.Session.clientCredentials !== "function" || any.FileStore || node.Session !== any.Session || !node.FileStore || !node.loopback) process.exit(1);`;
  run(process.execPath, ["--input-type=module", "-e", code]);
});

test("it type-checks in Node without the types of browsers", () =>
  checked(["any.ts", "node.ts"], { module: "NodeNext", moduleResolution: "NodeNext", lib: ["ES2022"], types: ["node"] }));

test("it type-checks in browsers without the types of Node", () =>
  checked(["any.ts"], { module: "ESNext", moduleResolution: "Bundler", lib: ["ES2022", "DOM", "DOM.Iterable", "DOM.AsyncIterable"], types: [] }));

test("what runs everywhere imports nothing of Node", () => {
  const dist = join(project, "node_modules", "@mandate", "session", "dist");
  for (const name of readdirSync(dist, { recursive: true }).filter((name) => name.endsWith(".js") && !name.startsWith("node")))
    for (const [, source] of readFileSync(join(dist, name), "utf8").matchAll(/from "([^"]+)"/g)) assert.match(source, /^\.\.?\//, name);
});

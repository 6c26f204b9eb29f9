// The scenarios that say so, once more with the answers of the real server. Needs MANDATE_BIN.
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { Run } from "./support/runner.mjs";
import { SCENARIOS, scriptedServer } from "./support/server.mjs";

const real = readdirSync(SCENARIOS)
  .filter((name) => name.endsWith(".json"))
  .flatMap((file) => JSON.parse(readFileSync(new URL(file, SCENARIOS), "utf8")).scenarios.map((scenario) => ({ file, scenario })))
  .filter(({ scenario }) => scenario.real);

if (process.env.MANDATE_BIN)
  describe("the real server", { concurrency: 1 }, () => {
    let demo, server, folder;
    before(async () => {
      folder = mkdtempSync(join(tmpdir(), "mandate-real-"));
      demo = spawn(process.env.MANDATE_BIN, ["demo", "--json", "--port-base", "0"], { cwd: folder, stdio: ["ignore", "pipe", "ignore"] });
      const sheet = await new Promise((resolve, reject) => {
        createInterface({ input: demo.stdout }).once("line", resolve);
        demo.once("exit", (code) => reject(new Error(`mandate demo ended with ${code}`)));
      });
      writeFileSync(join(folder, "sheet.json"), sheet);
      server = await scriptedServer(["--real", join(folder, "sheet.json")]);
    });
    after(async () => {
      await server?.stop();
      demo.kill();
      await new Promise((resolve) => demo.once("exit", resolve));
      rmSync(folder, { recursive: true });
    });
    for (const { file, scenario } of real)
      test(`real ${file.replace(/\.json$/, "")}/${scenario.name}`, async () => (await Run.of(server, scenario, { issuer: undefined, as: scenario.real.as })).go());
  });

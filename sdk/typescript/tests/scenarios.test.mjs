// Every scenario of sdk/scenarios, each a test of its own.
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Run } from "./support/runner.mjs";
import { SCENARIOS, scriptedServer } from "./support/server.mjs";

let server;
before(async () => (server = await scriptedServer()));
after(() => server.stop());

for (const file of readdirSync(SCENARIOS).filter((name) => name.endsWith(".json"))) {
  for (const scenario of JSON.parse(readFileSync(new URL(file, SCENARIOS), "utf8")).scenarios) {
    if (scenario.only && !scenario.only.includes("typescript")) continue;
    test(`${file.replace(/\.json$/, "")}/${scenario.name}`, async () => (await Run.of(server, scenario)).go());
  }
}

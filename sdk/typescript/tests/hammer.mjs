// Many tasks on one session over a file store, until a file appears. Prints one JSON line.
//   node hammer.mjs --store DIR --name NAME --token-endpoint URL --api URL --client-id X [--client-secret Y]
//     [--refresh-token R] --threads N --until-file PATH [--beat-ms B --stale-ms S]
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { FileStore, Session } from "../dist/node/index.js";

const text = { type: "string" };
const { values } = parseArgs({
  options: {
    store: text, name: text, "token-endpoint": text, api: text, "client-id": text, "client-secret": text,
    "refresh-token": text, threads: text, "until-file": text, "beat-ms": text, "stale-ms": text,
  },
});
const number = (value) => (value === undefined ? undefined : Number(value));
const said = { calls: 0, failed: 0, renewals: 0, takeovers: 0, errors: [] };

const options = {
  tokenEndpoint: values["token-endpoint"],
  clientId: values["client-id"],
  clientSecret: values["client-secret"],
  store: new FileStore({ folder: values.store, name: values.name, beatMs: number(values["beat-ms"]), staleMs: number(values["stale-ms"]) }),
  observer: (event) => {
    if (event.name === "renewed") said.renewals += 1;
    if (event.name === "lock_taken_over") said.takeovers += 1;
  },
};
const refreshToken = values["refresh-token"];
const session = refreshToken ? Session.refreshToken({ ...options, refreshToken }) : Session.clientCredentials(options);

const failed = (what) => {
  said.failed += 1;
  if (said.errors.length < 5) said.errors.push(what);
};

async function task() {
  while (!existsSync(values["until-file"])) {
    said.calls += 1;
    try {
      const response = await session.fetch(values.api);
      const body = await response.text();
      if (response.status >= 400) failed(`${response.status} ${body.slice(0, 200)}`);
    } catch (error) {
      failed(`${error.name}: ${error.message}${error.cause ? ` (${error.cause.code ?? error.cause.message})` : ""}`);
    }
  }
}

await Promise.all(Array.from({ length: Number(values.threads) }, task));
await session.close();
console.log(JSON.stringify(said));

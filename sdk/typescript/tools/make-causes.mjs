// Writes src/causes.ts from the catalogue `causes.json` at the root of the repository.
// With --check it writes nothing and fails when the file is behind.
import { readFileSync, writeFileSync } from "node:fs";

const target = new URL("../src/causes.ts", import.meta.url);
const { causes } = JSON.parse(readFileSync(new URL("../../../causes.json", import.meta.url), "utf8"));

const name = (id) => id.toUpperCase().replace(/[^A-Z0-9]+/g, "_");
const names = new Set(causes.map((cause) => name(cause.id)));
if (names.size !== causes.length) throw new Error("two causes would get the same name");

const constants = causes.map(
  ({ id, title }) => `  /** ${title.replaceAll("*/", "* /")}. */\n  ${name(id)}: ${JSON.stringify(id)},`,
);
const entries = causes.map(
  ({ id, title, remedy, renew, who_can_act: who }) =>
    `  ${JSON.stringify(id)}: { title: ${JSON.stringify(title)}, remedy: ${JSON.stringify(remedy)}, renew: ${renew === true}, whoCanAct: ${JSON.stringify(who)} },`,
);
const text = `// Generated from causes.json by tools/make-causes.mjs. Change that, then run \`npm run causes\`.

/** Who can do something about a refusal. */
export type WhoCanAct = "caller" | "owner" | "end_user" | "operator" | "time";

/** What the catalogue says of a cause. */
export interface CauseEntry {
  /** What happened, in a few words. */
  readonly title: string;
  /** What to do about it; names in brackets stand for facts of the refusal. */
  readonly remedy: string;
  /** Whether a new token of the same grant may help. */
  readonly renew: boolean;
  /** Who can act. */
  readonly whoCanAct: WhoCanAct;
}

/** The causes of refusals, as constants. Another server may send causes that are not among them. */
export const Cause = {
${constants.join("\n")}
} as const;

/** The id of a cause of the catalogue. */
export type CauseId = (typeof Cause)[keyof typeof Cause];

const CATALOGUE: { readonly [id: string]: CauseEntry } = {
${entries.join("\n")}
};

/** The catalogue's entry of a cause; \`undefined\` for one that it does not know. */
export function causeEntry(id: string): CauseEntry | undefined {
  return Object.hasOwn(CATALOGUE, id) ? CATALOGUE[id] : undefined;
}
`;

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("src/causes.ts is behind causes.json: run `npm run causes`");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}

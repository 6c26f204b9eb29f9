// A child that takes a lock again and again and writes down what it saw. Arguments: PATH ROUNDS LOG START EVERY
// With EVERY (ms), each round has a lock of its own, PATH.lock with the round's number in front, and begins for all at once.
import { appendFileSync, existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { take } from "../../dist/node/lock.js";

const [shared, rounds, log, start, every = "0"] = process.argv.slice(2);
while (!existsSync(start)) await pause(2);
let clashes = 0;
const began = statSync(start).mtimeMs;
for (let round = 0; round < Number(rounds); round++) {
  let tookOver = false;
  const path = every === "0" ? shared : join(dirname(shared), `${round}-${basename(shared)}`);
  if (every !== "0") await pause(began + 500 + round * Number(every) - Date.now());
  const lock = await take(path, { patience: 60_000, beatMs: 50, staleMs: 300, arrived: () => false, takenOver: () => (tookOver = true) });
  // Exclusive create: if two held the lock at once, one of them fails here.
  try {
    writeFileSync(`${path}.held`, String(process.pid), { flag: "wx" });
    await pause(5);
    rmSync(`${path}.held`);
  } catch {
    clashes += 1;
  }
  appendFileSync(log, `${JSON.stringify({ round, tookOver })}\n`);
  await lock.release();
}
process.exit(clashes === 0 ? 0 : 1);

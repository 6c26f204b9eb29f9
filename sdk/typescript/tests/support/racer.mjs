// A child that takes a lock again and again and writes down when it held it. Arguments: PATH ROUNDS LOG START
import { appendFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { take } from "../../dist/node/lock.js";

const [path, rounds, log, start] = process.argv.slice(2);
while (!existsSync(start)) await pause(2);
let clashes = 0;
for (let round = 0; round < Number(rounds); round++) {
  let tookOver = false;
  const lock = await take(path, { patience: 60_000, beatMs: 50, staleMs: 300, arrived: () => false, takenOver: () => (tookOver = true) });
  // Exclusive create: if two held the lock at once, one of them fails here.
  try {
    writeFileSync(`${path}.held`, String(process.pid), { flag: "wx" });
    await pause(5);
    rmSync(`${path}.held`);
  } catch {
    clashes += 1;
  }
  appendFileSync(log, `${JSON.stringify({ pid: process.pid, tookOver })}\n`);
  await lock.release();
}
process.exit(clashes === 0 ? 0 : 1);

// The scripted issuer and API of sdk/scenarios, as a child process.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export const SCENARIOS = new URL("../../../scenarios/", import.meta.url);

/** Starts a Python program of the scenarios that prints one JSON line and ends with its standard input. */
export async function started(script, args = []) {
  const child = spawn("python3", [fileURLToPath(new URL(script, SCENARIOS)), ...args], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", (code) => reject(new Error(`${script} ended with ${code}`)));
  });
  return {
    said: JSON.parse(line),
    async stop() {
      const over = new Promise((resolve) => child.once("exit", resolve));
      child.stdin.end();
      await over;
    },
  };
}

/** The server, with `scenario(settings)` to begin a scenario on it. */
export async function scriptedServer(args = []) {
  const { said, stop } = await started("server.py", args);
  const control = async (name, asked) => {
    const answer = await fetch(`http://127.0.0.1:${said.port}/control/${name}`, { method: "POST", body: JSON.stringify(asked) });
    const body = await answer.json();
    if (answer.status !== 200) throw new Error(`control ${name}: ${JSON.stringify(body)}`);
    return body;
  };
  return {
    stop,
    async scenario(asked) {
      const made = await control("new", asked);
      return { ...made, order: (op, more = {}) => control(made.id, { op, ...more }) };
    },
  };
}

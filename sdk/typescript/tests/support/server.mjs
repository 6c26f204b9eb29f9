// The scripted issuer and API of sdk/scenarios, as a child process.
import { Agent, request } from "node:http";
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

/** Orders have connections of their own: those of the session are closed on order. */
const agent = new Agent({ keepAlive: false });
function posted(url, content) {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: "POST", agent }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text) => (body += text)).on("end", () => resolve({ status: answer.statusCode, body }));
    });
    asked.on("error", reject).end(content);
  });
}

/** The server, with `scenario(settings)` to begin a scenario on it. */
export async function scriptedServer(args = []) {
  const { said, stop } = await started("server.py", args);
  const control = async (name, asked) => {
    const { status, body } = await posted(`http://127.0.0.1:${said.port}/control/${name}`, JSON.stringify(asked));
    if (status !== 200) throw new Error(`control ${name}: ${body}`);
    return JSON.parse(body);
  };
  return {
    stop,
    async scenario(asked) {
      const made = await control("new", asked);
      return { ...made, order: (op, more = {}) => control(made.id, { op, ...more }) };
    },
  };
}

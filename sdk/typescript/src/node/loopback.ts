import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { NeedsLogin, SessionError } from "../core/errors.js";
import type { Session } from "../session.js";
import type { BeginOptions } from "../login.js";
import { needOf } from "../wire/verdict.js";

/** Settings of a sign-in on this machine. */
export interface LoopbackOptions extends BeginOptions {
  /** Shows the person the address, or opens it in the browser. */
  open: (url: string) => void | Promise<void>;
  /** Ends the wait early. */
  signal?: AbortSignal | undefined;
  /** The port to listen on. Default: one that is free. */
  port?: number | undefined;
  /** How long to wait for the person, in milliseconds. Default: five minutes. */
  waitMs?: number | undefined;
}

/**
 * Signs in by code on the machine where the person sits (RFC 8252 7.3): listens on a loopback address, has the person's
 * browser opened, and waits for it to come back. Raises `NeedsLogin` if nobody signed in.
 */
export async function loopback(session: Session, options: LoopbackOptions): Promise<void> {
  const server = createServer();
  const back = new Promise<{ url: string; respond: (title: string) => void }>((resolve) => {
    let state: string | undefined;
    server.on("expect-state", (expected: string) => (state = expected));
    server.on("request", (request, response) => {
      const url = new URL(request.url ?? "/", "http://127.0.0.1");
      // Whoever else knocks on this port is not heard: the wait goes on for the right one.
      if (request.method !== "GET" || url.pathname !== "/callback" || url.searchParams.get("state") !== state) return page(response, 404, "Not found");
      resolve({ url: url.href, respond: (title) => page(response, 200, title) });
    });
  });
  await listening(server, options.port ?? 0);
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), options.waitMs ?? 300_000);
  const signal = options.signal ? AbortSignal.any([options.signal, over.signal]) : over.signal;
  try {
    const { port } = server.address() as AddressInfo;
    const { url, state } = await session.login.begin(`http://127.0.0.1:${port}/callback`, { extra: options.extra });
    server.emit("expect-state", state);
    // Not waited for: what opens a browser may last as long as the browser. But it may fail.
    const unopened = new Promise<never>((_, reject) => void Promise.resolve(url).then(options.open).catch(reject));
    const arrived = await Promise.race([back, unopened, aborted(signal)]).catch((error: unknown) => {
      if (over.signal.aborted) throw new NeedsLogin(needOf("denied", { why: "nobody came back from the browser in time", refusal: undefined }));
      throw error;
    });
    try {
      await session.login.finish(arrived.url);
      arrived.respond("You are signed in");
    } catch (error) {
      arrived.respond(error instanceof SessionError ? "The sign-in did not succeed" : "Something went wrong");
      throw error;
    }
  } finally {
    clearTimeout(timer);
    server.close();
    server.closeIdleConnections();
  }
}

function page(response: ServerResponse, status: number, title: string): void {
  response.writeHead(status, { "content-type": "text/html; charset=utf-8", "cache-control": "no-store", "referrer-policy": "no-referrer", connection: "close" });
  response.end(`<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title><h1>${title}</h1><p>You can close this window.</p></html>`);
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }));
}

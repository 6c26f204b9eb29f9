/** What needs Node: tokens in files, and signing in on this machine. Everything of `@mandate/session` is here too. */
export * from "../index.js";
export { FileStore, type FileStoreOptions } from "./file-store.js";
export { loopback, type LoopbackOptions } from "./loopback.js";

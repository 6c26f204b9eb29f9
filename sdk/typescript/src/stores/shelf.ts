/** One text in IndexedDB. What was put is there for every tab as soon as `put` has ended. */
const DATABASE = "mandate.session";
const TABLE = "kept";

export class Shelf {
  readonly #key: string;
  #open: Promise<IDBDatabase> | undefined;

  constructor(key: string) {
    this.#key = key;
  }

  async get(): Promise<string | undefined> {
    const value = await this.#within("readonly", (table) => table.get(this.#key));
    return typeof value === "string" ? value : undefined;
  }

  async put(text: string): Promise<void> {
    await this.#within("readwrite", (table) => table.put(text, this.#key));
  }

  async remove(): Promise<void> {
    await this.#within("readwrite", (table) => table.delete(this.#key));
  }

  /** Moves the text to a name beside it. */
  async setAside(): Promise<void> {
    const text = await this.get();
    if (text !== undefined) await this.#within("readwrite", (table) => table.put(text, `${this.#key}.corrupt`));
    await this.remove();
  }

  /** One transaction. Ends when it is complete, not when its request is: only then do other tabs see it. */
  async #within(mode: IDBTransactionMode, ask: (table: IDBObjectStore) => IDBRequest): Promise<unknown> {
    const database = await (this.#open ??= this.#opened());
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(TABLE, mode);
      const asked = ask(transaction.objectStore(TABLE));
      transaction.oncomplete = () => resolve(asked.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error ?? new Error("the browser's database failed"));
    });
  }

  #opened(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      const forget = (): void => void (this.#open = undefined);
      const asked = indexedDB.open(DATABASE, 1);
      asked.onupgradeneeded = () => asked.result.createObjectStore(TABLE);
      asked.onerror = () => {
        forget();
        reject(asked.error ?? new Error("the browser's database cannot be opened"));
      };
      asked.onsuccess = () => {
        const database = asked.result;
        // The person may clear the site's data at any time.
        database.onclose = forget;
        database.onversionchange = () => {
          forget();
          database.close();
        };
        resolve(database);
      };
    });
  }
}

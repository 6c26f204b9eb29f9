// A clock that stands still until it is moved. `sleep` moves it; in `watch` mode it waits to be moved.
export class Clock {
  #sleepers = new Set();
  watched = false;
  slept = 0;

  /** `moved` is told of each move, and may answer a promise. */
  constructor(start, moved = () => undefined) {
    this.ms = start;
    this.moved = moved;
  }

  now = () => this.ms;

  async advance(ms) {
    this.ms += ms;
    await this.moved(ms);
    for (const sleeper of [...this.#sleepers]) if (sleeper.at <= this.ms) sleeper.wake();
  }

  sleep = async (ms, signal) => {
    signal?.throwIfAborted();
    if (!this.watched) {
      this.slept += ms;
      return this.advance(ms);
    }
    await new Promise((resolve, reject) => {
      const sleeper = {
        at: this.ms + ms,
        wake: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener("abort", gone);
          resolve();
        },
      };
      const gone = () => {
        this.#sleepers.delete(sleeper);
        reject(signal.reason);
      };
      signal?.addEventListener("abort", gone, { once: true });
      this.#sleepers.add(sleeper);
    });
  };

  get sleepers() {
    return this.#sleepers.size;
  }
}

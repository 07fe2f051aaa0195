/**
 * A signal that threads with an event loop sleep for, two words of shared memory: how often it was
 * raised while somebody slept, and how many sleep. To raise it costs one load while nobody does.
 */
const RAISED = 0;
const SLEEPERS = 1;

export class SharedSignal {
  /** @param words two of them, from `first` on */
  constructor(
    private readonly words: Int32Array,
    private readonly first: number,
  ) {}

  /** Wakes all who sleep. Any thread. */
  raise(): void {
    // A sleeper says that it sleeps before it looks a last time for something to do: so either it
    // sees what was done before this load, or this load sees it.
    if (Atomics.load(this.words, this.first + SLEEPERS) === 0) return;
    Atomics.add(this.words, this.first + RAISED, 1);
    Atomics.notify(this.words, this.first + RAISED);
  }

  /**
   * Sleeps until the next `raise`, or until the time is up; not at all unless `isIdle` says, after it
   * was announced, that there is nothing to do. The thread's other work goes on.
   */
  async sleep(isIdle: () => boolean, timeoutMs: number): Promise<void> {
    const seen = Atomics.load(this.words, this.first + RAISED);
    Atomics.add(this.words, this.first + SLEEPERS, 1);
    try {
      if (isIdle()) await waitAsync(this.words, this.first + RAISED, seen, timeoutMs);
    } finally {
      Atomics.sub(this.words, this.first + SLEEPERS, 1);
    }
  }
}

interface WaitAsync {
  waitAsync(
    words: Int32Array,
    index: number,
    value: number,
    timeoutMs: number,
  ): { readonly value: unknown };
}

/** Atomics.waitAsync of ES2024, which Node.js has had since 16. */
async function waitAsync(
  words: Int32Array,
  index: number,
  value: number,
  timeoutMs: number,
): Promise<void> {
  await (Atomics as unknown as WaitAsync).waitAsync(words, index, value, timeoutMs).value;
}

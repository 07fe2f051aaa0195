/** What I/O threads ask the main thread about persistence: payloads of the messages in main-io.ts. */

export type PersistenceRequest =
  | { readonly kind: 'save' }
  | { readonly kind: 'rewrite' }
  /** Saves an RDB file, if it is to, and loads it. */
  | {
      readonly kind: 'reload';
      readonly saves: boolean;
      readonly flushes: boolean;
      readonly merges: boolean;
    }
  | { readonly kind: 'background-save'; readonly isScheduled: boolean };

/** An error or simple line with its sign. */
export type PersistenceAnswer = string;

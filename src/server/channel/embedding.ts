/**
 * Between a program that has a server within its process and that server's main thread, which is a
 * Worker of the program's thread.
 */

/** Directives by name, as CONFIG SET takes their values; several lines of one (`user`) in turn. */
export type DirectiveLines = readonly (readonly [name: string, value: string])[];

/** What the server's main thread gets at its start. */
export interface EmbeddedData {
  /** Where relative paths start, and the default of `dir`. */
  readonly folder: string;
  /** Absolute path of a configuration file that is read first; '' for none. */
  readonly configFile: string;
  /** In place of the initial values. */
  readonly defaults: DirectiveLines;
  /** They follow the configuration file. */
  readonly directives: DirectiveLines;
  /** Whether the system may choose the port, when none is given. */
  readonly hasPort: boolean;
  /** Whether anybody reads the log. */
  readonly wantsLog: boolean;
  /** Of a Latch that opens when the server's threads have ended. */
  readonly endLatch: SharedArrayBuffer;
}

/** What is known once clients are served. */
export interface EmbeddedAddress {
  /** 0: none. */
  readonly port: number;
  readonly tlsPort: number;
  /** Absolute; '' for none. */
  readonly socketPath: string;
  /** Words of `bind`. */
  readonly hosts: readonly string[];
  readonly password: string;
}

export type EmbedderToServer =
  | { readonly kind: 'stop'; readonly save: 'default' | 'save' | 'nosave' }
  /** The process ends: the sender waits, for a moment, with its thread blocked. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'info'; readonly id: number; readonly sections: readonly string[] };

export type ServerToEmbedder =
  | { readonly kind: 'serving'; readonly address: EmbeddedAddress }
  /** It does not start. */
  | { readonly kind: 'failed'; readonly code: string; readonly reason: string }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'info'; readonly id: number; readonly text: string }
  /** It could not save, and goes on. */
  | { readonly kind: 'goes-on'; readonly reason: string }
  /** Nothing runs any more, after an orderly end (reason '') or another. */
  | { readonly kind: 'ended'; readonly reason: string };

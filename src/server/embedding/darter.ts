/**
 * The package's public interface: a server within the caller's process. Everything that callers see
 * stands in this file, as its declarations are shipped alone (scripts/bundle.mjs).
 *
 *   import { start } from 'darter';
 *   const server = await start();
 *   // ... a client connects to server.url
 *   await server.stop();
 */
import { startEmbedded } from './embedded-server.js';

// Older libraries of TypeScript do not have it.
declare global {
  interface SymbolConstructor {
    readonly asyncDispose: unique symbol;
  }
}

/** What a directive takes: true and false stand for yes and no. */
export type DirectiveValue = string | number | boolean;

/**
 * How the server runs. Besides those that are listed here, every directive of the configuration file is
 * taken under its name, in quotes: `'maxmemory-policy': 'allkeys-lru'`. Its value is as CONFIG SET takes
 * it; several lines of one directive (`user`, `rename-command`) are an array.
 */
export interface StartOptions {
  /**
   * `test` is small and quick: one thread, few shards, little history for replicas, nothing on the disk.
   */
  readonly preset?: 'test';
  /** The TCP port. 0, the default: one that is free; null: no TCP port. */
  readonly port?: number | null;
  /** The addresses to listen on, separated by spaces. Default: 127.0.0.1 */
  readonly bind?: string;
  /** A Unix socket to listen on, also. */
  readonly unixsocket?: string;
  /** The password of clients. */
  readonly requirepass?: string;
  /** Threads that serve clients; 0: one for each core. */
  readonly threads?: number;
  /** The most memory for data, as `'100mb'` or in bytes; 0: no limit. */
  readonly maxmemory?: string | number;
  /** When snapshots are saved, as `'3600 1 300 100'`. Default: '', never */
  readonly save?: string;
  /** Whether a journal keeps every write. */
  readonly appendonly?: boolean | 'yes' | 'no';
  /** The folder of snapshots and of the journal. Default: the process's current one */
  readonly dir?: string;
  /** A file that the log is appended to. Default: '', none */
  readonly logfile?: string;
  /** A configuration file (redis.conf) that is read before the other options. */
  readonly configFile?: string;
  /** Called with each line of the log, without its line end. Default: nobody reads it */
  readonly onLog?: (line: string) => void;
  readonly [directive: string]:
    | DirectiveValue
    | readonly string[]
    | ((line: string) => void)
    | null
    | undefined;
}

export interface StopOptions {
  /**
   * Whether the data is saved first. `default`: as the SHUTDOWN command does, if there are save points.
   */
  readonly save?: 'default' | 'save' | 'nosave';
}

/** INFO: its fields by section, numbers as numbers. */
export type ServerInfo = Readonly<Record<string, Readonly<Record<string, string | number>>>>;

export interface DarterServer {
  /** The TCP port, or 0. */
  readonly port: number;
  /** An address of the server's: `127.0.0.1`, where it listens on all. */
  readonly host: string;
  /** The Unix socket's absolute path, or ''. */
  readonly socketPath: string;
  /**
   * What clients take to connect: `redis://127.0.0.1:50000`, with the password if there is one; `rediss://`
   * where there is only a TLS port, `unix://` where there is only a socket.
   */
  readonly url: string;
  /**
   * Resolves when the server has ended, by `stop` or by a client's SHUTDOWN. Rejects when one of its
   * threads died: the data is lost, the process goes on. Nobody needs to listen.
   */
  readonly closed: Promise<void>;
  /** What INFO tells; of these sections, or of those that INFO shows by itself. */
  info(...sections: readonly string[]): Promise<ServerInfo>;
  /**
   * Ends the server. Resolves when its threads, memory, sockets and files are given back. Rejects when the
   * data cannot be saved: then the server goes on.
   */
  stop(options?: StopOptions): Promise<void>;
  /** Whether the server keeps the process alive, as it does by default. */
  ref(): this;
  unref(): this;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What `start`, `info` and `closed` reject with. */
export interface DarterError extends Error {
  /** An error of the system (`EADDRINUSE`), or one of ERR_DARTER_DIRECTIVE, _START, _DIED, _CLOSED, _SAVE. */
  readonly code: string;
}

/**
 * Starts a server within this process, on threads of its own. Signals, standard output and the event loop
 * of the process stay as they are.
 *
 * @throws DarterError (as a rejection) when it cannot start; nothing is left behind
 */
export function start(options: StartOptions = {}): Promise<DarterServer> {
  return startEmbedded(options);
}

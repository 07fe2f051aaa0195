/** What the commands of persistence need of the server; wired in server/io-thread/. */
import type { Answer } from './replication-port.js';

/** What WAITAOF waits for. */
export interface WantedDurability {
  readonly isLocal: boolean;
  readonly replicas: number;
  /** 0: for ever. */
  readonly timeoutMs: number;
}

/**
 * Where it is on disk; or why nobody can wait any longer: there is no journal here, or this server has
 * become a replica.
 */
export type DurabilityOutcome =
  | { readonly isLocal: boolean; readonly replicas: number }
  | 'no-journal'
  | 'replica';

export interface PersistencePort {
  /** When the data was last saved, in seconds since 1970. */
  readonly lastSaveSeconds: number;
  /** Whether a snapshot is being written. */
  readonly isSaving: boolean;
  /** Answers when the data is on the disk, or why it is not. */
  save(answer: Answer): void;
  /**
   * Saves the data as an RDB file, unless told not to, and loads it. Answers when it is there.
   * @param flushes whether the data goes before
   * @param merges whether keys of the file take the place of those that are there
   */
  reload(saves: boolean, flushes: boolean, merges: boolean, answer: Answer): void;
  /** Whether appendonly is yes. */
  readonly isJournalOn: boolean;
  /** Whether all that was written so far is on disk, in the journal. */
  isDurable(): boolean;
  /**
   * Waits until all that was written so far is on disk, here and on replicas, or the time is up.
   * @returns ends it, and tells what is there by then
   */
  waitDurable(
    wanted: WantedDurability,
    done: (outcome: DurabilityOutcome) => void,
  ): () => DurabilityOutcome;
  /** Answers when rewriting the journal has begun, or is planned. */
  rewriteJournal(answer: Answer): void;
  /** Answers when that has begun, or is planned. @param isScheduled after one that is under way */
  saveInBackground(isScheduled: boolean, answer: Answer): void;
}

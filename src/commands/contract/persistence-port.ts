/** What the commands of persistence need of the server; wired in server/io-thread/. */
import type { Answer } from './replication-port.js';

export interface PersistencePort {
  /** When the data was last saved, in seconds since 1970. */
  readonly lastSaveSeconds: number;
  /** Whether a snapshot is being written. */
  readonly isSaving: boolean;
  /** Answers when the data is on the disk, or why it is not. */
  save(answer: Answer): void;
  /** Whether appendonly is yes. */
  readonly isJournalOn: boolean;
  /** Whether all that was written so far is on disk, in the journal. */
  isDurable(): boolean;
  /**
   * Waits until all that was written so far is on disk, or the time is up (0: for ever).
   * @param untilTime waits for the time in any case
   * @returns ends it
   */
  waitDurable(
    untilTime: boolean,
    timeoutMs: number,
    done: (isDurable: boolean) => void,
  ): () => void;
  /** Answers when rewriting the journal has begun, or is planned. */
  rewriteJournal(answer: Answer): void;
  /** Answers when that has begun, or is planned. @param isScheduled after one that is under way */
  saveInBackground(isScheduled: boolean, answer: Answer): void;
}

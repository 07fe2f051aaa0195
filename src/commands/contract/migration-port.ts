/** What MIGRATE needs of the server: somebody who talks to the other server, and never this thread. */

export interface MigrationRequest {
  readonly host: string;
  readonly port: number;
  /** For each step: connecting, writing, each reply. */
  readonly timeoutMs: number;
  readonly database: number;
  /** The arguments of AUTH, none without it. A char per byte. */
  readonly authentication: readonly string[];
  /** RESTORE commands, encoded. */
  readonly commands: Uint8Array<ArrayBuffer>;
  readonly count: number;
}

export interface MigrationOutcome {
  /** How many of the commands were answered; the others may have been done or not. */
  readonly answered: number;
  /** Indexes of those that the other server has done. */
  readonly done: readonly number[];
  /** The first error that the other server has answered, with its code; '' for none. */
  readonly targetError: string;
  /** The step that has failed, '' when none has. */
  readonly failedStep: '' | 'connecting' | 'writing' | 'reading';
}

export interface MigrationPort {
  /**
   * Sends the commands. `answer` is called on this thread, outside of commands, also when the client
   * that asked is gone.
   */
  send(request: MigrationRequest, answer: (outcome: MigrationOutcome) => void): void;
}

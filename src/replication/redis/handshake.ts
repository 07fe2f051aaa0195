/**
 * What a replica says to a Redis before it gets data, and what the answers mean. Without sockets and
 * timers: a line of the primary comes in, the words to send come out.
 *
 *   PING ─▶ AUTH ─▶ DARTER CHAIN ─▶ REPLCONF ... ─▶ PSYNC ─┬─▶ +FULLRESYNC id offset   transfer
 *                        │                                 ├─▶ +CONTINUE [id]          stream
 *                        └─▶ an array: it is a Darter      └─▶ an error                failed
 *
 * A Darter answers DARTER CHAIN with an array, every other server that it does not know the command.
 * Answers to REPLCONF do not matter, as in Redis: old servers know some of its options only.
 */
import { shownFromPeer } from '../../base/peer-text.js';

/** Where a replica of a Redis is in its primary's stream. */
export interface RedisHistory {
  /** 40 characters. */
  readonly id: string;
  /** Bytes of the stream that are applied, counted as the primary counts them. */
  readonly offset: number;
  /** The database that the stream writes to there: it does not say so again. */
  readonly database: number;
}

export interface HandshakeOptions {
  readonly user: string;
  /** '' when the primary asks for none. */
  readonly password: string;
  readonly listeningPort: number;
  /** '' for the one that the primary sees. */
  readonly address: string;
  /** Words of the question that only a Darter answers. */
  readonly darterQuestion: readonly string[];
  /** Null when the data is of no Redis. */
  readonly history: RedisHistory | null;
}

export type HandshakeStep =
  | { readonly kind: 'send'; readonly words: readonly string[] }
  /** An empty line came, which only shows that the primary lives. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'darter' }
  /** A full sync: the RDB is of this place in the stream. */
  | { readonly kind: 'full'; readonly history: RedisHistory }
  /** The stream goes on where the replica is, perhaps under another id. */
  | { readonly kind: 'continue'; readonly id: string }
  | { readonly kind: 'failed'; readonly why: string };

type Question = 'ping' | 'authenticate' | 'darter' | 'describe' | 'sync';

/** Replies that come although the server is there. */
const ALIVE = /^(\+|-NOAUTH|-NOPERM|-ERR operation not permitted)/;
const FULL_SYNC = /^\+FULLRESYNC ([0-9a-zA-Z]{40}) (\d{1,16})$/;
const CONTINUED = /^\+CONTINUE(?: ([0-9a-zA-Z]{40}))?$/;
/** The primary cannot serve now; a later attempt may succeed. */
const LATER = /^-(NOMASTERLINK|LOADING|MASTERDOWN|BUSY)/;

const WAIT: HandshakeStep = { kind: 'wait' };

export class RedisHandshake {
  private readonly questions: { question: Question; words: readonly string[] }[];
  private asked: Question = 'ping';

  constructor(private readonly options: HandshakeOptions) {
    this.questions = questionsOf(options);
  }

  /** The first words to send. */
  begin(): HandshakeStep {
    return this.next();
  }

  /** Takes a line of the primary, without its end. */
  line(text: string): HandshakeStep {
    if (text === '') return WAIT;
    switch (this.asked) {
      case 'ping':
        return ALIVE.test(text) ? this.next() : failed('PING', text);
      case 'authenticate':
        return text.startsWith('+') ? this.next() : failed('AUTH', text);
      case 'darter':
        return this.afterDarter(text);
      case 'describe':
        return this.next();
      case 'sync':
        return this.synced(text);
    }
  }

  private next(): HandshakeStep {
    const { question, words } = this.questions.shift()!;
    this.asked = question;
    return { kind: 'send', words };
  }

  private afterDarter(text: string): HandshakeStep {
    if (text.startsWith('*')) return { kind: 'darter' };
    if (/^-ERR unknown command/i.test(text)) return this.next();
    // Errors of a server that would know the command, or does not look at it before it has a password.
    return { kind: 'failed', why: `the primary answers ${shownFromPeer(text)}` };
  }

  private synced(text: string): HandshakeStep {
    const full = FULL_SYNC.exec(text);
    if (full !== null) {
      const offset = Number(full[2]);
      if (!Number.isSafeInteger(offset)) return failed('PSYNC', text);
      return { kind: 'full', history: { id: full[1]!, offset, database: 0 } };
    }
    const continued = CONTINUED.exec(text);
    const { history } = this.options;
    if (continued !== null && history !== null) {
      return { kind: 'continue', id: continued[1] ?? history.id };
    }
    if (LATER.test(text)) {
      return { kind: 'failed', why: `the primary cannot serve replicas now: ${text.slice(1)}` };
    }
    return failed('PSYNC', text);
  }
}

function failed(question: string, text: string): HandshakeStep {
  return { kind: 'failed', why: `the primary answers ${question} with ${shownFromPeer(text)}` };
}

function questionsOf(
  options: HandshakeOptions,
): { question: Question; words: readonly string[] }[] {
  const { user, password, listeningPort, address, darterQuestion, history } = options;
  const login = user === '' ? [password] : [user, password];
  const place = history === null ? ['?', '-1'] : [history.id, String(history.offset + 1)];
  return [
    { question: 'ping', words: ['PING'] },
    ...(password === '' ? [] : [{ question: 'authenticate', words: ['AUTH', ...login] } as const]),
    { question: 'darter', words: darterQuestion },
    { question: 'describe', words: ['REPLCONF', 'listening-port', String(listeningPort)] },
    ...(address === ''
      ? []
      : [{ question: 'describe', words: ['REPLCONF', 'ip-address', address] } as const]),
    { question: 'describe', words: ['REPLCONF', 'capa', 'eof', 'capa', 'psync2'] },
    { question: 'sync', words: ['PSYNC', ...place] },
  ];
}

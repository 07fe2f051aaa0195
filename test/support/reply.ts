/**
 * Replies as they came over the wire, type-exact, and their incremental decoder (RESP2 and RESP3).
 *
 * Byte strings are latin1 strings, so that `===` compares bytes; integers and doubles keep their
 * text, so that nothing is rounded. The decoder starts a reply over when it is incomplete, but not
 * before the bytes known to be missing have arrived: linear for large bulks.
 */
import { concatenate } from './bytes.js';

export interface TextReply {
  readonly type: 'simple' | 'error' | 'integer' | 'bulk' | 'double' | 'big' | 'verbatim';
  readonly text: string;
}
export interface NullReply {
  readonly type: 'null';
  /** The three ways of saying it: `$-1`, `*-1`, `_`. */
  readonly text: string;
}
export interface BooleanReply {
  readonly type: 'boolean';
  readonly text: 't' | 'f';
}
export interface ListReply {
  /** A map's items are key, value, key, value. */
  readonly type: 'array' | 'set' | 'push' | 'map' | 'attribute';
  readonly items: readonly Reply[];
}
export type Reply = TextReply | NullReply | BooleanReply | ListReply;

export function isList(reply: Reply): reply is ListReply {
  return 'items' in reply;
}

export function isError(reply: Reply): reply is TextReply {
  return reply.type === 'error';
}

/** The reply's own text, or its items' in brackets: for assertions. */
export function textOf(reply: Reply): string {
  return isList(reply) ? `[${reply.items.map(textOf).join(' ')}]` : reply.text;
}

/** A reply written as redis-cli would, roughly, with its type: for messages. */
export function showReply(reply: Reply, limit = 2000): string {
  const text = isList(reply)
    ? `${reply.type}(${reply.items.map((item) => showReply(item, limit)).join(', ')})`
    : `${reply.type} ${JSON.stringify(reply.text)}`;
  return text.length > limit ? `${text.slice(0, limit)}... (${text.length} characters)` : text;
}

const textTypes: Readonly<Record<string, TextReply['type']>> = {
  '+': 'simple',
  '-': 'error',
  ':': 'integer',
  ',': 'double',
  '(': 'big',
};
const listTypes: Readonly<Record<string, ListReply['type']>> = {
  '*': 'array',
  '~': 'set',
  '>': 'push',
  '%': 'map',
  '|': 'attribute',
};

/** What the text of a reply must look like; the other types may hold any line. */
const forms: Readonly<Record<string, RegExp>> = {
  ':': /^-?\d+$/,
  '(': /^-?\d+$/,
  ',': /^(?:-?\d+(?:\.\d+)?(?:e[+-]\d+)?|-?inf|-?nan)$/,
  '#': /^[tf]$/,
  _: /^$/,
};

export class ProtocolViolation extends Error {}

export class ReplyDecoder {
  #chunks: Buffer[] = [];
  #bytes = 0;
  #buffer: Buffer = Buffer.alloc(0);
  #position = 0;
  #needed = 1;

  /** Bytes that have come and belong to no complete reply yet. */
  get pending(): number {
    return this.#bytes + this.#buffer.length - this.#position;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
  }

  /** The next complete reply, or undefined. */
  next(): Reply | undefined {
    if (this.pending < this.#needed) return undefined;
    if (this.#chunks.length > 0) {
      this.#buffer = concatenate([this.#buffer.subarray(this.#position), ...this.#chunks]);
      this.#position = 0;
      this.#chunks = [];
      this.#bytes = 0;
    }
    const start = this.#position;
    const reply = this.#reply();
    if (reply === undefined) {
      this.#needed = Math.max(this.#needed, this.#buffer.length - start + 1);
      this.#position = start;
      return undefined;
    }
    this.#needed = 1;
    return reply;
  }

  #line(): string | undefined {
    const end = this.#buffer.indexOf(13, this.#position);
    if (end === -1 || end + 1 >= this.#buffer.length) return undefined;
    if (this.#buffer[end + 1] !== 10) throw new ProtocolViolation('CR without LF');
    const line = this.#buffer.toString('latin1', this.#position, end);
    this.#position = end + 2;
    return line;
  }

  #reply(): Reply | undefined {
    const start = this.#position;
    const line = this.#line();
    if (line === undefined) return undefined;
    const mark = line[0] ?? '';
    const text = line.slice(1);
    if (forms[mark]?.test(text) === false || text.includes('\n')) {
      throw new ProtocolViolation(`malformed: ${JSON.stringify(line)}`);
    }
    const textType = textTypes[mark];
    if (textType !== undefined) return { type: textType, text };
    if (mark === '$') return text === '-1' ? { type: 'null', text: line } : this.#bulk(text, start);
    if (mark === '_') return { type: 'null', text: line };
    if (mark === '#') return { type: 'boolean', text: text === 't' ? 't' : 'f' };
    if (mark === '=') {
      const bulk = this.#bulk(text, start);
      return bulk === undefined ? undefined : { type: 'verbatim', text: bulk.text };
    }
    const listType = listTypes[mark];
    if (listType === undefined) throw new ProtocolViolation(`not a reply: ${JSON.stringify(line)}`);
    if (mark === '*' && text === '-1') return { type: 'null', text: line };
    return this.#list(listType, length(text));
  }

  #bulk(text: string, start: number): TextReply | undefined {
    const end = this.#position + length(text);
    if (end + 2 > this.#buffer.length) {
      // Nested in a list: `start` is later than the reply's start, which only makes this a bound.
      this.#needed = end + 2 - start;
      return undefined;
    }
    if (this.#buffer[end] !== 13 || this.#buffer[end + 1] !== 10) {
      throw new ProtocolViolation('bulk without CRLF at its end');
    }
    const value = this.#buffer.toString('latin1', this.#position, end);
    this.#position = end + 2;
    return { type: 'bulk', text: value };
  }

  #list(type: ListReply['type'], count: number): Reply | undefined {
    const items: Reply[] = [];
    const total = type === 'map' || type === 'attribute' ? count * 2 : count;
    for (let i = 0; i < total; i++) {
      const item = this.#reply();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return { type, items };
  }
}

function length(text: string): number {
  if (!/^\d+$/.test(text)) throw new ProtocolViolation(`not a length: ${JSON.stringify(text)}`);
  return Number(text);
}

export function bulkReply(text: string): TextReply {
  return { type: 'bulk', text };
}

export function integerReply(value: number): TextReply {
  return { type: 'integer', text: String(value) };
}

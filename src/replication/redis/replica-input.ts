/**
 * What a Redis that follows this server sends on its link: REPLCONF ACK offset, and empty lines while it
 * is busy. Anything else ends the link, and so does more than a command of that kind may have.
 */
const BYTES_MAX = 1024;
const WORDS_MAX = 8;
const CR = 13;
const LF = 10;

export class ReplicaInput {
  /** The last offset that was acknowledged; -1 before the first. */
  acknowledged = -1;
  private rest = '';

  /** @returns what is wrong with the bytes, or null */
  feed(bytes: Uint8Array): string | null {
    this.rest += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    for (;;) {
      this.skipEmptyLines();
      const words = this.next();
      if (typeof words === 'string') return words;
      if (words === null) break;
      const wrong = this.take(words);
      if (wrong !== null) return wrong;
    }
    return this.rest.length > BYTES_MAX ? 'the replica sends what is no acknowledgement' : null;
  }

  private skipEmptyLines(): void {
    let at = 0;
    while (this.rest.charCodeAt(at) === LF || this.rest.charCodeAt(at) === CR) at++;
    if (at > 0) this.rest = this.rest.slice(at);
  }

  /** @returns the words of the next command, null when more is needed, or what is wrong */
  private next(): readonly string[] | string | null {
    const { rest } = this;
    if (rest === '') return null;
    const head = /^\*(\d{1,2})\r\n/.exec(rest);
    if (head === null) {
      return rest.includes('\n') || rest.charCodeAt(0) !== 42
        ? 'the replica sends no commands'
        : null;
    }
    const count = Number(head[1]);
    if (count < 1 || count > WORDS_MAX) return `the replica sends a command of ${count} words`;
    const words: string[] = [];
    let at = head[0].length;
    for (let i = 0; i < count; i++) {
      const end = rest.indexOf('\r\n', at);
      if (end < 0) return null;
      const length = Number(/^\$(\d{1,4})$/.exec(rest.slice(at, end))?.[1] ?? -1);
      if (length < 0 || length > BYTES_MAX) return 'the replica sends no commands';
      if (rest.length < end + 4 + length) return null;
      words.push(rest.slice(end + 2, end + 2 + length));
      at = end + 4 + length;
    }
    this.rest = rest.slice(at);
    return words;
  }

  /** Newer versions say more behind the offset. */
  private take([command, option, offset]: readonly string[]): string | null {
    const isAcknowledgement =
      command?.toUpperCase() === 'REPLCONF' && option?.toUpperCase() === 'ACK';
    if (!isAcknowledgement || !/^\d{1,16}$/.test(offset ?? '')) {
      return 'the replica sends a command that is no acknowledgement';
    }
    this.acknowledged = Number(offset);
    return null;
  }
}

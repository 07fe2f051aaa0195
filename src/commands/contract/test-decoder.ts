/**
 * Decodes RESP2 and RESP3 for the unit tests of commands.
 *
 * Replies come back as JS values that keep RESP's types apart:
 *
 *     +OK             '+OK'            :5      5 (a bigint beyond 2^53)
 *     -ERR text       '-ERR text'      _ $-1 *-1  null
 *     $5 hello        'hello'          #t      true
 *     * ~ >           arrays           %       Map
 *     ,1.5            ',1.5'           =txt:   '=txt:text'    (10   '(10'
 *
 * Strings hold one char per byte.
 */
import assert from 'node:assert/strict';

export type Decoded = string | number | bigint | boolean | null | Decoded[] | Map<Decoded, Decoded>;

export class ReplyDecoder {
  position = 0;

  constructor(private readonly source: string) {}

  next(): Decoded {
    const end = this.source.indexOf('\r\n', this.position);
    if (end < 0) assert.fail(`no whole reply: ${JSON.stringify(this.source.slice(this.position))}`);
    const type = this.source[this.position]!;
    const line = this.source.slice(this.position + 1, end);
    this.position = end + 2;
    switch (type) {
      case ':':
        return Number.isSafeInteger(Number(line)) ? Number(line) : BigInt(line);
      case '_':
        return null;
      case '#':
        return line === 't';
      case '$':
        return line === '-1' ? null : this.bytes(Number(line));
      case '=':
        return `=${this.bytes(Number(line))}`;
      case '*':
      case '~':
      case '>':
        return line === '-1' ? null : Array.from({ length: Number(line) }, () => this.next());
      case '%':
        return new Map(Array.from({ length: Number(line) }, () => [this.next(), this.next()]));
      default:
        assert.match(type, /[-+,(]/, 'a RESP type');
        return `${type}${line}`;
    }
  }

  private bytes(length: number): string {
    const text = this.source.slice(this.position, this.position + length);
    this.position += length + 2;
    assert.equal(this.source.slice(this.position - 2, this.position), '\r\n', 'a bulk ends');
    return text;
  }
}

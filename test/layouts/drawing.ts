/**
 * Reads the drawings of binary layouts out of the comments that open source files: rows of an offset in
 * bytes, a type and a text. Tests derive every offset again from the types, and look at real memory
 * there.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

const TYPE_BYTES: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, i32: 4, f64: 8 };
const ROW = /^ \* {3}(?:\w+ +)?(\d+) +(u8|u16|u32|i32|f64)(?: × (\d+))? +(\S.*)$/;

export interface Row {
  readonly offset: number;
  readonly type: string;
  readonly count: number;
  readonly text: string;
}

export class Drawing {
  constructor(
    readonly path: string,
    readonly rows: readonly Row[],
  ) {
    assert.ok(rows.length > 0, `${path} has a drawing`);
  }

  /** The row whose text matches. */
  row(text: RegExp): Row {
    const found = this.rows.filter((row) => text.test(row.text));
    assert.equal(found.length, 1, `${this.path}: one row is ${text}`);
    return found[0]!;
  }

  offset(text: RegExp): number {
    return this.row(text).offset;
  }

  /** The value that memory has at a row, as its type. */
  value(view: DataView, base: number, text: RegExp): number {
    const { offset, type } = this.row(text);
    const at = base + offset;
    if (type === 'u8') return view.getUint8(at);
    if (type === 'u16') return view.getUint16(at, true);
    if (type === 'u32') return view.getUint32(at, true);
    if (type === 'i32') return view.getInt32(at, true);
    return view.getFloat64(at, true);
  }

  /** Every row begins where the one before ends, but for the gaps given by their offsets. */
  assertContiguous(gaps: readonly number[] = []): void {
    let end = this.rows[0]!.offset;
    for (const { offset, type, count, text } of this.rows) {
      const where = `${this.path}, ${offset} ${text}`;
      if (gaps.includes(end)) assert.ok(offset > end, where);
      else assert.equal(offset, end, where);
      end = offset + TYPE_BYTES[type]! * count;
    }
  }

  get end(): number {
    const last = this.rows.at(-1)!;
    return last.offset + TYPE_BYTES[last.type]! * last.count;
  }
}

/** The rows of the comment that opens a file, from a line that matches to an empty one. */
export function drawingOf(path: string, from = /./): Drawing {
  const text = readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  const comment = text.slice(text.indexOf('/**'), text.indexOf('*/'));
  const lines = comment.split('\n');
  const rows: Row[] = [];
  let begun = false;
  for (const line of lines) {
    const match = ROW.exec(line);
    if (match === null) {
      if (begun && line.trim() === '*') break;
      continue;
    }
    begun ||= from.test(line);
    if (!begun) continue;
    const [, offset, type, count, words] = match;
    rows.push({ offset: Number(offset), type: type!, count: Number(count ?? 1), text: words! });
  }
  return new Drawing(path, rows);
}

/** What the tests and benchmarks of sequences share: spaces, and elements given as text. */
import { Region } from '../../base/region.js';
import type { Space } from '../../memory/space.js';
import { ROOTS_OFFSET } from '../../memory/space-layout.js';
import { Cursor } from './cursor.js';
import { ElementView, NewElement } from './element.js';
import { SearchKey } from './order.js';
import { ORDER_NONE } from './root.js';
import { ScoredSet } from './scored-set.js';
import { Sequence } from './sequence.js';

const SOURCE_BYTES = 1 << 23;

/** Texts as bytes outside of the space, as a command has them in its receive buffer. */
export class TextSource {
  readonly region = new Region(new SharedArrayBuffer(SOURCE_BYTES), 0);
  length = 0;

  set(text: string): void {
    this.length = Buffer.from(this.region.buffer).write(text, 'latin1');
  }
}

/** A list of texts. */
export class TextList {
  readonly sequence: Sequence;
  readonly source = new TextSource();
  readonly cursor = new Cursor();
  readonly element: NewElement;
  readonly view = new ElementView();

  constructor(
    readonly space: Space,
    root: number = ROOTS_OFFSET,
  ) {
    this.sequence = new Sequence(space);
    this.element = new NewElement(this.source.region);
    this.sequence.create(root, ORDER_NONE);
  }

  prepare(text: string): NewElement {
    this.source.set(text);
    this.element.setBytes(this.source.region, 0, this.source.length);
    return this.element;
  }

  insert(index: number, text: string): boolean {
    this.sequence.seekIndex(this.cursor, index);
    return this.sequence.insert(this.cursor, this.prepare(text));
  }

  push(text: string): boolean {
    return this.sequence.pushLast(this.cursor, this.prepare(text));
  }

  set(index: number, text: string): boolean {
    this.sequence.seekIndex(this.cursor, index);
    return this.sequence.replace(this.cursor, this.prepare(text));
  }

  remove(index: number, count = 1): number {
    this.sequence.seekIndex(this.cursor, index);
    return this.sequence.remove(this.cursor, count);
  }

  /** The element at the cursor. */
  text(cursor = this.cursor): string {
    this.sequence.read(cursor, this.view);
    return textOf(this.space, this.view);
  }

  at(index: number): string | undefined {
    return this.sequence.seekIndex(this.cursor, index) ? this.text() : undefined;
  }

  toArray(): string[] {
    const texts: string[] = [];
    const { sequence, cursor } = this;
    for (let more = sequence.seekIndex(cursor, 0); more; more = sequence.next(cursor)) {
      texts.push(this.text());
    }
    return texts;
  }

  toReversedArray(): string[] {
    const texts: string[] = [];
    const { sequence, cursor } = this;
    sequence.seekIndex(cursor, sequence.count);
    while (sequence.previous(cursor)) texts.push(this.text());
    return texts;
  }
}

const copied = new Region(new SharedArrayBuffer(SOURCE_BYTES), 0);

export function textOf(space: Space, view: ElementView): string {
  view.copyTo(space.region, copied, 0);
  return Buffer.from(copied.bytes.slice(0, view.length)).toString('latin1');
}

/** A scored set of texts. */
export class TextRanking {
  readonly set: ScoredSet;
  readonly source = new TextSource();
  readonly cursor = new Cursor();
  readonly view = new ElementView();
  readonly key: SearchKey;

  constructor(
    readonly space: Space,
    root: number = ROOTS_OFFSET,
  ) {
    this.set = new ScoredSet(space);
    this.key = new SearchKey(space.region);
    this.set.createSet(root);
  }

  find(member: string): boolean {
    this.source.set(member);
    return this.set.find(this.source.region, 0, this.source.length);
  }

  /** Adds a member or changes its score. @returns false when the space is full */
  put(member: string, score: number): boolean {
    if (this.find(member)) return this.set.update(score);
    return this.set.add(score);
  }

  score(member: string): number | undefined {
    return this.find(member) ? this.set.score : undefined;
  }

  remove(member: string): boolean {
    if (!this.find(member)) return false;
    this.set.removeFound();
    return true;
  }

  rank(member: string): number | undefined {
    if (!this.find(member)) return undefined;
    this.set.seekFound(this.cursor);
    return this.cursor.rank;
  }

  toArray(): [string, number][] {
    const all: [string, number][] = [];
    const { set, cursor } = this;
    for (let more = set.seekIndex(cursor, 0); more; more = set.next(cursor)) {
      set.read(cursor, this.view);
      all.push([textOf(this.space, this.view), this.view.score]);
    }
    return all;
  }
}

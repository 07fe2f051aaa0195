/**
 * The largest keys: a walk over one database with SCAN and MEMORY USAGE, begun and stopped by hand. It asks
 * for a few hundred keys at a time and waits between, so that it is a slow client and no load.
 */
import { bytes, count, percent } from '../lib/format.js';
import { errorOf, listOf, plainText, type Reply } from '../lib/reply.js';
import { toText, toWord } from '../lib/words.js';
import type { Api } from './api.js';
import { announce, button, make, scrolled, table } from './dom.js';
import type { View } from './view.js';

const KEYS_AT_A_TIME = 100;
/** The server takes 64 KiB. */
const REQUEST_BYTES = 48 * 1024;
/** Of a command beside its key. */
const COMMAND_BYTES = 30;
const PAUSE_MS = 20;
const SHOWN_MAX = 50;
/** A longer name would not fit into a request with the others. */
const NAME_BYTES_MAX = 400;

const encoder = new TextEncoder();

interface BigKey {
  readonly word: string;
  readonly bytes: number;
  type: string;
}

/** As many at a time as a request has room for, escaped as they may have to be. */
function* batchesOf(keys: readonly string[]): Generator<readonly string[]> {
  let some: string[] = [];
  let bytes = 0;
  for (const key of keys) {
    const more = encoder.encode(JSON.stringify(key)).length + COMMAND_BYTES;
    if (some.length >= KEYS_AT_A_TIME || bytes + more > REQUEST_BYTES) {
      yield some;
      some = [];
      bytes = 0;
    }
    some.push(key);
    bytes += more;
  }
  if (some.length > 0) yield some;
}

export class BigKeysView implements View {
  readonly title = 'Big keys';
  readonly element = make('section', {});
  private readonly database = make('input', {
    attributes: { type: 'number', min: '0', value: '0' },
  });
  private readonly pattern = make('input', { attributes: { type: 'text', value: '*' } });
  private readonly most = make('input', {
    attributes: { type: 'number', min: '1', value: '100000', step: '1' },
  });
  private readonly startButton = button('Start', () => void this.start());
  private readonly stopButton = button('Stop', () => this.stop());
  private readonly progress = make('progress', {
    attributes: { max: '1', 'aria-label': 'Keys looked at' },
  });
  private readonly note = make('p', { class: 'note', attributes: { role: 'status' } });
  private readonly rows = scrolled('Table of the largest keys');
  private largest: BigKey[] = [];
  private looked = 0;
  private passedOver = 0;
  /** Of the walk under way; another number stops it. */
  private walk = 0;

  constructor(private readonly api: Api) {
    this.stopButton.disabled = true;
    this.progress.hidden = true;
    this.element.append(
      make(
        'p',
        { class: 'tools' },
        make('label', { text: 'Database ' }, this.database),
        make('label', { text: 'Pattern ' }, this.pattern),
        make('label', { text: 'Keys at most ' }, this.most),
        this.startButton,
        this.stopButton,
      ),
      this.progress,
      this.note,
      this.rows,
    );
  }

  forget(): void {
    this.stop();
    this.largest = [];
    this.rows.replaceChildren();
    this.note.textContent = '';
  }

  private stop(): void {
    this.walk++;
    this.setRunning(false);
  }

  private setRunning(isRunning: boolean): void {
    this.startButton.disabled = isRunning;
    this.stopButton.disabled = !isRunning;
    this.progress.hidden = !isRunning;
  }

  private async start(): Promise<void> {
    const walk = ++this.walk;
    this.largest = [];
    this.looked = 0;
    this.passedOver = 0;
    this.setRunning(true);
    this.stopButton.focus();
    try {
      await this.goThrough(walk);
    } catch (error) {
      announce((error as Error).message, true);
    }
    if (walk === this.walk) {
      this.setRunning(false);
      this.startButton.focus();
    }
    this.show(walk === this.walk ? 'Done' : 'Stopped');
  }

  private async goThrough(walk: number): Promise<void> {
    const database = this.database.value;
    const most = Number(this.most.value);
    const [size = null] = await this.onDatabase(database, [['DBSIZE']]);
    const total = Math.min(most, Number(plainText(size)) || 1);
    let cursor = '0';
    do {
      const scan = ['SCAN', cursor, 'MATCH', toWord(this.pattern.value), 'COUNT', '500'];
      const [page = null] = await this.onDatabase(database, [scan]);
      const [next, keys] = listOf(page);
      cursor = plainText(next);
      await this.measure(database, listOf(keys ?? null).map(String));
      if (walk !== this.walk) return;
      this.progress.value = Math.min(1, this.looked / total);
      this.show(`Looking: ${percent(Math.min(1, this.looked / total))}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    } while (cursor !== '0' && this.looked < most && walk === this.walk);
    await this.findTypes(database);
  }

  private async measure(database: string, keys: readonly string[]): Promise<void> {
    const asked = keys.filter((key) => key.length <= NAME_BYTES_MAX);
    this.passedOver += keys.length - asked.length;
    for (const some of batchesOf(asked)) {
      const replies = await this.onDatabase(
        database,
        some.map((key) => ['MEMORY', 'USAGE', key]),
      );
      for (const [i, word] of some.entries()) this.weigh(word, replies[i] ?? null);
    }
    this.looked += keys.length;
  }

  /** A key may have gone meanwhile, or its user may not read it. */
  private weigh(word: string, reply: Reply): void {
    if (typeof reply !== 'number') return;
    const least = this.largest.at(-1);
    if (this.largest.length >= SHOWN_MAX && least !== undefined && reply <= least.bytes) return;
    this.largest.push({ word, bytes: reply, type: '' });
    this.largest.sort((one, other) => other.bytes - one.bytes);
    this.largest.length = Math.min(this.largest.length, SHOWN_MAX);
  }

  private async findTypes(database: string): Promise<void> {
    if (this.largest.length === 0) return;
    const types = await this.onDatabase(
      database,
      this.largest.map(({ word }) => ['TYPE', word]),
    );
    this.largest.forEach((key, i) => {
      key.type = plainText(types[i]);
    });
  }

  /** The page's connection is in database 0 before and after. @throws Error with the server's words */
  private async onDatabase(database: string, commands: readonly (readonly string[])[]) {
    const select = database === '0' ? [] : [['SELECT', database]];
    const back = database === '0' ? [] : [['SELECT', '0']];
    const replies = await this.api.runWords([...select, ...commands, ...back]);
    const error = errorOf(replies[0] ?? null);
    if (error !== null) throw new Error(error);
    return replies.slice(select.length, select.length + commands.length);
  }

  private show(state: string): void {
    const over = this.passedOver === 0 ? '' : `, ${this.passedOver} with longer names passed over`;
    this.note.textContent = `${state}. ${count(this.looked)} keys looked at${over}.`;
    this.rows.replaceChildren(
      table<BigKey>(
        'The largest keys',
        [
          { title: 'Key', value: ({ word }) => make('code', { text: toText(word) }) },
          { title: 'Type', value: ({ type }) => type },
          { title: 'Memory', value: (key) => bytes(key.bytes), isNumber: true },
        ],
        this.largest,
      ),
    );
  }
}

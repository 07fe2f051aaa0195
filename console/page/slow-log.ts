/** The slow log: what took longer than slowlog-log-slower-than. */
import { parseSlowLog, type SlowEntry } from '../lib/client-list.js';
import { microseconds } from '../lib/format.js';
import { listOf, plainText } from '../lib/reply.js';
import type { Api } from './api.js';
import { announce, button, carefulButton, make, scrolled, table } from './dom.js';
import type { View } from './view.js';

const ENTRIES_MAX = '128';

export class SlowLogView implements View {
  readonly title = 'Slow log';
  readonly element = make('section', {});
  private readonly rows = scrolled('Table of slow commands');
  private readonly note = make('p', { class: 'note' });

  constructor(private readonly api: Api) {
    const reset = carefulButton('Clear', 'Sure?', () => void this.reset(), 'the slow log');
    this.element.append(
      make(
        'p',
        { class: 'tools' },
        button('Refresh', () => void this.load()),
        reset,
      ),
      this.note,
      this.rows,
    );
  }

  shown(): void {
    void this.load();
  }

  forget(): void {
    this.rows.replaceChildren();
  }

  private async load(): Promise<void> {
    try {
      this.show(parseSlowLog(await this.api.ask('SLOWLOG', 'GET', ENTRIES_MAX)));
      await this.describe();
    } catch (error) {
      announce((error as Error).message, true);
    }
  }

  private show(entries: readonly SlowEntry[]): void {
    this.rows.replaceChildren(
      table<SlowEntry>(
        'Slow log',
        [
          { title: 'Id', value: ({ id }) => id, isNumber: true },
          { title: 'When', value: ({ atSeconds }) => new Date(atSeconds * 1000).toLocaleString() },
          { title: 'Took', value: (entry) => microseconds(entry.microseconds), isNumber: true },
          { title: 'Client', value: ({ client }) => client },
          { title: 'Command', value: ({ words }) => make('code', { text: words }) },
        ],
        entries,
      ),
    );
    this.note.textContent =
      entries.length === 0 ? 'Nothing was slow.' : `${entries.length} entries`;
  }

  /** From when on a command is slow; who may not ask does without it. */
  private async describe(): Promise<void> {
    const [reply = null] = await this.api.run(['CONFIG', 'GET', 'slowlog-log-slower-than']);
    const limit = plainText(listOf(reply)[1]);
    if (limit === '') return;
    const text =
      Number(limit) < 0 ? 'The slow log is off' : `Slow is ${microseconds(Number(limit))}`;
    this.note.textContent += ` ${text} (slowlog-log-slower-than).`;
  }

  private async reset(): Promise<void> {
    try {
      await this.api.ask('SLOWLOG', 'RESET');
      announce('The slow log is empty');
    } catch (error) {
      announce((error as Error).message, true);
    }
    await this.load();
  }
}

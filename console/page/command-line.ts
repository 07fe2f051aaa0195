/** A command line with completion, on a connection of its own. */
import { type CommandDoc, commandOf, completions, readCommandDocs } from '../lib/completion.js';
import { describe, errorOf, plainText } from '../lib/reply.js';
import { splitLine } from '../lib/words.js';
import type { Api } from './api.js';
import { announce, make } from './dom.js';
import type { View } from './view.js';

const COMPLETIONS_MAX = 8;
const OUTPUTS_MAX = 100;
const LINES_KEPT = 200;

export class CommandLineView implements View {
  readonly title = 'Command line';
  readonly element = make('section', { class: 'command-line' });
  private readonly output = make('div', {
    class: 'output',
    attributes: { role: 'log', 'aria-label': 'Replies', tabindex: '0' },
  });
  private readonly prompt = make('label', { text: 'db 0>', attributes: { for: 'command' } });
  private readonly input = make('input', {
    id: 'command',
    attributes: {
      ...{ type: 'text', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false' },
      ...{ role: 'combobox', 'aria-expanded': 'false', 'aria-controls': 'completions' },
      ...{ 'aria-autocomplete': 'list', 'aria-describedby': 'command-help', maxlength: '60000' },
      'aria-label': 'Command',
    },
  });
  private readonly list = make('ul', {
    id: 'completions',
    attributes: { role: 'listbox', 'aria-label': 'Commands' },
  });
  private readonly help = make('p', { id: 'command-help', class: 'note' });
  private docs: CommandDoc[] | null = null;
  private found: CommandDoc[] = [];
  private chosen = -1;
  private readonly lines: string[] = [];
  private lineAt = 0;

  constructor(private readonly api: Api) {
    const form = make('form', { class: 'prompt' }, this.prompt, this.input);
    form.append(make('button', { text: 'Run', attributes: { type: 'submit' } }));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.submit();
    });
    this.input.addEventListener('input', () => this.complete());
    this.input.addEventListener('keydown', (event) => this.key(event));
    this.input.addEventListener('blur', () => this.closeList());
    this.list.hidden = true;
    this.element.append(this.output, form, this.list, this.help);
    this.showHelp();
  }

  shown(): void {
    this.input.focus();
    if (this.docs === null) void this.loadDocs();
  }

  forget(): void {
    this.output.replaceChildren();
    this.lines.length = 0;
    this.docs = null;
    this.prompt.textContent = 'db 0>';
  }

  /** Who may not ask for COMMAND DOCS does without completion. */
  private async loadDocs(): Promise<void> {
    this.docs = [];
    try {
      this.docs = readCommandDocs(await this.api.ask('COMMAND', 'DOCS'));
    } catch (error) {
      announce(`No completion: ${(error as Error).message}`, true);
    }
    this.complete();
  }

  private complete(): void {
    this.found = completions(this.docs ?? [], this.input.value, COMPLETIONS_MAX);
    this.chosen = -1;
    const isExact =
      this.found.length === 1 && this.found[0]!.name === this.input.value.trim().toUpperCase();
    if (isExact) this.found = [];
    this.showList();
    this.showHelp();
  }

  private showList(): void {
    this.list.replaceChildren(
      ...this.found.map((doc, index) => {
        const selected = String(index === this.chosen);
        const item = make(
          'li',
          { id: `completion-${index}`, attributes: { role: 'option', 'aria-selected': selected } },
          make('b', { text: doc.name }),
          make('span', { text: ` ${doc.summary}` }),
        );
        item.addEventListener('mousedown', (event) => {
          event.preventDefault();
          this.take(doc);
        });
        return item;
      }),
    );
    this.list.hidden = this.found.length === 0;
    this.input.setAttribute('aria-expanded', String(this.found.length > 0));
    if (this.chosen < 0) this.input.removeAttribute('aria-activedescendant');
    else this.input.setAttribute('aria-activedescendant', `completion-${this.chosen}`);
  }

  private closeList(): void {
    this.found = [];
    this.showList();
  }

  private showHelp(): void {
    const doc = commandOf(this.docs ?? [], this.input.value);
    if (doc === undefined) {
      this.help.textContent = 'Tab completes; the arrows choose, or bring back earlier lines.';
      return;
    }
    this.help.replaceChildren(
      make('code', { text: `${doc.name} ${doc.syntax}` }),
      make('span', { text: ` ${doc.summary} Since ${doc.since}. ${doc.complexity}` }),
    );
  }

  private key(event: KeyboardEvent): void {
    const isOpen = this.found.length > 0;
    if (event.key === 'Tab' && isOpen && !event.shiftKey) {
      this.take(this.found[Math.max(this.chosen, 0)]!);
    } else if (event.key === 'Enter' && this.chosen >= 0) {
      this.take(this.found[this.chosen]!);
    } else if (event.key === 'Escape' && isOpen) {
      this.closeList();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      this.move(event.key === 'ArrowDown' ? 1 : -1);
    } else {
      return;
    }
    event.preventDefault();
  }

  private move(by: number): void {
    if (this.found.length > 0) {
      const count = this.found.length;
      this.chosen = (this.chosen + by + (this.chosen < 0 && by < 0 ? 1 : 0) + count) % count;
      this.showList();
      return;
    }
    this.lineAt = Math.min(Math.max(this.lineAt + by, 0), this.lines.length);
    this.input.value = this.lines[this.lineAt] ?? '';
    this.showHelp();
  }

  private take(doc: CommandDoc): void {
    this.input.value = `${doc.name} `;
    this.closeList();
    this.showHelp();
  }

  private async submit(): Promise<void> {
    const line = this.input.value;
    if (line.trim() === '') return;
    const words = splitLine(line);
    if (words === null) {
      announce('Quotes are not balanced', true);
      return;
    }
    this.keep(line);
    this.input.value = '';
    this.complete();
    try {
      const [reply = null] = await this.api.runWords([words], true);
      this.print(line, describe(reply), errorOf(reply) !== null);
      const isSelect = words.length === 2 && words[0]!.toLowerCase() === 'select';
      if (isSelect && plainText(reply) === 'OK') this.prompt.textContent = `db ${words[1]}>`;
    } catch (error) {
      this.print(line, (error as Error).message, true);
    }
  }

  private keep(line: string): void {
    if (this.lines.at(-1) !== line) this.lines.push(line);
    if (this.lines.length > LINES_KEPT) this.lines.shift();
    this.lineAt = this.lines.length;
  }

  private print(line: string, text: string, isError: boolean): void {
    const prompt = this.prompt.textContent ?? '';
    this.output.append(
      make(
        'div',
        {},
        make('p', { text: `${prompt} ${line}` }),
        make('pre', { text, class: isError ? 'error' : '' }),
      ),
    );
    while (this.output.childElementCount > OUTPUTS_MAX) this.output.firstElementChild!.remove();
    this.output.scrollTop = this.output.scrollHeight;
  }
}

/** All directives with their values and what they mean, and the way to change them. */
import { mapOf, plainText } from '../lib/reply.js';
import type { Api, DirectiveDoc } from './api.js';
import { announce, button, make, scrolled, table } from './dom.js';
import type { View } from './view.js';

const HIDDEN = '••••••••';

export class ConfigurationView implements View {
  readonly title = 'Configuration';
  readonly element = make('section', {});
  private readonly rows = scrolled('Table of directives');
  private readonly note = make('p', { class: 'note' });
  private readonly filter = make('input', {
    id: 'directive-filter',
    attributes: { type: 'search' },
  });
  private readonly changed = make('input', {
    id: 'directive-changed',
    attributes: { type: 'checkbox' },
  });
  private readonly all = make('input', { id: 'directive-all', attributes: { type: 'checkbox' } });
  private docs: DirectiveDoc[] = [];
  private values: ReadonlyMap<string, string> = new Map();

  constructor(private readonly api: Api) {
    for (const input of [this.filter, this.changed, this.all]) {
      input.addEventListener('input', () => this.show());
    }
    this.element.append(
      make(
        'p',
        { class: 'tools' },
        make('label', { text: 'Find ' }, this.filter),
        make('label', {}, this.changed, ' not the default'),
        make('label', {}, this.all, ' also those without effect'),
        button('Write to the file', () => void this.rewrite()),
      ),
      this.note,
      this.rows,
    );
  }

  shown(): void {
    void this.load();
  }

  forget(): void {
    this.values = new Map();
    this.rows.replaceChildren();
  }

  private async load(): Promise<void> {
    try {
      if (this.docs.length === 0) this.docs = await this.api.directives();
      const reply = mapOf(await this.api.ask('CONFIG', 'GET', '*'));
      this.values = new Map([...reply].map(([name, value]) => [name, plainText(value)]));
      this.show();
    } catch (error) {
      announce((error as Error).message, true);
    }
  }

  private show(): void {
    const sought = this.filter.value.toLowerCase();
    const found = this.docs.filter((doc) => {
      if (!this.values.has(doc.name)) return false;
      if (!this.all.checked && !doc.hasEffect) return false;
      if (this.changed.checked && this.values.get(doc.name) === doc.initial) return false;
      return `${doc.name} ${doc.summary}`.toLowerCase().includes(sought);
    });
    this.note.textContent = `${found.length} directives`;
    this.rows.replaceChildren(
      table<DirectiveDoc>(
        'Directives',
        [
          { title: 'Directive', value: ({ name }) => make('code', { text: name }) },
          { title: 'Value', value: (doc) => this.valueCell(doc) },
          { title: 'Meaning', value: (doc) => meaningOf(doc) },
        ],
        found,
      ),
    );
  }

  private valueCell(doc: DirectiveDoc): HTMLElement {
    const value = this.values.get(doc.name) ?? '';
    const isChanged = value !== doc.initial;
    const text = doc.isSecret && value !== '' ? HIDDEN : value;
    const shown = make('span', { class: isChanged ? 'value changed' : 'value', text });
    if (text === '') shown.append(make('i', { class: 'empty', text: 'empty' }));
    const cell = make('div', { class: 'setting' }, shown);
    if (doc.change === 'anytime') {
      const label = `Change ${doc.name}`;
      const edit = button('Change', () => this.edit(cell, doc, value), {
        attributes: { 'aria-label': label },
      });
      cell.append(edit);
    }
    return cell;
  }

  private edit(cell: HTMLElement, doc: DirectiveDoc, value: string): void {
    const input = make('input', {
      attributes: {
        type: doc.isSecret ? 'password' : 'text',
        'aria-label': `value of ${doc.name}`,
        autocomplete: 'off',
      },
    });
    input.value = doc.isSecret ? '' : value;
    const form = make(
      'form',
      {},
      input,
      make('button', { text: 'Set', attributes: { type: 'submit' } }),
    );
    form.append(button('Cancel', () => this.leave(cell, doc)));
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.set(doc.name, input.value, () => this.leave(cell, doc));
    });
    form.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.leave(cell, doc);
    });
    cell.replaceChildren(form);
    input.focus();
    input.select();
  }

  /** The row as it was; the keyboard goes on where it was. */
  private leave(cell: HTMLElement, doc: DirectiveDoc): void {
    const renewed = this.valueCell(doc);
    cell.replaceWith(renewed);
    renewed.querySelector('button')?.focus();
  }

  private async set(name: string, value: string, done: () => void): Promise<void> {
    try {
      await this.api.ask('CONFIG', 'SET', name, value);
      const reply = mapOf(await this.api.ask('CONFIG', 'GET', name));
      this.values = new Map([...this.values, [name, plainText(reply.get(name))]]);
      announce(`${name} is set`);
      done();
    } catch (error) {
      announce((error as Error).message, true);
    }
  }

  private async rewrite(): Promise<void> {
    try {
      await this.api.ask('CONFIG', 'REWRITE');
      announce('The configuration file has the values of now');
    } catch (error) {
      announce((error as Error).message, true);
    }
  }
}

function meaningOf(doc: DirectiveDoc): HTMLElement {
  const when = { anytime: '', 'at start': ' At the start only.', protected: ' Protected.' };
  const initial = doc.initial === '' ? '' : ` Default: ${doc.initial}.`;
  return make(
    'span',
    { text: `${doc.summary}.` },
    make('small', { text: `${initial}${when[doc.change]}` }),
  );
}

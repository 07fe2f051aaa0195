/**
 * Elements of the page. Whatever a server's clients have chosen (keys, names, values) becomes text, never
 * markup: nothing here reads markup from a string.
 */

type Child = Node | string | null;

export interface Properties {
  readonly class?: string;
  readonly id?: string;
  readonly text?: string;
  readonly click?: () => void;
  /** Attributes; null and false: not there, true: there without a value. */
  readonly attributes?: Readonly<Record<string, string | boolean | null>>;
}

export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Properties = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  if (properties.class !== undefined) element.className = properties.class;
  if (properties.id !== undefined) element.id = properties.id;
  if (properties.text !== undefined) element.textContent = properties.text;
  if (properties.click !== undefined) element.addEventListener('click', properties.click);
  for (const [key, value] of Object.entries(properties.attributes ?? {})) {
    if (value !== null && value !== false) element.setAttribute(key, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** @throws Error when the page has no such element */
export function byId<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element as Type;
}

/** Leaves an unchanged text alone, so that what is marked stays marked. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function button(text: string, click: () => void, properties: Properties = {}) {
  const attributes = { type: 'button', ...properties.attributes };
  return make('button', { ...properties, text, click, attributes });
}

/**
 * A button that asks once more before it acts.
 * @param what it acts on, for those who hear the page
 */
export function carefulButton(text: string, question: string, act: () => void, what: string) {
  const reset = (): void => {
    element.textContent = text;
    element.classList.remove('danger');
    element.setAttribute('aria-label', `${text} ${what}`);
  };
  const element = button(text, () => {
    if (element.classList.contains('danger')) {
      reset();
      act();
      return;
    }
    element.textContent = question;
    element.classList.add('danger');
    element.setAttribute('aria-label', `${question} ${text} ${what}`);
  });
  element.addEventListener('blur', reset);
  reset();
  return element;
}

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string | Node;
  readonly isNumber?: boolean;
}

/** @param caption for those who hear the page */
export function table<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[]) {
  const head = columns.map(({ title, isNumber }) =>
    make('th', { text: title, class: isNumber ? 'number' : '', attributes: { scope: 'col' } }),
  );
  const body = rows.map((row) =>
    make(
      'tr',
      {},
      ...columns.map(({ value, isNumber }) =>
        make('td', { class: isNumber ? 'number' : '' }, value(row)),
      ),
    ),
  );
  return make(
    'table',
    {},
    make('caption', { class: 'unseen', text: caption }),
    make('thead', {}, make('tr', {}, ...head)),
    make('tbody', {}, ...body),
  );
}

/** What a table too wide for the page goes into. @param label for those who hear the page */
export function scrolled(label: string): HTMLDivElement {
  const attributes = { tabindex: '0', role: 'region', 'aria-label': label };
  return make('div', { class: 'scroll', attributes });
}

/** Says something to those who hear the page, and shows it at its foot for a while. */
export function announce(text: string, isError = false): void {
  const place = byId('announcement');
  place.classList.toggle('error', isError);
  place.textContent = text;
}

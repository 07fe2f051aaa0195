/** Who is connected, and the way to disconnect them. */
import { type ClientRow, parseClients } from '../lib/client-list.js';
import { bytes, duration } from '../lib/format.js';
import type { Api } from './api.js';
import { announce, button, carefulButton, make, scrolled, table } from './dom.js';
import type { View } from './view.js';

const ROWS_MAX = 200;

const ORDERS: Readonly<Record<string, (one: ClientRow, other: ClientRow) => number>> = {
  memory: (one, other) => other.memoryBytes - one.memoryBytes,
  'time connected': (one, other) => other.ageSeconds - one.ageSeconds,
  'time idle': (one, other) => other.idleSeconds - one.idleSeconds,
  address: (one, other) => (one.address < other.address ? -1 : 1),
};

export class ClientsView implements View {
  readonly title = 'Clients';
  readonly element = make('section', {});
  private readonly rows = scrolled('Table of clients');
  private readonly note = make('p', { class: 'note' });
  private readonly filter = make('input', { id: 'client-filter', attributes: { type: 'search' } });
  private readonly order = make('select', { id: 'client-order' });
  private clients: ClientRow[] = [];

  constructor(private readonly api: Api) {
    for (const name of Object.keys(ORDERS)) this.order.append(make('option', { text: name }));
    this.order.addEventListener('change', () => this.show());
    this.filter.addEventListener('input', () => this.show());
    this.element.append(
      make(
        'p',
        { class: 'tools' },
        make('label', { text: 'Find ' }, this.filter),
        make('label', { text: 'Order by ' }, this.order),
        button('Refresh', () => void this.load()),
      ),
      this.note,
      this.rows,
    );
  }

  shown(): void {
    void this.load();
  }

  forget(): void {
    this.clients = [];
    this.show();
  }

  private async load(): Promise<void> {
    try {
      this.clients = parseClients(String(await this.api.ask('CLIENT', 'LIST')));
      this.show();
    } catch (error) {
      announce((error as Error).message, true);
    }
  }

  private show(): void {
    const sought = this.filter.value.toLowerCase();
    const found = this.clients
      .filter((client) => Object.values(client).join(' ').toLowerCase().includes(sought))
      .sort(ORDERS[this.order.value] ?? (() => 0));
    const shown = found.slice(0, ROWS_MAX);
    this.note.textContent =
      `${this.clients.length} clients` +
      (found.length === this.clients.length ? '' : `, ${found.length} found`) +
      (shown.length === found.length ? '' : `, the first ${shown.length} are shown`);
    this.rows.replaceChildren(
      table<ClientRow>(
        'Clients',
        [
          { title: 'Id', value: ({ id }) => id, isNumber: true },
          { title: 'Address', value: ({ address }) => address },
          { title: 'Name', value: ({ name }) => name },
          { title: 'User', value: ({ user }) => user },
          { title: 'Library', value: ({ library }) => library },
          { title: 'DB', value: ({ database }) => database, isNumber: true },
          { title: 'Last command', value: ({ command }) => command },
          { title: 'Connected', value: ({ ageSeconds }) => duration(ageSeconds), isNumber: true },
          { title: 'Idle', value: ({ idleSeconds }) => duration(idleSeconds), isNumber: true },
          { title: 'Memory', value: ({ memoryBytes }) => bytes(memoryBytes), isNumber: true },
          { title: 'Flags', value: ({ flags }) => flags },
          { title: 'End', value: (client) => this.killButton(client) },
        ],
        shown,
      ),
    );
  }

  private killButton({ id, address }: ClientRow): HTMLElement {
    const label = `client ${id}, ${address}`;
    return carefulButton('Kill', 'Sure?', () => void this.kill(id), label);
  }

  private async kill(id: string): Promise<void> {
    try {
      const killed = await this.api.ask('CLIENT', 'KILL', 'ID', id);
      announce(killed === 0 ? `Client ${id} was gone already` : `Client ${id} is disconnected`);
    } catch (error) {
      announce((error as Error).message, true);
    }
    await this.load();
  }
}

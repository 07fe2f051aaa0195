/** The replication map: whom this server follows, who follows it, and how far each is. */
import { bytes, percent } from '../lib/format.js';
import { type PrimaryLink, primaryOf, type ReplicaRow, replicasOf } from '../lib/info.js';
import { toText } from '../lib/words.js';
import { announce, make, setText } from './dom.js';
import type { Sample, View } from './view.js';

export class ReplicationView implements View {
  readonly title = 'Replication';
  readonly element = make('section', { class: 'replication' });
  private readonly map = make('div', { class: 'map' });
  private readonly facts = make('dl', { class: 'facts' });
  /** By address: kept, so that progress moves on and nothing jumps. */
  private readonly nodes = new Map<string, Node>();
  private wasUp: boolean | null = null;

  constructor() {
    this.element.append(this.map, this.facts);
  }

  forget(): void {
    this.nodes.clear();
    this.map.replaceChildren();
    this.facts.replaceChildren();
    this.wasUp = null;
  }

  sampled({ info }: Sample): void {
    const primary = primaryOf(info);
    const replicas = replicasOf(info);
    this.tellChange(primary);
    const wanted = new Set<string>();
    const place = (key: string, kind: string): Node => {
      wanted.add(key);
      const node = this.nodes.get(key) ?? new Node(kind);
      this.nodes.set(key, node);
      return node;
    };
    const own = place('this', 'this server');
    own.show({
      address: `port ${info.get('tcp_port') ?? '?'}`,
      state: primary === null ? 'primary' : 'replica',
      isGood: primary === null || primary.isUp,
      details: [['offset', info.get('master_repl_offset') ?? '0']],
      share: null,
    });
    const followers: HTMLElement[] = replicas.map((replica) => {
      const node = place(`replica ${replica.address}`, 'replica');
      node.show(replicaFacts(replica));
      return make('li', {}, node.element);
    });
    if (followers.length === 0) {
      followers.push(make('li', { class: 'none', text: 'No replica follows this server.' }));
    }
    const below = make('ul', {}, ...followers);
    const tree = [make('li', {}, own.element, below)];
    let root: HTMLElement = make('ul', { class: 'tree' }, ...tree);
    if (primary !== null) {
      const above = place(`primary ${primary.address}`, 'its primary');
      above.show(primaryFacts(primary));
      root = make('ul', { class: 'tree' }, make('li', {}, above.element, make('ul', {}, ...tree)));
    }
    this.replace(root, wanted);
    this.fillFacts(info);
  }

  private replace(root: HTMLElement, wanted: ReadonlySet<string>): void {
    for (const key of this.nodes.keys()) if (!wanted.has(key)) this.nodes.delete(key);
    this.map.replaceChildren(root);
  }

  private tellChange(primary: PrimaryLink | null): void {
    const isUp = primary?.isUp ?? null;
    if (isUp !== null && this.wasUp !== null && isUp !== this.wasUp) {
      announce(isUp ? 'The link to the primary is up' : 'The link to the primary is down', !isUp);
    }
    this.wasUp = isUp;
  }

  private fillFacts(info: ReadonlyMap<string, string>): void {
    const shown: readonly [string, string][] = [
      ['Replication id', info.get('master_replid') ?? ''],
      ['Failover', info.get('master_failover_state') ?? ''],
      [
        'Journal',
        `${bytes(Number(info.get('repl_backlog_histlen') ?? 0))} held of ${bytes(Number(info.get('repl_backlog_size') ?? 0))}`,
      ],
      [
        'Full syncs, partial, refused',
        ['sync_full', 'sync_partial_ok', 'sync_partial_err']
          .map((name) => info.get(name) ?? '0')
          .join(', '),
      ],
      ['Writes that waited for a replica', info.get('repl_backpressure_delayed_writes') ?? '0'],
    ];
    if (this.facts.childElementCount !== shown.length) {
      this.facts.replaceChildren(
        ...shown.map(([title]) => make('div', {}, make('dt', { text: title }), make('dd'))),
      );
    }
    shown.forEach(([, text], i) => {
      setText(this.facts.children[i]!.lastElementChild!, toText(text));
    });
  }
}

interface NodeFacts {
  readonly address: string;
  readonly state: string;
  readonly isGood: boolean;
  readonly details: readonly (readonly [name: string, value: string])[];
  /** Of a full sync that runs. */
  readonly share: number | null;
}

class Node {
  readonly element = make('div', { class: 'node' });
  private readonly state = make('b', { class: 'state' });
  private readonly address = make('span', { class: 'address' });
  private readonly details = make('span', { class: 'details' });
  private readonly progress = make('progress', { attributes: { max: '1' } });
  private readonly percent = make('span', { class: 'percent' });

  constructor(kind: string) {
    this.progress.setAttribute('aria-label', `Full sync of ${kind}`);
    const head = make('span', { class: 'kind', text: kind });
    const bar = make('span', { class: 'bar' }, this.progress, this.percent);
    this.element.append(head, this.address, this.state, this.details, bar);
  }

  show({ address, state, isGood, details, share }: NodeFacts): void {
    setText(this.address, toText(address));
    setText(this.state, state);
    this.element.classList.toggle('bad', !isGood);
    this.element.classList.toggle('syncing', share !== null);
    setText(this.details, details.map(([name, value]) => `${name} ${value}`).join(' · '));
    this.progress.value = share ?? 0;
    setText(this.percent, share === null ? '' : percent(share));
  }
}

function replicaFacts(replica: ReplicaRow): NodeFacts {
  const isOnline = replica.state === 'online';
  const lag = replica.lagBytes === null ? [] : [['behind', bytes(replica.lagBytes)] as const];
  const sync = isOnline ? [] : [['sent', bytes(replica.syncBytes)] as const];
  return {
    address: replica.address,
    state: isOnline ? 'online' : 'full sync',
    isGood: isOnline,
    details: [...sync, ...lag, ['heard of', `${replica.lagSeconds} s ago`]],
    share: isOnline ? null : (replica.syncShare ?? 0),
  };
}

function primaryFacts(link: PrimaryLink): NodeFacts {
  const details: [string, string][] = [];
  if (link.syncShare !== null) details.push(['received', bytes(link.syncBytes)]);
  if (link.isUp && link.lagBytes !== null) details.push(['behind', bytes(link.lagBytes)]);
  if (link.isUp && link.lagSeconds !== null) details.push(['lag', `${link.lagSeconds} s`]);
  if (link.lastSeconds >= 0) details.push(['heard of', `${link.lastSeconds} s ago`]);
  if (link.failure !== '') details.push(['last failure:', toText(link.failure)]);
  const state = link.syncShare !== null ? 'full sync' : link.isUp ? 'link up' : 'link down';
  return { address: link.address, state, isGood: link.isUp, details, share: link.syncShare };
}

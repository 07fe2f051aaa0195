/** INFO's text as fields, and what stands in its structured ones. */

export type Info = ReadonlyMap<string, string>;

/** Sections are left out: no two fields have one name. */
export function parseInfo(text: string): Info {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/** 0 where there is no such field, or no number in it. */
export function numberOf(info: Info, name: string): number {
  const number = Number(info.get(name) ?? 0);
  return Number.isFinite(number) ? number : 0;
}

/** 'a=1,b=2' */
export function parsePairs(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals > 0) pairs.set(part.slice(0, equals), part.slice(equals + 1));
  }
  return pairs;
}

/** Calls of each command, subcommands as 'config|get'. */
export function commandCalls(info: Info): Map<string, number> {
  const calls = new Map<string, number>();
  for (const [name, value] of info) {
    if (!name.startsWith('cmdstat_')) continue;
    calls.set(name.slice('cmdstat_'.length), Number(parsePairs(value).get('calls') ?? 0));
  }
  return calls;
}

/** Keys of all databases. */
export function keyCount(info: Info): number {
  let keys = 0;
  for (const [name, value] of info) {
    if (/^db\d+$/.test(name)) keys += Number(parsePairs(value).get('keys') ?? 0);
  }
  return keys;
}

export interface ReplicaRow {
  readonly address: string;
  /** 'online' or 'send_bulk'. */
  readonly state: string;
  readonly offset: number;
  readonly lagSeconds: number;
  /** Of the full sync: 0 to 1, null when the server does not tell. */
  readonly syncShare: number | null;
  readonly syncBytes: number;
  /** What the primary has and the replica has not confirmed; null when the server does not tell. */
  readonly lagBytes: number | null;
}

export function replicasOf(info: Info): ReplicaRow[] {
  const rows: ReplicaRow[] = [];
  for (let i = 0; info.has(`slave${i}`); i++) {
    const fields = parsePairs(info.get(`slave${i}`)!);
    const sync = info.has(`sync_replica${i}`) ? parsePairs(info.get(`sync_replica${i}`)!) : null;
    const total = Number(sync?.get('keys_total') ?? 0);
    rows.push({
      address: `${fields.get('ip') ?? '?'}:${fields.get('port') ?? '?'}`,
      state: fields.get('state') ?? '?',
      offset: Number(fields.get('offset') ?? 0),
      lagSeconds: Number(fields.get('lag') ?? 0),
      syncShare: total > 0 ? Math.min(1, Number(sync!.get('keys') ?? 0) / total) : null,
      syncBytes: Number(sync?.get('bytes') ?? 0),
      lagBytes: sync === null ? null : Number(sync.get('lag_bytes') ?? 0),
    });
  }
  return rows;
}

export interface PrimaryLink {
  readonly address: string;
  readonly isUp: boolean;
  /** Seconds since something came; -1: the link is down. */
  readonly lastSeconds: number;
  /** Of a full sync that runs: 0 to 1. */
  readonly syncShare: number | null;
  readonly syncBytes: number;
  readonly lagBytes: number | null;
  readonly lagSeconds: number | null;
  readonly failure: string;
}

/** Null on a primary. */
export function primaryOf(info: Info): PrimaryLink | null {
  const host = info.get('master_host');
  if (host === undefined) return null;
  const optional = (name: string) => (info.has(name) ? numberOf(info, name) : null);
  const runs = info.get('master_sync_in_progress') === '1';
  return {
    address: `${host}:${info.get('master_port') ?? '?'}`,
    isUp: info.get('master_link_status') === 'up',
    lastSeconds: numberOf(info, 'master_last_io_seconds_ago'),
    syncShare: runs ? numberOf(info, 'master_sync_perc') / 100 : null,
    syncBytes: numberOf(info, 'master_sync_read_bytes'),
    lagBytes: optional('slave_repl_lag_bytes'),
    lagSeconds: optional('slave_repl_lag_seconds'),
    failure: info.get('master_link_failure') ?? '',
  };
}

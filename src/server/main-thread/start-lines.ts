/** What the log tells at every start: the program, its limits, what is saved where, and who may connect. */
import { join } from 'node:path';
import { DARTER_VERSION, REDIS_VERSION } from '../../base/version.js';
import type { Config } from '../config/config.js';
import { humanBytes } from '../info/source.js';
import { snapshotFileName } from './persistence/snapshot-format.js';

export interface StartFacts {
  readonly pid: number;
  readonly nodeVersion: string;
  readonly threads: number;
  readonly shards: number;
  readonly transport: string;
  /** Why it is not the best one, '' when it is. */
  readonly transportReason: string;
  /** Infinity where the system has no limit. */
  readonly openFilesMax: number;
  readonly cores: number;
  /** Of the machine, and what a container grants; null when it grants all. */
  readonly memoryBytes: number;
  readonly containerBytes: number | null;
  readonly users: UsersSummary;
}

export interface UsersSummary {
  readonly count: number;
  /** The default user needs no password, and is not disabled. */
  readonly isOpen: boolean;
}

export interface StartLine {
  readonly level: 'notice' | 'warning';
  readonly text: string;
}

export function startLines(config: Config, facts: StartFacts): StartLine[] {
  const { pid, nodeVersion } = facts;
  const notices = [
    `Darter ${DARTER_VERSION} (speaks Redis ${REDIS_VERSION}), Node.js ${nodeVersion}, pid ${pid}`,
    servingLine(config, facts),
    limitsLine(config, facts),
    memoryLine(config),
    snapshotLine(config),
    journalLine(config),
  ];
  return [
    ...notices.map((text) => ({ level: 'notice', text }) as const),
    accessLine(config, facts.users),
  ];
}

function servingLine(config: Config, { threads, shards, transport, transportReason }: StartFacts) {
  const ports = portsOf(config).map((text) => `${text}, `);
  const reason = transportReason === '' ? '' : ` (${transportReason})`;
  return `${ports.join('')}${threads} I/O threads, ${shards} shards, transport ${transport}${reason}`;
}

function portsOf(config: Config): string[] {
  const ports = (['port', 'tls-port'] as const)
    .filter((name) => config.value(name) !== '0')
    .map((name) => `${name} ${config.value(name)}`);
  const socket = config.path('unixsocket');
  return socket === '' ? ports : [...ports, `unixsocket ${socket}`];
}

function limitsLine(config: Config, facts: StartFacts): string {
  const { openFilesMax, cores, memoryBytes, containerBytes } = facts;
  const files = Number.isFinite(openFilesMax) ? String(openFilesMax) : 'no limit';
  const granted = containerBytes === null ? '' : `, its container ${humanBytes(containerBytes)}`;
  return (
    `Limits: open files ${files}, clients ${config.value('maxclients')}, processors ${cores}, ` +
    `memory of the machine ${humanBytes(memoryBytes)}${granted}`
  );
}

function memoryLine(config: Config): string {
  const limit = config.number('maxmemory');
  if (limit === 0) return 'No memory limit (maxmemory)';
  return `Memory limit ${limit} bytes (maxmemory), ${config.value('maxmemory-policy')}`;
}

function snapshotLine(config: Config): string {
  const points = config.savePoints.map(({ seconds, changes }) => `${changes} in ${seconds} s`);
  if (points.length === 0) return 'Nothing is saved by itself: there are no save points';
  const place = join(config.path('dir'), snapshotFileName(config));
  return `Saves to ${place} after changes: ${points.join(', ')}`;
}

const POLICIES: Readonly<Record<string, string>> = {
  always: 'on the disk before a write is answered',
  everysec: 'on the disk within about a second',
  no: 'on the disk when the system likes',
};

function journalLine(config: Config): string {
  if (!config.flag('appendonly')) {
    return 'No journal (appendonly no): a crash loses what came after the last snapshot';
  }
  const place = join(config.path('dir'), config.path('appenddirname'));
  const policy = config.value('appendfsync');
  return `The journal is in ${place}: ${POLICIES[policy]} (appendfsync ${policy})`;
}

/** A server that anybody may use is worth a warning, once. */
function accessLine(config: Config, { count, isOpen }: UsersSummary): StartLine {
  const where = config.words('bind').map((word) => word.replace(/^-/, ''));
  const tls = config.value('tls-port') === '0' ? '' : `; ${certificateText(config)}`;
  const addresses = where.length === 0 ? 'no address' : where.join(' ');
  if (!isOpen) {
    const users = count === 1 ? 'the default user' : `one of ${count} users`;
    return notice(`Who may connect: whoever logs in as ${users}, on ${addresses}${tls}`);
  }
  const isLocal = where.every((address) => /^(127\.|::1$|localhost$)/.test(address));
  if (isLocal)
    return notice(`Who may connect: whoever is on this machine (bind ${addresses})${tls}`);
  if (config.flag('protected-mode')) {
    return notice(
      'Who may connect: whoever is on this machine, as the default user has no password ' +
        `(protected-mode)${tls}. For others set requirepass, or users with ACL SETUSER`,
    );
  }
  return {
    level: 'warning',
    text:
      `Who may connect: everybody who reaches ${addresses}${tls}: the default user has no password, and ` +
      'protected-mode is off. Set requirepass, or bind addresses that only friends reach',
  };
}

function notice(text: string): StartLine {
  return { level: 'notice', text };
}

function certificateText(config: Config): string {
  const needed = config.value('tls-auth-clients');
  if (needed === 'yes') return 'on tls-port with a certificate';
  return needed === 'optional'
    ? 'on tls-port, a certificate is checked'
    : 'on tls-port without a certificate';
}

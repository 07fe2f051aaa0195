/** Directives about replication, set on a primary, on its replica, and on one without a link. */
import { connect } from 'node:net';
import { encode } from '../../support/client.js';
import { type Effects, fromNew, isInfo, said, type World } from './effect.js';

const write = ({ old }: World) => said(old, 'SET', 'seen', 'value');

export const ON_PRIMARY: Effects = {
  'min-replicas-to-write': { set: ['0', '2'], seen: ['OK', 'NOREPLICAS'], see: write },
  'min-replicas-max-lag': {
    with: ['min-replicas-to-write', '2'],
    ...{ set: ['10', '0'], seen: ['NOREPLICAS', 'OK'], see: write },
  },
  'shutdown-timeout': {
    set: ['100', '1000'],
    seen: ['false', 'true'],
    see: async (world) => {
      const { server, other, old } = world;
      other.child.kill('SIGSTOP');
      await write(world);
      const ending = fromNew(server, 'SHUTDOWN');
      let restMs = 0;
      while (restMs === 0) restMs = Number((await server.info('shutdown_in_milliseconds')) ?? 0);
      await old.text('SHUTDOWN', 'ABORT');
      await ending;
      other.child.kill('SIGCONT');
      return String(restMs > 100_000);
    },
  },
  'repl-ping-replica-period': {
    set: ['10000', '1'],
    seen: ['none', 'pings'],
    see: async ({ server }) => {
      stream ??= follow(server.port);
      return stream.pings() > 2 ? 'pings' : 'none';
    },
  },
  'repl-timeout': {
    set: ['60', '1'],
    seen: ['1', '0'],
    see: async ({ server, other }) => {
      other.child.kill('SIGSTOP');
      const states = /slave\d.*port=(\d+)/g;
      const text = await server.ask('INFO', 'replication');
      const left = [...text.matchAll(states)].filter(([, port]) => Number(port) === other.port);
      if (left.length === 0) other.child.kill('SIGCONT');
      return String(left.length);
    },
  },
  'repl-backlog-ttl': {
    set: ['3600', '1'],
    seen: ['1', '0'],
    see: async ({ server, otherAdmin }) => {
      stream?.end();
      await otherAdmin.text('REPLICAOF', 'NO', 'ONE');
      return String(await server.info('repl_backlog_active'));
    },
  },
};

/** What a follower that speaks Redis's protocol gets: replicas of Darter's own have no PING. */
let stream: ReturnType<typeof follow> | undefined;
function follow(port: number) {
  const socket = connect({ port, host: '127.0.0.1' });
  let text = '';
  socket.on('error', () => {});
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
    // Whoever has the data says so, and is sent what follows.
    const [, offset, mark] = /\+FULLRESYNC \w+ (\d+)[^$]*\$EOF:(\w+)/.exec(text) ?? [];
    if (mark === undefined || text.indexOf(mark) === text.lastIndexOf(mark)) return;
    socket.write(encode(['REPLCONF', 'ACK', offset!]));
  });
  socket.write('REPLCONF capa eof capa psync2\r\nPSYNC ? -1\r\n');
  return { pings: () => text.match(/\$4\r\nPING/g)?.length ?? 0, end: () => socket.destroy() };
}

let linked = '';
/** Has the replica make its link anew, once for each value. */
async function relink({ otherAdmin }: World, value: string): Promise<void> {
  if (linked === value) return;
  linked = value;
  await otherAdmin.command('CLIENT', 'KILL', 'TYPE', 'replica');
}

async function linkWith(world: World, value: string): Promise<string> {
  const { otherAdmin, server } = world;
  await otherAdmin.text('ACL', 'SETUSER', 'link', 'on', '>linked', '~*', '&*', '+@all');
  await otherAdmin.text('CONFIG', 'SET', 'requirepass', 'secret');
  await relink(world, value);
  const status = await server.info('master_link_status');
  return String(status);
}

const named = (part: 'ip' | 'port') => async (world: World, value: string) => {
  await world.otherAdmin.text('CONFIG', 'SET', 'requirepass', '');
  await relink(world, value);
  const info = await world.otherAdmin.text('INFO', 'replication');
  return new RegExp(`slave0:.*${part}=([^,]+),.*state=online`).exec(info)?.[1] ?? 'no replica';
};

/** Set on a replica whose primary is the other server. */
export const ON_REPLICA: Effects = {
  // Those behind them take the password away again.
  masterauth: { set: ['wrong', 'secret'], seen: ['down', 'up'], see: linkWith },
  masteruser: {
    with: ['masterauth', 'linked'],
    ...{ set: ['nobody', 'link'], seen: ['down', 'up'], see: linkWith },
  },
  'replica-announce-ip': {
    set: ['', '10.9.8.7'],
    seen: ['127.0.0.1', '10.9.8.7'],
    see: named('ip'),
  },
  'replica-announce-port': { set: ['4322', '4321'], seen: ['4322', '4321'], see: named('port') },
  'bind-source-addr': {
    ...{ set: ['', '127.0.0.3'], seen: ['127.0.0.1', '127.0.0.3'], see: named('ip') },
  },
};

/** Set on a replica whose primary is not there. */
export const ON_ORPHAN: Effects = {
  'replica-serve-stale-data': {
    set: ['yes', 'no'],
    seen: ['[]', 'MASTERDOWN'],
    see: ({ old }) => said(old, 'HGETALL', 'nothing'),
  },
  'replica-read-only': {
    set: ['yes', 'no'],
    seen: ['READONLY', 'OK'],
    see: write,
  },
  'replica-ignore-maxmemory': {
    with: ['replica-read-only', 'no', 'maxmemory', '1'],
    ...{ set: ['yes', 'no'], seen: ['OK', 'OOM'], see: write },
  },
  'replica-priority': { set: ['100', '7'], seen: ['true', 'true'], see: isInfo('slave_priority') },
  'replica-announced': {
    set: ['yes', 'no'],
    seen: ['1', '0'],
    see: async ({ server }) => String(await server.info('replica_announced')),
  },
};

/** Directives about connections, and who may do what. */
import { readFileSync } from 'node:fs';
import { RawClient } from '../../support/client.js';
import { claimPort } from '../../support/ports.js';
import { isError, textOf } from '../../support/reply.js';
import { until } from '../../support/until.js';
import { type Effects, fromNew, said, type World } from './effect.js';

const LARGE_BYTES = 4 << 20;

async function answers(port: number, host = '127.0.0.1'): Promise<string> {
  try {
    const client = await RawClient.connect({ port, host });
    const text = await said(client, 'PING');
    await client.close();
    return text;
  } catch {
    return 'refused';
  }
}

/** What becomes of a client that has much to read, or has sent much, and does nothing: 'kept', 'closed'. */
async function fate({ server, old }: World, begin: (client: RawClient) => void, sum: string) {
  const client = await server.client();
  await client.text('CLIENT', 'SETNAME', 'greedy');
  await old.text('SET', 'large', 'x'.repeat(LARGE_BYTES));
  begin(client);
  let outcome = '';
  await until('its fate is known', async () => {
    const line = (await old.text('CLIENT', 'LIST'))
      .split('\n')
      .find((one) => /name=greedy/.test(one));
    if (line === undefined) outcome = 'closed';
    else if (Number(new RegExp(` ${sum}=(\\d+)`).exec(line)?.[1]) >= LARGE_BYTES) outcome = 'kept';
    return outcome !== '' || line!;
  });
  await client.close();
  return outcome;
}

const readsNothing = (world: World) =>
  fate(
    world,
    (client) => {
      client.socket.pause();
      for (let i = 0; i < 20; i++) client.write('GET large\r\n');
    },
    'omem',
  );

/** 'timer_active' of /proc/net/tcp, on the server's side of a new connection: 02 is keepalive. */
async function keepAliveTimer({ server }: World): Promise<string> {
  const client = await server.client();
  await client.command('PING');
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0');
  const ends = `0100007F:${hex(server.port)} 0100007F:${hex(client.socket.localPort!)}`;
  const line = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .find((one) => one.includes(ends));
  await client.close();
  return line?.trim().split(/\s+/)[5]?.split(':')[0] ?? 'no line';
}

let otherPort = 0;

export const CLIENTS: Effects = {
  'tcp-keepalive': { set: ['0', '100'], seen: ['00', '02'], see: keepAliveTimer },
  timeout: {
    set: ['0', '1'],
    seen: ['idle', 'closed'],
    see: async ({ admin, old, otherAdmin, server }) => {
      idle ??= await server.client();
      if (idle.closed) return 'closed';
      for (const client of [admin, old, otherAdmin]) await client.command('PING');
      const seconds = /addr=\S+:(\d+) .* idle=(\d+)/g;
      for (const [, port, idleFor] of (await admin.text('CLIENT', 'LIST')).matchAll(seconds)) {
        if (Number(port) === idle.socket.localPort && Number(idleFor) >= 2) return 'idle';
      }
      return 'not yet';
    },
  },
  maxclients: {
    set: ['100', '1'],
    seen: ['PONG', 'ERR'],
    see: ({ server }) => fromNew(server, 'PING'),
  },
  'client-output-buffer-limit': {
    set: ['normal 0 0 0', 'normal 1mb 0 0'],
    ...{ seen: ['kept', 'closed'], see: readsNothing },
  },
  'maxmemory-clients': { set: ['0', '20mb'], seen: ['kept', 'closed'], see: readsNothing },
  'client-query-buffer-limit': {
    set: ['1gb', '6mb'],
    seen: ['kept', 'closed'],
    see: (world) =>
      fate(
        world,
        (client) => {
          client.write('MULTI\r\n*2\r\n$4\r\nECHO\r\n$90000000\r\n');
          client.write('x'.repeat(2 * LARGE_BYTES));
        },
        'tot-mem',
      ),
  },
  'proto-max-bulk-len': {
    set: ['512mb', '1mb'],
    seen: [`${LARGE_BYTES} 4000001 4000002`, 'refused ERR 1'],
    see: async ({ server, old }) => {
      const client = await server.client();
      // It is closed in the midst of what it sends.
      const reply = await client.command('ECHO', 'x'.repeat(LARGE_BYTES)).catch(() => null);
      await client.close();
      const sent = reply === null || isError(reply) ? 'refused' : textOf(reply).length;
      await old.command('DEL', 'seen');
      const made = await said(old, 'SETRANGE', 'seen', '4000000', 'x');
      return `${sent} ${made} ${await said(old, 'APPEND', 'seen', 'y')}`;
    },
  },
  'tracking-table-max-keys': {
    set: ['1000000', '2'],
    seen: ['10', '2'],
    see: async ({ old, server }) => {
      await old.text('HELLO', '3');
      await old.text('CLIENT', 'TRACKING', 'ON');
      for (let i = 0; i < 10; i++) await old.command('GET', `tracked:${i}`);
      const keys = await server.info('tracking_total_keys');
      await old.text('CLIENT', 'TRACKING', 'OFF');
      await old.text('HELLO', '2');
      return Number(keys) <= 2 ? '2' : keys!;
    },
  },
  requirepass: {
    set: ['', 'secret'],
    seen: ['PONG then PONG', 'NOAUTH then PONG'],
    see: async ({ server, old }) =>
      `${await fromNew(server, 'PING')} then ${await said(old, 'PING')}`,
  },
  'acl-pubsub-default': {
    set: ['resetchannels', 'allchannels'],
    seen: ['false', 'true'],
    see: async ({ old }) => {
      await old.text('ACL', 'DELUSER', 'seen');
      await old.text('ACL', 'SETUSER', 'seen');
      return String(/user seen [^\]]*?&\*/.test(await old.text('ACL', 'LIST')));
    },
  },
  'acllog-max-len': {
    set: ['128', '1'],
    seen: ['3', '1'],
    see: async ({ old }) => {
      await old.text('ACL', 'LOG', 'RESET');
      for (let i = 0; i < 3; i++) await old.command('AUTH', `nobody${i}`, 'wrong');
      const entries = await old.text('ACL', 'LOG');
      return String(entries.match(/reason/g)?.length ?? 0);
    },
  },
  bind: {
    set: ['127.0.0.1', '127.0.0.1 127.0.0.2'],
    seen: ['refused', 'PONG'],
    see: ({ server }) => answers(server.port, '127.0.0.2'),
  },
  port: {
    set: ['0', 'another'],
    seen: ['refused', 'PONG'],
    see: () => answers(otherPort),
  },
};

/** A client that does nothing, for `timeout`. */
let idle: RawClient | undefined;

export async function preparePorts(): Promise<Effects> {
  otherPort = await claimPort();
  return { ...CLIENTS, port: { ...CLIENTS.port!, set: ['0', String(otherPort)] } };
}

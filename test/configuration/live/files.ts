/** Directives about files. The server may change them (enable-protected-configs). */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../../support/until.js';
import { type Effects, said, type World } from './effect.js';

const folderOf = async ({ old }: World) =>
  (await old.text('CONFIG', 'GET', 'dir')).replace(/^\[dir |\]$/g, '');

/** The names of the files that SAVE leaves in an empty folder. */
async function saved(world: World, times = 1): Promise<string[]> {
  const folder = await folderOf(world);
  for (const name of readdirSync(folder)) {
    if (/^(?:dump|other)/.test(name)) rmSync(join(folder, name), { recursive: true });
  }
  for (let i = 0; i < times; i++) {
    await world.old.text('SET', 'seen', 'a'.repeat(100_000 + i));
    await world.old.text('SAVE');
  }
  return readdirSync(folder).filter((name) => /^(?:dump|other)/.test(name));
}

const has = (pattern: RegExp) => async (world: World) =>
  String((await saved(world)).some((name) => pattern.test(name)));

/** Whether a counter of INFO grows while there are writes: between two looks it does, sooner or later. */
function grows(field: string) {
  let last = Number.POSITIVE_INFINITY;
  return async ({ old, server }: World): Promise<string> => {
    await old.text('SET', 'seen', 'x'.repeat(10_000));
    const before = last;
    last = Number((await server.info(field)) ?? 0);
    return String(last > before);
  };
}

export const FILES: Effects = {
  dbfilename: {
    ...{ set: ['dump.rdb', 'other.rdb'], seen: ['false', 'true'], see: has(/^other/) },
  },
  'snapshot-format': {
    ...{ set: ['native', 'rdb'], seen: ['false', 'true'], see: has(/^dump\.rdb$/) },
  },
  'snapshot-keep': {
    set: ['1', '3'],
    seen: ['1', '3'],
    see: async (world) =>
      String(
        (await saved(world, 3)).filter((name) => /manifest$|^dump\.darter$/.test(name)).length,
      ),
  },
  rdbcompression: {
    with: ['snapshot-format', 'rdb'],
    set: ['yes', 'no'],
    seen: ['false', 'true'],
    see: async (world) => {
      await saved(world);
      return String(statSync(join(await folderOf(world), 'dump.rdb')).size > 100_000);
    },
  },
  dir: {
    set: ['.', 'elsewhere'],
    seen: ['true', 'true'],
    see: async (world, value) => {
      await saved(world);
      return String(existsSync(join(world.server.directory, value, 'dump.darter')));
    },
  },
  save: { set: ['', '1 1'], seen: ['false', 'true'], see: grows('rdb_saves') },
  'stop-writes-on-bgsave-error': {
    with: ['save', '3600 1', 'dbfilename', 'blocked.rdb'],
    set: ['yes', 'no'],
    seen: ['MISCONF', 'OK'],
    see: async (world) => {
      mkdirSync(join(await folderOf(world), 'blocked.rdb', 'in the way'), { recursive: true });
      await until('a save has failed', async () => {
        await world.old.command('BGSAVE');
        return (await world.server.info('rdb_last_bgsave_status')) === 'err';
      });
      return said(world.old, 'SET', 'seen', 'value');
    },
  },
  appendonly: {
    set: ['no', 'yes'],
    seen: ['false', 'true'],
    see: async ({ server }) => String(Number((await server.info('aof_current_size')) ?? 0) > 0),
  },
  appendfsync: {
    with: ['appendonly', 'yes'],
    set: ['no', 'always'],
    seen: ['[0 0]', '[1 0]'],
    see: async ({ old }) => {
      await old.text('SET', 'seen', 'value');
      return said(old, 'WAITAOF', '1', '0', '200');
    },
  },
  'auto-aof-rewrite-percentage': {
    with: ['appendonly', 'yes', 'auto-aof-rewrite-min-size', '1'],
    ...{ set: ['0', '1'], seen: ['false', 'true'], see: grows('aof_rewrites') },
  },
  'auto-aof-rewrite-min-size': {
    with: ['appendonly', 'yes', 'auto-aof-rewrite-percentage', '1'],
    ...{ set: ['1gb', '1'], seen: ['false', 'true'], see: grows('aof_rewrites') },
  },
};

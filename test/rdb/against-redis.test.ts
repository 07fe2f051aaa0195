/**
 * The RDB codec beside redis-server: what it loads and saves, with each encoding forced, is read
 * equal; what is written here it loads, and redis-check-rdb finds it good; DUMP and RESTORE both ways.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RdbReader } from '../../src/persistence/rdb/reader.js';
import {
  canonical,
  canonicalValue,
  RdbModel,
  readDump,
  readModel,
} from '../../src/persistence/rdb/testing.js';
import { dumpValue, writeModel } from '../../src/persistence/rdb/testing-write.js';
import { bytesOf } from '../support/bytes.js';
import type { RawClient } from '../support/client.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { isError, showReply, textOf } from '../support/reply.js';
import {
  programMissing,
  redisServerMissing,
  redisServerVersion,
  rootDirectory,
  type Server,
  startRedis,
} from '../support/server.js';
import { dataset, LIBRARY } from './dataset.js';
import { redisContent } from './redis-content.js';

const missing = redisServerMissing();
const skip =
  missing || redisServerVersion() === '7.0.15'
    ? missing
    : `compares with redis-server 7.0.15, ${redisServerVersion()} is installed`;
const samples = join(rootDirectory, '..', 'shared', 'rdb-samples');
const samplesElsewhere = join(rootDirectory, '..', '..', 'shared', 'rdb-samples');
const samplesFolder = existsSync(samples) ? samples : samplesElsewhere;
const noSamples = existsSync(samplesFolder) ? false : '../shared/rdb-samples is not there';
const seed = seedFromEnvironment();

/** What redis-server 7.0.15 does not load. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  'corrupt_ziplist.rdb': /^Damaged ziplist: .*, at offset \d+, key "key:000000000091"$/,
  'redis_40_with_module.rdb': /^Can't load a value of module type 'ReJSON-RL', at offset 204, /,
};

async function withRedis<T>(
  file: Uint8Array | string | null,
  args: readonly string[],
  use: (client: RawClient, server: Server) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'darter-rdb-'));
  const name = 'file.rdb';
  if (typeof file === 'string') copyFileSync(file, join(folder, name));
  else if (file !== null) writeFileSync(join(folder, name), file);
  const where = ['--dir', folder, '--dbfilename', name, '--enable-debug-command', 'yes'];
  try {
    await using server = await startRedis({ args: [...where, ...args] });
    const client = await server.client();
    try {
      return await use(client, server);
    } finally {
      await client.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function saved(client: RawClient): Promise<Uint8Array> {
  assert.equal(await client.text('SAVE'), 'OK');
  const [, folder] = (await client.text('CONFIG', 'GET', 'dir')).slice(1, -1).split(' ');
  return new Uint8Array(readFileSync(join(folder!, 'file.rdb')));
}

async function fill(client: RawClient, random: Random): Promise<void> {
  for (const reply of await client.pipeline(dataset(random))) {
    if (isError(reply)) throw new Error(showReply(reply));
  }
}

function living(model: RdbModel): string[] {
  return canonical(model.keys.filter(({ expiryMs }) => expiryMs < 0 || expiryMs > Date.now()));
}

describe('RDB beside redis-server', { skip }, () => {
  const files = noSamples ? [] : readdirSync(samplesFolder).filter((name) => /\.rdb$/.test(name));

  test('the sample files are there', { skip: noSamples }, () => assert.ok(files.length >= 20));

  for (const name of files) {
    const path = join(samplesFolder, name);
    const expected = REFUSED[name];
    if (expected !== undefined) {
      test(`${name} is refused with place and reason`, () => {
        const file = new Uint8Array(readFileSync(path));
        assert.throws(() => readModel(file), { name: 'RdbError', message: expected });
      });
      continue;
    }
    test(`${name} is read as redis-server loads it`, async () => {
      const file = new Uint8Array(readFileSync(path));
      const whole = living(readModel(file));
      assert.deepEqual(living(readModel(file, 1)), whole, 'byte by byte');
      await withRedis(path, [], async (client) => {
        assert.deepEqual(whole, canonical(await redisContent(client)));
      });
    });
  }

  test('a reader leaves what follows the file', { skip: noSamples }, () => {
    const file = new Uint8Array(readFileSync(join(samplesFolder, 'rdb-preamble.aof')));
    for (const piece of [1, 7, file.length]) {
      const reader = new RdbReader(new RdbModel());
      let taken = 0;
      for (let at = 0; at < file.length && !reader.done; at += piece) {
        taken += reader.feed(file, at, Math.min(piece, file.length - at));
      }
      assert.equal(Buffer.from(file.slice(taken)).toString('latin1', 0, 14), '*2\r\n$6\r\nSELECT');
    }
  });

  const packed = ['list-max-listpack-size', 'hash-max-listpack-entries', 'hash-max-listpack-value'];
  const more = ['zset-max-listpack-entries', 'zset-max-listpack-value', 'set-max-intset-entries'];
  const sizes = (list: string, entries: string, value: string): string[] => {
    const values = [list, entries, value, entries, value, entries];
    return [...packed, ...more].flatMap((name, i) => [`--${name}`, values[i]!]);
  };
  const variants: Readonly<Record<string, readonly string[]>> = {
    'default limits': [],
    'nothing packed': sizes('1', '0', '0'),
    'everything packed': sizes('-5', '100000', '100000'),
    'no compression, no checksum': ['--rdbcompression', 'no', '--rdbchecksum', 'no'],
    'compressed nodes, small stream nodes': [
      ...['--list-compress-depth', '1', '--stream-node-max-entries', '3'],
      ...['--list-max-listpack-size', '-1'],
    ],
    'frequencies of access': ['--maxmemory-policy', 'allkeys-lfu'],
    'idle times': ['--maxmemory-policy', 'allkeys-lru'],
  };

  for (const [name, args] of Object.entries(variants)) {
    test(`what redis-server saves is read equal, with ${name} (seed ${seed})`, async () => {
      await withRedis(null, args, async (client) => {
        await fill(client, new Random(seed));
        const file = await saved(client);
        const model = readModel(file);
        const content = canonical(await redisContent(client));
        assert.deepEqual(canonical(model.keys), content);
        assert.deepEqual(canonical(readModel(file, 4093).keys), content, 'in pieces');
        assert.deepEqual(model.functions, [LIBRARY]);
        assert.equal(model.settings.get('redis-ver'), '7.0.15');
        if (args.includes('allkeys-lfu')) assert.ok(model.keys.every((one) => one.frequency >= 0));
        if (args.includes('allkeys-lru'))
          assert.ok(model.keys.every((one) => one.idleSeconds >= 0));
        await checkWritten(model, content, await client.text('DEBUG', 'DIGEST'));
      });
    });
  }

  const checkProgram = programMissing('redis-check-rdb');

  async function checkWritten(model: RdbModel, content: string[], digest: string): Promise<void> {
    for (const options of [{}, { compression: false }, { checksum: false }]) {
      const file = writeModel(model.keys, options, model.functions);
      await withRedis(bytesOf(file), [], async (client) => {
        assert.deepEqual(canonical(await redisContent(client)), content);
        assert.equal(await client.text('DEBUG', 'DIGEST'), digest);
        assert.match(await client.text('FUNCTION', 'LIST'), /samples/);
        if (checkProgram === false) checkFile(file);
      });
    }
  }

  function checkFile(file: Buffer): void {
    const folder = mkdtempSync(join(tmpdir(), 'darter-rdb-'));
    try {
      const path = join(folder, 'x.rdb');
      writeFileSync(path, bytesOf(file));
      const run = spawnSync('redis-check-rdb', [path]);
      assert.equal(run.status, 0, run.stdout.toString());
      assert.match(run.stdout.toString(), /RDB looks OK/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  test(`DUMP is read, written again and RESTOREd to an equal value (seed ${seed})`, async () => {
    await withRedis(null, [], async (client) => {
      await fill(client, new Random(seed));
      for (const { name, value } of await redisContent(client).then((keys) =>
        keys.filter(({ database }) => database === 0),
      )) {
        // A digest covers the expiry.
        await client.text('PERSIST', name);
        const read = readDump(await client.text('DUMP', name));
        assert.equal(read.error, '');
        assert.equal(canonicalValue(read.value!), canonicalValue(value));
        const reply = await client.command(
          'RESTORE',
          'copy',
          '0',
          dumpValue(read.value!),
          'REPLACE',
        );
        assert.equal(textOf(reply), 'OK', JSON.stringify(name.slice(0, 100)));
        const digests = await client.text('DEBUG', 'DIGEST-VALUE', name, 'copy');
        const [one, other] = digests.slice(1, -1).split(' ');
        assert.equal(one, other, JSON.stringify(name.slice(0, 100)));
      }
    });
  });
});

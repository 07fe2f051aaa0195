/** Manifests of append-only files, of odd ones too: what Redis loads is loaded, and what it refuses is refused. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { findRedisFiles } from '../../src/server/main-thread/redis-files/find.js';
import { claimPort, releasePort } from '../support/ports.js';
import { isList, textOf } from '../support/reply.js';
import { spawnServer, testedRedisMissing } from '../support/server.js';
import { until } from '../support/until.js';

const NAMES = ['base.aof', 'one.aof', 'two.aof', 'a b.aof', 'é.aof', 'x', '#c.aof'];
const REFUSED = 'refused';

const base = 'file base.aof seq 1 type b\n';
const one = 'file one.aof seq 1 type i\n';
const two = 'file two.aof seq 2 type i\n';
const comment = (bytes: number): string => `#${'-'.repeat(bytes - 1)}`;
/** A line of so many bytes, with its end. */
const longLine = (bytes: number): string => one.replace('\n', ` more ${'x'.repeat(bytes - 32)}\n`);

const LINES: Readonly<Record<string, string>> = {
  'three files': base + one + two,
  nothing: '',
  'a line end': '\n',
  'only a comment': '# none\n',
  'a blank line first': `\n${one}`,
  'a blank line between': `${one}\n${two}`,
  'a blank line last': `${one}\n`,
  'blanks around': ` \t${one.slice(0, -1)} \r\n`,
  'a form feed before': `\f${one}`,
  'blanks before a comment': ` # no\n${one}`,
  'a comment between': `${one}# yes\n${two}`,
  'no end': one.slice(0, -1),
  'no end of the second': one + two.slice(0, -1),
  'a comment without an end': `${one}# yes`,
  'a comment of 1,023 bytes': `${comment(1023)}\n${one}`,
  'a comment of 1,024 bytes': `${comment(1024)}\n${one}`,
  'a comment that goes on as a comment': `${comment(1024)}#more\n${one}`,
  'a comment that goes on as a line': `${comment(1024)}${one}${two}`,
  'a comment that goes on as anything': `${comment(1025)}\n${one}`,
  'a long comment without an end': `${one}${comment(1024)}`,
  'a line of 1,024 bytes': longLine(1024) + two,
  'a line of 1,025 bytes': longLine(1025) + two,
  'unknown keys': 'key value file one.aof seq 1 type i other 1\n',
  'an odd number of words': 'file one.aof seq 1 type i more\n',
  'keys in another order': 'type i seq 1 file one.aof\n',
  'keys in capitals': 'FILE one.aof Seq 1 TYPE i\n',
  'a type in capitals': 'file one.aof seq 1 type I\n',
  'a key twice': 'file two.aof seq 1 type h file one.aof type i\n',
  'a path that another name follows': 'file ./two.aof seq 1 type i file one.aof\n',
  'no name': 'seq 1 type i more 1\n',
  'no number': 'file one.aof type i more 1\n',
  'no type': 'file one.aof seq 1 more 1\n',
  'an empty name': 'file "" seq 1 type i\n',
  'an empty number': 'file one.aof seq "" type i\n',
  'an empty type': 'file one.aof seq 1 type ""\n',
  'four words': 'file one.aof seq 1\n',
  'a quoted name': 'file "a b.aof" seq 1 type i\n',
  'single quotes': "file 'a b.aof' 'seq' '1' type i\n",
  escapes: 'file "\\x6fne.aof" seq 1 type i\n',
  'quotes that do not end': 'file "one.aof seq 1 type i\n',
  'quotes in a word': 'file one"".aof seq 1 type i\n',
  'bytes of UTF-8': 'file é.aof seq 1 type i\n',
  'a name like a comment': 'file #c.aof seq 1 type i\n',
  'a NUL in a line': 'file one.aof seq 1 type i a \0\n',
  'a NUL in a comment': `#\0\n${one}`,
  'a NUL in quotes': 'file "one.aof\\x00b" seq 1 type i\n',
  'a longer type': 'file one.aof seq 1 type increment\n',
  'an unknown type': 'file one.aof seq 1 type x\n',
  'number 0': 'file one.aof seq 0 type i\n',
  'number -1': 'file one.aof seq -1 type i\n',
  'number -1 of the base': `file base.aof seq -1 type b\n${one}`,
  'number 0 of the base': `file base.aof seq 0 type b\n${one}`,
  'number +1': 'file one.aof seq +1 type i\n',
  'number 007': 'file one.aof seq 007 type i\n',
  'number " 1"': 'file one.aof seq " 1" type i\n',
  'number 1x': 'file one.aof seq 1x type i\n',
  'number x1': 'file one.aof seq x1 type i\n',
  'number 0x1': 'file one.aof seq 0x1 type i\n',
  'number 1.5, then 2': `file one.aof seq 1.5 type i\n${two}`,
  'large numbers':
    'file one.aof seq 9223372036854775806 type i\nfile two.aof seq 9223372036854775807 type i\n',
  'numbers beyond 64 bits':
    'file one.aof seq 9223372036854775807 type i\nfile two.aof seq 92233720368547758079 type i\n',
  'a number twice': one + one,
  'a number twice, of two files': one + two.replace('2', '1'),
  'numbers that fall': two + one,
  'the same number for base and increment': base + one,
  'a gap': one + two.replace('2', '17'),
  'a file twice': one + one.replace('1', '2'),
  'the base last': one + base,
  'two bases': base + base.replace('1', '2'),
  'only history': 'file gone.aof seq 1 type h\n',
  'history among the others': `file gone.aof seq 7 type h\n${base}file gone.aof seq 1 type h\n${one}`,
  'a file that is missing': `${one}file gone.aof seq 2 type i\n`,
  'a path': 'file ../one.aof seq 1 type i\n',
  'a path with a backslash': 'file "x\\\\y" seq 1 type i\n',
  'a folder': 'file . seq 1 type i\n',
};

/** With a file of before Redis 7 beside the folder. */
const BESIDE: Readonly<Record<string, string>> = {
  'only a comment': '# none\n',
  'only history': 'file gone.aof seq 1 type h\n',
  'the file itself as base': 'file appendonly.aof seq 1 type b\n',
  'the file itself as base, with an increment': `file appendonly.aof seq 1 type b\n${one}`,
  'the file itself as increment': 'file appendonly.aof seq 1 type i\n',
  'another base': base,
};

/** A command that notes that its file was loaded. */
function note(name: string): string {
  const words = ['RPUSH', 'loaded', name];
  const bulks = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  return `*${words.length}\r\n${bulks.join('')}`;
}

function fill(folder: string, manifest: string, isBeside: boolean): void {
  const directory = join(folder, 'appendonlydir');
  mkdirSync(directory);
  for (const name of NAMES) writeFileSync(join(directory, name), note(name));
  writeFileSync(join(directory, 'appendonly.aof.manifest'), manifest);
  if (isBeside) writeFileSync(join(folder, 'appendonly.aof'), note('beside'));
}

/** The names of the files in the order in which they are loaded. */
async function loadedByDarter(folder: string): Promise<string> {
  const names = { appendfilename: 'appendonly.aof', appenddirname: 'appendonlydir' };
  const places = { ...names, folder, dbfilename: 'dump.rdb', appendonly: true };
  try {
    const found = await findRedisFiles(places);
    return (found?.files ?? []).map(({ path }) => nameIn(path)).join(', ');
  } catch {
    return REFUSED;
  }
}

function nameIn(path: string): string {
  return readFileSync(path, 'utf8').split('\r\n').at(-2)!;
}

async function loadedByRedis(folder: string): Promise<string> {
  const port = await claimPort();
  const options = ['--port', String(port), '--dir', folder, '--appendonly', 'yes', '--save', ''];
  const redis = spawnServer('redis', 'redis-server', options, port);
  try {
    const isOver = () => !redis.alive || /Ready to accept connections/.test(redis.log) || redis.log;
    await until('it is started or has ended', isOver);
    if (!redis.alive) return REFUSED;
    const client = await redis.client();
    const loaded = await client.command('LRANGE', 'loaded', '0', '-1');
    await client.close();
    assert.ok(isList(loaded));
    return loaded.items.map((item) => Buffer.from(textOf(item), 'latin1').toString()).join(', ');
  } finally {
    await redis.stop();
    releasePort(port);
  }
}

async function compare(name: string, manifest: string, isBeside: boolean): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'darter-manifest-'));
  try {
    fill(folder, manifest, isBeside);
    const ours = await loadedByDarter(folder);
    const theirs = await loadedByRedis(folder);
    return ours === theirs ? '' : `${name}: ${ours}, but Redis: ${theirs}`;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('manifests of append-only files', { skip: testedRedisMissing() }, () => {
  for (const [title, manifests] of [
    ['alone', LINES],
    ['with a file of before Redis 7 beside the folder', BESIDE],
  ] as const) {
    test(title, async () => {
      const differences: string[] = [];
      for (const [name, manifest] of Object.entries(manifests)) {
        const difference = await compare(name, manifest, manifests === BESIDE);
        if (difference !== '') differences.push(difference);
      }
      assert.deepEqual(differences, []);
    });
  }
});

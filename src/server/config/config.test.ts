import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Config } from './config.js';
import { Values } from './values.js';

function configOf(...entries: [string, string][]): Config {
  return Config.create(new Values([['dir', '/tmp'], ...entries]));
}

const failure = (name: string, reason: string): string =>
  `ERR CONFIG SET failed (possibly related to argument '${name}') - ${reason}`;

describe('configuration', () => {
  it('gives values by every name and in every form', () => {
    const config = configOf(['maxmemory', '1024'], ['bind', '127.0.0.1 ::1'], ['save', '60 5 1 2']);
    assert.equal(config.value('MAXMEMORY'), '1024');
    assert.equal(config.value('slave-priority'), '100');
    assert.equal(config.value('none'), '');
    assert.equal(config.number('maxmemory'), 1024);
    assert.equal(config.flag('protected-mode'), true);
    assert.deepEqual(config.words('bind'), ['127.0.0.1', '::1']);
    assert.deepEqual(config.words('replicaof'), []);
    assert.deepEqual(config.savePoints, [
      { seconds: 60, changes: 5 },
      { seconds: 1, changes: 2 },
    ]);
  });

  it('finds names by several patterns, each once', () => {
    const config = configOf();
    assert.deepEqual(config.get(['MaxMemory']), [['MaxMemory', '0']]);
    const names = (...patterns: string[]): string[] => config.get(patterns).map(([name]) => name);
    assert.deepEqual(names('maxmemory', 'MAXMEM??Y', 'none'), ['maxmemory']);
    assert.deepEqual(names('*-priority').sort(), ['replica-priority', 'slave-priority']);
  });

  it('sets all pairs or none, and says what is wrong', () => {
    const config = configOf();
    assert.equal(
      config.set([
        ['timeout', '7'],
        ['MAXMEMORY', '1gb'],
        ['save', '60 5'],
      ]),
      null,
    );
    assert.deepEqual(
      config.get(['timeout', 'maxmemory', 'save']).map(([, value]) => value),
      ['7', '1073741824', '60 5'],
    );
    const wrong = config.set([
      ['timeout', '9'],
      ['maxmemory', 'abc'],
    ]);
    assert.equal(wrong, failure('maxmemory', 'argument must be a memory value'));
    assert.equal(config.value('timeout'), '7');
  });

  it('refuses unknown, doubled, immutable and protected directives', () => {
    const config = configOf();
    const set = (...pairs: [string, string][]): string | null => config.set(pairs);
    assert.equal(
      set(['Nosuch', '1'], ['port', 'x']),
      "ERR Unknown option or number of arguments for CONFIG SET - 'Nosuch'",
    );
    assert.equal(
      set(['timeout', '1'], ['TIMEOUT', '2']),
      failure('TIMEOUT', 'duplicate parameter'),
    );
    assert.equal(set(['shards', '4']), failure('shards', "can't set immutable config"));
    assert.equal(set(['Dir', '/']), failure('Dir', "can't set protected config"));
    assert.equal(
      set(['aof-timestamp-enabled', 'yes']),
      failure('aof-timestamp-enabled', 'the journal of Darter has no timestamps'),
    );
  });

  it('allows protected directives to local clients, or to all, as configured', () => {
    const local = configOf(['enable-protected-configs', 'local']);
    assert.equal(local.set([['dir', '/']], false), failure('dir', "can't set protected config"));
    assert.equal(local.set([['dir', '/']], true), null);
    assert.equal(local.value('dir'), '/');
    const all = configOf(['enable-protected-configs', 'yes']);
    assert.equal(all.set([['dbfilename', 'a.rdb']], false), null);
  });

  it('is one for all threads, and tells listeners what changed', () => {
    const one = configOf();
    const other = Config.attach(one.buffer);
    const told: string[] = [];
    other.onChange('timeout', (value) => told.push(value));
    other.onChange('hz', (value) => told.push(value));
    assert.equal(other.refresh(), false);
    one.set([['timeout', '5']]);
    assert.equal(other.value('timeout'), '0');
    assert.equal(other.refresh(), true);
    assert.equal(other.value('timeout'), '5');
    assert.deepEqual(told, ['5']);
    // Starts from what the other has set, though it has not looked yet.
    one.set([['hz', '20']]);
    other.set([['maxclients', '50']]);
    one.refresh();
    assert.deepEqual([one.value('hz'), one.value('maxclients')], ['20', '50']);
    assert.deepEqual(told, ['5', '20']);
  });

  it('asks its guards before it changes anything', () => {
    const config = configOf();
    config.guard('bind', (value) => (value === 'bad' ? 'Failed to bind.' : null));
    const pairs: [string, string][] = [
      ['timeout', '5'],
      ['bind', 'bad'],
    ];
    assert.equal(config.set(pairs), failure('bind', 'Failed to bind.'));
    assert.equal(config.value('timeout'), '0');
    assert.equal(config.set([['bind', 'good']]), null);
  });

  it('lets the server itself set what CONFIG SET may not', () => {
    const config = configOf();
    config.assign('replicaof', ['10.0.0.1', '6379']);
    assert.equal(config.value('slaveof'), '10.0.0.1 6379');
    config.assign('replicaof', ['no', 'one']);
    assert.equal(config.value('replicaof'), '');
    assert.throws(() => config.assign('replicaof', ['x']), RangeError);
  });

  it('rewrites its file, when it has one', () => {
    assert.equal(configOf().rewrite(), 'ERR The server is running without a config file');
    const folder = mkdtempSync(join(tmpdir(), 'darter-config-'));
    try {
      const file = join(folder, 'a.conf');
      const config = Config.create(new Values([['dir', folder]]), file);
      const other = Config.attach(config.buffer);
      config.set([['timeout', '5']]);
      other.refresh();
      assert.equal(other.rewrite(), null);
      assert.match(readFileSync(file, 'utf8'), /^timeout 5$/m);
    } finally {
      rmSync(folder, { recursive: true });
    }
    const lost = Config.create(new Values([['dir', '/tmp']]), join(folder, 'a.conf'));
    assert.equal(lost.rewrite(), 'ERR Rewriting config file: No such file or directory');
  });

  it('answers when all values together are too long, and keeps what was', () => {
    const config = configOf();
    const long = 'x'.repeat(1024 * 1024);
    const names = ['requirepass', 'masterauth', 'masteruser', 'bind-source-addr'];
    const wrong = config.set(names.map((name) => [name, long]));
    const reason = 'all directives together would be too long';
    assert.equal(wrong, failure('requirepass', reason));
    assert.equal(Config.attach(config.buffer).value('requirepass'), '');
    assert.equal(config.set([['requirepass', long]]), null);
  });

  it('keeps values of any bytes', () => {
    const config = configOf();
    const password = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
    assert.equal(config.set([['requirepass', password]]), null);
    assert.equal(Config.attach(config.buffer).value('requirepass'), password);
  });
});

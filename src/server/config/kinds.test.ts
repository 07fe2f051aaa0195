import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DIRECTIVES, type DirectiveName } from './directives.js';
import { formatMemory, type Kind, parseMemory, Refusal } from './kinds.js';
import { splitWords } from './words.js';

function kindOf(name: DirectiveName): Kind {
  return DIRECTIVES[name]!.kind;
}

function parse(name: DirectiveName, words: readonly string[], value = ''): string {
  const result = kindOf(name).parse(words, value);
  return result instanceof Refusal ? `refused: ${result.message}` : result;
}

function linesOf(name: DirectiveName, value: string): string[] {
  const { kind, initial } = DIRECTIVES[name]!;
  return kind.lines(value, initial).flatMap((line) => (line.needed ? [line.arguments] : []));
}

describe('kinds of values', () => {
  it('reads sizes with units, as C does where they are too large', () => {
    const sizes: [string, bigint | null][] = [
      ['100', 100n],
      ['1k', 1000n],
      ['1KB', 1024n],
      ['2m', 2_000_000n],
      ['2mb', 2097152n],
      ['3g', 3_000_000_000n],
      ['3Gb', 3221225472n],
      ['7b', 7n],
      ['', 0n],
      ['99999999999999999999', 2n ** 64n - 1n],
      ['17179869184gb', 0n],
      ['1tb', null],
      ['-1', null],
      ['1 kb', null],
      ['1.5gb', null],
    ];
    for (const [word, bytes] of sizes) assert.equal(parseMemory(word), bytes, word);
  });

  it('writes sizes so that they read the same', () => {
    assert.equal(formatMemory(104857600n), '100mb');
    assert.equal(formatMemory(1500n), '1500');
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (bytes) => {
        assert.equal(parseMemory(formatMemory(bytes)), bytes);
      }),
    );
  });

  it('adds lines of save up and starts anew at an empty one', () => {
    assert.equal(parse('save', ['900', '1', '300', '10']), '900 1 300 10');
    assert.equal(parse('save', ['60', '5'], '900 1'), '900 1 60 5');
    assert.equal(parse('save', [''], '900 1'), '');
    assert.equal(parse('save', ['900']), 'refused: Invalid save parameters');
    assert.equal(parse('save', ['0', '1']), 'refused: Invalid save parameters');
    assert.deepEqual(linesOf('save', '900 1 60 5'), ['900 1', '60 5']);
    assert.deepEqual(linesOf('save', ''), ['""']);
  });

  it('changes the buffer limits of the classes named only', () => {
    const { initial } = DIRECTIVES['client-output-buffer-limit']!;
    const value = parse('client-output-buffer-limit', ['Replica', '1gb', '5k', '7'], initial);
    assert.equal(value, 'normal 0 0 0 slave 1073741824 5000 7 pubsub 33554432 8388608 60');
    assert.deepEqual(linesOf('client-output-buffer-limit', value), ['replica 1gb 5000 7']);
  });

  it('takes the address of a primary, and none', () => {
    assert.equal(parse('replicaof', ['10.0.0.1', '6379']), '10.0.0.1 6379');
    assert.equal(parse('replicaof', ['NO', 'one']), '');
    assert.equal(parse('replicaof', ['a', '65536']), 'refused: Invalid master port');
    assert.deepEqual(linesOf('replicaof', '10.0.0.1 6379'), ['10.0.0.1 6379']);
    assert.deepEqual(linesOf('replicaof', ''), []);
  });

  it('resolves folders, and knows which exist', () => {
    assert.equal(parse('dir', ['/tmp/../tmp/']), '/tmp');
    assert.equal(parse('dir', ['..'], '/tmp'), '/');
    assert.equal(parse('dir', ['/no-such-folder']), 'refused: No such file or directory');
    assert.equal(parse('dir', ['/etc/passwd']), 'refused: Not a directory');
  });

  it('accepts every initial value as its own text', () => {
    for (const [name, { kind, initial }] of Object.entries(DIRECTIVES)) {
      if (name === 'dir' || name === 'replicaof') continue;
      const words = kind.takesWords ? initial.split(' ') : [initial];
      const value = kind.parse(words, kind.adds === 'to the value' ? initial : '');
      assert.equal(value, initial, name);
    }
  });

  it('writes values of any kind so that they read the same', () => {
    const samples: [DirectiveName, string[]][] = [
      ['port', ['7000']],
      ['maxmemory', ['3gb']],
      ['maxmemory-clients', ['5%']],
      ['requirepass', ['a "b" \\ \xe9']],
      ['save', ['900', '1', '60', '5']],
      ['bind', ['127.0.0.1', '-::1']],
      ['bind', ['']],
      ['unixsocketperm', ['755']],
      ['shutdown-on-sigterm', ['now', 'save']],
      ['latency-tracking-info-percentiles', ['50', '99.5']],
      ['latency-tracking-info-percentiles', ['']],
      ['oom-score-adj-values', ['1', '-2', '3']],
      ['hz', ['1000']],
    ];
    for (const [name, words] of samples) {
      const value = parse(name, words);
      let again = '';
      for (const line of linesOf(name, value)) again = parse(name, splitWords(line)!, again);
      assert.equal(again, value, name);
    }
    assert.equal(parse('hz', ['1000']), '500');
    assert.equal(parse('shutdown-on-sigterm', ['now', 'save']), 'save now');
  });
});

describe("Darter's own directives", () => {
  const refusals = (name: DirectiveName, value: string): string | null =>
    DIRECTIVES[name]!.refuse?.(value) ?? null;

  it('says clearly what it does not support', () => {
    assert.match(refusals('aof-timestamp-enabled', 'yes') ?? '', /no timestamps/);
    // Templates of configurations set it for all servers; without cluster mode Redis does nothing with it.
    assert.equal(refusals('tls-cluster', 'yes'), null);
    assert.match(refusals('cluster-enabled', 'yes') ?? '', /cluster/);
  });

  it('writes the classes of keyspace events in one order', () => {
    assert.equal(parse('notify-keyspace-events', ['EKA']), 'AKE');
    assert.equal(parse('notify-keyspace-events', ['g$lshzxetdEKm']), 'AKEm');
    assert.equal(parse('notify-keyspace-events', ['nmxgK']), 'gxnKm');
    assert.equal(parse('notify-keyspace-events', ['nA']), 'An');
    assert.match(String(parse('notify-keyspace-events', ['q'])), /Invalid event class character/);
  });

  it('limits shards and their address space', () => {
    assert.equal(refusals('shards', '128'), null);
    assert.match(refusals('shards', '100') ?? '', /power of two/);
    assert.match(parse('shards', ['2048']), /between 1 and 1024/);
    assert.equal(refusals('shard-spread', '1'), null);
    assert.match(refusals('shard-spread', '12') ?? '', /power of two/);
    assert.match(parse('shard-spread', ['2048']), /between 1 and 1024/);
    assert.equal(parse('shard-bytes', ['2gb']), '2147483648');
    assert.match(parse('shard-bytes', ['3gb']), /between 1048576 and 2147483648/);
    assert.match(refusals('shard-bytes', '1048577') ?? '', /multiple of 1mb/);
    assert.match(parse('transport', ['tcp']), /auto, uring, epoll, portable/);
  });
});

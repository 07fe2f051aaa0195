import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { formatLogTime, Log, LogFile } from './log.js';

describe('log', () => {
  const lines: string[] = [];
  const now = (): number => new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
  const log = new Log((line) => lines.push(line), { pid: 12, now });

  it('writes lines as Redis does', () => {
    log.notice('Ready');
    log.role = 'S';
    log.warning('Careful');
    assert.deepEqual(lines.splice(0), [
      '12:M 02 Jan 2026 03:04:05.006 * Ready',
      '12:S 02 Jan 2026 03:04:05.006 # Careful',
    ]);
    assert.equal(
      formatLogTime(new Date(2026, 11, 31, 23, 59, 59, 999).getTime()),
      '31 Dec 2026 23:59:59.999',
    );
  });

  it('lets no message steer a terminal or begin a line', () => {
    log.notice('of a\u001b[2J\u009b\r\n1:M forged\u0000\u007f\tcaf\u00e9\n    at stack');
    assert.deepEqual(lines.splice(0), [
      '12:S 02 Jan 2026 03:04:05.006 * of a?[2J??\n  1:M forged??\tcaf\u00e9\n    at stack',
    ]);
  });

  it('cuts a message that is too long', () => {
    log.notice('x'.repeat(10_000_000));
    assert.equal(lines[0]!.length, '12:S 02 Jan 2026 03:04:05.006 * '.length + 16_384 + 3);
    assert.ok(lines.splice(0)[0]!.endsWith('xx...'));
  });

  it('leaves out what is below its level', () => {
    log.level = 'verbose';
    log.debug('d');
    log.verbose('v');
    assert.deepEqual(
      lines.splice(0).map((line) => line.slice(-3)),
      ['- v'],
    );
    log.level = 'warning';
    log.notice('n');
    log.write('warning', 'w');
    assert.deepEqual(
      lines.splice(0).map((line) => line.slice(-3)),
      ['# w'],
    );
  });

  it('appends to its file and reopens it after a rotation', () => {
    const folder = mkdtempSync(join(tmpdir(), 'darter-log-'));
    try {
      const path = join(folder, 'a.log');
      new LogFile(path).write('before');
      const file = new LogFile(path);
      file.write('one');
      renameSync(path, `${path}.1`);
      file.reopen();
      file.write('two');
      file.close();
      assert.equal(readFileSync(`${path}.1`, 'utf8'), 'before\none\n');
      assert.equal(readFileSync(path, 'utf8'), 'two\n');
      assert.throws(() => new LogFile(join(folder, 'none', 'a.log')), { code: 'ENOENT' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

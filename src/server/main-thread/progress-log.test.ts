import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Log } from '../../base/log.js';
import { ProgressLog } from './progress-log.js';
import { TerminalLog } from './terminal-log.js';

/** A log of messages alone, on a clock of the test's. */
function createLog(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const log = new Log((line) => lines.push(line.replace(/^.*? [*#] /, '')), { now: () => 0 });
  return { log, lines };
}

describe('progress in the log', () => {
  test('what is over within two seconds has one line', () => {
    const { log, lines } = createLog();
    const progress = new ProgressLog(log, 'Loading', 1000);
    for (let nowMs = 1000; nowMs < 3000; nowMs += 10) progress.note(nowMs, 1, 2, 1e6);
    progress.end(2900, 7, 19e6, 0);
    assert.deepEqual(lines, ['Loading is complete: 7 keys, 19.0 MB in 1.90 s, 10.0 MB/s']);
  });

  test('lines tell the share, the rate since the last one, and the time left', () => {
    const { log, lines } = createLog();
    const progress = new ProgressLog(log, 'Loading', 0);
    progress.note(2000, 25, 100, 20e6);
    progress.note(3999, 30, 100, 30e6);
    progress.note(4000, 50, 100, 60e6);
    progress.note(7000, 50, 0, 63e6);
    progress.end(8000, 100, 80e6, 3);
    assert.deepEqual(lines, [
      'Loading: 25.0 %, 10.0 MB/s, about 6.0 s left',
      'Loading: 50.0 %, 20.0 MB/s, about 4.0 s left',
      'Loading: 1.0 MB/s',
      'Loading is complete: 100 keys, 80.0 MB in 8.00 s, 10.0 MB/s, 3 shards sent again',
    ]);
  });

  test('an hour has few lines, and the time left is told in hours', () => {
    const { log, lines } = createLog();
    const progress = new ProgressLog(log, 'Loading', 0);
    const hourMs = 3600_000;
    for (let nowMs = 0; nowMs < hourMs; nowMs += 100)
      progress.note(nowMs, nowMs, 4 * hourMs, nowMs);
    assert.ok(lines.length > 20 && lines.length < 80, String(lines.length));
    assert.match(lines.at(-1)!, /^Loading: 2\d\.\d %, \d+\.\d MB\/s, about \d h \d+ min left$/);
  });

  test('on a terminal a bar stands below the lines, and leaves nothing behind', () => {
    let shown = '';
    const terminal = new TerminalLog(
      (text) => {
        shown += text;
      },
      () => 60,
    );
    const log = new Log((line) => terminal.line(line.replace(/^.*? [*#] /, '')), { now: () => 0 });
    log.bar = terminal;
    const progress = new ProgressLog(log, 'Loading', 0);
    progress.note(100, 1, 4, 1e6);
    assert.equal(shown, '');
    progress.note(1000, 1, 4, 1e6);
    progress.note(1010, 1, 4, 1e6);
    const bar = 'Loading [####------------] 25.0 %, 1.0 MB/s, about 3.0 s left';
    assert.equal(shown, bar.slice(0, 59), 'it fits into one line');
    log.notice('between');
    const other = new ProgressLog(log, 'Saving', 0);
    other.note(1000, 0, 0, 0);
    other.close();
    progress.end(2000, 4, 4e6, 0);
    assert.deepEqual(screenOf(shown), [
      'between',
      'Loading is complete: 4 keys, 4.0 MB in 2.00 s, 2.0 MB/s',
      '',
    ]);
  });
});

/** What a terminal shows in the end. */
function screenOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.slice(line.lastIndexOf('\x1b[K') + 1).replace('[K', ''));
}

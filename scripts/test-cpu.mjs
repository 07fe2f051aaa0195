/**
 * Loaded into each test process (scripts/test.mjs): when it ends, it adds a line to the file that
 * DARTER_TEST_CPU names, with the processor time of itself and of the processes that it has started and
 * seen end, in seconds, and its program. Only where there is /proc.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const STATISTICS = '/proc/self/stat';
const TICKS_A_SECOND = 100;
/** utime, stime, cutime, cstime: fields 14 to 17 of a process, here without those up to its name. */
const FIRST_FIELD = 11;

function cpuSeconds() {
  const text = readFileSync(STATISTICS, 'latin1');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = fields.slice(FIRST_FIELD, FIRST_FIELD + 4).map(Number);
  return ticks.reduce((sum, value) => sum + value) / TICKS_A_SECOND;
}

const report = process.env.DARTER_TEST_CPU;
if (report !== undefined && isMainThread && existsSync(STATISTICS)) {
  process.on('exit', () => appendFileSync(report, `${cpuSeconds()} ${process.argv[1]}\n`));
}

/** How processes end that have servers, and that they do not end with these. Each is a process of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { rootDirectory } from '../support/server.js';
import { ENTRY } from './support.js';

const FAULT = pathToFileURL(join(rootDirectory, 'dist/test/support/fault.js')).href;
const BEGINNING = `import { start } from '${pathToFileURL(ENTRY).href}';`;
/** Bounds failures only. */
const TIMEOUT_MS = 120_000;

interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

function run(program: string, env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, ...env },
    timeout: TIMEOUT_MS,
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  return new Promise((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, output, errors }));
  });
}

const SERVER = `${BEGINNING} const server = await start({ preset: 'test' });`;

test('process.exit ends the process with its code, whatever runs', async () => {
  assert.deepEqual(await run(`${SERVER} process.exit(7);`), {
    ...{ code: 7, signal: null, output: '', errors: '' },
  });
});

test('a server keeps its process alive, unless it is told not to', async () => {
  const program = `${SERVER} server.unref(); console.log('end');`;
  const { code, output, errors } = await run(program);
  assert.deepEqual({ code, output, errors }, { code: 0, output: 'end\n', errors: '' });
  const stopped = await run(`${SERVER} setTimeout(() => server.stop(), 10);`);
  assert.deepEqual([stopped.code, stopped.errors], [0, '']);
});

test("the program's own signals and exceptions end it as ever", async () => {
  const killed = await run(`${SERVER} process.kill(process.pid, 'SIGTERM');`);
  assert.deepEqual([killed.code, killed.signal], [null, 'SIGTERM']);
  const failed = await run(`${SERVER} setImmediate(() => { throw new Error('its own'); });`);
  assert.equal(failed.code, 1);
  assert.match(failed.errors, /Error: its own/);
});

/** The options that threads of the server do not inherit are given to them all the same. */
const FAULTY = `
  import { syncBuiltinESMExports } from 'node:module';
  import threads from 'node:worker_threads';
  import { readdirSync, writeFileSync } from 'node:fs';
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(file, options) {
      super(file, { ...options, env: { ...options.env, NODE_OPTIONS: '--import ${FAULT}' } });
    }
  };
  syncBuiltinESMExports();
  const { start } = await import('${pathToFileURL(ENTRY).href}');
  const held = () => readdirSync('/proc/self/fd').length;
  const before = held();
  const first = await start({ preset: 'test', threads: 2 });
  const server = await start({ preset: 'test', threads: 2 });
  writeFileSync(process.env.DARTER_FAULT_FILE, '');
  const ends = await Promise.allSettled([first.closed, server.closed]);
  console.log(ends.map(({ reason }) => reason.code + ' ' + reason.message).join('; '));
  await server.stop();
  console.log('left ' + (held() - before));
`;

for (const [thread, name] of [
  ['io-thread', 'I\\/O thread \\d died \\(Error: injected fault\\)'],
  // The fault comes again while it is told of, as a rule.
  ['embedded-thread', '(The main thread died \\(Error: )?injected fault\\)?'],
] as const) {
  test(`the process goes on when a thread of its servers dies: ${thread}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'darter-fault-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const { code, output, errors } = await run(FAULTY, {
      DARTER_FAULT_THREAD: thread,
      DARTER_FAULT_KIND: 'exception',
      DARTER_FAULT_FILE: join(folder, 'now'),
    });
    assert.equal(code, 0, errors);
    const why = `ERR_DARTER_DIED ${name}`;
    assert.match(output, new RegExp(`^${why}; ${why}\nleft \\d\n$`));
  });
}

/**
 * CPU profiles of threads that never return to their event loop. Such a thread cannot be reached
 * by an inspector from outside (it would not answer), but it can profile itself: V8 samples it by
 * signal whatever it is doing, and a session connected within the thread answers synchronously.
 *
 * Off unless the environment has DARTER_PROFILE=FOLDER. A thread calls `startProfile` before its
 * loop and `stopProfile` after it; each writes FOLDER/NAME.cpuprofile, which Chrome DevTools and
 * speedscope open. `npm run profile` does the rest.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { type Profiler, Session } from 'node:inspector';
import { join } from 'node:path';

const SAMPLING_MICROSECONDS = 250;

interface RunningProfile {
  readonly session: Session;
  readonly file: string;
}

let running: RunningProfile | undefined;

/** Begins to profile the calling thread, if profiles were asked for. One at a time per thread. */
export function startProfile(name: string): void {
  const folder = process.env.DARTER_PROFILE;
  if (folder === undefined || folder === '' || running !== undefined) return;
  mkdirSync(folder, { recursive: true });
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: SAMPLING_MICROSECONDS });
  session.post('Profiler.start');
  running = { session, file: join(folder, `${name}.cpuprofile`) };
}

/** Ends the calling thread's profile and writes it, before returning. */
export function stopProfile(): void {
  if (running === undefined) return;
  const { session, file } = running;
  running = undefined;
  let profile: Profiler.Profile | undefined;
  session.post('Profiler.stop', (error, result) => {
    if (error === null) profile = result.profile;
  });
  session.disconnect();
  if (profile !== undefined) writeFileSync(file, JSON.stringify(profile));
}

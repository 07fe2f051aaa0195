/**
 * A server that npm has started ends with it. npm passes a signal on to the shell that it runs commands
 * with, and the shell ends without passing it on: the server would be left behind.
 *
 * `npm start` replaces the shell by the server (`exec`, which exec.cmd stands for on Windows).
 * `npx darter` cannot do that.
 */

const POLL_MS = 250;

/** Calls `ended` when the parent process has ended, if it belongs to npm. */
export function endWithNpm(ended: () => void): void {
  const command = process.env.npm_command;
  if (command !== 'start' && command !== 'run-script' && command !== 'run' && command !== 'exec') {
    return;
  }
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    ended();
  }, POLL_MS);
  timer.unref();
}

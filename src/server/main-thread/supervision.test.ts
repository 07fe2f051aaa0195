import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Log } from '../../base/log.js';
import { isSupervised, Supervision } from './supervision.js';

function supervise(directive: string, environment: NodeJS.ProcessEnv, isSocketThere = true) {
  const lines: string[] = [];
  const sent: string[] = [];
  let pauses = 0;
  const supervision = new Supervision(directive, new Log((line) => lines.push(line)), {
    environment,
    send: (path, text) => {
      if (!isSocketThere) throw new Error('sendto: ENOENT');
      sent.push(`${path} ${text}`);
    },
    pause: () => {
      pauses++;
    },
  });
  return { supervision, sent, log: lines.join('\n'), pauses: () => pauses, lines };
}

test('systemd is told that the server loads, is ready, has synced, and stops', () => {
  const { supervision, sent } = supervise('systemd', { NOTIFY_SOCKET: '/s' });
  assert.equal(supervision.supervisor, 'systemd');
  supervision.ready(false);
  supervision.synced(true);
  supervision.synced(false);
  supervision.stopping();
  assert.deepEqual(sent, [
    '/s STATUS=Darter is loading...\n',
    '/s STATUS=Ready to accept connections\n',
    '/s READY=1\n',
    '/s STATUS=MASTER <-> REPLICA sync: Finished with success. Ready to accept connections in ' +
      'read-write mode.\n',
    '/s STATUS=MASTER <-> REPLICA sync: Partial Resynchronization accepted. Ready to accept ' +
      'connections in read-write mode.\n',
    '/s STOPPING=1\n',
  ]);
  const replica = supervise('systemd', { NOTIFY_SOCKET: '/s' });
  replica.supervision.ready(true);
  assert.match(replica.sent[1]!, /read-only mode\. Waiting for MASTER <-> REPLICA sync\n$/);
});

test('upstart lets a stopped process go on, once', () => {
  const environment: NodeJS.ProcessEnv = { UPSTART_JOB: 'darter' };
  const { supervision, pauses, sent } = supervise('upstart', environment);
  assert.equal(supervision.supervisor, 'upstart');
  assert.equal(pauses(), 1);
  assert.equal(environment.UPSTART_JOB, undefined);
  supervision.ready(false);
  assert.deepEqual(sent, []);
});

test('auto finds out who supervises', () => {
  assert.equal(supervise('auto', {}).supervision.supervisor, 'no');
  const systemd = supervise('auto', { NOTIFY_SOCKET: '@s' });
  assert.equal(systemd.supervision.supervisor, 'systemd');
  assert.match(systemd.log, /Systemd supervision detected\./);
  const upstart = supervise('auto', { UPSTART_JOB: 'j', NOTIFY_SOCKET: '@s' });
  assert.equal(upstart.supervision.supervisor, 'upstart');
  assert.equal(supervise('no', { NOTIFY_SOCKET: '@s' }).supervision.supervisor, 'no');
});

test('a supervisor that is not there is logged, and the server goes on', () => {
  const nowhere = supervise('systemd', {});
  assert.equal(nowhere.supervision.supervisor, 'no');
  assert.match(nowhere.log, /systemd supervision error: NOTIFY_SOCKET not found!/);
  const gone = supervise('systemd', { NOTIFY_SOCKET: '/s' }, false);
  assert.equal(gone.supervision.supervisor, 'no');
  assert.match(gone.log, /systemd supervision error: sd_notify: sendto: ENOENT/);
  assert.match(supervise('upstart', {}).log, /UPSTART_JOB not found!/);
});

test('who is supervised stays in the foreground', () => {
  assert.equal(isSupervised('no', { NOTIFY_SOCKET: '/s', UPSTART_JOB: 'j' }), false);
  assert.equal(isSupervised('auto', {}), false);
  assert.equal(isSupervised('auto', { UPSTART_JOB: 'j' }), true);
  assert.equal(isSupervised('systemd', { UPSTART_JOB: 'j' }), false);
  assert.equal(isSupervised('systemd', { NOTIFY_SOCKET: '/s' }), true);
});

import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, test } from 'node:test';
import { type Credentials, logIn } from './log-in.js';
import { RequestError } from './requests.js';

/** Names of one char per byte, as the server keeps them. */
const OPEN_USERS = ['default', 'caf\u00c3\u00a9'];

/** @returns the status that refuses it; 0 when the server was asked */
async function statusFor(credentials: Credentials, address: string): Promise<number> {
  const parts = {
    server: {
      takesPairs: () => {
        throw new Error('the server is asked');
      },
      offer: () => {},
      address: () => ({ path: '' }),
    },
    needsNoPassword: (user: string) => OPEN_USERS.includes(user),
  };
  const request = { socket: { remoteAddress: address, remotePort: 1 } };
  try {
    await logIn(parts, request as unknown as IncomingMessage, credentials);
  } catch (error) {
    assert.ok(error instanceof RequestError);
    return error.message === 'the server is asked' ? 0 : error.status;
  }
  throw new Error('nobody can be logged in here');
}

describe('console: who is asked for a password', () => {
  const elsewhere = '192.0.2.9';

  test('a user without a password gets in from this machine only', async () => {
    for (const user of ['', 'default', 'caf\u00e9']) {
      assert.equal(await statusFor({ user, password: 'any' }, elsewhere), 403, user);
      assert.equal(await statusFor({ user, password: 'any' }, '::ffff:192.0.2.9'), 403, user);
      assert.equal(await statusFor({ user, password: 'any' }, '127.0.0.1'), 0, user);
    }
    assert.equal(await statusFor({ user: 'closed', password: 'any' }, elsewhere), 0);
  });

  test("somebody else's name is no way in for the default user", async () => {
    assert.equal(await statusFor({ user: '', password: null }, elsewhere), 403);
    assert.equal(await statusFor({ user: 'closed', password: null }, elsewhere), 400);
    assert.equal(await statusFor({ user: 'closed', password: null }, '127.0.0.1'), 400);
    assert.equal(await statusFor({ user: '', password: null }, '127.0.0.1'), 0);
  });
});

/** A part of `npm run crash:pair`. */
import { test } from 'node:test';
import { claimPort } from '../support/ports.js';
import { Random, seedFromEnvironment } from '../support/random.js';
import { darterMissing, programMissing } from '../support/server.js';
import { ServerPair } from './pair.js';
import { newFolder } from './support.js';

test('who has taken over and dies is followed again once it is back with its journal', {
  skip: darterMissing() || programMissing('prlimit'),
}, async (t) => {
  const random = new Random(seedFromEnvironment());
  t.diagnostic(`seed ${random.seed}`);
  const ports = [await claimPort(), await claimPort()] as const;
  const pair = new ServerPair({ folder: newFolder(t), ports, policy: 'everysec', random });
  t.after(() => pair.end());
  await pair.begin();
  await pair.play('takeoverAndRestart');
});

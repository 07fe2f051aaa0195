/** What PUBSUB, PUBLISH and the like answer, over a port that remembers its calls. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CHANNEL, type PubSubPort } from '../contract/pubsub-port.js';
import { CommandTester } from '../contract/test-support.js';
import * as publish from './publish.js';
import * as pubsub from './pubsub.js';
import * as subscribe from './subscribe.js';
import * as unsubscribe from './unsubscribe.js';

/** There is room for one name. */
class OneName implements PubSubPort {
  subscribed = 0;

  subscribe(): boolean {
    if (this.subscribed === 1) return false;
    this.subscribed = 1;
    return true;
  }

  unsubscribe(): void {
    this.subscribed = 0;
  }

  unsubscribeAll(_: number, ended: (name: string) => void): void {
    if (this.subscribed === 0) return;
    this.subscribed = 0;
    ended('a');
  }

  watchCommands(): boolean {
    return true;
  }

  leave(): void {
    this.subscribed = 0;
  }

  subscriptionsOf(): number {
    return this.subscribed;
  }

  publish(kind: number): number {
    return kind === CHANNEL ? this.subscribed : 0;
  }

  subscribers(): number {
    return this.subscribed;
  }

  names(): number {
    return this.subscribed;
  }

  list(): Iterable<string> {
    return this.subscribed === 1 ? ['a'] : [];
  }
}

function tester(): CommandTester {
  const definitions = [publish, pubsub, subscribe, unsubscribe].flatMap((module) =>
    Object.values(module),
  );
  return new CommandTester(definitions, { server: { pubsub: new OneName() } });
}

test('SUBSCRIBE says when there is no room for a name, and goes on', () => {
  const commands = tester();
  assert.equal(
    commands.runRaw('SUBSCRIBE', 'a', 'b'),
    '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n' +
      '-OOM no room for the names of more channels and patterns, they may take 1 GiB\r\n',
  );
  assert.equal(commands.run('PUBLISH', 'a', 'm'), 1);
  assert.deepEqual(commands.run('PUBSUB', 'CHANNELS'), ['a']);
  assert.equal(commands.runRaw('UNSUBSCRIBE'), '*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n');
});

test('a name to subscribe to may have a mebibyte', () => {
  const commands = tester();
  const error = '-ERR the name of a channel or pattern to subscribe to may have 1048576 bytes\r\n';
  assert.equal(commands.runRaw('SUBSCRIBE', 'x'.repeat((1 << 20) + 1)), error);
  assert.match(commands.runRaw('SUBSCRIBE', 'x'.repeat(1 << 20)), /:1\r\n$/);
});

test('PUBSUB HELP lists the subcommands', () => {
  const lines = (tester().run('PUBSUB', 'HELP') as string[]).join('\n');
  for (const name of ['CHANNELS', 'NUMPAT', 'NUMSUB', 'SHARDCHANNELS', 'SHARDNUMSUB', 'HELP']) {
    assert.match(lines, new RegExp(name));
  }
});

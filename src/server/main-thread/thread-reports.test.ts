import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ThreadReports } from './thread-reports.js';

const report = (thread: number) => ({ thread, figures: null });

test('all who ask at once share one question, and get all answers', async () => {
  const asked: number[] = [];
  const reports = new ThreadReports(2, (number) => asked.push(number));
  const [one, other] = [reports.collect(false), reports.collect(false)];
  reports.take(1, report(1));
  reports.take(1, report(0));
  assert.deepEqual(await one, { reports: [report(0), report(1)], silent: [] });
  assert.equal(await other, await one);
  const next = reports.collect(false);
  reports.take(1, report(0));
  reports.take(2, report(1));
  reports.take(2, report(0));
  assert.deepEqual((await next).silent, []);
  assert.deepEqual(asked, [1, 2]);
});

test('questions with and without figures do not mix', async () => {
  const asked: (readonly [number, boolean])[] = [];
  const reports = new ThreadReports(1, (number, withFigures) => asked.push([number, withFigures]));
  const alive = reports.collect(false);
  const figures = reports.collect(true);
  const early = { thread: 0, figures: null };
  reports.take(1, early);
  assert.equal((await alive).reports[0], early);
  const late = report(0);
  reports.take(2, late);
  assert.equal((await figures).reports[0], late);
  assert.deepEqual(asked, [
    [1, false],
    [2, true],
  ]);
});

test('a thread that does not answer in time is named', async () => {
  const reports = new ThreadReports(3, () => {}, 1);
  const answer = reports.collect(false);
  reports.take(1, report(2));
  assert.deepEqual(await answer, { reports: [report(2)], silent: [0, 1] });
});

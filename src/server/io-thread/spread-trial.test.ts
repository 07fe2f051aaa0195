import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SpreadVerdicts } from '../channel/spread-verdicts.js';
import { PERIOD_MS } from './placement.js';
import { SpreadTrial } from './spread-trial.js';

class Model {
  readonly shared = SpreadVerdicts.create(3);
  readonly verdicts = new SpreadVerdicts(this.shared.recalls, this.shared.holds);
  readonly trial = new SpreadTrial(0, this.verdicts);
  nowMs = 1000;
  commands = 0;
  idleCores = 0;

  run(periods: number, perPeriod: number): void {
    for (let i = 0; i < periods; i++) {
      this.nowMs += PERIOD_MS;
      this.commands += perPeriod;
      this.trial.period(this.nowMs, this.commands, () => this.idleCores);
    }
  }

  /** A trial from its first period to its verdict. */
  try(before: number, after: number): void {
    this.run(6, before);
    this.trial.begin(1);
    assert.equal(this.trial.isRunning, true);
    this.run(20, after);
    assert.equal(this.trial.isRunning, false);
  }

  get isRecalled(): boolean {
    const isRecalled = this.verdicts.recalledTo(1) === 0;
    this.verdicts.recalled(1);
    return isRecalled;
  }
}

describe('trials of a second thread', () => {
  test('what is faster stays', () => {
    const model = new Model();
    model.try(1000, 1200);
    assert.equal(model.isRecalled, false);
    assert.equal(model.verdicts.mayTry(model.nowMs), true);
  });

  test('what is no faster comes back, and is not tried again for a while', () => {
    const model = new Model();
    model.try(1000, 1050);
    assert.equal(model.isRecalled, true);
    assert.equal(model.verdicts.mayTry(model.nowMs + 9_999), false);
    assert.equal(model.verdicts.mayTry(model.nowMs + 10_000), true);
    model.try(1000, 900);
    assert.equal(model.verdicts.mayTry(model.nowMs + 19_999), false);
    for (let i = 0; i < 10; i++) model.try(1000, 900);
    assert.equal(model.verdicts.mayTry(model.nowMs + 319_999), false);
    assert.equal(model.verdicts.mayTry(model.nowMs + 320_000), true);
    model.try(1000, 2000);
    model.try(1000, 900);
    assert.equal(
      model.verdicts.mayTry(model.nowMs + 10_000),
      true,
      'a success forgets the failures',
    );
  });

  test('a load at its own pace leaves cores idle: it stays', () => {
    const model = new Model();
    model.idleCores = 0.4;
    model.try(1000, 1000);
    assert.equal(model.isRecalled, false);
  });

  test('the first second does not count: code is compiled then', () => {
    const model = new Model();
    model.run(6, 1000);
    model.trial.begin(2);
    model.run(10, 100);
    model.run(10, 1500);
    assert.equal(model.verdicts.recalledTo(2), -1);
    assert.equal(model.trial.isRunning, false);
  });

  test('counters that were set back, and a load that is over, tell nothing', () => {
    const model = new Model();
    model.run(6, 1000);
    model.trial.begin(1);
    model.run(12, 900);
    model.commands = 0;
    model.run(8, 900);
    assert.equal(model.isRecalled, false);
    model.run(6, 1000);
    model.trial.begin(1);
    model.idleCores = 1.9;
    model.run(20, 0);
    assert.equal(model.isRecalled, false);
  });

  test('the rate before is that of the last busy half second', () => {
    const model = new Model();
    model.run(20, 10_000);
    model.trial.rest();
    model.run(2, 20_000);
    model.run(5, 1000);
    model.trial.begin(1);
    model.run(20, 1200);
    assert.equal(model.isRecalled, false);
  });
});

/** The machine of roles, step by step; `test/simulation/roles-world.ts` runs it with faults. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LinkedReplica, Peer, RoleAction, RoleHost } from './contract.js';
import { EndedTakeovers, OVER } from './contract.js';
import { Roles } from './roles.js';

const HEIR: LinkedReplica = { key: 'k', host: 'heir', port: 2, runId: 'h' };
const PRIMARY: Peer = { host: 'primary', port: 1, runId: 'p' };

class FakeHost implements RoleHost {
  now = 0;
  ids = 0;
  online: Peer | null = null;
  applied = 0;
  replicas: LinkedReplica[] = [];
  acknowledged = 0;
  done: RoleAction[] = [];
  readonly roles = new Roles(this);

  nowMs(): number {
    return this.now;
  }
  newId(): string {
    return `id${++this.ids}`;
  }
  primary(): Peer | null {
    return this.online;
  }
  hasApplied(heads: readonly number[]): boolean {
    return heads.every((head) => this.applied >= head);
  }
  replicasAt(heads: readonly number[]): readonly LinkedReplica[] {
    return heads.every((head) => this.acknowledged >= head) ? this.replicas : [];
  }
  perform(action: RoleAction): void {
    this.done.push(action);
  }
  notice(): void {}
  warning(): void {}

  /** What was done since the last time, in short. */
  take(): string[] {
    return this.done.splice(0).map((action) => {
      if (action.kind === 'answer') return `answer ${action.to}: ${action.text}`;
      if (action.kind === 'send') return `send ${action.message}`;
      if (action.kind === 'hold') return `hold ${action.untilMs}`;
      return action.kind;
    });
  }
}

/** A primary that holds writes for a heir, with its heads at 8. */
function holding(timeoutMs = 100): FakeHost {
  const host = new FakeHost();
  host.roles.handOverAsked('t', HEIR, timeoutMs, 1);
  host.roles.handOver.held('t', [8]);
  assert.deepEqual(host.take(), [`hold ${timeoutMs}`, 'answer 1: 8']);
  return host;
}

function replica(): FakeHost {
  const host = new FakeHost();
  host.roles.replicaOf(PRIMARY, 0);
  host.online = PRIMARY;
  host.take();
  return host;
}

/** An heir that has sent COMMIT. */
function committing(): FakeHost {
  const host = replica();
  host.roles.replTakeOver(100, 1);
  host.roles.takeOver.replied('id1', 'hand-over', { heads: [8] });
  assert.deepEqual(host.take(), ['send hand-over']);
  host.applied = 8;
  host.roles.tick();
  assert.deepEqual(host.take(), ['send commit']);
  return host;
}

describe('roles: the primary', () => {
  test('gives its role away once, and says so as often as it is asked', () => {
    const host = holding();
    host.roles.handOver.commit('t', 2);
    assert.deepEqual(host.take(), ['close']);
    assert.equal(host.roles.isPrimary, true);
    host.roles.handOver.closed('t', [8]);
    assert.deepEqual(host.take(), ['follow', 'answer 2: 8']);
    assert.equal(host.roles.isPrimary, false);
    host.roles.handOver.commit('t', 3);
    assert.deepEqual(host.take(), ['answer 3: 8']);
    assert.equal(host.roles.expectedHeir?.runId, 'h');
    host.roles.linked();
    assert.equal(host.roles.expectedHeir, null);
  });

  test("follows another process at its heir's address on an order only, also on one that came early", () => {
    for (const isEarly of [false, true]) {
      const host = holding();
      host.roles.handOver.commit('t', 2);
      host.roles.handOver.closed('t', [8]);
      host.take();
      const { expectedHeir, following } = host.roles;
      host.roles.heirSought(true);
      const order = () => host.roles.replicaOf({ ...following! }, 3);
      if (isEarly) {
        order();
        assert.deepEqual(host.take(), ['answer 3: +OK Already connected to specified master']);
        assert.equal(host.roles.expectedHeir, expectedHeir);
        host.roles.handOver.commit('t', 4);
        assert.deepEqual(host.take(), ['answer 4: 8'], 'the role stays given away');
      }
      host.roles.heirSought(false);
      if (!isEarly) {
        assert.deepEqual(host.take(), []);
        order();
      }
      assert.deepEqual(host.take(), isEarly ? ['follow'] : ['follow', 'answer 3: +OK']);
      assert.equal(host.roles.expectedHeir, null);
    }
  });

  test('takes no role back once its data is of another primary', () => {
    for (const isServed of [false, true]) {
      const host = holding();
      host.roles.handOver.commit('t', 2);
      host.roles.handOver.closed('t', [8]);
      host.take();
      if (isServed) assert.equal(host.roles.joining(), true);
      host.roles.abortAsked('t', 3);
      assert.deepEqual(host.take(), isServed ? ['answer 3: +OK'] : ['answer 3: +OK', 'promote']);
      assert.equal(host.roles.joining(), isServed, 'one that becomes a primary joins nobody');
    }
  });

  test('holds writes until the deadline, and commits nothing after it', () => {
    const host = holding();
    host.now = 99;
    host.roles.tick();
    assert.deepEqual(host.take(), []);
    host.now = 100;
    host.roles.tick();
    assert.deepEqual(host.take(), ['open']);
    host.roles.handOver.commit('t', 2);
    assert.deepEqual(host.take(), [`answer 2: -${OVER} this takeover is over`]);
  });

  test('that was stopped past the deadline asks its clock before it commits', () => {
    const host = holding();
    host.now = 5000;
    host.roles.handOver.commit('t', 2);
    assert.deepEqual(host.take(), ['open', `answer 2: -${OVER} this takeover is over`]);
  });

  test('commits nothing when there were writes since it told its heads, or the time went by', () => {
    for (const [now, head] of [
      [1, 12],
      [100, 8],
    ] as const) {
      const host = holding();
      host.roles.handOver.commit('t', 2);
      host.take();
      host.now = now;
      host.roles.handOver.closed('t', [head]);
      assert.deepEqual(host.take(), ['open', `answer 2: -${OVER} this takeover is over`]);
      assert.equal(host.roles.isPrimary, true);
    }
  });

  test('takes one takeover at a time, and none again that is over', () => {
    const host = holding();
    const other = { ...HEIR, key: 'other' };
    host.roles.handOverAsked('u', other, 100, 2);
    assert.deepEqual(host.take(), ['answer 2: -ERR another takeover is under way']);
    host.roles.abortAsked('t', 3);
    assert.deepEqual(host.take(), ['open', 'answer 3: +OK']);
    host.roles.handOverAsked('t', HEIR, 100, 4);
    assert.deepEqual(host.take(), [`answer 4: -${OVER} this takeover is over`]);
    // ABORT may come before HANDOVER.
    host.roles.abortAsked('v', 5);
    host.roles.handOverAsked('v', HEIR, 100, 6);
    assert.deepEqual(host.take(), ['answer 5: +OK', `answer 6: -${OVER} this takeover is over`]);
  });

  test('ends a takeover whose heir is lost or comes anew, also while it closes', () => {
    for (const lose of ['lost', 'anew'] as const) {
      const host = holding();
      host.roles.handOver.commit('t', 2);
      host.take();
      if (lose === 'lost') host.roles.handOver.replicaLost('k');
      else host.roles.handOver.rejoined('h');
      host.roles.handOver.closed('t', [8]);
      assert.deepEqual(host.take(), ['open', `answer 2: -${OVER} this takeover is over`]);
    }
  });

  test('takes its role back from an heir that gives it up', () => {
    const host = holding();
    host.roles.handOver.commit('t', 2);
    host.roles.handOver.closed('t', [8]);
    host.take();
    host.roles.abortAsked('t', 3);
    assert.deepEqual(host.take(), ['answer 3: +OK', 'promote']);
    assert.equal(host.roles.isPrimary, true);
  });

  test('keeps to a later order: what was given away counts no more', () => {
    const host = holding();
    host.roles.replicaOf(PRIMARY, 9);
    assert.deepEqual(host.take(), ['answer 9: -ERR REPLICAOF not allowed while failing over.']);
    host.roles.handOver.commit('t', 2);
    host.roles.handOver.closed('t', [8]);
    host.roles.replicaOf(null, 3);
    assert.deepEqual(host.take(), ['close', 'follow', 'answer 2: 8', 'promote', 'answer 3: +OK']);
    host.roles.handOver.commit('t', 4);
    assert.deepEqual(host.take(), [`answer 4: -${OVER} this takeover is over`]);
    host.roles.abortAsked('t', 5);
    assert.deepEqual(host.take(), ['answer 5: +OK']);
  });
});

describe('roles: the heir', () => {
  test('is a primary only on the word of the primary', () => {
    const host = committing();
    host.now = 50;
    host.roles.takeOver.replied('id1', 'commit', null);
    host.roles.takeOver.replied('id1', 'commit', { line: '-LOADING not now' });
    host.now = 299;
    host.roles.tick();
    assert.deepEqual(host.take(), []);
    host.now = 300;
    host.roles.tick();
    assert.deepEqual(host.take(), ['send commit']);
    assert.equal(host.roles.isPrimary, false);
    host.roles.takeOver.replied('id1', 'commit', { heads: [8] });
    assert.deepEqual(host.take(), ['promote', 'answer 1: +OK']);
    assert.equal(host.roles.isPrimary, true);
  });

  test('tells its client when the outcome is not known, and asks on', () => {
    const host = committing();
    host.now = 2000;
    host.roles.tick();
    const [answer] = host.take();
    assert.match(answer!, /answer 1: -ERR REPLTAKEOVER: the primary has not answered whether/);
    host.roles.takeOver.replied('id1', 'commit', { heads: [8] });
    assert.deepEqual(host.take(), ['promote']);
  });

  test('stays a replica when the takeover is over', () => {
    const host = committing();
    host.roles.takeOver.replied('id1', 'commit', { line: `-${OVER} this takeover is over` });
    assert.match(host.take()[0]!, /answer 1: -ERR REPLTAKEOVER: .*nothing has changed/);
    host.roles.takeOver.replied('id1', 'commit', { heads: [8] });
    assert.deepEqual(host.take(), []);
  });

  test('whose primary serves it anew takes no late word for its own', () => {
    const host = committing();
    host.roles.linked();
    assert.match(host.take()[0]!, /answer 1: -ERR REPLTAKEOVER: .*nothing has changed/);
    host.roles.takeOver.replied('id1', 'commit', { heads: [8] });
    assert.deepEqual(host.take(), []);
  });

  test('gives up before COMMIT at its deadline, and with its link', () => {
    for (const how of ['deadline', 'link', 'reply'] as const) {
      const host = replica();
      host.roles.replTakeOver(1, 1);
      if (how === 'deadline') host.now = 1;
      else if (how === 'link') host.online = null;
      else host.roles.takeOver.replied('id1', 'hand-over', null);
      host.roles.tick();
      const done = host.take();
      assert.deepEqual(done.slice(0, 2), ['send hand-over', 'send abort']);
      assert.match(done[2]!, /answer 1: -ERR REPLTAKEOVER: .*; nothing has changed/);
      host.roles.takeOver.replied('id1', 'hand-over', { heads: [0] });
      host.roles.tick();
      assert.deepEqual(host.take(), []);
    }
  });

  test('withdraws no longer when it is told to be a primary', () => {
    const host = committing();
    host.roles.replicaOf({ host: 'other', port: 3 }, 2);
    host.roles.replicaOf(null, 3);
    host.take();
    host.now = 9999;
    host.roles.tick();
    assert.deepEqual(host.take(), []);
  });

  test('withdraws when it is told to follow another, until that is known', () => {
    const host = committing();
    host.roles.replicaOf({ host: 'other', port: 3 }, 2);
    const done = host.take();
    assert.match(done[0]!, /answer 1: -ERR REPLTAKEOVER: called off/);
    assert.deepEqual(done.slice(1), ['follow', 'answer 2: +OK']);
    host.roles.tick();
    assert.deepEqual(host.take(), ['send abort']);
    host.roles.takeOver.replied('id1', 'abort', null);
    host.now = 250;
    host.roles.tick();
    assert.deepEqual(host.take(), ['send abort']);
    host.roles.takeOver.replied('id1', 'abort', { line: '+OK' });
    host.now = 9999;
    host.roles.tick();
    assert.deepEqual(host.take(), []);
  });

  test('gives the role back when it lacks writes', () => {
    const host = committing();
    host.applied = 4;
    host.roles.takeOver.replied('id1', 'commit', { heads: [8] });
    assert.match(host.take()[0]!, /answer 1: -ERR REPLTAKEOVER: this replica lacks writes/);
    host.roles.tick();
    assert.deepEqual(host.take(), ['send abort']);
    assert.equal(host.roles.isPrimary, false);
  });

  test('takes over for its own primary only', () => {
    const host = replica();
    host.roles.takeOver.asked('t', 'stranger', 100, 1);
    assert.match(host.take()[0]!, /answer 1: -ERR this server is not in stable sync/);
    host.roles.takeOver.asked('t', 'p', 0, 2);
    host.roles.takeOver.asked('t', 'p', 0, 3);
    assert.deepEqual(host.take(), ['answer 2: +OK', 'send hand-over', 'answer 3: +OK']);
  });
});

describe('roles: FAILOVER', () => {
  const ORDER = { target: null, timeoutMs: 100, isForced: false };

  test('waits for a replica that has everything, and asks it to take over', () => {
    const host = new FakeHost();
    host.roles.failover(ORDER, 1);
    assert.deepEqual(host.take(), ['hold 100', 'answer 1: +OK']);
    assert.equal(host.roles.failoverState, 'waiting-for-sync');
    host.roles.handOver.held('id1', [8]);
    host.replicas = [HEIR];
    host.roles.tick();
    assert.deepEqual(host.take(), []);
    host.acknowledged = 8;
    host.roles.tick();
    host.roles.tick();
    assert.deepEqual(host.take(), ['ask-target']);
    assert.equal(host.roles.failoverState, 'failover-in-progress');
    host.roles.handOver.targetReplied('id1', null);
    host.roles.handOverAsked('id1', HEIR, 0, 2);
    host.roles.handOver.commit('id1', 3);
    host.roles.handOver.closed('id1', [8]);
    assert.deepEqual(host.take(), ['answer 2: 8', 'close', 'follow', 'answer 3: 8']);
    assert.equal(host.roles.failoverState, 'no-failover');
  });

  test('asks again without an answer, and ends with a refusal', () => {
    const host = new FakeHost();
    host.replicas = [HEIR];
    host.roles.failover({ ...ORDER, timeoutMs: 0 }, 1);
    host.roles.handOver.held('id1', []);
    host.roles.tick();
    host.roles.handOver.targetReplied('id1', '');
    host.now = 250;
    host.roles.tick();
    assert.deepEqual(host.take().slice(2), ['ask-target', 'ask-target']);
    host.roles.handOver.targetReplied('id1', '-ERR no');
    assert.deepEqual(host.take(), ['open']);
    assert.equal(host.roles.failoverState, 'no-failover');
  });

  test('an id belongs to one replica: the next one is asked under another', () => {
    const host = new FakeHost();
    host.replicas = [HEIR];
    host.roles.failover(ORDER, 1);
    host.roles.handOver.held('id1', []);
    host.roles.tick();
    host.roles.handOver.replicaLost('k');
    host.replicas = [{ ...HEIR, key: 'l', runId: 'i' }];
    host.roles.tick();
    host.take();
    // The first one comes late, and gives up. The second one is not concerned.
    host.roles.handOverAsked('id1', HEIR, 0, 2);
    host.roles.abortAsked('id1', 3);
    assert.deepEqual(host.take(), [`answer 2: -${OVER} this takeover is over`, 'answer 3: +OK']);
    host.roles.handOverAsked('id2', host.replicas[0]!, 0, 4);
    assert.deepEqual(host.take(), ['answer 4: ']);
  });

  test('asks again while the target is busy with an earlier request, which ends it nowhere', () => {
    const host = replica();
    host.roles.takeOver.asked('late', 'p', 0, 1);
    host.roles.takeOver.asked('next', 'p', 0, 2);
    const busy = host.take()[2]!.slice('answer 2: '.length);
    host.roles.takeOver.replied('late', 'hand-over', { line: `-${OVER} this takeover is over` });
    host.roles.takeOver.asked('next', 'p', 0, 3);
    assert.deepEqual(host.take(), ['send abort', 'answer 3: +OK', 'send hand-over']);
    const primary = new FakeHost();
    primary.replicas = [HEIR];
    primary.roles.failover({ ...ORDER, timeoutMs: 0 }, 1);
    primary.roles.handOver.held('id1', []);
    primary.roles.tick();
    primary.roles.handOver.targetReplied('id1', busy);
    primary.now = 250;
    primary.roles.tick();
    assert.deepEqual(primary.take().slice(2), ['ask-target', 'ask-target']);
  });

  test('with FORCE goes on after its timeout with what the target has', () => {
    const host = new FakeHost();
    host.replicas = [HEIR];
    host.roles.failover({ target: HEIR, timeoutMs: 100, isForced: true }, 1);
    host.roles.handOver.held('id1', [8]);
    host.roles.tick();
    host.take();
    host.now = 100;
    host.roles.tick();
    host.roles.tick();
    assert.deepEqual(host.take(), ['hold Infinity', 'ask-target']);
    host.roles.handOverAsked('id1', HEIR, 0, 2);
    assert.deepEqual(host.take(), ['answer 2: ']);
    host.roles.failoverAbort(3);
    assert.deepEqual(host.take(), ['open', 'answer 3: +OK']);
    host.roles.failoverAbort(4);
    assert.deepEqual(host.take(), ['answer 4: -ERR No failover in progress.']);
  });

  test('a server remembers the takeovers that are over, and not without a bound', () => {
    const ended = new EndedTakeovers();
    for (let i = 0; i < 300; i++) ended.add(String(i));
    assert.equal(ended.has('0'), false);
    assert.equal(ended.has('299'), true);
    assert.equal(ended.has('100'), true);
  });
});

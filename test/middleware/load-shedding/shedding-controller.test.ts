import type { LoadReading } from '../../../src/middleware/load-shedding/overload-watch.js';
import { priorities, SheddingController } from '../../../src/middleware/load-shedding/shedding-controller.js';
import { createLifecycle, type SheddingReason } from '../../../src/support/lifecycle.js';

const settings = { maxWaitMs: 50, sustainedMs: 1000 };
const serviceMs = 5;

const [low, normal, high] = priorities.map((_name, rank) => rank) as [number, number, number];

type Kind = 'new' | 'keep-alive' | 'blind';

/**
 * A server in a simulated time: one request takes 5 ms of its event loop, a refusal 0.1 ms. New connections are
 * fetched one per turn, those that wait on open ones all at once. `load` is a multiple of what it can do.
 */
function simulate(kind: Kind, controller = new SheddingController(settings)) {
  let now = 1000;
  let dueAt = now + 20;
  let readAt = now;
  let idle = 0;
  let owed = 0;
  let cycle = 0;
  let waiting: { rank: number; at: number }[] = [];
  const served: { rank: number; waitedMs: number }[] = [];
  const refused: Record<SheddingReason, number> = createLifecycle().shedding.refused;
  const ranksRefused: number[] = [];

  const arrive = (ms: number, load: number, ranks: number[]) => {
    owed += (ms * load) / serviceMs;
    for (; owed >= 1; owed--) waiting.push({ rank: ranks[cycle++ % ranks.length] as number, at: now });
  };
  const take = (ms: number, load: number, ranks: number[]) => {
    now += ms;
    arrive(ms, load, ranks);
  };
  const read = () => {
    if (now < dueAt) return;
    const elapsed = now - readAt;
    const reading: LoadReading = {
      now,
      delayMs: now - dueAt,
      activeMs: elapsed - idle,
      idleMs: idle,
      queued: kind === 'new' ? waiting.length : kind === 'blind' ? undefined : 0,
      fresh: true,
    };
    controller.read(reading);
    readAt = now;
    idle = 0;
    dueAt = now + 20;
  };

  return {
    controller,
    refused,
    ranksRefused,
    served,
    get waiting() {
      return waiting.length;
    },
    /** One task that nobody can interrupt. */
    block(ms: number, load: number, ranks = [normal]) {
      take(ms, load, ranks);
      read();
    },
    pass(ms: number, load: number, ranks = [normal]) {
      const until = now + ms;
      while (now < until) {
        if (waiting.length === 0) {
          idle += 1;
          take(1, load, ranks);
        }
        const turnAt = now;
        const batch = kind === 'keep-alive' ? waiting : waiting.slice(0, 1);
        waiting = kind === 'keep-alive' ? [] : waiting.slice(1);
        for (const { rank, at } of batch) {
          if (controller.since === undefined) controller.count();
          else {
            const reason = controller.refuses(rank, Math.max(now - turnAt, now - dueAt), now);
            if (reason !== undefined) {
              refused[reason]++;
              ranksRefused.push(rank);
              take(0.1, load, ranks);
              continue;
            }
          }
          take(serviceMs, load, ranks);
          served.push({ rank, waitedMs: now - at });
        }
        read();
      }
      return this;
    },
  };
}

const total = (refused: Record<SheddingReason, number>) =>
  Object.values(refused).reduce((sum, count) => sum + count, 0);

const percentile99 = (values: number[]) =>
  [...values].sort((a, b) => a - b)[Math.ceil(values.length * 0.99) - 1] as number;

describe('the set of refused requests', () => {
  it.each<Kind>(['new', 'keep-alive', 'blind'])('is empty at 0.8 of capacity (%s)', (kind) => {
    const server = simulate(kind).pass(60_000, 0.8);
    expect(total(server.refused)).toBe(0);
  });

  it.each(['new', 'keep-alive'] as const)(
    'is those beyond a short queue, at twice the capacity (%s connections)',
    (kind) => {
      const server = simulate(kind).pass(3000, 2);
      const before = server.served.length;
      server.pass(10_000, 2);
      const served = server.served.slice(before);
      expect(served.length).toBeGreaterThan(0.9 * (10_000 / serviceMs));
      expect(percentile99(served.map(({ waitedMs }) => waitedMs))).toBeLessThan(12 * serviceMs);
      expect(server.controller.since).toBeDefined();
    },
  );

  it('is those above saturation of the event loop where the queue cannot be read', () => {
    const server = simulate('blind').pass(20_000, 2);
    const before = server.served.length;
    server.pass(10_000, 2);
    expect(server.served.length - before).toBeGreaterThan(0.75 * (10_000 / serviceMs));
    expect(server.refused.utilization).toBeGreaterThan(0);
    expect(server.waiting).toBeLessThan(100);
  });

  it('ends when the load does', () => {
    const server = simulate('new').pass(3000, 2);
    expect(server.controller.since).toBeDefined();
    server.pass(5000, 0.5);
    expect(server.controller.since).toBeUndefined();
    const refused = total(server.refused);
    server.pass(60_000, 0.8);
    expect(total(server.refused)).toBe(refused);
  });

  it.each([
    ['new', 0.5],
    ['new', 0.8],
    ['new', 0.9],
    ['keep-alive', 0.5],
    ['keep-alive', 0.8],
    ['keep-alive', 0.9],
    ['blind', 0.5],
    ['blind', 0.8],
  ] as const)('is empty in the minute after a task of 2 s (%s, %d of capacity)', (kind, load) => {
    const server = simulate(kind).pass(10_000, load);
    server.block(2000, load);
    server.pass(60_000, load);
    expect(total(server.refused)).toBe(0);
  });

  it('requires delay and utilization, over a window', () => {
    const readings = (count: number, delayMs: number, idleMs: number) => {
      const controller = new SheddingController(settings);
      for (let now = 0, i = 0; i < count; i++, now += 100) {
        for (let request = 0; request < 20; request++) controller.count();
        controller.read({ now, delayMs, activeMs: 100 - idleMs, idleMs, queued: 0, fresh: true });
      }
      return controller.since;
    };
    expect(readings(15, 200, 0)).toBeDefined();
    // late, but with time to spare: something else holds the process up
    expect(readings(15, 200, 30)).toBeUndefined();
    // busy, but on time
    expect(readings(15, 5, 0)).toBeUndefined();
    // both, for less than the window
    expect(readings(9, 200, 0)).toBeUndefined();
  });

  it('does not depend on chance', () => {
    const random = jest.spyOn(Math, 'random');
    const runs = [0, 1].map(() => simulate('new').pass(10_000, 2, [low, normal, high]).ranksRefused);
    expect(random).not.toHaveBeenCalled();
    random.mockRestore();
    expect(runs[0]?.length).toBeGreaterThan(0);
    expect(runs[0]).toEqual(runs[1]);
  });

  it.each<Kind>(['new', 'keep-alive'])('is the lowest priority first (%s)', (kind) => {
    // at 1.6 times the capacity three quarters of the load can go, and one quarter is high
    const server = simulate(kind).pass(5000, 1.6, [low, low, low, high]);
    server.ranksRefused.length = 0;
    server.pass(10_000, 1.6, [low, low, low, high]);
    expect(server.ranksRefused.length).toBeGreaterThan(0);
    expect(server.ranksRefused.filter((rank) => rank === high)).toEqual([]);
  });

  it.each<Kind>(['new', 'keep-alive'])('is the next priority where the lowest is not enough (%s)', (kind) => {
    const ranks = [low, normal, normal, normal, high];
    const server = simulate(kind).pass(20_000, 2.5, ranks);
    server.ranksRefused.length = 0;
    const before = server.served.length;
    server.pass(10_000, 2.5, ranks);
    const served = server.served.slice(before);
    const share = (rank: number) => served.filter((request) => request.rank === rank).length / served.length;
    expect(server.ranksRefused.filter((rank) => rank === high).length).toBeLessThan(10);
    expect(share(low)).toBeLessThan(0.05);
    expect(share(normal)).toBeGreaterThan(0.3);
    expect(share(high)).toBeGreaterThan(0.4);
  });
});

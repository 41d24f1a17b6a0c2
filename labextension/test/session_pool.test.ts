// @vitest-environment jsdom
// One connection for each session that a page shows, at rest while nobody looks.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { REST_AFTER_MS, SessionPool } from '../src/session_pool';
import { ManualPort, hidePage, line, replayComplete, replayStart } from './fakes';

let ports: Map<string, ManualPort>;
let opened: string[];
let pool: SessionPool;

function open(sessionId: string): ManualPort {
  const port = new ManualPort();
  opened.push(sessionId);
  ports.set(sessionId, port);
  return port;
}

beforeEach(() => {
  vi.useFakeTimers();
  hidePage(false);
  [ports, opened] = [new Map(), []];
  pool = new SessionPool(open, { schedule: flush => flush() });
});

afterEach(() => {
  pool.dispose();
  hidePage(false);
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function portOf(sessionId: string): ManualPort {
  const port = ports.get(sessionId);
  if (port === undefined) {
    throw new Error(`Nothing was opened for ${sessionId}.`);
  }
  return port;
}

const rests = (sessionId: string) => portOf(sessionId).resting;
const isOpen = (sessionId: string) => portOf(sessionId).handler !== null;

describe('a session', () => {
  test('is connected once, however many show it, and apart from others', () => {
    const [one, two] = [pool.acquire('a'), pool.acquire('a')];
    expect(one.store).toBe(two.store);
    expect(pool.acquire('b').store).not.toBe(one.store);
    expect(opened).toEqual(['a', 'b']);
  });

  test('is reached by the port that whoever comes first brings', () => {
    const port = new ManualPort();
    pool.acquire('a', () => port);
    pool.acquire('a');
    expect(opened).toEqual([]);
    expect(port.handler).not.toBeNull();
  });

  test('is let go when the last one that shows it has, after a second', async () => {
    const [one, two] = [pool.acquire('a'), pool.acquire('a')];
    one.release();
    await pass(5000);
    expect(isOpen('a')).toBe(true);
    two.release();
    await pass(999);
    expect(isOpen('a')).toBe(true);
    await pass(1);
    expect(isOpen('a')).toBe(false);
    pool.acquire('a');
    expect(opened).toEqual(['a', 'a']);
  });

  test('that is let go and shown again within a second keeps its connection', async () => {
    const before = pool.acquire('a');
    portOf('a').say(replayStart(1, 1), line(1), replayComplete(1));
    before.release();
    await pass(900);
    const after = pool.acquire('a');
    await pass(5000);
    expect(opened).toEqual(['a']);
    expect(isOpen('a')).toBe(true);
    expect(after.store.getState().snapshot.last_seq).toBe(1);
  });

  test('that is let go twice is let go once', async () => {
    const [one] = [pool.acquire('a'), pool.acquire('a')];
    one.release();
    one.release();
    await pass(5000);
    expect(isOpen('a')).toBe(true);
  });
});

describe('nobody looks', () => {
  test('and after five minutes it rests; a glance wakes it at once', async () => {
    const lease = pool.acquire('a');
    lease.setVisible(false);
    await pass(REST_AFTER_MS - 1);
    expect(rests('a')).toBe(false);
    await pass(1);
    expect(rests('a')).toBe(true);
    lease.setVisible(true);
    expect(rests('a')).toBe(false);
  });

  test('for less than five minutes, and it does not rest', async () => {
    const lease = pool.acquire('a');
    lease.setVisible(false);
    await pass(REST_AFTER_MS - 1);
    lease.setVisible(true);
    await pass(REST_AFTER_MS);
    expect(rests('a')).toBe(false);
  });

  test('at one view, but at another: it does not rest', async () => {
    const [one, two] = [pool.acquire('a'), pool.acquire('a')];
    one.setVisible(false);
    await pass(2 * REST_AFTER_MS);
    expect(rests('a')).toBe(false);
    two.release();
    await pass(REST_AFTER_MS);
    expect(rests('a')).toBe(true);
  });

  test('at a page that is hidden: all rest, and wake when it is seen', async () => {
    pool.acquire('a');
    pool.acquire('b').setVisible(false);
    hidePage(true);
    await pass(REST_AFTER_MS);
    expect([rests('a'), rests('b')]).toEqual([true, true]);
    hidePage(false);
    expect([rests('a'), rests('b')]).toEqual([false, true]);
  });

  test('since it was seen last, whatever goes out of sight meanwhile', async () => {
    const lease = pool.acquire('a');
    lease.setVisible(false);
    await pass(REST_AFTER_MS - 1000);
    hidePage(true);
    lease.setVisible(false);
    await pass(1000);
    expect(rests('a')).toBe(true);
  });

  test('and a view that is added wakes it', async () => {
    pool.acquire('a').setVisible(false);
    await pass(REST_AFTER_MS);
    pool.acquire('a');
    expect(rests('a')).toBe(false);
  });

  test('after so long as was asked for', async () => {
    pool.dispose();
    pool = new SessionPool(open, { restAfterMs: 10 });
    pool.acquire('a').setVisible(false);
    await pass(10);
    expect(rests('a')).toBe(true);
  });

  test('any more, and it ends without resting first', async () => {
    pool.acquire('a').release();
    await pass(2 * REST_AFTER_MS);
    expect(isOpen('a')).toBe(false);
    expect(rests('a')).toBe(false);
  });
});

test('a session is seen while a view of it is in sight, on a page that is', () => {
  expect(pool.isSeen('a')).toBe(false);
  const lease = pool.acquire('a');
  expect(pool.isSeen('a')).toBe(true);
  lease.setVisible(false);
  expect(pool.isSeen('a')).toBe(false);
  const other = pool.acquire('a');
  expect(pool.isSeen('a')).toBe(true);
  hidePage(true);
  expect(pool.isSeen('a')).toBe(false);
  hidePage(false);
  other.release();
  expect(pool.isSeen('a')).toBe(false);
});

test('a pool that is disposed lets go of all, and nothing that is left wakes it', async () => {
  const lease = pool.acquire('a');
  pool.dispose();
  expect(isOpen('a')).toBe(false);
  lease.setVisible(false);
  hidePage(true);
  await pass(2 * REST_AFTER_MS);
  expect(rests('a')).toBe(false);
  lease.release();
  expect(opened).toEqual(['a']);
});

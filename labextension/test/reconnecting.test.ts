// @vitest-environment jsdom
// A socket that is lost, refused, given up, put to rest, and comes back.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { Refusal } from '../src/port';
import { Reconnecting } from '../src/reconnecting';
import { FakeServer, hidePage, words } from './fakes';

const TRIES = 3;
const forbidden: Refusal = { code: 'forbidden', message: 'No.' };

let server: FakeServer;
let line: Reconnecting;
let frames: (readonly unknown[])[];
let told: string[];
let refusals: (Refusal | undefined)[];
let asked: number;
/** What the server says of why; an Error while it is down. */
let why: Refusal | null | Error;

beforeEach(() => {
  vi.useFakeTimers();
  hidePage(false);
  server = new FakeServer();
  [frames, told, refusals, asked, why] = [[], [], [], 0, null];
  line = new Reconnecting({
    open: () => server.open('ws', new URLSearchParams(), []),
    askWhy: () => {
      asked += 1;
      return why instanceof Error ? Promise.reject(why) : Promise.resolve(why);
    },
    frame: messages => {
      frames.push(messages);
      line.isLive();
    },
    changed: (state, refusal) => {
      told.push(state);
      refusals.push(refusal);
    },
    unreadable: words.unreadable,
    backoff: n => (n > TRIES ? null : 100 * n)
  });
});

afterEach(() => {
  line.stop();
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

function live(): void {
  line.start();
  server.latest.onmessage?.({ data: '[1]' });
}

/** Lose the socket, and every one that is tried after it. */
async function loseAll(): Promise<void> {
  for (let i = 0; i <= TRIES; i += 1) {
    server.latest.drop();
    await pass(1000);
  }
}

describe('giving up', () => {
  test('comes after all tries, each after its wait', async () => {
    live();
    server.latest.drop();
    await pass(99);
    expect(server.sockets).toHaveLength(1);
    await pass(1);
    expect(server.sockets).toHaveLength(2);
    server.latest.drop();
    await pass(199);
    expect(server.sockets).toHaveLength(2);
    await pass(1);
    server.latest.drop();
    await pass(300);
    server.latest.drop();
    await pass(60_000);
    expect(server.sockets).toHaveLength(1 + TRIES);
    expect(told).toEqual(['live', 'reconnecting', 'offline']);
  });

  test('is forgotten once it is live: the next loss has all tries before it', async () => {
    live();
    server.latest.drop();
    await pass(100);
    server.latest.drop();
    await pass(200);
    server.latest.onmessage?.({ data: '[2]' });
    server.latest.drop();
    await pass(100);
    expect(server.sockets).toHaveLength(4);
  });

  test('is at once where a frame cannot be read, and says so', async () => {
    live();
    server.latest.onmessage?.({ data: 'not JSON' });
    await pass(60_000);
    expect(told.at(-1)).toBe('offline');
    expect(refusals.at(-1)?.message).toBe(words.unreadable);
    expect(server.sockets).toHaveLength(1);
  });
});

describe('after it gave up', () => {
  test('it begins anew when the browser is online again', async () => {
    live();
    await loseAll();
    window.dispatchEvent(new Event('online'));
    expect(server.sockets).toHaveLength(2 + TRIES);
    expect(told.at(-1)).toBe('reconnecting');
    await loseAll();
    expect(server.sockets).toHaveLength(2 + 2 * TRIES);
  });

  test('it begins anew when somebody looks at the page again, not when the page is hidden', async () => {
    live();
    await loseAll();
    hidePage(true);
    expect(told.at(-1)).toBe('offline');
    hidePage(false);
    expect(told.at(-1)).toBe('reconnecting');
  });

  test('it says that it was never live, if it never was', async () => {
    line.start();
    await loseAll();
    expect(told).toEqual(['offline']);
    line.retry();
    expect(told.at(-1)).toBe('connecting');
  });

  test('it does not begin anew once nobody listens', async () => {
    live();
    await loseAll();
    line.stop();
    window.dispatchEvent(new Event('online'));
    hidePage(false);
    line.retry();
    expect(server.sockets).toHaveLength(1 + TRIES);
  });
});

describe('before it has given up', () => {
  test('nothing hurries it: neither the network nor a glance at the page', async () => {
    live();
    window.dispatchEvent(new Event('online'));
    server.latest.drop();
    window.dispatchEvent(new Event('online'));
    hidePage(false);
    await pass(99);
    expect(server.sockets).toHaveLength(1);
  });

  test('a refusal is not undone by the network', async () => {
    why = forbidden;
    line.start();
    server.latest.drop();
    await pass(0);
    window.dispatchEvent(new Event('online'));
    expect(server.sockets).toHaveLength(1);
    expect(told.at(-1)).toBe('refused');
  });
});

describe('at rest', () => {
  test('it holds no socket, tells nothing, and tries nothing', async () => {
    live();
    line.rest();
    expect(server.latest.closed).toBe(true);
    server.latest.drop();
    window.dispatchEvent(new Event('online'));
    line.retry();
    await pass(60_000);
    expect(server.sockets).toHaveLength(1);
    expect(told).toEqual(['live']);
  });

  test('it drops a try that was due', async () => {
    live();
    server.latest.drop();
    line.rest();
    await pass(60_000);
    expect(server.sockets).toHaveLength(1);
  });

  test('it carries nothing', () => {
    live();
    expect(line.send('"a"')).toBe(true);
    line.rest();
    expect(line.send('"b"')).toBe(false);
    expect(server.latest.sent).toEqual(['a']);
  });

  test('it connects at once when it wakes', () => {
    live();
    line.rest();
    line.wake();
    expect(server.sockets).toHaveLength(2);
    expect(told).toEqual(['live', 'reconnecting']);
    server.latest.onmessage?.({ data: '[2]' });
    expect(told.at(-1)).toBe('live');
  });

  test('a late frame of the socket it dropped is ignored, also after it woke', () => {
    live();
    const [first] = server.sockets;
    line.rest();
    first.onmessage?.({ data: '[2]' });
    line.wake();
    first.onmessage?.({ data: '[3]' });
    first.drop();
    expect(frames).toEqual([[1]]);
    expect(told.at(-1)).toBe('reconnecting');
  });

  test('what was refused stays so when it wakes', async () => {
    why = forbidden;
    line.start();
    server.latest.drop();
    await pass(0);
    line.rest();
    line.wake();
    expect(server.sockets).toHaveLength(1);
  });

  test('an answer to why it was refused comes too late', async () => {
    why = forbidden;
    line.start();
    server.latest.drop();
    line.rest();
    await pass(0);
    expect(told).toEqual([]);
  });
});

describe('why it was refused', () => {
  test('is asked once, and told', async () => {
    why = forbidden;
    line.start();
    server.latest.drop();
    await pass(60_000);
    expect(asked).toBe(1);
    expect(told).toEqual(['refused']);
    expect(refusals).toEqual([forbidden]);
    expect(server.sockets).toHaveLength(1);
  });

  test('is asked once where nothing speaks against trying on', async () => {
    line.start();
    await loseAll();
    expect(asked).toBe(1);
    expect(told).toEqual(['offline']);
  });

  test('is asked again while the server is down, for one that comes up may refuse', async () => {
    why = new Error('down');
    line.start();
    server.latest.drop();
    await pass(100);
    expect([asked, told]).toEqual([1, []]);
    why = forbidden;
    server.latest.drop();
    await pass(0);
    expect([told, refusals]).toEqual([['refused'], [forbidden]]);
  });

  test('is asked again where somebody asks to try again', async () => {
    line.start();
    await loseAll();
    why = forbidden;
    line.retry();
    server.latest.drop();
    await pass(0);
    expect([asked, told.at(-1)]).toEqual([2, 'refused']);
  });

  test('is not asked when a live one is lost', async () => {
    live();
    server.latest.drop();
    await pass(0);
    expect(asked).toBe(0);
  });
});

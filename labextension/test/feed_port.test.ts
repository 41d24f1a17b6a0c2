// The feed of all sessions: one list for each connection, then what changes.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { FeedPort } from '../src/feed_port';
import type { FeedHandler } from '../src/feed_port';
import type { Connection, Refusal } from '../src/port';
import type { FeedMessage } from '../src/protocol';
import { FakeServer, words } from './fakes';
import { session } from './notices_fakes';

class HeardFeed implements FeedHandler {
  lists = 0;
  readonly all: FeedMessage[] = [];
  readonly states: Connection[] = [];
  refusal: Refusal | undefined;

  begins(): void {
    this.lists += 1;
  }

  messages(batch: readonly FeedMessage[]): void {
    this.all.push(...batch);
  }

  connection(state: Connection, refusal?: Refusal): void {
    this.states.push(state);
    this.refusal = refusal;
  }
}

const LISTED: FeedMessage = { type: 'sessions_listed', count: 1, rev: 5 };

function changed(sessionId: string, rev: number): FeedMessage {
  const summary = session(sessionId);
  return { type: 'session', session_id: sessionId, rev, summary, forgotten: false };
}

let server: FakeServer;
let heard: HeardFeed;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  heard = new HeardFeed();
});

afterEach(() => {
  vi.useRealTimers();
});

function watching(ended?: number) {
  const port = new FeedPort({ server, words, ended, backoff: n => (n > 2 ? null : 100) });
  return { port, stop: port.subscribe(heard) };
}

test('it asks in batches for so many ended sessions, or for all', () => {
  watching(200);
  expect(server.latest.path).toBe('ws');
  expect(server.latest.query.toString()).toBe('ended=200');
  expect(server.latest.protocols).toEqual(['hitl.v1.batch']);
  watching();
  expect(server.latest.query.toString()).toBe('');
});

test('it is live when all have been listed, and not before', () => {
  watching();
  server.latest.say(changed('a', 4));
  expect(heard.states).toEqual([]);
  server.latest.say(LISTED);
  expect(heard.states).toEqual(['live']);
  server.latest.say(changed('a', 6));
  expect(heard.all).toEqual([changed('a', 4), LISTED, changed('a', 6)]);
});

test('each connection lists anew, and says so first', async () => {
  watching(7);
  expect(heard.lists).toBe(1);
  server.latest.say(LISTED);
  server.latest.drop();
  await vi.advanceTimersByTimeAsync(100);
  expect(heard.lists).toBe(2);
  expect(server.latest.query.toString()).toBe('ended=7');
  server.latest.say(LISTED);
  expect(heard.states).toEqual(['live', 'reconnecting', 'live']);
});

test.each([
  [401, words.feedForbidden],
  [403, words.feedForbidden],
  [404, words.noServer]
])('a refusal with status %i is told in a sentence, and not tried again', async (status, text) => {
  server.reply = () => new Response('', { status });
  watching();
  server.latest.drop();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(heard.states.at(-1)).toBe('refused');
  expect(heard.refusal?.message).toBe(text);
  expect(server.paths).toEqual(['sessions?limit=1']);
  expect(server.sockets).toHaveLength(1);
});

test.each([
  ['that is down', () => new Error('down')],
  ['that is well', () => Response.json({})]
])('a server %s is tried until it is given up, and again when asked', async (_, reply) => {
  server.reply = reply;
  const { port } = watching();
  for (let i = 0; i < 3; i += 1) {
    server.latest.drop();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(heard.states.at(-1)).toBe('offline');
  port.reconnect();
  expect(server.sockets).toHaveLength(4);
  expect(heard.states.at(-1)).toBe('connecting');
});

test('it tells nothing once it is stopped', () => {
  const { stop } = watching();
  stop();
  expect(server.latest.closed).toBe(true);
  server.latest.say(LISTED);
  expect([heard.all, heard.states]).toEqual([[], []]);
});

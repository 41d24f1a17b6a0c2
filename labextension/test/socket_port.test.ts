import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { FIRST_MS, LONGEST_MS, TRIES, doubling } from '../src/backoff';
import { SocketPort } from '../src/socket_port';
import { EMPTY } from '../src/snapshot';
import type { Reply } from '../src/port';
import {
  FakeSocket,
  Heard,
  base,
  confirmation,
  line,
  replayComplete,
  replayStart,
  resolved,
  status,
  words
} from './fakes';

let sockets: FakeSocket[];
let requests: string[];
let statusCode: number;

function connect(options: { after?: number; tail?: number | null; tries?: number } = {}) {
  const { after = 0, tail = 100, tries = 3 } = options;
  const heard = new Heard();
  const port = new SocketPort({
    sessionId: 'a/b',
    words,
    backoff: n => (n > tries ? null : 100 * n),
    server: {
      open: (path, query, protocols) => {
        const socket = new FakeSocket(path, query, protocols);
        sockets.push(socket);
        return socket;
      },
      request: path => {
        requests.push(path);
        return Promise.resolve(new Response('[]', { status: statusCode }));
      }
    }
  });
  const stop = port.subscribe(heard, { after, tail });
  return { port, heard, stop };
}

const latest = () => sockets[sockets.length - 1];

/** A viewer that has seen events 1 to 3 live. */
function live() {
  const connected = connect();
  latest().say(
    replayStart(1, 3, { ...EMPTY, last_seq: 3 }),
    line(1),
    line(2),
    line(3),
    replayComplete(3)
  );
  return connected;
}

const confirm = { type: 'confirm', value: true, request_id: 'r' } as const;

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  requests = [];
  statusCode = 200;
});

afterEach(() => {
  vi.useRealTimers();
});

describe('connecting', () => {
  test('a new viewer asks for a snapshot and a tail, in batches', () => {
    connect({ tail: 500 });
    expect(latest().path).toBe('ws/a%2Fb');
    expect(latest().query.toString()).toBe('tail=500');
    expect(latest().protocols).toEqual(['hitl.v1.batch']);
  });

  test('it is live only when the replay is complete', () => {
    const { heard } = connect();
    latest().say(replayStart(1, 1), line(1));
    expect(heard.states).toEqual([]);
    latest().say(replayComplete(1));
    expect(heard.states).toEqual(['live']);
  });

  test('a single message in a frame is as good as a batch', () => {
    const { heard } = live();
    latest().onmessage?.({ data: JSON.stringify(line(4)) });
    expect(heard.seqs).toEqual([1, 2, 3, 4]);
  });
});

describe('a lost connection', () => {
  test('is resumed after the last event seen, under the epoch it was seen in', async () => {
    const { heard } = live();
    latest().drop();
    expect(heard.states).toEqual(['live', 'reconnecting']);
    await vi.advanceTimersByTimeAsync(100);
    expect(sockets).toHaveLength(2);
    expect(latest().query.toString()).toBe('after=3&epoch=7');
    latest().say(replayStart(4, 4), line(4), replayComplete(4));
    expect(heard.states).toEqual(['live', 'reconnecting', 'live']);
    expect(heard.seqs).toEqual([1, 2, 3, 4]);
  });

  test('brings no event twice, whatever is replayed', async () => {
    const { heard } = live();
    latest().drop();
    await vi.advanceTimersByTimeAsync(100);
    latest().say(replayStart(2, 4), line(2), line(3), line(4), replayComplete(4));
    expect(heard.seqs).toEqual([1, 2, 3, 4]);
  });

  test('after a reset takes the history from the start', async () => {
    const { heard } = live();
    latest().drop();
    await vi.advanceTimersByTimeAsync(100);
    latest().say(
      { type: 'reset', session_id: 's', epoch: 8 },
      replayStart(1, 1),
      line(1, 'another'),
      replayComplete(1)
    );
    expect(heard.seqs).toEqual([1, 2, 3, 1]);
  });

  test('ends offline when no try succeeds, and begins anew when asked', async () => {
    const { port, heard } = live();
    for (let i = 0; i <= 3; i += 1) {
      latest().drop();
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(heard.states.at(-1)).toBe('offline');
    expect(sockets).toHaveLength(4);
    port.reconnect();
    expect(sockets).toHaveLength(5);
    expect(heard.states.at(-1)).toBe('reconnecting');
  });

  test('is not resumed once nobody watches', async () => {
    const { stop } = live();
    stop();
    latest().drop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sockets).toHaveLength(1);
    expect(latest().closed).toBe(true);
  });
});

describe('a refused connection', () => {
  test.each([
    [404, words.unknownSession],
    [403, words.forbidden]
  ])('with status %i is said in words, and not tried again', async (code, sentence) => {
    statusCode = code;
    const { heard } = connect();
    latest().drop();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(requests).toEqual(['session-info/a%2Fb']);
    expect(heard.states.at(-1)).toBe('refused');
    expect(heard.refusal?.message).toBe(sentence);
    expect(sockets).toHaveLength(1);
  });

  test('by an error message before the replay is final too', () => {
    const { heard } = connect();
    latest().say({
      type: 'error',
      session_id: 's',
      code: 'not_found',
      message: 'No such session.'
    });
    expect(heard.states).toEqual(['refused']);
    expect(heard.refusal?.message).toBe('No such session.');
  });

  test('of a session that was forgotten meanwhile is final', () => {
    const { heard } = live();
    latest().say({ type: 'error', session_id: 's', code: 'not_found', message: 'Forgotten.' });
    expect(heard.states).toEqual(['live', 'refused']);
  });

  test('after a loss is asked about once the next try fails', async () => {
    statusCode = 404;
    const { heard } = live();
    latest().drop();
    expect(requests).toEqual([]);
    await vi.advanceTimersByTimeAsync(100);
    latest().drop();
    await vi.advanceTimersByTimeAsync(0);
    expect(heard.states.at(-1)).toBe('refused');
  });

  test('an unreadable frame ends in offline, not in a loop', async () => {
    const { heard } = live();
    latest().onmessage?.({ data: '[NaN]' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(heard.states.at(-1)).toBe('offline');
    expect(sockets).toHaveLength(1);
  });
});

describe('a command', () => {
  async function settledYet(reply: Promise<Reply>): Promise<boolean> {
    const pending = Symbol('pending');
    return (await Promise.race([reply, Promise.resolve(pending)])) !== pending;
  }

  test('counts when the request is resolved', async () => {
    const { port } = live();
    const reply = port.send(confirm);
    expect(latest().sent[0]).toMatchObject(confirm);
    expect(latest().sent[0]['idempotency_key']).toMatch(/^[0-9a-f]{32}$/);
    latest().say(confirmation(4, 'other'), resolved(5, 'other'));
    expect(await settledYet(reply)).toBe(false);
    latest().say(resolved(6, 'r'));
    expect(await reply).toEqual({ ok: true });
  });

  test('is refused by the error that carries its key, with the errors of its fields', async () => {
    const { port } = live();
    const reply = port.send({ type: 'user_input', values: {}, request_id: 'r' });
    latest().say({
      type: 'error',
      session_id: 's',
      code: 'invalid_values',
      message: 'No.',
      idempotency_key: String(latest().sent[0]['idempotency_key']),
      errors: [{ field: 'a.b', message: 'too long' }]
    });
    expect(await reply).toMatchObject({
      ok: false,
      refusal: { code: 'invalid_values', errors: [{ field: 'a.b', message: 'too long' }] }
    });
  });

  test('is not refused by the error of another', async () => {
    const { port } = live();
    const reply = port.send(confirm);
    latest().say({
      ...{ type: 'error', session_id: 's', code: 'x', message: '' },
      request_id: 'r',
      idempotency_key: 'not mine'
    });
    expect(await settledYet(reply)).toBe(false);
  });

  test('is sent again after a reconnect, under the same key', async () => {
    const { port } = live();
    const reply = port.send(confirm);
    const first = latest().sent[0];
    latest().drop();
    await vi.advanceTimersByTimeAsync(100);
    expect(latest().sent).toEqual([]);
    latest().say(replayStart(4, 3), replayComplete(3));
    expect(latest().sent).toEqual([first]);
    latest().say(resolved(4, 'r'));
    expect(await reply).toEqual({ ok: true });
  });

  test('that the replay already shows as done is not sent again', async () => {
    const { port } = live();
    const reply = port.send(confirm);
    latest().drop();
    await vi.advanceTimersByTimeAsync(100);
    latest().say(replayStart(4, 4), resolved(4, 'r'), replayComplete(4));
    expect(await reply).toEqual({ ok: true });
    expect(latest().sent).toEqual([]);
  });

  test('without a reply says so after a minute', async () => {
    const { port } = live();
    const reply = port.send(confirm);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await reply).toMatchObject({ ok: false, refusal: { code: 'no_reply' } });
  });

  test('is refused at once while offline', async () => {
    const { port } = connect({ tries: 0 });
    latest().drop();
    await vi.advanceTimersByTimeAsync(0);
    expect(await port.send(confirm)).toMatchObject({ ok: false, refusal: { code: 'offline' } });
  });

  test('a cancel counts when the session is cancelling, a forced one when it has ended', async () => {
    const { port } = live();
    const cancel = port.send({ type: 'cancel' });
    const force = port.send({ type: 'cancel', force: true });
    latest().say(status(4, 'cancelling'));
    expect(await cancel).toEqual({ ok: true });
    expect(await settledYet(force)).toBe(false);
    latest().say(status(5, 'cancelled'));
    expect(await force).toEqual({ ok: true });
  });

  test('a draft is sent without waiting for anything, and not kept', async () => {
    const { port } = live();
    const draft = { type: 'draft', request_id: 'r', values: { a: 1 } } as const;
    expect(await port.send(draft)).toEqual({ ok: true });
    expect(latest().sent).toEqual([draft]);
    latest().drop();
    expect(await port.send(draft)).toMatchObject({ ok: false });
  });
});

describe('at rest', () => {
  test('nothing is told or sent, and it goes on after the last event', async () => {
    const { port, heard } = live();
    port.rest();
    expect(latest().closed).toBe(true);
    const draft = { type: 'draft', request_id: 'r', values: {} } as const;
    expect(await port.send(draft)).toMatchObject({ ok: false, refusal: { code: 'offline' } });
    expect(heard.states).toEqual(['live']);
    port.wake();
    expect(latest().query.toString()).toBe('after=3&epoch=7');
    latest().say(replayStart(4, 4), line(4), replayComplete(4));
    expect(heard.seqs).toEqual([1, 2, 3, 4]);
  });

  test('a session that has ended is not asked for again', () => {
    const { port } = live();
    latest().say(status(4, 'completed'));
    port.rest();
    port.wake();
    expect(sockets).toHaveLength(1);
  });
});

describe('the end of a session', () => {
  test('lets the socket go and stays shown as live', async () => {
    const { heard } = live();
    latest().say({ ...base, type: 'task_completed', seq: 4, values: null }, status(5, 'completed'));
    expect(latest().closed).toBe(true);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(sockets).toHaveLength(1);
    expect(heard.states).toEqual(['live']);
  });

  test('is known from the snapshot too', () => {
    connect();
    latest().say(replayStart(4, 3, { ...EMPTY, last_seq: 3, status: 'failed' }), replayComplete(3));
    expect(latest().closed).toBe(true);
  });
});

test('history is asked of the server, and a refusal is told in its words', async () => {
  const { port } = live();
  expect(await port.history(900, 50)).toEqual([]);
  expect(requests.at(-1)).toBe('sessions/a%2Fb/events?before=900&limit=50');
  statusCode = 404;
  await expect(port.history(900, 50)).rejects.toThrow();
});

test('waits double up to a bound, spread by half, and then end', () => {
  const shortest = doubling(() => 0);
  const longest = doubling(() => 1);
  expect([shortest(1), longest(1), longest(2)]).toEqual([FIRST_MS / 2, FIRST_MS, 2 * FIRST_MS]);
  expect(longest(TRIES)).toBe(LONGEST_MS);
  expect(longest(TRIES + 1)).toBeNull();
});

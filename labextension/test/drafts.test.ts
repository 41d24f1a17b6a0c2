import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { Drafts, TYPING_MS } from '../src/drafts';
import type { Reply } from '../src/port';
import type { DraftInput, RequestUserInput } from '../src/protocol';

const request = { request_id: 'r', initial: { subject: 'given' } } as unknown as RequestUserInput;

let sent: DraftInput[];
let reply: Reply;
let drafts: Drafts;

beforeEach(() => {
  vi.useFakeTimers();
  sent = [];
  reply = { ok: true };
  drafts = new Drafts(command => {
    sent.push(command);
    return Promise.resolve(reply);
  });
});

afterEach(() => {
  vi.useRealTimers();
});

const incoming = { type: 'draft', session_id: 's', request_id: 'r', revision: 1 } as const;

test('a form begins with what the host gave', () => {
  expect(drafts.values(request)).toEqual({ subject: 'given' });
});

test('a draft goes out once, half a second after the last key, without secrets', async () => {
  drafts.type('r', { subject: 'a', token: 'x' }, { subject: 'a' });
  await vi.advanceTimersByTimeAsync(400);
  drafts.type('r', { subject: 'ab', token: 'x' }, { subject: 'ab' });
  await vi.advanceTimersByTimeAsync(499);
  expect(sent).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(sent).toEqual([{ type: 'draft', request_id: 'r', values: { subject: 'ab' } }]);
  expect(drafts.values(request)).toEqual({ subject: 'ab', token: 'x' });
});

test('a second form of the same request on this page shows at once what is typed in the first', () => {
  const told: string[] = [];
  const first = () => told.push('first');
  drafts.onReceived('r', first);
  drafts.onReceived('r', () => told.push('second'));
  drafts.type('r', { subject: 'a' }, { subject: 'a' }, first);
  expect(told).toEqual(['second']);
  expect(drafts.values(request)).toEqual({ subject: 'a' });
});

test('a draft from the server fills a form in which nobody typed, and tells it', () => {
  let told = 0;
  drafts.onReceived('r', () => (told += 1));
  drafts.receive({ ...incoming, values: { subject: 'restored' } });
  expect(told).toBe(1);
  expect(drafts.values(request)).toEqual({ subject: 'restored' });
});

describe('typed in another tab at the same time', () => {
  const theirs = { ...incoming, values: { subject: 'theirs' } };

  test('nothing changes under the hand of somebody who types here', async () => {
    drafts.type('r', { subject: 'mine' }, { subject: 'mine' });
    drafts.receive(theirs);
    await vi.advanceTimersByTimeAsync(TYPING_MS - 1);
    expect(drafts.values(request)).toEqual({ subject: 'mine' });
  });

  test('what came later there shows here once the hand rests', async () => {
    let told = 0;
    const hear = () => (told += 1);
    drafts.onReceived('r', hear);
    drafts.type('r', { subject: 'mine' }, { subject: 'mine' }, hear);
    await vi.advanceTimersByTimeAsync(500);
    drafts.receive({ ...incoming, values: { subject: 'mine' }, revision: 1 });
    drafts.receive({ ...theirs, revision: 2 });
    await vi.advanceTimersByTimeAsync(TYPING_MS);
    expect(drafts.values(request)).toEqual({ subject: 'theirs' });
    expect(told).toBe(1);
  });

  test('what was sent from here later stays', async () => {
    drafts.type('r', { subject: 'mine' }, { subject: 'mine' });
    drafts.receive({ ...theirs, revision: 1 });
    await vi.advanceTimersByTimeAsync(500);
    drafts.receive({ ...incoming, values: { subject: 'mine' }, revision: 2 });
    await vi.advanceTimersByTimeAsync(TYPING_MS);
    expect(drafts.values(request)).toEqual({ subject: 'mine' });
  });

  test('a form that was left alone follows every key of theirs', async () => {
    drafts.type('r', { subject: 'mine' }, { subject: 'mine' });
    await vi.advanceTimersByTimeAsync(TYPING_MS);
    drafts.receive({ ...theirs, revision: 2 });
    expect(drafts.values(request)).toEqual({ subject: 'theirs' });
    drafts.receive({ ...theirs, values: { subject: 'an old one' }, revision: 1 });
    expect(drafts.values(request)).toEqual({ subject: 'theirs' });
  });

  test('an echo that comes late, after more was typed and sent, changes nothing', async () => {
    let told = 0;
    const hear = () => (told += 1);
    drafts.onReceived('r', hear);
    drafts.type('r', { subject: 'a' }, { subject: 'a' }, hear);
    await vi.advanceTimersByTimeAsync(500);
    drafts.type('r', { subject: 'ab' }, { subject: 'ab' }, hear);
    await vi.advanceTimersByTimeAsync(500);
    drafts.receive({ ...incoming, values: { subject: 'a' }, revision: 1 });
    await vi.advanceTimersByTimeAsync(TYPING_MS);
    expect(drafts.values(request)).toEqual({ subject: 'ab' });
    drafts.receive({ ...incoming, values: { subject: 'ab' }, revision: 2 });
    expect([drafts.values(request), told]).toEqual([{ subject: 'ab' }, 0]);
  });

  test('what was typed here is theirs when they type it again', async () => {
    drafts.type('r', { subject: 'mine' }, { subject: 'mine' });
    await vi.advanceTimersByTimeAsync(TYPING_MS);
    drafts.receive({ ...incoming, values: { subject: 'mine' }, revision: 1 });
    drafts.receive({ ...theirs, revision: 2 });
    drafts.receive({ ...incoming, values: { subject: 'mine' }, revision: 3 });
    expect(drafts.values(request)).toEqual({ subject: 'mine' });
  });

  test('secrets typed here stay, for what comes has none', async () => {
    const login = { user: 'a', password: 'x' };
    drafts.type('r', { login, token: 't' }, { login: { user: 'a' } });
    await vi.advanceTimersByTimeAsync(TYPING_MS);
    drafts.receive({ ...incoming, values: { login: { user: 'b' } }, revision: 2 });
    expect(drafts.values(request)).toEqual({ login: { user: 'b', password: 'x' }, token: 't' });
  });
});

test('a draft that could not be sent offline goes out when the connection is back', async () => {
  reply = { ok: false, refusal: { code: 'offline', message: '' } };
  drafts.type('r', { subject: 'a' }, { subject: 'a' });
  await vi.advanceTimersByTimeAsync(500);
  reply = { ok: true };
  drafts.flush();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toHaveLength(2);
  drafts.flush();
  expect(sent).toHaveLength(2);
});

test('nothing is sent for a request that was settled', async () => {
  drafts.type('r', { subject: 'a' }, { subject: 'a' });
  drafts.forget('r');
  await vi.advanceTimersByTimeAsync(1000);
  expect(sent).toEqual([]);
});

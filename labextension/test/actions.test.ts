// What is done without watching a session: which request it makes, and what becomes of its reply.

import { beforeEach, describe, expect, test } from 'vitest';

import { Actions } from '../src/actions';
import { FakeServer, words } from './fakes';

const ID = '1b4e28ba-2fa1-4d3b-a3f5-0c1d2e3f4a5b';

let server: FakeServer;
let actions: Actions;

beforeEach(() => {
  server = new FakeServer();
  actions = new Actions(server, words);
});

/** The last request: its method, path, and body. */
function asked(): readonly [string | undefined, string, unknown] {
  const { path, init } = server.requests[server.requests.length - 1];
  const body: unknown = init.body === undefined ? null : JSON.parse(String(init.body));
  return [init.method, path, body];
}

function replies(status: number, body: object | null): void {
  server.reply = () => new Response(body && JSON.stringify(body), { status });
}

describe('a request', () => {
  test('to cancel says whether by force', async () => {
    expect(await actions.cancel(ID)).toEqual({ ok: true });
    expect(asked()).toEqual(['POST', `cancel-task/${ID}`, { force: false }]);
    await actions.cancel(ID, true);
    expect(asked()[2]).toEqual({ force: true });
    expect(server.requests[0].init.headers).toEqual({ 'Content-Type': 'application/json' });
  });

  test('to forget has no body, and no body in its reply', async () => {
    replies(204, null);
    expect(await actions.forget(ID)).toEqual({ ok: true });
    expect(asked()).toEqual(['DELETE', `sessions/${ID}`, null]);
  });

  test('to answer is the command as on the socket, with a key of its own', async () => {
    const command = { type: 'confirm', value: true, request_id: 'r' } as const;
    expect(await actions.answer(ID, command)).toEqual({ ok: true });
    const key = expect.stringMatching(/^[0-9a-f]{32}$/) as string;
    expect(asked()).toEqual(['POST', `answer/${ID}`, { ...command, idempotency_key: key }]);
    await actions.answer(ID, { ...command, idempotency_key: 'mine' });
    expect(asked()[2]).toMatchObject({ idempotency_key: 'mine' });
  });

  test('to start a task gives its values and a key, another each time', async () => {
    replies(201, { session_id: ID });
    expect(await actions.start('a:task', { n: 3 })).toEqual({ ok: true, sessionId: ID });
    expect(asked()).toMatchObject(['POST', 'start-task', { task: 'a:task', params: { n: 3 } }]);
    await actions.start('a:task', { n: 3 });
    const keys = server.requests.map(
      ({ init }) => (JSON.parse(String(init.body)) as { idempotency_key: string }).idempotency_key
    );
    expect(new Set(keys).size).toBe(2);
  });
});

describe('a refusal', () => {
  const errors = [{ field: 'a.b', message: 'too long' }];
  const body = { code: 'invalid_values', message: 'No.', errors, by: 'Ada' };

  test.each([
    ['cancel', () => actions.cancel(ID)],
    ['forget', () => actions.forget(ID)],
    ['answer', () => actions.answer(ID, { type: 'confirm', value: true })],
    ['start', () => actions.start('a:task', {})]
  ])('to %s comes as the server words it', async (_, act) => {
    replies(422, body);
    expect(await act()).toEqual({
      ok: false,
      refusal: { code: 'invalid_values', message: 'No.', errors, details: body }
    });
  });

  test('that is no JSON has the words of its status, or else ours', async () => {
    server.reply = () => new Response('<html>', { status: 502, statusText: 'Bad Gateway' });
    expect(await actions.cancel(ID)).toMatchObject({ refusal: { message: 'Bad Gateway' } });
    server.reply = () => new Response('<html>', { status: 502 });
    expect(await actions.cancel(ID)).toMatchObject({ refusal: { message: words.noReply } });
  });

  test('that is JSON without words is never told as nothing', async () => {
    replies(403, { reason: null });
    expect(await actions.cancel(ID)).toMatchObject({
      refusal: { code: 'error', message: words.noReply }
    });
  });
});

describe('while the server cannot be reached', () => {
  beforeEach(() => {
    server.reply = () => new Error('down');
  });

  test.each([
    ['cancel', () => actions.cancel(ID)],
    ['forget', () => actions.forget(ID)],
    ['answer', () => actions.answer(ID, { type: 'confirm', value: true })],
    ['start', () => actions.start('a:task', {})]
  ])('to %s is refused as offline, and rejects nothing', async (_, act) => {
    expect(await act()).toEqual({
      ok: false,
      refusal: { code: 'offline', message: words.notConnected }
    });
  });

  test('a list rejects with a sentence, and an output is none', async () => {
    await expect(actions.tasks()).rejects.toThrow(words.notConnected);
    await expect(actions.sessions(new URLSearchParams())).rejects.toThrow(words.notConnected);
    expect(await actions.output(ID)).toBeNull();
  });
});

describe('a name that is no uuid4', () => {
  test.each(['../kernels', ID.toUpperCase(), ''])('(%j) asks the server nothing', async id => {
    const replies = [
      await actions.cancel(id),
      await actions.forget(id),
      await actions.answer(id, { type: 'confirm', value: true })
    ];
    for (const reply of replies) {
      expect(reply).toMatchObject({ ok: false, refusal: { message: words.unknownSession } });
    }
    expect(await actions.output(id)).toBeNull();
    expect(server.requests).toEqual([]);
  });
});

describe('a list', () => {
  test('of tasks is complete, whatever the server leaves out', async () => {
    replies(200, { tasks: [{ name: 'a:task' }] });
    expect(await actions.tasks()).toEqual({
      tasks: [{ name: 'a:task', title: '', doc: '', schema: null, ui_schema: {} }],
      problems: []
    });
    expect(asked()).toEqual(['GET', 'tasks', null]);
    const problems = [{ module: 'm', message: 'No such module.' }];
    replies(200, { tasks: [], problems });
    expect((await actions.tasks()).problems).toEqual(problems);
  });

  test('of sessions is asked for as it was said', async () => {
    replies(200, { sessions: [], cursor: null });
    const query = new URLSearchParams({ status: 'failed', cursor: '1.5,x' });
    expect(await actions.sessions(query)).toEqual({ sessions: [], cursor: null });
    expect(asked()[1]).toBe('sessions?status=failed&cursor=1.5%2Cx');
  });

  test('that is refused rejects in the words of the server', async () => {
    replies(403, { code: 'forbidden', message: 'You may not.' });
    await expect(actions.tasks()).rejects.toThrow('You may not.');
  });
});

describe('the final output', () => {
  test('is the bundle of a session that has ended', async () => {
    replies(200, { 'text/plain': 'done' });
    expect(await actions.output(ID)).toEqual({ 'text/plain': 'done' });
    expect(asked()).toEqual(['GET', `sessions/${ID}/output`, null]);
  });

  test.each([404, 409])('is none where the server says %i', async status => {
    replies(status, { code: 'wrong_state', message: 'It runs.' });
    expect(await actions.output(ID)).toBeNull();
  });
});

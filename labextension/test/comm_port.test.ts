import { describe, expect, test } from 'vitest';

import { CommPort } from '../src/comm_port';
import type { ServerMessage } from '../src/protocol';
import { Heard, line, replayComplete, replayStart, resolved, status, words } from './fakes';

class FakeComm {
  readonly sent: Record<string, unknown>[] = [];
  private listener: ((content: unknown, buffers: readonly DataView[]) => void) | null = null;

  send(content: object): void {
    this.sent.push(content as Record<string, unknown>);
  }

  onMessage(listener: (content: unknown, buffers: readonly DataView[]) => void): () => void {
    this.listener = listener;
    return () => {
      this.listener = null;
    };
  }

  say(...messages: readonly ServerMessage[]): void {
    const bytes = new TextEncoder().encode(JSON.stringify(messages));
    this.listener?.({ op: 'messages' }, [new DataView(bytes.buffer)]);
  }

  reply(ok: boolean, body: unknown, id = this.sent.at(-1)?.['id']): void {
    this.listener?.({ op: 'reply', id, ok, body }, []);
  }
}

function watching() {
  const comm = new FakeComm();
  const port = new CommPort(comm, words);
  const heard = new Heard();
  const stop = port.subscribe(heard, { after: 0, tail: 100 });
  return { comm, port, heard, stop };
}

test('it watches, and is live when the replay is complete', () => {
  const { comm, heard } = watching();
  expect(comm.sent).toEqual([{ op: 'watch', after: 0, tail: 100 }]);
  comm.say(replayStart(1, 1), line(1), replayComplete(1));
  expect(heard.seqs).toEqual([1]);
  expect(heard.states).toEqual(['live']);
});

test('what another page is told before our own replay is left out', () => {
  const { comm, heard } = watching();
  comm.say(line(41));
  comm.say(replayStart(1, 2), line(1), line(2), replayComplete(2));
  comm.say(replayStart(1, 2), line(1), line(2), replayComplete(2), line(3));
  expect(heard.seqs).toEqual([1, 2, 3]);
});

test('a command is refused in the words of the reply', async () => {
  const { comm, port } = watching();
  const reply = port.send({ type: 'confirm', value: true, request_id: 'r' });
  expect(comm.sent.at(-1)).toMatchObject({ op: 'command', command: { type: 'confirm' } });
  comm.reply(false, { code: 'already_settled', message: 'Ada was first.', by: 'Ada' });
  expect(await reply).toMatchObject({
    ok: false,
    refusal: { code: 'already_settled', message: 'Ada was first.', details: { by: 'Ada' } }
  });
});

test('a command counts by its reply, or by the fact it asked for', async () => {
  const { comm, port } = watching();
  comm.say(replayStart(1, 0), replayComplete(0));
  const byReply = port.send({ type: 'confirm', value: true, request_id: 'r' });
  comm.reply(true, {});
  expect(await byReply).toEqual({ ok: true });
  const byFact = port.send({ type: 'confirm', value: true, request_id: 'q' });
  comm.say(resolved(1, 'q'));
  expect(await byFact).toEqual({ ok: true });
});

test('history comes as a reply', async () => {
  const { comm, port } = watching();
  const page = port.history(9, 5);
  expect(comm.sent.at(-1)).toMatchObject({ op: 'events', before: 9, limit: 5 });
  comm.reply(true, [line(4)]);
  expect(await page).toEqual([line(4)]);
});

test('a kernel that lost its server is offline, and watches on when asked', () => {
  const { comm, port, heard } = watching();
  comm.say(replayStart(1, 1), line(1), replayComplete(1));
  comm.say({ type: 'error', session_id: 's', code: 'no_server', message: 'No server.' });
  expect(heard.states).toEqual(['live', 'offline']);
  expect(heard.refusal?.message).toBe('No server.');
  port.reconnect();
  expect(comm.sent.at(-1)).toEqual({ op: 'watch', after: 1, tail: null });
  comm.say(line(5));
  comm.say(replayStart(2, 2), line(2), replayComplete(2));
  expect(heard.states).toEqual(['live', 'offline', 'reconnecting', 'live']);
  expect(heard.seqs).toEqual([1, 2]);
});

test('a reply to another page is not ours', async () => {
  const pages = [watching(), watching()];
  const replies = pages.map(({ port }) =>
    port.send({ type: 'confirm', value: true, request_id: 'r' })
  );
  const [ours, theirs] = pages.map(({ comm }) => comm.sent.at(-1)?.['id']);
  expect(ours).not.toBe(theirs);
  pages[0]?.comm.reply(false, { code: 'already_settled', message: 'Ada was first.' }, theirs);
  pages[0]?.comm.reply(true, {});
  expect(await replies[0]).toEqual({ ok: true });
});

test('it stops watching a session that has ended, once', () => {
  const { comm, stop } = watching();
  comm.say(replayStart(1, 1), status(1, 'completed'), replayComplete(1));
  expect(comm.sent.at(-1)).toEqual({ op: 'unwatch' });
  stop();
  expect(comm.sent.filter(({ op }) => op === 'unwatch')).toHaveLength(1);
});

describe('at rest', () => {
  function rested() {
    const all = watching();
    all.comm.say(replayStart(1, 2), line(1), line(2), replayComplete(2));
    all.port.rest();
    return all;
  }

  test('it does not watch, and goes on after the last event when it wakes', () => {
    const { comm, port, heard } = rested();
    expect(comm.sent.at(-1)).toEqual({ op: 'unwatch' });
    port.wake();
    port.wake();
    expect(comm.sent.slice(-2)).toEqual([{ op: 'unwatch' }, { op: 'watch', after: 2, tail: null }]);
    comm.say(replayStart(3, 3), line(3), replayComplete(3), line(4));
    expect(heard.seqs).toEqual([1, 2, 3, 4]);
    expect(heard.states).toEqual(['live']);
  });

  test('it asks again for what it began with, if nothing of it had come', () => {
    const { comm, port } = watching();
    port.rest();
    port.wake();
    expect(comm.sent.at(-1)).toEqual({ op: 'watch', after: 0, tail: 100 });
  });

  test('it misses nothing, though another page is told what comes later', () => {
    const { comm, port, heard } = rested();
    comm.say(replayStart(6, 6), line(6), replayComplete(6), line(7));
    port.wake();
    comm.say(line(8));
    comm.say(replayStart(3, 8), ...[3, 4, 5, 6, 7, 8].map(seq => line(seq)), replayComplete(8));
    expect(heard.seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('it stays, where the session has ended, is not to be seen, or nobody listens', () => {
    const ended = watching();
    ended.comm.say(replayStart(1, 1), status(1, 'completed'), replayComplete(1));
    const unknown = watching();
    unknown.comm.say({ type: 'error', session_id: 's', code: 'not_found', message: 'No.' });
    const left = watching();
    left.stop();
    for (const { comm, port } of [ended, unknown, left]) {
      port.rest();
      const { length } = comm.sent;
      port.wake();
      expect(comm.sent).toHaveLength(length);
    }
  });
});

test('it stops watching', () => {
  const { comm, stop } = watching();
  stop();
  expect(comm.sent.at(-1)).toEqual({ op: 'unwatch' });
});

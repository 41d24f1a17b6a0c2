import { describe, expect, test } from 'vitest';

import { fold } from '../src/snapshot';
import { ELSEWHERE_TOLD, SessionStore, TAIL } from '../src/store';
import { ROWS_KEPT } from '../src/transcript';
import type { JournalEvent, ServerMessage } from '../src/protocol';
import type { LineRow } from '../src/transcript';
import {
  ManualPort,
  base,
  confirmation,
  line,
  replayComplete,
  replayStart,
  resolved,
  status
} from './fakes';

function opened() {
  const port = new ManualPort();
  const flushes: (() => void)[] = [];
  const store = new SessionStore(port, flush => flushes.push(flush));
  const state = () => {
    flushes.splice(0).forEach(flush => flush());
    return store.getState();
  };
  return { port, store, state, flushes };
}

function numbers(state: ReturnType<SessionStore['getState']>): number[] {
  const { transcript } = state;
  return transcript.rows
    .filter((row): row is LineRow => row.kind === 'line')
    .map(row => transcript.number(row));
}

const history = [
  status(1, 'queued'),
  line(2),
  line(3),
  confirmation(4, 'r'),
  line(5),
  resolved(6, 'r'),
  line(7)
];

describe('a whole replay', () => {
  test('makes the same snapshot as the fold, and numbered lines', () => {
    const { port, state } = opened();
    expect(port.options).toEqual({ after: 0, tail: TAIL });
    port.say(replayStart(1, 7), ...history, replayComplete(7));
    expect(state().snapshot).toEqual(fold(history));
    expect(state().replaying).toBe(false);
    expect(state().history).toBe('all');
    expect(numbers(state())).toEqual([1, 2, 3, 4]);
  });

  test('shows a settled question where it was settled', () => {
    const { port, state } = opened();
    port.say(replayStart(1, 7), ...history, replayComplete(7));
    const kinds = state().transcript.rows.map(row => row.kind);
    expect(kinds).toEqual(['line', 'line', 'line', 'settled', 'line']);
    expect(state().transcript.rows[3]).toMatchObject({ settled: { message: 'r?', by: 'Ada' } });
  });
});

describe('a tail', () => {
  function tailed() {
    const all = opened();
    const snapshot = fold(history);
    all.port.say(replayStart(5, 7, snapshot), ...history.slice(4), replayComplete(7));
    return all;
  }

  test('of another page on the same comm leaves what is loaded as it is', () => {
    const { port, state } = opened();
    port.say(replayStart(1, 4), ...history.slice(0, 4), replayComplete(4));
    const { firstSeq } = state().transcript;
    port.say(replayStart(3, 7, fold(history)), ...history.slice(4), replayComplete(7));
    expect(state().snapshot).toEqual(fold(history));
    expect([state().transcript.firstSeq, state().history]).toEqual([firstSeq, 'all']);
  });

  test('takes the snapshot as it is and folds no event twice', () => {
    const { state } = tailed();
    expect(state().snapshot).toEqual(fold(history));
    expect(state().history).toBe('more');
  });

  test('numbers its lines as the whole history would', () => {
    const { state, port } = tailed();
    expect(numbers(state())).toEqual([3, 4]);
    port.say(line(8));
    expect(numbers(state())).toEqual([3, 4, 5]);
  });

  test('tells what a settled question asked, though it was asked before', () => {
    const { state } = tailed();
    expect(state().transcript.rows[1]).toMatchObject({ settled: { message: 'r?' } });
  });

  test('is completed by earlier pages without moving what is seen', async () => {
    const { store, port, state } = tailed();
    const seen = state().transcript.rows[0];
    port.pages = [history.slice(2, 4), history.slice(0, 2)];
    await store.loadEarlier();
    expect(state().transcript.rows[-state().transcript.shifted]).toBe(seen);
    expect(numbers(state())).toEqual([2, 3, 4]);
    expect(state().history).toBe('more');
    await store.loadEarlier();
    expect(numbers(state())).toEqual([1, 2, 3, 4]);
    expect(state().history).toBe('all');
  });

  test('says why an earlier page could not be had, and can be asked again', async () => {
    const { store, port, state } = tailed();
    port.pages = [new Error('The journal is busy.'), history.slice(0, 4)];
    await store.loadEarlier();
    expect(state().history).toEqual({ error: 'The journal is busy.' });
    await store.loadEarlier();
    expect(numbers(state())).toEqual([1, 2, 3, 4]);
  });
});

describe('a page of history', () => {
  const all = [...history, line(8)];

  test('that a reset has overtaken is not put before what came then', async () => {
    const { store, port, state } = opened();
    port.say(replayStart(8, 8, fold(all)), line(8), replayComplete(8));
    port.pages = [history];
    const loading = store.loadEarlier();
    port.say({ type: 'reset', session_id: 's', epoch: 2 });
    port.say(replayStart(1, 1), line(1, 'anew'), replayComplete(1));
    await loading;
    expect(numbers(state())).toEqual([1]);
    expect(state().history).toBe('all');
  });

  test('that a cut has overtaken leaves no hole, and can be had again', async () => {
    const { store, port, state } = opened();
    port.say(replayStart(8, 8, fold(all)), line(8), replayComplete(8));
    port.pages = [history];
    const loading = store.loadEarlier();
    for (let seq = 9; seq < ROWS_KEPT + 9; seq += 10_000) {
      port.say(...Array.from({ length: 10_000 }, (_, i) => line(seq + i)));
    }
    const [first] = numbers(state());
    await loading;
    expect(numbers(state())[0]).toBe(first);
    expect(state().history).toBe('more');
  });
});

test('a replay that begins too far on takes the place of all, and numbers its lines right', () => {
  const { port, state } = opened();
  port.say(replayStart(1, 3), ...history.slice(0, 3), replayComplete(3));
  expect(numbers(state())).toEqual([1, 2]);
  port.say(replayStart(7, 7, fold(history)));
  expect(state().replaying).toBe(true);
  port.say(line(7), replayComplete(7), line(8));
  expect(numbers(state())).toEqual([4, 5]);
  expect([state().replaying, state().history]).toEqual([false, 'more']);
});

describe('the mark that ends a replay', () => {
  const born = { ...status(1, 'queued'), session: {} } as never;
  const marks = (state: ReturnType<SessionStore['getState']>) =>
    state.transcript.rows.filter(row => row.kind === 'replayed');

  test('is left out where nothing stands above it', () => {
    const { port, state } = opened();
    port.say(replayStart(1, 2), born, status(2, 'running'), replayComplete(2));
    expect(state().transcript.rows).toEqual([]);
  });

  test('is forgotten with all else by a reset, and what came before it is not counted', () => {
    const { port, state } = opened();
    port.say(replayStart(1, 3), born, line(2), { type: 'reset', session_id: 's', epoch: 2 });
    port.say(replayStart(1, 2), born, line(2), replayComplete(2));
    expect(marks(state())).toMatchObject([{ count: 2, seq: 3 }]);
  });
});

test('many messages make one change a frame', () => {
  const { port, store, flushes } = opened();
  let changes = 0;
  store.subscribe(() => (changes += 1));
  port.say(replayStart(1, 0), replayComplete(0));
  for (let seq = 1; seq <= 1000; seq += 1) {
    port.say(line(seq));
  }
  expect(flushes).toHaveLength(1);
  flushes[0]();
  expect(changes).toBe(1);
  expect(store.getState().snapshot.streams).toBe(1000);
});

test('a reset forgets everything', () => {
  const { port, state } = opened();
  port.say(replayStart(1, 7), ...history, replayComplete(7));
  port.say({ type: 'reset', session_id: 's', epoch: 2 });
  expect(state().replaying).toBe(true);
  port.say(replayStart(1, 1), line(1, 'anew'), replayComplete(1));
  expect(state().transcript.rows).toHaveLength(1);
  expect(numbers(state())).toEqual([1]);
});

test('an unfinished line is replaced by its like, and goes when the line is finished', () => {
  const { port, state } = opened();
  port.say(replayStart(1, 0), replayComplete(0));
  const part = { ...base, type: 'stream', source: 'stderr', transient: true } as const;
  port.say({ ...part, content: '10%' }, { ...part, content: '20%' });
  expect(state().unfinished.map(line => line.content)).toEqual(['20%']);
  port.say({ ...base, type: 'stream', seq: 1, source: 'stderr', content: '100%' });
  expect(state().unfinished).toEqual([]);
  expect(state().snapshot.streams).toBe(1);
});

test('a display with a known id takes the place of the earlier one', () => {
  const { port, state } = opened();
  const display = { ...base, type: 'display', display_id: 'd' } as const;
  port.say(replayStart(1, 0), replayComplete(0));
  port.say({ ...display, seq: 1, data: { 'text/plain': 'a' } }, line(2));
  port.say({ ...display, seq: 3, data: { 'text/plain': 'b' } });
  expect(state().transcript.rows.map(row => row.kind)).toEqual(['display', 'line']);
  expect(state().transcript.rows[0]).toMatchObject({ data: { 'text/plain': 'b' } });
});

test('memory is bounded: the oldest rows go and can be loaded again', () => {
  const { port, state } = opened();
  port.say(replayStart(1, 0), replayComplete(0));
  const count = ROWS_KEPT + 1;
  port.say(...Array.from({ length: 1000 }, (_, i) => line(i + 1)));
  for (let seq = 1000; seq < count; seq += 1000) {
    const size = Math.min(1000, count - seq);
    port.say(...Array.from({ length: size }, (_, i) => line(seq + i + 1)));
  }
  const { transcript } = state();
  expect(transcript.rows.length).toBeLessThan(ROWS_KEPT);
  expect(numbers(state()).at(-1)).toBe(count);
  expect(numbers(state())[0]).toBe(transcript.firstSeq);
  expect(state().history).toBe('more');
});

test('what retention took is not asked for', async () => {
  const { port, state } = opened();
  port.say(
    {
      type: 'truncated',
      session_id: 's',
      first_seq: 1,
      last_seq: 4,
      events: 4,
      bytes: 9,
      reason: ''
    },
    replayStart(5, 7, fold(history)),
    ...history.slice(4),
    replayComplete(7)
  );
  expect(state().history).toBe('all');
  expect(state().truncated).toBe(4);
});

describe('what retention took between other events', () => {
  const gap = (first: number, last: number): ServerMessage => ({
    ...{ type: 'truncated', session_id: 's', first_seq: first, last_seq: last, reason: '' },
    ...{ events: last - first + 1, bytes: 9 }
  });
  const shown = ({ state }: ReturnType<typeof opened>) =>
    state().transcript.rows.map(row => (row.kind === 'gap' ? `${row.events} gone` : row.seq));

  test('is marked where it stood, in a replay and for a page that is far behind', () => {
    const all = opened();
    const first = [status(1, 'queued'), gap(2, 4), line(5), gap(6, 7), line(8)];
    all.port.say(replayStart(1, 8), ...first, replayComplete(8));
    all.port.say(gap(9, 20), line(21));
    expect(shown(all)).toEqual(['3 gone', 5, '2 gone', 8, '12 gone', 21]);
    expect(all.state().truncated).toBe(0);
  });

  test('is marked in pages that are loaded later, joined with the mark at their end', async () => {
    const all = opened();
    const snapshot = { ...fold(history), last_seq: 31 };
    const tail = [replayStart(20, 31, snapshot), gap(20, 29), line(30), line(31)];
    all.port.say(...tail, replayComplete(31));
    all.port.pages.push([line(7), line(8), line(11)], [status(1, 'queued'), line(2)]);
    expect(all.state().history).toBe('more');
    await all.store.loadEarlier();
    expect(shown(all)).toEqual([7, 8, '2 gone', 11, '18 gone', 30, 31]);
    await all.store.loadEarlier();
    expect(shown(all)).toEqual([2, '4 gone', 7, 8, '2 gone', 11, '18 gone', 30, 31]);
    expect(all.state().history).toBe('all');
  });

  test('is marked too where nothing is left before it', async () => {
    const all = opened();
    const snapshot = { ...fold(history), last_seq: 31 };
    all.port.say(replayStart(30, 31, snapshot), line(30), line(31), replayComplete(31));
    all.port.pages.push([]);
    await all.store.loadEarlier();
    expect(shown(all)).toEqual(['29 gone', 30, 31]);
    expect(all.state().history).toBe('all');
  });
});

describe('a question that stood open here', () => {
  function asked() {
    const all = opened();
    all.port.say(replayStart(1, 1), confirmation(1, 'r'), replayComplete(1));
    return all;
  }

  const elsewhere = ({ state }: ReturnType<typeof opened>) =>
    state().elsewhere.map(({ settled }) => [settled.request_id, settled.by]);

  test('and was answered by somebody else is told, until it is dismissed', () => {
    const page = asked();
    page.port.say(resolved(2, 'r', 'Bob'));
    expect(elsewhere(page)).toEqual([['r', 'Bob']]);
    page.store.dismiss('r');
    expect(elsewhere(page)).toEqual([]);
  });

  test('and was answered from this page is not told', async () => {
    const page = asked();
    await page.store.send({ type: 'confirm', request_id: 'r', value: true });
    page.port.say(resolved(2, 'r'));
    expect(elsewhere(page)).toEqual([]);
  });

  test('is told where this page was refused, and somebody else answered then', async () => {
    const page = asked();
    page.port.reply = { ok: false, refusal: { code: 'offline', message: '' } };
    await page.store.send({ type: 'confirm', request_id: 'r', value: true });
    page.port.say(resolved(2, 'r', 'Bob'));
    expect(elsewhere(page)).toEqual([['r', 'Bob']]);
  });

  test('is told where two answered at once and the other was first', async () => {
    const page = asked();
    await page.store.send({ type: 'confirm', request_id: 'r', value: false });
    page.port.say(resolved(2, 'r', 'Bob'));
    const code = 'already_settled';
    page.port.say({ type: 'error', session_id: 's', request_id: 'r', code, message: '' });
    expect(elsewhere(page)).toEqual([['r', 'Bob']]);
  });

  test('and was settled by its deadline is told; one withdrawn is not', () => {
    const page = asked();
    page.port.say(confirmation(2, 'other'));
    page.port.say({ ...resolved(3, 'r'), outcome: 'defaulted' } as JournalEvent);
    page.port.say({ ...resolved(4, 'other'), outcome: 'cancelled' } as JournalEvent);
    expect(elsewhere(page)).toEqual([['r', 'Ada']]);
  });

  test('of many that a program answers the last few are told', () => {
    const page = asked();
    const ids = Array.from({ length: 9 }, (_, i) => `q${i}`);
    ids.forEach((id, i) => page.port.say(confirmation(2 + 2 * i, id)));
    ids.forEach((id, i) => page.port.say(resolved(20 + i, id, 'Bob')));
    expect(elsewhere(page).map(([id]) => id)).toEqual(ids.slice(-ELSEWHERE_TOLD));
  });

  test('long ago is history', () => {
    const { port, state } = opened();
    port.say(replayStart(1, 7), ...history, replayComplete(7));
    expect(state().elsewhere).toEqual([]);
  });
});

// The quiet line between what was told again and what is live.

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { fold } from '../src/snapshot';
import { SessionStore } from '../src/store';
import type { LineRow, ReplayedRow } from '../src/transcript';
import { ManualPort, line, replayComplete, replayStart, status } from './fakes';

/** When the fakes' session began, in epoch seconds. */
const BEGAN = 1;
const history = [status(1, 'queued'), line(2), line(3), line(4)];

let port: ManualPort;
let store: SessionStore;

beforeEach(() => {
  vi.useFakeTimers({ now: (BEGAN + 60) * 1000 });
  port = new ManualPort();
  store = new SessionStore(port, flush => flush());
});

afterEach(() => {
  vi.useRealTimers();
});

const began = { ...history[0], session: { task: 't' } } as never;

function replay(): void {
  port.say(replayStart(1, 4), began, ...history.slice(1), replayComplete(4));
}

const rows = () => store.getState().transcript.rows;
const kinds = () => rows().map(row => row.kind);
const marks = () => rows().filter((row): row is ReplayedRow => row.kind === 'replayed');
const numbers = () =>
  rows()
    .filter((row): row is LineRow => row.kind === 'line')
    .map(row => store.getState().transcript.number(row));

test('a page opened later tells how many events were told again, and when', () => {
  replay();
  expect(kinds()).toEqual(['line', 'line', 'line', 'replayed']);
  expect(marks()).toMatchObject([{ count: 4, at: BEGAN + 60 }]);
});

test('what is live stands below it, and lines are numbered as if it were not there', () => {
  replay();
  port.say(line(5), line(6));
  expect(kinds()).toEqual(['line', 'line', 'line', 'replayed', 'line', 'line']);
  expect(numbers()).toEqual([1, 2, 3, 4, 5]);
});

test('a session that was started just now has none', () => {
  vi.setSystemTime((BEGAN + 4) * 1000);
  replay();
  expect(kinds()).toEqual(['line', 'line', 'line']);
});

describe('a reconnect', () => {
  test('tells how much was missed', () => {
    replay();
    port.say(line(5));
    vi.setSystemTime((BEGAN + 90) * 1000);
    port.say(replayStart(6, 7), line(6), line(7), replayComplete(7));
    expect(kinds().slice(-4)).toEqual(['line', 'line', 'line', 'replayed']);
    expect(marks()).toMatchObject([
      { count: 4, at: BEGAN + 60 },
      { count: 2, at: BEGAN + 90 }
    ]);
  });

  test('that missed nothing tells nothing', () => {
    replay();
    port.say(line(5));
    port.say(replayStart(6, 5), replayComplete(5));
    expect(marks()).toHaveLength(1);
    expect(kinds().at(-1)).toBe('line');
  });

  test('that brought events without a row is told with the replay before it', () => {
    replay();
    port.say(replayStart(5, 5), status(5, 'running'), replayComplete(5));
    expect(marks()).toMatchObject([{ count: 5 }]);
  });

  test('in the middle of a replay makes one mark of both halves', () => {
    port.say(replayStart(1, 4), began, line(2));
    port.handler?.connection('reconnecting');
    port.say(replayStart(3, 4), line(3), line(4), replayComplete(4));
    expect(marks()).toMatchObject([{ count: 4 }]);
    expect(kinds()).toEqual(['line', 'line', 'line', 'replayed']);
  });
});

test('earlier pages are put before all, and the mark stays where it was', async () => {
  const whole = fold([began, ...history.slice(1)]);
  port.say(replayStart(4, 4, whole), line(4), replayComplete(4));
  expect([kinds(), numbers()]).toEqual([['line', 'replayed'], [3]]);
  port.pages = [[began, line(2), line(3)]];
  await store.loadEarlier();
  expect([kinds(), numbers()]).toEqual([
    ['line', 'line', 'line', 'replayed'],
    [1, 2, 3]
  ]);
  port.say(line(5));
  expect(numbers()).toEqual([1, 2, 3, 4]);
});

test('a reset leaves none of it', () => {
  replay();
  port.say({ type: 'reset', session_id: 's', epoch: 2 });
  expect(rows()).toEqual([]);
  replay();
  expect(marks()).toMatchObject([{ count: 4 }]);
});

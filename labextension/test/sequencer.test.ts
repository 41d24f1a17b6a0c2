// Each event once, in order, from the place that was reached.

import { expect, test } from 'vitest';

import type { ServerMessage } from '../src/protocol';
import { Sequencer } from '../src/sequencer';
import { EMPTY } from '../src/snapshot';
import { line, replayComplete, replayStart } from './fakes';

const truncated: ServerMessage = {
  ...{ type: 'truncated', session_id: 's', first_seq: 1, last_seq: 4, events: 4, bytes: 9 },
  reason: ''
};

function kinds(messages: readonly ServerMessage[]): readonly string[] {
  return messages.map(message => message.type);
}

test('a replay that does not go on from here is not for us', () => {
  const sequencer = new Sequencer(0);
  expect(sequencer.accept([replayStart(5, 5), line(5), replayComplete(5)])).toEqual([]);
  expect(sequencer.lastSeq).toBe(0);
  expect(sequencer.epoch).toBeNull();
});

test('a replay with a snapshot may begin anywhere', () => {
  const sequencer = new Sequencer(0);
  const frame = [replayStart(5, 5, { ...EMPTY, last_seq: 5 }), line(5), replayComplete(5)];
  expect(sequencer.accept(frame)).toEqual(frame);
});

test('a replay may begin after what retention took, which is told', () => {
  const sequencer = new Sequencer(0);
  const frame = [truncated, replayStart(5, 5), line(5), replayComplete(5)];
  expect(sequencer.accept(frame)).toEqual(frame);
});

test('after a pause it waits for a replay that goes on from its place', () => {
  const sequencer = new Sequencer(0);
  sequencer.accept([replayStart(1, 2), line(1), line(2), replayComplete(2)]);
  sequencer.pause();
  expect(sequencer.accept([line(3), replayStart(9, 9), line(9), replayComplete(9)])).toEqual([]);
  const news = sequencer.accept([replayStart(2, 3), line(2), line(3), replayComplete(3)]);
  expect(kinds(news)).toEqual(['state_replay_start', 'stream', 'state_replay_complete']);
  expect(sequencer.lastSeq).toBe(3);
});

test('a reset is heard at any time, and begins at the first event', () => {
  const sequencer = new Sequencer(0);
  sequencer.accept([replayStart(1, 2), line(1), line(2), replayComplete(2)]);
  sequencer.pause();
  const reset: ServerMessage = { type: 'reset', session_id: 's', epoch: 9 };
  expect(sequencer.accept([reset, replayStart(1, 1), line(1)])).toHaveLength(3);
});

const gap = (first: number, last: number): ServerMessage => ({
  ...{ type: 'truncated', session_id: 's', first_seq: first, last_seq: last, reason: '' },
  ...{ events: last - first + 1, bytes: 9 }
});

test('several gaps in one replay are each told once, and a viewer goes on behind them', () => {
  const sequencer = new Sequencer(0);
  const frame = [replayStart(1, 9), line(1), gap(2, 4), line(5), gap(6, 8), line(9)];
  expect(sequencer.accept(frame)).toEqual(frame);
  expect(sequencer.accept([gap(6, 8), gap(10, 12)])).toEqual([gap(10, 12)]);
  expect(sequencer.lastSeq).toBe(12);
});

test('a gap that another page is told of, further on, is not for us', () => {
  const sequencer = new Sequencer(0);
  sequencer.accept([replayStart(1, 2), line(1), line(2), replayComplete(2)]);
  sequencer.pause();
  const others = [replayStart(20, 40), gap(20, 30), line(31), replayStart(31, 40), line(31)];
  expect(sequencer.accept(others)).toEqual([]);
  expect(kinds(sequencer.accept([replayStart(3, 9), gap(3, 8), line(9)]))).toEqual([
    'state_replay_start',
    'truncated',
    'stream'
  ]);
});

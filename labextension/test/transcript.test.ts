// Rows that are let go when there are too many, and loaded again.

import { describe, expect, test } from 'vitest';

import type { JournalEvent } from '../src/protocol';
import { EMPTY } from '../src/snapshot';
import { ROWS_KEPT, Transcript } from '../src/transcript';
import { base, line } from './fakes';

/** How many rows go when there is one too many. */
const GONE = ROWS_KEPT / 5 + 1;

function lines(first: number, last: number): readonly JournalEvent[] {
  return Array.from({ length: last - first + 1 }, (_, i) => line(first + i));
}

/** The first and the last line, by `seq` and by number; fails if any between is missing or told twice. */
function span(transcript: Transcript): readonly [number, number] {
  const rows = transcript.rows.filter(row => row.kind === 'line');
  const odd = rows.filter((row, i) => row.seq !== rows[0].seq + i);
  const misnumbered = rows.filter(row => transcript.number(row) !== row.seq);
  expect([odd, misnumbered]).toEqual([[], []]);
  return [rows[0].seq, rows[rows.length - 1].seq];
}

describe('a transcript that was cut', () => {
  test.each([GONE - 1, GONE, GONE + 1])(
    'with a mark after %i lines loads no line twice, and none is lost',
    before => {
      const transcript = new Transcript();
      transcript.append(lines(1, before), EMPTY);
      transcript.markReplayed(before, 1000, before);
      transcript.append(lines(before + 1, ROWS_KEPT), EMPTY);
      const { firstSeq } = transcript;
      expect(transcript.shifted).toBe(GONE);
      expect(span(transcript)).toEqual([firstSeq, ROWS_KEPT]);
      transcript.prepend(lines(firstSeq - 2000, firstSeq - 1), firstSeq - 2000, EMPTY);
      expect(span(transcript)).toEqual([firstSeq - 2000, ROWS_KEPT]);
      expect(transcript.shifted).toBe(GONE - 2000);
      transcript.append(lines(ROWS_KEPT + 1, ROWS_KEPT + 1), EMPTY);
      expect(transcript.lastNumber).toBe(ROWS_KEPT + 1);
    }
  );

  test('finds the output that a later one replaces', () => {
    const display = { ...base, type: 'display', display_id: 'd' } as const;
    const transcript = new Transcript();
    transcript.append(lines(1, ROWS_KEPT - 1), EMPTY);
    transcript.append([{ ...display, seq: ROWS_KEPT, data: { a: 1 } }], EMPTY);
    transcript.markReplayed(1, 1000, ROWS_KEPT);
    transcript.append([line(ROWS_KEPT + 1)], EMPTY);
    const count = transcript.rows.length;
    transcript.append([{ ...display, seq: ROWS_KEPT + 2, data: { a: 2 } }], EMPTY);
    expect(transcript.shifted).toBeGreaterThan(0);
    expect(transcript.rows).toHaveLength(count);
    expect(transcript.rows.at(-3)).toMatchObject({ seq: ROWS_KEPT, data: { a: 2 } });
  });
});

test('a mark takes the place of one right before it, and of none else', () => {
  const transcript = new Transcript();
  transcript.append(lines(1, 2), EMPTY);
  transcript.markReplayed(2, 10, 2);
  const { version } = transcript;
  transcript.markReplayed(3, 20, 5);
  expect(transcript.version).not.toBe(version);
  expect(transcript.rows.slice(2)).toEqual([{ kind: 'replayed', seq: 6, count: 5, at: 20 }]);
  transcript.append(lines(6, 6), EMPTY);
  transcript.markReplayed(1, 30, 6);
  expect(transcript.rows.map(row => row.kind)).toEqual([
    'line',
    'line',
    'replayed',
    'line',
    'replayed'
  ]);
});

test('a process that cannot be ended is named while the session is being cancelled', () => {
  const transcript = new Transcript();
  const status = { type: 'status', status: 'cancelling' } as const;
  const detail = 'Process 7 (cp) cannot be ended.';
  transcript.append(
    [
      { ...base, seq: 1, ...status },
      { ...base, seq: 2, ...status, detail }
    ],
    EMPTY
  );
  expect(transcript.rows).toEqual([{ kind: 'held_up', seq: 2, why: detail }]);
});

test('a process that was lost is told where the task went on, and one that was let go is not', () => {
  const transcript = new Transcript();
  const status = { type: 'status', status: 'running', resumed_from: 1 } as const;
  transcript.append(
    [
      line(1),
      { ...base, seq: 2, ...status, detail: 'Killed by signal 9.' },
      line(3),
      { ...base, seq: 4, ...status }
    ],
    EMPTY
  );
  expect(transcript.rows.map(row => row.kind)).toEqual(['line', 'resumed', 'line']);
});

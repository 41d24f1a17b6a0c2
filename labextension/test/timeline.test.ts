// A run as spans and marks, whatever its times are.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import type { JournalEvent, Snapshot, Summary, Wait } from '../src/protocol';
import { EMPTY, apply, fold } from '../src/snapshot';
import { timelineOfSnapshot, timelineOfSummary, waitsOf } from '../src/timeline';
import type { Span, Timeline } from '../src/timeline';
import { base, confirmation, randomFrom } from './fakes';
import { question, session } from './notices_fakes';

function timeline(run: Partial<Summary>, now: number): Timeline {
  const found = timelineOfSummary(session('s', [], { created_at: 0, ...run }), now);
  if (found === null) {
    throw new Error('There is no timeline.');
  }
  return found;
}

const attempt = (number: number, started_at: number | null, ended_at: number | null) => ({
  attempt: number,
  started_at,
  ended_at,
  answers: 'reuse' as const
});

/** As `kind from-to`, with the attempt where it is not the first. */
function told(spans: readonly Span[]): readonly string[] {
  return spans.map(
    ({ kind, from, to, attempt: number }) =>
      `${kind} ${from}-${to}${number > 1 ? ` of ${number}` : ''}`
  );
}

describe('the spans of a run', () => {
  test('tell computing from waiting and from being queued', () => {
    const { from, to, spans } = timeline(
      { attempts: [attempt(1, 2, null)], waits: [{ since: 5, until: 7 }] },
      10
    );
    expect([from, to]).toEqual([0, 10]);
    expect(told(spans)).toEqual(['queued 0-2', 'computing 2-5', 'waiting 5-7', 'computing 7-10']);
  });

  test('tell attempts apart, and the time between them', () => {
    const { spans } = timeline(
      {
        status: 'completed',
        ended_at: 12,
        attempts: [attempt(1, 1, 4), attempt(2, 7, 12)],
        waits: [{ since: 4, until: 6 }]
      },
      99
    );
    expect(told(spans)).toEqual([
      'queued 0-1',
      'computing 1-4',
      'waiting 4-6',
      'queued 6-7',
      'computing 7-12 of 2'
    ]);
  });

  test('end with the session, or now, while it is open what it waits for', () => {
    const waits = [{ since: 3, until: null }];
    const attempts = [attempt(1, 0, null)];
    expect(told(timeline({ attempts, waits }, 9).spans)).toEqual(['computing 0-3', 'waiting 3-9']);
    const ended = timeline({ attempts, waits, status: 'cancelled', ended_at: 5 }, 9);
    expect(told(ended.spans)).toEqual(['computing 0-3', 'waiting 3-5']);
  });

  test('reach to the last thing that happened, where the clock of the page is behind', () => {
    const { to, spans } = timeline(
      { attempts: [attempt(1, 100, null)], waits: [{ since: 110, until: 120 }] },
      50
    );
    expect(to).toBe(120);
    expect(told(spans)).toEqual(['queued 0-100', 'computing 100-110', 'waiting 110-120']);
  });

  test('are none of a session that ended as it began, or has not begun', () => {
    expect(timeline({ status: 'failed', ended_at: 0 }, 9).spans).toEqual([]);
    expect(timelineOfSummary(session('s', [], { created_at: null }), 9)).toBeNull();
    expect(timelineOfSnapshot(EMPTY, 9)).toBeNull();
  });
});

describe.each(Array.from({ length: 8 }, (_, i) => i + 1))('whatever the times (%i)', seed => {
  const random = randomFrom(seed);
  const time = () => Math.floor(random() * 40) - 5;
  const maybe = () => (random() < 0.3 ? null : time());

  function run(): Partial<Summary> {
    const hasEnded = random() < 0.5;
    return {
      created_at: time(),
      status: hasEnded ? 'completed' : 'running',
      ended_at: hasEnded ? time() : null,
      attempts: Array.from({ length: Math.floor(random() * 4) }, (_, i) =>
        attempt(i + 1, maybe(), maybe())
      ),
      waits: Array.from({ length: Math.floor(random() * 4) }, () => ({
        since: time(),
        until: maybe()
      }))
    };
  }

  test('spans go on without a gap from the beginning to the end, no two alike in a row', () => {
    for (let i = 0; i < 200; i += 1) {
      const { from, to, spans } = timeline(run(), time());
      expect(to).toBeGreaterThanOrEqual(from);
      expect([...spans.map(span => span.from), to]).toEqual([from, ...spans.map(span => span.to)]);
      spans.forEach((span, index) => {
        expect(span.to).toBeGreaterThan(span.from);
        const { kind, attempt: number } = spans[index + 1] ?? {};
        expect([kind, number]).not.toEqual([span.kind, span.attempt]);
      });
    }
  });

  test('a moment is one of waiting exactly while something waits', () => {
    for (let i = 0; i < 200; i += 1) {
      const given = run();
      for (const { kind, from, to } of timeline(given, time()).spans) {
        const middle = (from + to) / 2;
        const waits = given.waits?.some(
          ({ since, until }) => since <= middle && middle < (until ?? Infinity)
        );
        expect(kind === 'waiting').toBe(waits);
      }
    }
  });
});

describe('marks', () => {
  test('stand at later attempts, at open requests and at the ending, in order of time', () => {
    const { marks } = timelineOfSummary(
      session('s', [question('r', { message: 'Send?', opened_at: 8 })], {
        created_at: 0,
        attempts: [attempt(1, 1, 4), attempt(2, 9, null), attempt(3, null, null)],
        status: 'cancelled',
        ended_at: 20
      }),
      30
    ) ?? { marks: [] };
    expect(marks).toEqual([
      { kind: 'request', at: 8, question: 'Send?', request: 'confirm', settled: null },
      { kind: 'attempt', at: 9, attempt: 2 },
      { kind: 'ending', at: 20, status: 'cancelled' }
    ]);
  });

  test('of a whole session also tell what became of each request', () => {
    const events: JournalEvent[] = [
      { ...base, type: 'status', seq: 1, status: 'queued', session: {} as never },
      { ...confirmation(2, 'a'), timestamp: 5 },
      { ...confirmation(3, 'b'), timestamp: 6 },
      { ...resolvedAt(4, 'a', 9) }
    ];
    const marks = timelineOfSnapshot(fold(events), 20)?.marks;
    expect(marks).toMatchObject([
      { kind: 'request', at: 6, question: 'b?', settled: null },
      { kind: 'request', at: 9, question: 'a?', settled: { by: 'Ada', outcome: 'answered' } }
    ]);
  });
});

function resolvedAt(seq: number, request_id: string, at: number): JournalEvent {
  return {
    ...{ ...base, timestamp: at, type: 'request_resolved', seq, request_id },
    ...{ outcome: 'answered', value: true, by: 'Ada', via: 'browser', at, comment: null }
  } as JournalEvent;
}

describe('waits', () => {
  /** Requests by when they were asked and settled, null for open ones. */
  function waits(...requests: readonly (readonly [number, number | null])[]): readonly Wait[] {
    const events = requests.flatMap(([since], i) => ({
      ...confirmation(i + 1, `r${i}`),
      timestamp: since
    }));
    const answers = requests.flatMap(([, until], i) =>
      until === null ? [] : [resolvedAt(100 + i, `r${i}`, until)]
    );
    return waitsOf(fold([...events, ...answers]));
  }

  test('of requests that overlap or touch are one, to the end of the last', () => {
    expect(waits([1, 9], [2, 5])).toEqual([{ since: 1, until: 9 }]);
    expect(waits([1, 5], [2, 9])).toEqual([{ since: 1, until: 9 }]);
    expect(waits([1, 5], [5, 9])).toEqual([{ since: 1, until: 9 }]);
    expect(waits([1, 5], [2, null])).toEqual([{ since: 1, until: null }]);
    expect(waits([2, null], [1, 5], [7, 8])).toEqual([{ since: 1, until: null }]);
  });

  test('of others are apart, the oldest first', () => {
    expect(waits([8, null], [1, 3], [4, 6])).toEqual([
      { since: 1, until: 3 },
      { since: 4, until: 6 },
      { since: 8, until: null }
    ]);
  });
});

const GOLDEN = join(__dirname, '..', '..', 'tests', 'golden');
// The snapshot remembers a bounded number of requests; where there were more, it cannot know of all waits.
const names = readdirSync(GOLDEN).filter(
  name => name.endsWith('.json') && !name.startsWith('more_settled')
);

describe.each(names)('%s', name => {
  const { events } = JSON.parse(readFileSync(join(GOLDEN, name), 'utf-8')) as {
    readonly events: readonly JournalEvent[];
  };

  test('waits exactly while its events say that a request is open', () => {
    const waits = waitsOf(fold(events));
    let snapshot: Snapshot = EMPTY;
    events.forEach((event, index) => {
      snapshot = apply(snapshot, event);
      const next = events[index + 1]?.timestamp ?? event.timestamp + 1;
      const middle = (event.timestamp + next) / 2;
      if (next > event.timestamp) {
        const isIn = waits.some(w => w.since <= middle && middle < (w.until ?? Infinity));
        expect(isIn).toBe(snapshot.open_requests.length > 0);
      }
    });
  });
});

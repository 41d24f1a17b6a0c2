// A run seen at a glance: what it spent computing and what waiting for a person, its attempts, requests and ending. Pure.

import { ENDED } from './protocol';
import type {
  AttemptSpan,
  OpenRequest,
  RequestKind,
  Settled,
  Snapshot,
  Status,
  Summary,
  Wait
} from './protocol';
import { kindOf, questionOf } from './snapshot';

/** Epoch seconds. Spans are in order, each begins where the one before ends. */
export interface Span {
  readonly kind: 'queued' | 'computing' | 'waiting';
  readonly from: number;
  readonly to: number;
  readonly attempt: number;
}

export type Mark =
  | { readonly kind: 'attempt'; readonly at: number; readonly attempt: number }
  | {
      readonly kind: 'request';
      /** When it was settled; when it was asked, while it is open. */
      readonly at: number;
      readonly question: string;
      readonly request: RequestKind;
      readonly settled: Settled | null;
    }
  | { readonly kind: 'ending'; readonly at: number; readonly status: Status };

export interface Timeline {
  readonly from: number;
  readonly to: number;
  readonly spans: readonly Span[];
  readonly marks: readonly Mark[];
}

interface Run {
  readonly created_at: number | null;
  readonly ended_at: number | null;
  readonly status: Status;
  readonly attempts: readonly AttemptSpan[];
}

/** Null for a session that has not begun. */
export function timelineOfSnapshot(snapshot: Snapshot, now: number): Timeline | null {
  const requests = [
    ...snapshot.settled.map(settledMark),
    ...snapshot.open_requests.map(request => openMark(request))
  ];
  return timelineOf(snapshot, waitsOf(snapshot), requests, now);
}

/** The same from a line of a list, which knows only of open requests. */
export function timelineOfSummary(summary: Summary, now: number): Timeline | null {
  const requests = summary.open_requests.map(({ kind, message, opened_at: at }) => ({
    kind: 'request' as const,
    at,
    question: message,
    request: kind,
    settled: null
  }));
  return timelineOf(summary, summary.waits, requests, now);
}

/** When it waited for a person, oldest first; overlapping requests make one span. The same as summary.py's `waits`. */
export function waitsOf(snapshot: Snapshot): readonly Wait[] {
  const spans: Wait[] = [
    ...snapshot.settled.map(({ opened_at: since, at: until }) => ({ since, until })),
    ...snapshot.open_requests.map(({ timestamp: since }) => ({ since, until: null }))
  ].sort((a, b) => a.since - b.since);
  const merged: Wait[] = [];
  for (const { since, until } of spans) {
    const last = merged.at(-1);
    if (last === undefined || (last.until !== null && since > last.until)) {
      merged.push({ since, until });
    } else {
      const ends = last.until === null || until === null ? null : Math.max(last.until, until);
      merged[merged.length - 1] = { since: last.since, until: ends };
    }
  }
  return merged;
}

function timelineOf(
  run: Run,
  waits: readonly Wait[],
  requests: readonly Mark[],
  now: number
): Timeline | null {
  const from = run.created_at;
  if (from === null) {
    return null;
  }
  // Clocks differ: what the session says of itself counts, and nothing ends before it began.
  const to = Math.max(from, run.ended_at ?? Math.max(now, ...timesOf(run.attempts, waits)));
  const marks = [...attemptMarks(run.attempts), ...requests, ...endingMarks(run)];
  return {
    from,
    to,
    spans: spansOf(run.attempts, waits, from, to),
    marks: marks.sort((a, b) => a.at - b.at)
  };
}

/** Of all that is known to have happened. */
function timesOf(attempts: readonly AttemptSpan[], waits: readonly Wait[]): readonly number[] {
  return [
    ...attempts.flatMap(attempt => [attempt.started_at, attempt.ended_at]),
    ...waits.flatMap(wait => [wait.since, wait.until])
  ].filter(at => at !== null);
}

/** Cut at every change, and name each piece by what held in it. */
function spansOf(
  attempts: readonly AttemptSpan[],
  waits: readonly Wait[],
  from: number,
  to: number
): readonly Span[] {
  const changes = timesOf(attempts, waits).filter(at => at > from && at < to);
  const cuts = [from, ...new Set(changes.toSorted((a, b) => a - b)), to];
  const spans: Span[] = [];
  for (let index = 0; index + 1 < cuts.length; index += 1) {
    const span = spanBetween(cuts[index], cuts[index + 1], attempts, waits);
    const last = spans.at(-1);
    if (last !== undefined && last.kind === span.kind && last.attempt === span.attempt) {
      spans[spans.length - 1] = { ...last, to: span.to };
    } else if (span.to > span.from) {
      spans.push(span);
    }
  }
  return spans;
}

function spanBetween(
  from: number,
  to: number,
  attempts: readonly AttemptSpan[],
  waits: readonly Wait[]
): Span {
  const middle = (from + to) / 2;
  const isWithin = (since: number, until: number | null) =>
    since <= middle && middle < (until ?? Infinity);
  const started = attempts.filter(attempt => (attempt.started_at ?? Infinity) <= middle);
  const attempt = started.at(-1);
  const computes = attempt !== undefined && (attempt.ended_at ?? Infinity) > middle;
  const waitsNow = waits.some(wait => isWithin(wait.since, wait.until));
  return {
    kind: waitsNow ? 'waiting' : computes ? 'computing' : 'queued',
    from,
    to,
    attempt: attempt?.attempt ?? 1
  };
}

function attemptMarks(attempts: readonly AttemptSpan[]): readonly Mark[] {
  return attempts.flatMap(({ attempt, started_at: at }) =>
    attempt > 1 && at !== null ? [{ kind: 'attempt' as const, at, attempt }] : []
  );
}

function endingMarks({ status, ended_at: at }: Run): readonly Mark[] {
  return ENDED.has(status) && at !== null ? [{ kind: 'ending', at, status }] : [];
}

function settledMark(settled: Settled): Mark {
  return {
    kind: 'request',
    at: settled.at,
    question: settled.message,
    request: settled.kind,
    settled
  };
}

function openMark(request: OpenRequest): Mark {
  return {
    kind: 'request',
    at: request.timestamp,
    question: questionOf(request),
    request: kindOf(request),
    settled: null
  };
}

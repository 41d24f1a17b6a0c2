// What a timeline's parts say, in words: for its tip, for a screen reader, for the totals beside it.

import type { Status } from '../protocol';
import { settledPhrase } from '../strings';
import type { Strings } from '../strings';
import type { Mark, Span, Timeline } from '../timeline';
import { duration, exactTime } from './time';

/** The part of the whole from which on the time in the queue is told. */
const QUEUED_TOLD = 0.02;

export interface Part {
  readonly key: string;
  readonly kind: Span['kind'] | Mark['kind'];
  readonly from: number;
  readonly to: number;
  /** How the session ended, for the mark of its ending. */
  readonly status?: Status;
  /** What it is, with its length or its moment. */
  readonly title: string;
  /** From when to when; of a request, what was asked. */
  readonly detail: string;
}

export interface Total {
  readonly kind: Span['kind'];
  readonly text: string;
}

/** Spans and marks in the order of time; a mark comes after the span that ends with it. */
export function partsOf(timeline: Timeline, strings: Strings): readonly Part[] {
  const { spans, marks } = timeline;
  const live = !marks.some(mark => mark.kind === 'ending');
  const parts = [
    ...spans.map((span, index) => {
      const isNow = live && index === spans.length - 1;
      return spanPart(span, index, isNow, strings.timeline);
    }),
    ...marks.map((mark, index) => markPart(mark, index, strings))
  ];
  return parts.sort((a, b) => a.from - b.from || a.to - b.to);
}

function spanPart(
  { kind, from, to }: Span,
  index: number,
  isNow: boolean,
  words: Strings['timeline']
): Part {
  return {
    key: `span ${index}`,
    kind,
    from,
    to,
    title: `${words.kinds[kind]} · ${duration(to - from)}`,
    detail: words.fromTo(exactTime(from), isNow ? words.now : exactTime(to))
  };
}

function markPart(mark: Mark, index: number, strings: Strings): Part {
  const { kind, at } = mark;
  const part = { key: `mark ${index}`, kind, from: at, to: at };
  switch (mark.kind) {
    case 'attempt':
      return { ...part, title: strings.timeline.attempt(mark.attempt), detail: exactTime(at) };
    case 'ending':
      return {
        ...part,
        status: mark.status,
        title: strings.status[mark.status],
        detail: exactTime(at)
      };
    case 'request':
      return {
        ...part,
        title: requestTitle(mark, strings),
        detail: mark.question.split('\n', 1)[0]
      };
  }
}

function requestTitle(mark: Mark & { kind: 'request' }, strings: Strings): string {
  const what =
    mark.settled === null
      ? strings.question.kind[mark.request]
      : settledPhrase(strings.settled, mark.settled);
  return `${what} · ${exactTime(mark.at)}`;
}

/** How long it was queued, computed and waited; moments in the queue are left out, they only take the place. */
export function totalsOf(
  { from, to, spans }: Timeline,
  words: Strings['timeline']
): readonly Total[] {
  return (['queued', 'computing', 'waiting'] as const).flatMap(kind => {
    const seconds = spans
      .filter(span => span.kind === kind)
      .reduce((sum, { from, to }) => sum + to - from, 0);
    const counts = seconds >= 1 && (kind !== 'queued' || seconds > (to - from) * QUEUED_TOLD);
    return !counts ? [] : [{ kind, text: words.total[kind](duration(seconds)) }];
  });
}

/** The whole in one sentence. */
export function gistOf(timeline: Timeline, strings: Strings): string {
  const words = strings.timeline;
  const attempts = 1 + timeline.marks.filter(mark => mark.kind === 'attempt').length;
  const ending = timeline.marks.find(mark => mark.kind === 'ending');
  return words.list([
    ...totalsOf(timeline, words).map(total => total.text),
    ...(attempts > 1 ? [words.attempts(attempts)] : []),
    ...(ending === undefined ? [] : [strings.status[ending.status]])
  ]);
}

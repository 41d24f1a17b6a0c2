// Tells a screen reader of new questions, of those others answered and of the end; the history is not told again.

import { useEffect, useRef, useState } from 'react';

import type { Snapshot } from '../protocol';
import type { SessionState } from '../store';
import type { Strings } from '../strings';
import { questionOf } from '../snapshot';
import { useSession } from './context';
import { noticeText } from './settled_notice';

/** How many lines stay: a reader may lag behind, and nothing else needs them. */
const LINES_KEPT = 5;

/** What is new between two snapshots and worth a word. */
export function announcement(
  before: Snapshot,
  after: Snapshot,
  words: Strings['announce']
): string | null {
  const known = new Set(before.open_requests.map(request => request.request_id));
  const asked = after.open_requests.filter(request => !known.has(request.request_id));
  if (asked.length > 0) {
    return asked.map(request => words.question(questionOf(request))).join(' ');
  }
  if (before.status === after.status) {
    return null;
  }
  switch (after.status) {
    case 'completed':
      return words.completed;
    case 'failed':
      return words.failed(after.error?.error ?? '');
    case 'cancelled':
      return words.cancelled;
    default:
      return null;
  }
}

interface Said {
  readonly id: number;
  readonly text: string;
}

/** A log, to which a reader listens line by line: what follows at once does not cut off what was said before. */
export function Announcer({ state }: { readonly state: SessionState }) {
  const { strings } = useSession();
  const before = useRef<SessionState | null>(null);
  const [said, setSaid] = useState<readonly Said[]>([]);
  useEffect(() => {
    if (state.replaying) {
      return;
    }
    const earlier = before.current;
    before.current = state;
    const news = earlier === null ? [] : newsBetween(earlier, state, strings);
    if (news.length > 0) {
      setSaid(lines => {
        const next = (lines.at(-1)?.id ?? 0) + 1;
        const added = news.map((text, index) => ({ id: next + index, text }));
        return [...lines, ...added].slice(-LINES_KEPT);
      });
    }
  }, [state, strings]);
  return (
    <div className="jp-hitl-Hidden" role="log" aria-label={strings.announce.news}>
      {said.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}

function newsBetween(
  earlier: SessionState,
  now: SessionState,
  strings: Strings
): readonly string[] {
  const elsewhere = now.elsewhere.filter(news => !earlier.elsewhere.includes(news));
  const news = announcement(earlier.snapshot, now.snapshot, strings.announce);
  const told = elsewhere.map(each => noticeText(strings.settled, each));
  return news === null ? told : [...told, news];
}

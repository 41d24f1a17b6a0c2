// Tells a screen reader of new questions and of the end, politely; the history is not told again.

import { useEffect, useRef, useState } from 'react';

import type { Snapshot } from '../protocol';
import type { SessionState } from '../store';
import type { Strings } from '../strings';
import { questionOf } from '../snapshot';
import { useSession } from './context';

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

export function Announcer({ state }: { readonly state: SessionState }) {
  const words = useSession().strings.announce;
  const before = useRef<Snapshot | null>(null);
  const [text, setText] = useState('');
  const { snapshot, replaying } = state;
  useEffect(() => {
    if (replaying) {
      return;
    }
    const news = before.current && announcement(before.current, snapshot, words);
    before.current = snapshot;
    if (news !== null) {
      setText(news);
    }
  }, [snapshot, replaying, words]);
  return (
    <div className="jp-hitl-Hidden" role="status" aria-live="polite">
      {text}
    </div>
  );
}

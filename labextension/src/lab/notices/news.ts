// What has happened between two states of the inbox that is worth telling somebody who looks elsewhere.

import { newRequests } from '../../inbox';
import type { Inbox, InboxState, NewRequest } from '../../inbox';
import type { Summary } from '../../protocol';

/** A question that waits, and of which session. */
export type Asked = NewRequest;

export interface News {
  /** Questions that are new; at first all that wait. */
  readonly asked: readonly Asked[];
  /** Sessions that have ended since. */
  readonly ended: readonly Summary[];
  /** Whether this is what there was when the page came, which nobody needs to be told one by one. */
  readonly isFirst: boolean;
  readonly state: InboxState;
}

export function titleOf(session: Summary): string {
  return session.title || session.task;
}

/** Null while there is nothing to compare yet: the list is not complete. */
export function newsBetween(before: InboxState | null, state: InboxState): News | null {
  if (!state.listed) {
    return null;
  }
  if (before === null || !before.listed) {
    return { asked: allAsked(state), ended: [], isFirst: true, state };
  }
  return {
    asked: newRequests(before, state),
    ended: endedBetween(before, state),
    isFirst: false,
    state
  };
}

function allAsked({ waiting }: InboxState): readonly Asked[] {
  return waiting.flatMap(session => session.open_requests.map(request => ({ session, request })));
}

function endedBetween(before: InboxState, after: InboxState): readonly Summary[] {
  if (before.ended === after.ended) {
    return [];
  }
  const lived = new Set([...before.waiting, ...before.running].map(session => session.session_id));
  return after.ended.filter(session => lived.has(session.session_id));
}

/** Tells of each change, beginning with what there is; returns how to stop. */
export function watchNews(
  inbox: Pick<Inbox, 'getState' | 'subscribe'>,
  tell: (news: News) => void
): () => void {
  let before: InboxState | null = null;
  const look = () => {
    const state = inbox.getState();
    const news = newsBetween(before, state);
    before = state;
    if (news !== null) {
      tell(news);
    }
  };
  look();
  return inbox.subscribe(look);
}

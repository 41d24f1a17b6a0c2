// The open questions, oldest first, what became of those that others settled, and where the focus goes then.

import { useEffect, useLayoutEffect, useRef } from 'react';
import type { RefObject } from 'react';

import type { OpenRequest } from '../protocol';
import type { SessionState } from '../store';
import { ConfirmCard } from './confirm_card';
import { FormCard } from './form_card';
import { RetryCard } from './retry_card';
import { SettledNotice } from './settled_notice';

interface RequestsProps {
  readonly state: SessionState;
  readonly root: RefObject<HTMLElement>;
}

/** Changes whenever cards come, go or change their order. */
export function orderOf({ snapshot, elsewhere }: SessionState): string {
  const open = snapshot.open_requests.map(request => request.request_id);
  return [...open, '', ...elsewhere.map(({ settled }) => settled.request_id)].join(' ');
}

export function Requests({ state, root }: RequestsProps) {
  const { open_requests: requests, overdue } = state.snapshot;
  useFocusAfterSettling(requests, root);
  const cards = requests.map(request => ({
    seq: request.seq ?? 0,
    shown: (
      <RequestCard
        key={request.request_id}
        request={request}
        overdue={request.request_id !== null && overdue.includes(request.request_id)}
      />
    )
  }));
  const notices = state.elsewhere.map(news => ({
    seq: news.settled.opened_seq,
    shown: <SettledNotice key={news.settled.request_id} news={news} />
  }));
  return <>{[...cards, ...notices].sort((a, b) => a.seq - b.seq).map(({ shown }) => shown)}</>;
}

interface RequestCardProps {
  readonly request: OpenRequest;
  readonly overdue: boolean;
}

function RequestCard({ request, overdue }: RequestCardProps) {
  switch (request.type) {
    case 'request_confirmation':
      return <ConfirmCard request={request} overdue={overdue} />;
    case 'request_user_input':
      return <FormCard request={request} overdue={overdue} />;
    case 'task_failed':
      return <RetryCard request={request} />;
  }
}

/** Where a card wants the focus: at its leading button, or at its first field. */
function firstIn(card: HTMLElement): HTMLElement {
  return (
    card.querySelector<HTMLElement>('[data-first-focus]') ??
    card.querySelector<HTMLElement>('input:not([type=hidden]), select, textarea') ??
    card
  );
}

function requestOf(target: EventTarget | null): string | undefined {
  return target instanceof HTMLElement
    ? target.closest<HTMLElement>('[data-request]')?.dataset['request']
    : undefined;
}

/** The word on a question that somebody else settled while it had the focus. */
function noticeOf(requestId: string, root: HTMLElement): HTMLElement | undefined {
  const notices = Array.from(root.querySelectorAll<HTMLElement>('[data-settled]'));
  return notices.find(notice => notice.dataset['settled'] === requestId);
}

/**
 * A new question never takes the focus from elsewhere on the page. But when the card that had it is settled, the next
 * one gets it; until there is one, the view itself holds the place. Where somebody else settled it, the word on that
 * gets the focus: whoever was typing does not type into the next question.
 */
function useFocusAfterSettling(
  requests: readonly OpenRequest[],
  root: RefObject<HTMLElement>
): void {
  const held = useRef<string | null>(null);
  useEffect(() => {
    const element = root.current;
    const remember = (event: FocusEvent) => {
      if (event.target !== element) {
        held.current = requestOf(event.target) ?? null;
      }
    };
    element?.addEventListener('focusin', remember);
    return () => element?.removeEventListener('focusin', remember);
  }, [root]);
  useLayoutEffect(() => {
    const element = root.current;
    const settled = held.current;
    if (settled === null || element === null || requests.some(r => r.request_id === settled)) {
      return;
    }
    const active = element.ownerDocument.activeElement;
    const isFree = active === null || active === element.ownerDocument.body || active === element;
    const notice = noticeOf(settled, element);
    const card = element.querySelector<HTMLElement>('[data-request]');
    const next = notice ?? (card === null ? null : firstIn(card));
    if (!isFree || next !== null) {
      held.current = null;
    }
    if (isFree) {
      (next ?? element).focus({ preventScroll: next === null });
    }
  }, [requests, root]);
}

// The open questions, oldest first, and where the focus goes when one of them is settled.

import { useLayoutEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';

import type { SessionState } from '../store';
import type { OpenRequest } from '../protocol';
import { ConfirmCard } from './confirm_card';
import { FormCard } from './form_card';
import { RetryCard } from './retry_card';

export function Requests({
  state,
  root
}: {
  readonly state: SessionState;
  readonly root: RefObject<HTMLElement>;
}) {
  const { open_requests: requests, overdue } = state.snapshot;
  const focusOn = useFocusAfterSettling(requests, root);
  return (
    <>
      {requests.map(request => (
        <RequestCard
          key={request.request_id}
          request={request}
          overdue={request.request_id !== null && overdue.includes(request.request_id)}
          takesFocus={request.request_id === focusOn}
        />
      ))}
    </>
  );
}

interface RequestCardProps {
  readonly request: OpenRequest;
  readonly overdue: boolean;
  readonly takesFocus: boolean;
}

function RequestCard({ request, overdue, takesFocus }: RequestCardProps) {
  switch (request.type) {
    case 'request_confirmation':
      return <ConfirmCard request={request} overdue={overdue} takesFocus={takesFocus} />;
    case 'request_user_input':
      return <FormCard request={request} overdue={overdue} takesFocus={takesFocus} />;
    case 'task_failed':
      return <RetryCard request={request} takesFocus={takesFocus} />;
  }
}

/**
 * Which request may take the focus. A new question never takes it from elsewhere on the page; but when the card that
 * had the focus is settled, the next one gets it, and until there is one the view itself holds the place.
 */
function useFocusAfterSettling(
  requests: readonly OpenRequest[],
  root: RefObject<HTMLElement>
): string | null {
  const held = useRef<string | null>(null);
  const [focusOn, setFocusOn] = useState<string | null>(null);
  useLayoutEffect(() => {
    const element = root.current;
    if (element === null) {
      return;
    }
    const remember = (event: FocusEvent) => {
      const target = event.target as HTMLElement;
      const card = target.closest<HTMLElement>('[data-request]');
      held.current = card?.dataset['request'] ?? (target === element ? held.current : null);
    };
    const forget = (event: FocusEvent) => {
      // Focus that moved elsewhere is let go; a card that vanished under the focus moves it to nothing.
      if (event.relatedTarget !== null && !element.contains(event.relatedTarget as Node)) {
        held.current = null;
      }
    };
    element.addEventListener('focusin', remember);
    element.addEventListener('focusout', forget);
    return () => {
      element.removeEventListener('focusin', remember);
      element.removeEventListener('focusout', forget);
    };
  }, [root]);
  useLayoutEffect(() => {
    const lost = held.current !== null && !requests.some(r => r.request_id === held.current);
    if (!lost) {
      return;
    }
    const next = requests[0]?.request_id ?? null;
    if (next !== null) {
      held.current = null;
      setFocusOn(next);
    } else if (document.activeElement === document.body) {
      root.current?.focus({ preventScroll: true });
    }
  }, [requests, root]);
  return focusOn;
}

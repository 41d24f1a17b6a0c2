// A session's store for as long as something shows it, and its connection for as long as that can be seen.

import { useMemo, useSyncExternalStore } from 'react';

import { watchSeen } from '../seen';
import type { SessionPool } from '../session_pool';
import type { SessionStore } from '../store';

/** Leased while React is subscribed, which is while the component stands in the page. */
function leased(pool: SessionPool, sessionId: string, element: Element | null) {
  let store: SessionStore | null = null;
  return {
    subscribe: (listener: () => void) => {
      const lease = pool.acquire(sessionId);
      store = lease.store;
      listener();
      const stopWatching =
        element === null ? () => {} : watchSeen(element, seen => lease.setVisible(seen));
      return () => {
        stopWatching();
        lease.release();
        store = null;
      };
    },
    getStore: () => store
  };
}

/** The store of a session, once it is there; `element` is what has to be in sight for the connection to be kept. */
export function useLease(
  pool: SessionPool,
  sessionId: string,
  element: Element | null
): SessionStore | null {
  const { subscribe, getStore } = useMemo(
    () => leased(pool, sessionId, element),
    [pool, sessionId, element]
  );
  return useSyncExternalStore(subscribe, getStore);
}

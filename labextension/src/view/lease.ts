// A session's store for as long as something shows it, and its connection for as long as that can be seen.

import { useEffect, useState } from 'react';

import { watchSeen } from '../seen';
import type { SessionPool } from '../session_pool';
import type { SessionStore } from '../store';

/** The store of a session, once it is there; `element` is what has to be in sight for the connection to be kept. */
export function useLease(
  pool: SessionPool,
  sessionId: string,
  element: Element | null
): SessionStore | null {
  const [store, setStore] = useState<SessionStore | null>(null);
  useEffect(() => {
    const lease = pool.acquire(sessionId);
    setStore(lease.store);
    const stopWatching =
      element === null ? () => {} : watchSeen(element, seen => lease.setVisible(seen));
    return () => {
      stopWatching();
      lease.release();
      setStore(null);
    };
  }, [pool, sessionId, element]);
  return store;
}

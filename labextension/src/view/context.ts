// What the host lends the view: words, a sanitizer, and the way to act on the session.

import { createContext, useContext, useSyncExternalStore } from 'react';

import type { SessionState, SessionStore } from '../store';
import type { Strings } from '../strings';

export interface Host {
  readonly strings: Strings;
  /** HTML of a task in, inert HTML out. The only way to `dangerouslySetInnerHTML`. */
  readonly sanitize: (html: string) => string;
}

export interface Session extends Host {
  readonly store: SessionStore;
}

const SessionContext = createContext<Session | null>(null);

export const SessionProvider = SessionContext.Provider;

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) {
    throw new Error('A part of the view stands outside of SessionView.');
  }
  return session;
}

export function useSessionState(store: SessionStore): SessionState {
  return useSyncExternalStore(store.subscribe, store.getState);
}

// What the host lends the view: words, a sanitizer, and the way to act on the session.

import { createContext, useContext, useSyncExternalStore } from 'react';
import type { ReactNode } from 'react';

import type { PageRenderers } from '../drawing';
import type { SessionState, SessionStore } from '../store';
import type { Strings } from '../strings';

export interface Host {
  readonly strings: Strings;
  /** HTML of a task in, inert HTML out. The only way to `dangerouslySetInnerHTML`. */
  readonly sanitize: (html: string) => string;
  /** The renderers of the page around us, for what the view itself cannot draw; absent where it has none. */
  readonly page?: PageRenderers;
  /** All is shown and nothing can be done: no answer, cancel, retry or draft. For a notebook that is not trusted. */
  readonly viewOnly?: boolean;
}

export interface Session extends Host {
  readonly store: SessionStore;
}

const HostContext = createContext<Host | null>(null);
const SessionContext = createContext<Session | null>(null);

export const HostProvider = HostContext.Provider;

interface SessionProviderProps {
  readonly value: Session;
  readonly children: ReactNode;
}

export function SessionProvider({ value, children }: SessionProviderProps) {
  return (
    <HostProvider value={value}>
      <SessionContext.Provider value={value}>{children}</SessionContext.Provider>
    </HostProvider>
  );
}

function found<T>(value: T | null): T {
  if (value === null) {
    throw new Error('A part of the view stands outside of what provides for it.');
  }
  return value;
}

/** Words and sanitizer, for parts that need no session. */
export function useHost(): Host {
  return found(useContext(HostContext));
}

export function useSession(): Session {
  return found(useContext(SessionContext));
}

export function useSessionState(store: SessionStore): SessionState {
  return useSyncExternalStore(store.subscribe, store.getState);
}

// The view of one session, the same in a cell, in a panel and on the development page.

import { useMemo, useRef } from 'react';

import type { SessionStore } from '../store';
import { Announcer } from './announcer';
import { SessionProvider, useSession, useSessionState } from './context';
import type { Host } from './context';
import { Ending } from './ending';
import { Header } from './header';
import { OutputPane } from './output';
import { ProgressBars } from './progress';
import { Requests } from './requests';

export interface SessionViewProps extends Host {
  readonly store: SessionStore;
}

export function SessionView({ store, strings, sanitize }: SessionViewProps) {
  const session = useMemo(() => ({ store, strings, sanitize }), [store, strings, sanitize]);
  return (
    <SessionProvider value={session}>
      <div className="jp-hitl-Host">
        <Body />
      </div>
    </SessionProvider>
  );
}

function Body() {
  const { store, strings } = useSession();
  const state = useSessionState(store);
  const root = useRef<HTMLElement>(null);
  const { snapshot } = state;
  return (
    // JupyterLab's shortcuts (D D, Enter, …) must not act on keys that are meant for a card.
    <article
      ref={root}
      className="jp-hitl-Widget"
      data-status={snapshot.status}
      data-lm-suppress-shortcuts="true"
      aria-label={snapshot.session?.title ?? strings.header.untitled}
      tabIndex={-1}
    >
      <Header state={state} />
      {state.refusal !== null && (
        <p className="jp-hitl-Problem jp-mod-whole" role="alert">
          {state.refusal.message}
        </p>
      )}
      <OutputPane state={state} />
      <ProgressBars bars={snapshot.progress} moving={snapshot.status === 'running'} />
      <Requests state={state} root={root} />
      <Ending state={state} />
      <Announcer state={state} />
    </article>
  );
}

// The view of one session, the same in a cell, in a panel and on the development page.

import { useMemo, useRef } from 'react';
import type { FocusEvent } from 'react';

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

/**
 * In a notebook's command mode JupyterLab acts on keys wherever the focus is: `D D` on a focused button of ours would
 * delete the cell. Lumino leaves out an element with this attribute, which has to be on the very one with the focus.
 */
function keepShortcutsAway({ target }: FocusEvent<HTMLElement>): void {
  target.setAttribute('data-lm-suppress-shortcuts', 'true');
}

function Body() {
  const { store, strings } = useSession();
  const state = useSessionState(store);
  const root = useRef<HTMLElement>(null);
  const { snapshot } = state;
  return (
    <article
      ref={root}
      className="jp-hitl-Widget"
      data-status={snapshot.status}
      aria-label={snapshot.session?.title ?? strings.header.untitled}
      tabIndex={-1}
      onFocus={keepShortcutsAway}
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

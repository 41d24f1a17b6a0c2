// What a session asks, and what became of it, without its output: for a place where there is little room.

import { useMemo, useRef } from 'react';

import type { SessionState, SessionStore } from '../store';
import { SessionProvider, useSession, useSessionState } from './context';
import type { Host } from './context';
import { Ending } from './ending';
import { ProgressBars } from './progress';
import { Requests, orderOf } from './requests';
import { SettledView } from './rows';
import { SessionTimeline } from './session_view';
import { keepShortcutsAway } from './shortcuts';
import { useSteady } from './steady';

export interface SessionCardsProps extends Host {
  readonly store: SessionStore;
}

export function SessionCards({
  store,
  strings,
  sanitize,
  page,
  viewOnly = false
}: SessionCardsProps) {
  const session = useMemo(
    () => ({ store, strings, sanitize, page, viewOnly }),
    [store, strings, sanitize, page, viewOnly]
  );
  return (
    <SessionProvider value={session}>
      <Cards />
    </SessionProvider>
  );
}

function Cards() {
  const { store, strings } = useSession();
  const state = useSessionState(store);
  const root = useRef<HTMLDivElement>(null);
  const { onClickCapture } = useSteady(root, orderOf(state));
  const { snapshot, connection, refusal } = state;
  const waitsForNews = snapshot.session === null && refusal === null;
  return (
    <div
      ref={root}
      className="jp-hitl-Cards"
      role="group"
      aria-label={snapshot.session?.title ?? strings.header.untitled}
      aria-busy={waitsForNews}
      tabIndex={-1}
      onFocus={keepShortcutsAway}
      onClickCapture={onClickCapture}
    >
      {refusal !== null && (
        <p className="jp-hitl-Problem" role="alert">
          {refusal.message}
        </p>
      )}
      {waitsForNews && connection !== 'offline' && (
        <p className="jp-hitl-Note jp-hitl-Later">{strings.header.connecting}</p>
      )}
      {connection === 'offline' && (
        <p className="jp-hitl-Note">
          {strings.header.offline}{' '}
          <button type="button" className="jp-hitl-Link" onClick={() => store.reconnect()}>
            {strings.header.reconnect}
          </button>
        </p>
      )}
      <Requests state={state} root={root} />
      <LastSettled state={state} />
      <Ending state={state} />
      <ProgressBars bars={snapshot.progress} moving={snapshot.status === 'running'} />
      <SessionTimeline state={state} />
    </div>
  );
}

/** What was answered last: here it does not stand in the output. Not while more is asked, nor beside its notice. */
function LastSettled({ state }: { readonly state: SessionState }) {
  const { settled: all, open_requests: open } = state.snapshot;
  const last = open.length > 0 ? undefined : all.at(-1);
  const isNews = state.elsewhere.some(({ settled }) => settled.request_id === last?.request_id);
  if (last === undefined || isNews) {
    return null;
  }
  const evidence = last.kind === 'retry' ? false : state.transcript.hadEvidence(last.request_id);
  return <SettledView key={last.request_id} settled={last} comment={null} evidence={evidence} />;
}

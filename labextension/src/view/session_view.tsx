// The view of one session, the same in a cell, in a panel and on the development page.

import { useMemo, useRef } from 'react';

import { hasEnded } from '../snapshot';
import type { SessionState, SessionStore } from '../store';
import { timelineOfSnapshot } from '../timeline';
import { Announcer } from './announcer';
import { SessionProvider, useSession, useSessionState } from './context';
import type { Host } from './context';
import { Ending } from './ending';
import { Header } from './header';
import { OutputPane } from './output';
import { ProgressBars } from './progress';
import { Requests, orderOf } from './requests';
import { keepShortcutsAway } from './shortcuts';
import { useSteady } from './steady';
import { useNow } from './time';
import { TimelineStrip } from './timeline';

export interface SessionViewProps extends Host {
  readonly store: SessionStore;
}

export function SessionView({
  store,
  strings,
  sanitize,
  page,
  viewOnly = false
}: SessionViewProps) {
  const session = useMemo(
    () => ({ store, strings, sanitize, page, viewOnly }),
    [store, strings, sanitize, page, viewOnly]
  );
  return (
    <SessionProvider value={session}>
      <div className="jp-hitl-Host">
        <Body />
      </div>
    </SessionProvider>
  );
}

function Body() {
  const { store, strings, viewOnly = false } = useSession();
  const state = useSessionState(store);
  const root = useRef<HTMLElement>(null);
  const { onClickCapture } = useSteady(root, orderOf(state));
  const { snapshot } = state;
  const lives = snapshot.session !== null && !hasEnded(snapshot);
  return (
    <article
      ref={root}
      className="jp-hitl-Root jp-hitl-Widget"
      data-status={snapshot.status}
      aria-label={snapshot.session?.title ?? strings.header.untitled}
      tabIndex={-1}
      onFocus={keepShortcutsAway}
      onClickCapture={onClickCapture}
    >
      <Header state={state} />
      <SessionTimeline state={state} />
      {viewOnly && lives && <p className="jp-hitl-ViewOnly">{strings.header.viewOnly}</p>}
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

/** Each second anew while the session lives. */
export function SessionTimeline({ state }: { readonly state: SessionState }) {
  const { strings } = useSession();
  const { snapshot } = state;
  const now = useNow(snapshot.session !== null && !hasEnded(snapshot));
  const timeline = useMemo(() => timelineOfSnapshot(snapshot, now), [snapshot, now]);
  return timeline === null ? null : <TimelineStrip timeline={timeline} strings={strings} />;
}

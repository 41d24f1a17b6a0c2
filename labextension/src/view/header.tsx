// One line: what it is, how it stands, whether this page is still listening, and the way to stop it.

import { useState } from 'react';

import type { SessionState } from '../store';
import { hasEnded } from '../snapshot';
import { useArmed } from './card';
import { useSession } from './context';
import { ActionIcon, ConnectionIcon, StatusIcon } from './icons';
import { duration, useNow } from './time';

export function Header({ state }: { readonly state: SessionState }) {
  const { strings, viewOnly = false } = useSession();
  const words = strings.header;
  const { snapshot } = state;
  const mayCancel = !viewOnly && snapshot.session !== null && !hasEnded(snapshot);
  return (
    <header className="jp-hitl-Header">
      <h3 className="jp-hitl-Title" title={snapshot.session?.task}>
        {snapshot.session?.title || snapshot.session?.task || words.untitled}
      </h3>
      {snapshot.session !== null && <StatusChip state={state} />}
      <Facts state={state} />
      <span className="jp-hitl-Spring" />
      <ConnectionMark state={state} />
      {mayCancel && <CancelButton state={state} />}
    </header>
  );
}

function StatusChip({ state }: { readonly state: SessionState }) {
  const { strings } = useSession();
  const { status } = state.snapshot;
  return (
    <span className="jp-hitl-Chip" data-status={status}>
      <StatusIcon status={status} />
      {strings.status[status]}
    </span>
  );
}

function Facts({ state }: { readonly state: SessionState }) {
  const words = useSession().strings.header;
  const { snapshot } = state;
  const now = useNow(snapshot.session !== null && !hasEnded(snapshot));
  if (snapshot.created_at === null) {
    return null;
  }
  const attempts = (snapshot.session?.max_retries ?? 0) + 1;
  const elapsed = (snapshot.ended_at ?? now) - snapshot.created_at;
  return (
    <span className="jp-hitl-Facts">
      {(attempts > 1 || snapshot.attempt > 1) && (
        <span>{words.attempt(snapshot.attempt, Math.max(attempts, snapshot.attempt))}</span>
      )}
      <time title={words.elapsed}>
        <span className="jp-hitl-Hidden">{words.elapsed}: </span>
        {duration(elapsed)}
      </time>
    </span>
  );
}

function ConnectionMark({ state }: { readonly state: SessionState }) {
  const { strings, store } = useSession();
  const words = strings.header;
  const { connection, route, snapshot } = state;
  const throughKernel = connection === 'live' && route === 'kernel';
  if (connection === 'live' && hasEnded(snapshot)) {
    return null;
  }
  const text = {
    connecting: words.connecting,
    live: throughKernel ? words.throughKernel : words.live,
    reconnecting: words.reconnecting,
    offline: words.offline,
    refused: words.offline
  }[connection];
  return (
    <span
      className="jp-hitl-Connection"
      data-connection={connection}
      role="status"
      title={throughKernel ? words.throughKernelHint : undefined}
    >
      <ConnectionIcon connection={connection} />
      {text}
      {connection === 'offline' && (
        <button type="button" className="jp-hitl-Button" onClick={() => store.reconnect()}>
          {words.reconnect}
        </button>
      )}
    </span>
  );
}

function CancelButton({ state }: { readonly state: SessionState }) {
  const { strings, store } = useSession();
  const words = strings.header;
  const [sent, setSent] = useState<'no' | 'cancel' | 'force'>('no');
  const [problem, setProblem] = useState<string | null>(null);
  const cancelling = state.snapshot.status === 'cancelling';
  // Where the one button was, there is now the other: a double click cancels, and does not kill.
  const armed = useArmed(cancelling);
  const send = async (force: boolean) => {
    setSent(force ? 'force' : 'cancel');
    setProblem(null);
    const reply = await store.send({ type: 'cancel', force });
    setSent('no');
    setProblem(reply.ok ? null : reply.refusal.message);
  };
  return (
    <>
      {problem !== null && (
        <span className="jp-hitl-Problem" role="alert">
          {problem}
        </span>
      )}
      {cancelling ? (
        <button
          type="button"
          className="jp-hitl-Button jp-mod-danger"
          title={words.forceHint}
          aria-disabled={sent === 'force' || !armed}
          onClick={() => armed && sent !== 'force' && void send(true)}
        >
          <ActionIcon name="stop" />
          {words.force}
        </button>
      ) : (
        <button
          type="button"
          className="jp-hitl-Button"
          title={words.cancelHint}
          disabled={sent === 'cancel' || state.connection !== 'live'}
          onClick={() => void send(false)}
        >
          <ActionIcon name="stop" />
          {words.cancel}
        </button>
      )}
    </>
  );
}

// An open row: the cards of what is asked, how it stands, and what else can be done with the session.

import { useState } from 'react';

import type { Reply } from '../port';
import { ENDED } from '../protocol';
import type { Summary } from '../protocol';
import { useArmed } from './card';
import type { InboxHost } from './inbox_view';
import { ActionIcon } from './icons';
import { useLease } from './lease';
import { SessionCards } from './session_cards';

export interface DetailsProps {
  readonly summary: Summary;
  readonly host: InboxHost;
}

export function Details({ summary, host }: DetailsProps) {
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  return (
    <>
      <div ref={setElement}>
        {element !== null && <Leased summary={summary} host={host} element={element} />}
      </div>
      <RowActions summary={summary} host={host} />
    </>
  );
}

function Leased({ summary, host, element }: DetailsProps & { readonly element: Element }) {
  const { pool, strings, sanitize, page, viewOnly } = host;
  const store = useLease(pool, summary.session_id, element);
  return store === null ? null : (
    <SessionCards
      store={store}
      strings={strings}
      sanitize={sanitize}
      page={page}
      viewOnly={viewOnly}
    />
  );
}

function RowActions({ summary, host }: DetailsProps) {
  const { strings, openSession, revealCell, viewOnly = false } = host;
  const words = strings.inbox;
  const armed = useArmed();
  const [problem, setProblem] = useState<string | null>(null);
  const attempt = async (act: () => Promise<Reply>) => {
    setProblem(null);
    const reply = await act();
    setProblem(reply.ok ? null : reply.refusal.message);
  };
  const acting = { summary, host, attempt };
  return (
    <div className="jp-hitl-Entry-actions" data-place="">
      {openSession !== undefined && (
        <button
          type="button"
          className="jp-hitl-Tool"
          title={words.openHint}
          aria-disabled={!armed}
          onClick={() => armed && openSession(summary.session_id)}
        >
          <ActionIcon name="open" />
          <span>{words.open}</span>
        </button>
      )}
      {revealCell !== undefined && summary.origin?.notebook != null && (
        <button
          type="button"
          className="jp-hitl-Tool"
          title={words.revealHint}
          aria-disabled={!armed}
          onClick={() => armed && revealCell(summary)}
        >
          <ActionIcon name="cell" />
          <span>{words.reveal}</span>
        </button>
      )}
      <span className="jp-hitl-Spring" />
      {!viewOnly && (ENDED.has(summary.status) ? <Forget {...acting} /> : <Cancel {...acting} />)}
      {problem !== null && (
        <p className="jp-hitl-Problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  );
}

interface ActingProps extends DetailsProps {
  readonly attempt: (act: () => Promise<Reply>) => Promise<void>;
}

/** Cancels, and once that is under way kills; a double click does not do both. */
function Cancel({ summary, host, attempt }: ActingProps) {
  const words = host.strings.header;
  const force = summary.status === 'cancelling';
  const armed = useArmed(force);
  const [busy, setBusy] = useState(false);
  const cancel = async () => {
    setBusy(true);
    await attempt(() => host.actions.cancel(summary.session_id, force));
    setBusy(false);
  };
  return (
    <button
      type="button"
      className="jp-hitl-Tool"
      data-danger={force}
      title={force ? words.forceHint : words.cancelHint}
      aria-disabled={!armed || busy}
      onClick={() => armed && !busy && void cancel()}
    >
      <ActionIcon name="stop" />
      {force ? words.force : words.cancel}
    </button>
  );
}

/** The first click turns the button into a question, which a double click does not answer. */
function Forget({ summary, host, attempt }: ActingProps) {
  const words = host.strings.inbox;
  const [asked, setAsked] = useState(false);
  const armed = useArmed(asked);
  const click = () => {
    setAsked(!asked);
    if (asked) {
      void attempt(() => host.actions.forget(summary.session_id));
    }
  };
  return (
    <button
      type="button"
      className="jp-hitl-Tool"
      data-danger={asked}
      title={words.forgetHint}
      aria-disabled={!armed}
      onClick={() => armed && click()}
      onBlur={() => setAsked(false)}
    >
      <ActionIcon name="bin" />
      <span aria-live="polite">{asked ? words.forgetForGood : words.forget}</span>
    </button>
  );
}

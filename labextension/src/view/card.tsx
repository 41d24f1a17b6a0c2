// The frame of every open question: who it is for, how long there is, what stands beside it, and the answer's fate.

import { useCallback, useEffect, useId, useState } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';

import type { Refusal } from '../port';
import type {
  AnswerCommand,
  OpenRequest,
  RequestConfirmation,
  RequestUserInput
} from '../protocol';
import { kindOf } from '../snapshot';
import { useHost, useSession } from './context';
import { Evidence } from './evidence';
import { KindIcon, ActionIcon } from './icons';
import { clockTime, duration, useNow } from './time';

/** How long a new card does not take clicks, so that a double click never answers the next question. */
export const GUARD_MS = 300;

/** False for the first moments of a card, and again when what it shows is another thing than before. */
export function useArmed(shown: unknown = null): boolean {
  const [armed, setArmed] = useState<{ readonly with: unknown } | null>(null);
  useEffect(() => {
    const timer = setTimeout(() => setArmed({ with: shown }), GUARD_MS);
    return () => clearTimeout(timer);
  }, [shown]);
  return armed !== null && Object.is(armed.with, shown);
}

export interface Answering {
  readonly busy: boolean;
  readonly refusal: Refusal | null;
  /** Resolves with the refusal, or null when the answer counted. */
  answer(command: AnswerCommand): Promise<Refusal | null>;
}

export function useAnswer(): Answering {
  const { store } = useSession();
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const answer = useCallback(
    async (command: AnswerCommand) => {
      setBusy(true);
      setRefusal(null);
      const reply = await store.send(command);
      setBusy(false);
      setRefusal(reply.ok ? null : reply.refusal);
      return reply.ok ? null : reply.refusal;
    },
    [store]
  );
  return { busy, refusal, answer };
}

interface CardProps {
  readonly request: OpenRequest;
  readonly title: ReactNode;
  readonly overdue: boolean;
  readonly answering: Answering;
  readonly onKeyDown?: (event: KeyboardEvent<HTMLElement>) => void;
  readonly children: ReactNode;
}

export function Card({ request, title, overdue, answering, onKeyDown, children }: CardProps) {
  const { strings } = useHost();
  const titleId = useId();
  const asks = request.type === 'task_failed' ? null : request;
  const kind = kindOf(request);
  return (
    <section
      className="jp-hitl-Card"
      data-kind={kind}
      data-request={request.request_id}
      data-place=""
      aria-labelledby={titleId}
      aria-busy={answering.busy}
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      <div className="jp-hitl-Card-head">
        <KindIcon kind={kind} />
        <span className="jp-hitl-Hidden">{strings.question.kind[kind]}: </span>
        <h4 className="jp-hitl-Card-title" id={titleId}>
          {title}
        </h4>
        {asks !== null && <Clock request={asks} overdue={overdue} />}
      </div>
      {asks !== null && asks.assignees.length > 0 && (
        <p className="jp-hitl-Note">{strings.question.forWhom(asks.assignees.join(', '))}</p>
      )}
      {asks !== null && asks.evidence.length > 0 && <Evidence shown={asks.evidence} />}
      {children}
      {answering.refusal !== null && (
        <p className="jp-hitl-Problem" role="alert">
          {problemText(answering.refusal, strings.question.checkFields)}
        </p>
      )}
    </section>
  );
}

/** Errors of single fields stand at the fields; here then only what is said of the whole. */
export function problemText(refusal: Refusal, checkFields: string): string {
  const errors = refusal.errors ?? [];
  if (refusal.code !== 'invalid_values' || errors.length === 0) {
    return refusal.message;
  }
  const general = errors.filter(error => error.field === '').map(error => error.message);
  return general.length > 0 ? general.join(' ') : checkFields;
}

function Clock({
  request,
  overdue
}: {
  readonly request: RequestConfirmation | RequestUserInput;
  readonly overdue: boolean;
}) {
  const words = useHost().strings.question;
  const now = useNow(request.deadline !== null);
  if (request.deadline === null) {
    return null;
  }
  const left = request.deadline - now;
  const late = overdue || left <= 0;
  return (
    <span
      className="jp-hitl-Clock"
      data-late={late || left < 60}
      title={`${clockTime(request.deadline)}. ${words.onDeadline[request.on_deadline]}`}
    >
      <ActionIcon name="clock" />
      {late ? words.overdue : words.closesIn(duration(left))}
    </span>
  );
}

// An error, and the question whether to try again.

import { useId, useState } from 'react';

import type { TaskFailed } from '../protocol';
import { AnsiText } from './ansi';
import { Card, useAnswer, useArmed } from './card';
import { useHost } from './context';
import { ActionIcon } from './icons';

interface RetryCardProps {
  readonly request: TaskFailed;
}

export function RetryCard({ request }: RetryCardProps) {
  const { strings, viewOnly = false } = useHost();
  const words = strings.question;
  const answering = useAnswer();
  const armed = useArmed();
  const [anew, setAnew] = useState(false);
  const left = request.max_retries - request.retries;
  const decide = (value: boolean) => {
    if (armed && !answering.busy) {
      void answering.answer({
        type: 'retry',
        value,
        request_id: request.request_id,
        answers: anew ? 'ask' : 'reuse'
      });
    }
  };
  const what = request.ends_attempt ? words.attemptFailed(request.attempt) : words.stepFailed;
  return (
    <Card request={request} title={what} overdue={false} answering={answering}>
      <ErrorText error={request} />
      {request.ends_attempt && !viewOnly && <AskAgain checked={anew} onChange={setAnew} />}
      {!viewOnly && (
        <div className="jp-hitl-Actions">
          <button
            type="button"
            data-first-focus
            className="jp-hitl-Button jp-mod-accept"
            aria-disabled={!armed || answering.busy}
            onClick={() => decide(true)}
          >
            <ActionIcon name="retry" />
            {words.retry}
          </button>
          <button
            type="button"
            className="jp-hitl-Button"
            aria-disabled={!armed || answering.busy}
            onClick={() => decide(false)}
          >
            {words.giveUp}
          </button>
          <span className="jp-hitl-Note">
            {answering.busy ? words.sending : left > 0 ? words.retriesLeft(left) : null}
          </span>
        </div>
      )}
    </Card>
  );
}

/** The error in one line, the traceback folded under it. */
export function ErrorText({ error }: { readonly error: TaskFailed }) {
  const words = useHost().strings.question;
  return (
    <div className="jp-hitl-Error">
      <p className="jp-hitl-Error-message">
        <b>{error.error_type}</b>
        {error.error === '' ? '' : `: ${error.error}`}
      </p>
      {error.traceback !== '' && (
        <details>
          <summary>{words.traceback}</summary>
          <pre className="jp-hitl-Text" tabIndex={0}>
            <AnsiText text={error.traceback} />
          </pre>
        </details>
      )}
    </div>
  );
}

function AskAgain({
  checked,
  onChange
}: {
  readonly checked: boolean;
  readonly onChange: (checked: boolean) => void;
}) {
  const words = useHost().strings.question;
  const id = useId();
  return (
    <div className="jp-hitl-Check">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        onChange={event => onChange(event.target.checked)}
      />
      <label htmlFor={id}>
        {words.askAgain} <span className="jp-hitl-Optional">{words.reuseHint}</span>
      </label>
    </div>
  );
}

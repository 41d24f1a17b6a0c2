// How it ended: the result, the error, or who cancelled it and why.

import { useState } from 'react';

import type { SessionState } from '../store';
import type { TaskCancelled, TaskFailed } from '../protocol';
import { useHost } from './context';
import { ActionIcon, StatusIcon } from './icons';
import { JsonView } from './json_view';
import { ErrorText } from './retry_card';
import { clockTime } from './time';

export function Ending({ state }: { readonly state: SessionState }) {
  const { snapshot } = state;
  switch (snapshot.status) {
    case 'completed':
      return <Result state={state} />;
    case 'failed':
      return snapshot.error === null ? null : <Failure error={snapshot.error} />;
    case 'cancelled':
      return snapshot.cancelled === null ? null : <Cancellation cancelled={snapshot.cancelled} />;
    default:
      return null;
  }
}

function Result({ state }: { readonly state: SessionState }) {
  const words = useHost().strings.ending;
  const { values } = state.snapshot;
  return (
    <section className="jp-hitl-Ending" data-status="completed" aria-label={words.result}>
      <div className="jp-hitl-Card-head">
        <StatusIcon status="completed" />
        <h4 className="jp-hitl-Card-title">{values === null ? words.noResult : words.result}</h4>
        {values !== null && <CopyButton text={() => JSON.stringify(values, null, 2)} />}
      </div>
      {values !== null && <JsonView value={values} />}
    </section>
  );
}

function CopyButton({ text }: { readonly text: () => string }) {
  const words = useHost().strings.ending;
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text());
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <button
      type="button"
      className="jp-hitl-Tool"
      title={words.copyHint}
      onClick={() => void copy()}
    >
      <ActionIcon name={copied ? 'check' : 'copy'} />
      <span aria-live="polite">{copied ? words.copied : words.copy}</span>
    </button>
  );
}

/** The clipboard API needs a secure page; a server on plain http in a laboratory is none. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

function Failure({ error }: { readonly error: TaskFailed }) {
  const words = useHost().strings.status;
  return (
    <section className="jp-hitl-Ending" data-status="failed" aria-label={words.failed}>
      <div className="jp-hitl-Card-head">
        <StatusIcon status="failed" />
        <h4 className="jp-hitl-Card-title">{words.failed}</h4>
      </div>
      <ErrorText error={error} />
    </section>
  );
}

function Cancellation({ cancelled }: { readonly cancelled: TaskCancelled }) {
  const words = useHost().strings.ending;
  const byUser = cancelled.reason === 'user' && cancelled.by !== null;
  const what = byUser
    ? words.cancelledBy(cancelled.by ?? '')
    : (words.reasons[cancelled.reason] ?? words.cancelledOther(cancelled.reason));
  return (
    <section className="jp-hitl-Ending" data-status="cancelled" aria-label={what}>
      <div className="jp-hitl-Card-head">
        <StatusIcon status="cancelled" />
        <h4 className="jp-hitl-Card-title">
          {what} · {clockTime(cancelled.timestamp)}
        </h4>
      </div>
      {cancelled.detail !== undefined && cancelled.detail !== '' && (
        <p className="jp-hitl-Note">{cancelled.detail}</p>
      )}
    </section>
  );
}

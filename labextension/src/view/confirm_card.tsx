// A yes-or-no question.

import { useEffect, useId, useRef, useState } from 'react';

import type { RequestConfirmation } from '../protocol';
import { Card, useAnswer, useArmed } from './card';
import { useHost } from './context';
import { ActionIcon } from './icons';

interface ConfirmCardProps {
  readonly request: RequestConfirmation;
  readonly overdue: boolean;
}

export function ConfirmCard({ request, overdue }: ConfirmCardProps) {
  const { strings, viewOnly = false } = useHost();
  const words = strings.question;
  const answering = useAnswer();
  const armed = useArmed();
  const [comment, setComment] = useState<string | null>(null);
  const leansNo = request.default === false;
  const decide = (value: boolean) => {
    if (armed && !answering.busy) {
      void answering.answer({
        type: 'confirm',
        value,
        request_id: request.request_id,
        comment: comment?.trim() || null
      });
    }
  };
  return (
    <Card request={request} title={request.message} overdue={overdue} answering={answering}>
      {comment !== null && <Comment value={comment} onChange={setComment} />}
      {!viewOnly && (
        <div className="jp-hitl-Actions">
          <button
            type="button"
            data-first-focus={leansNo ? undefined : true}
            className={leansNo ? 'jp-hitl-Button' : 'jp-hitl-Button jp-mod-accept'}
            aria-disabled={!armed || answering.busy}
            onClick={() => decide(true)}
          >
            <ActionIcon name="check" />
            {words.confirm}
          </button>
          <button
            type="button"
            data-first-focus={leansNo ? true : undefined}
            className={leansNo ? 'jp-hitl-Button jp-mod-accept' : 'jp-hitl-Button'}
            aria-disabled={!armed || answering.busy}
            onClick={() => decide(false)}
          >
            <ActionIcon name="cross" />
            {words.decline}
          </button>
          {comment === null && (
            <button type="button" className="jp-hitl-Link" onClick={() => setComment('')}>
              {words.addComment}
            </button>
          )}
          {answering.busy && <span className="jp-hitl-Note">{words.sending}</span>}
        </div>
      )}
    </Card>
  );
}

function Comment({
  value,
  onChange
}: {
  readonly value: string;
  readonly onChange: (value: string) => void;
}) {
  const words = useHost().strings.question;
  const id = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => area.current?.focus(), []);
  return (
    <div className="jp-hitl-Field">
      <label className="jp-hitl-Label" htmlFor={id}>
        {words.comment} <span className="jp-hitl-Optional">{words.optional}</span>
      </label>
      <textarea
        ref={area}
        id={id}
        className="jp-hitl-Input"
        rows={2}
        placeholder={words.commentHint}
        value={value}
        onChange={event => onChange(event.target.value)}
      />
    </div>
  );
}

// What one task does, and the form made from its parameters.

import { useEffect, useMemo, useRef, useState } from 'react';

import type { Actions, TaskInfo } from '../actions';
import { proseOf } from '../docstring';
import type { Values } from '../drafts';
import { newKey } from '../pending';
import type { Refusal } from '../port';
import type { Json } from '../protocol';
import { problemText } from './card';
import { useHost } from './context';
import { GeneratedForm } from './form/generated_form';

interface StartFormProps {
  readonly task: TaskInfo;
  readonly actions: Actions;
  readonly onStarted: (sessionId: string) => void;
}

export function StartForm({ task, actions, onStarted }: StartFormProps) {
  const { strings } = useHost();
  const words = strings.start;
  const prose = proseOf(task.doc);
  const box = useRef<HTMLDivElement>(null);
  const [values, setValues] = useState<Values>({});
  const [busy, setBusy] = useState(false);
  // Of a start whose reply was lost nobody knows whether it took place: tried again unchanged, it keeps its key.
  const attempt = useRef({ params: '', key: '' });
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const schema = useMemo(() => (task.schema === null ? null : withoutTitle(task.schema)), [task]);
  useEffect(() => {
    const field = 'form :is(input:not([type=hidden]), select, textarea)';
    const first = box.current?.querySelector<HTMLElement>(field);
    (first ?? box.current?.querySelector<HTMLElement>('button'))?.focus();
  }, []);
  const gone = useRef(false);
  useEffect(() => {
    gone.current = false;
    return () => {
      gone.current = true;
    };
  }, []);
  const start = async (params: Values) => {
    if (busy) {
      return null;
    }
    setBusy(true);
    setRefusal(null);
    const tried = JSON.stringify(params);
    if (tried !== attempt.current.params) {
      attempt.current = { params: tried, key: newKey() };
    }
    const started = await actions.start(task.name, params, attempt.current.key);
    if (gone.current) {
      return null; // somebody went on to something else meanwhile
    }
    setBusy(false);
    if (started.ok) {
      onStarted(started.sessionId);
      return null;
    }
    setRefusal(started.refusal);
    return started.refusal;
  };
  return (
    <div ref={box} className="jp-hitl-Start-form" aria-busy={busy}>
      <div>
        <h3 className="jp-hitl-Start-title">{task.title}</h3>
        <p className="jp-hitl-Start-id" title={task.name}>
          {task.name}
        </p>
      </div>
      {prose !== '' && <p className="jp-hitl-Start-text">{prose}</p>}
      {schema === null ? (
        <p className="jp-hitl-Problem">{words.notDrawable}</p>
      ) : (
        <>
          {!hasParameters(schema) && <p className="jp-hitl-Note">{words.noParameters}</p>}
          <GeneratedForm
            schema={schema}
            uiSchema={task.ui_schema}
            values={values}
            onChange={setValues}
            onSubmit={start}
          >
            {refusal === null ? (
              <></>
            ) : (
              <p className="jp-hitl-Problem" role="alert">
                {problemText(refusal, strings.question.checkFields)}
              </p>
            )}
            <div className="jp-hitl-Actions">
              <button
                type="submit"
                className="jp-hitl-Button jp-mod-accept"
                aria-keyshortcuts="Control+Enter"
                aria-disabled={busy}
              >
                {words.start}
              </button>
              <span className="jp-hitl-Note">
                {busy ? words.starting : strings.question.submitHint}
              </span>
            </div>
          </GeneratedForm>
        </>
      )}
    </div>
  );
}

function hasParameters({ properties }: Readonly<Record<string, Json>>): boolean {
  return properties !== undefined && Object.keys(properties as object).length > 0;
}

/** The task's own title and text stand above already. */
function withoutTitle(schema: Values): Values {
  return Object.fromEntries(
    Object.entries(schema).filter(([name]) => name !== 'title' && name !== 'description')
  );
}

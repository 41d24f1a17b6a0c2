// A form that a task asks for: kept while it is half-typed, checked by the host, errors at their fields.

import { useCallback, useEffect, useState } from 'react';

import type { Values } from '../drafts';
import type { RequestUserInput } from '../protocol';
import { Card, useAnswer, useArmed } from './card';
import type { Answering } from './card';
import { useSession } from './context';
import { GeneratedForm } from './form/generated_form';
import { withoutNulls, withoutSecrets } from './form/schema';

interface FormCardProps {
  readonly request: RequestUserInput;
  readonly overdue: boolean;
}

export function FormCard({ request, overdue }: FormCardProps) {
  const { viewOnly = false } = useSession();
  const answering = useAnswer();
  const armed = useArmed();
  const [values, change] = useValues(request);
  const submit = async (answer: Values) =>
    !armed || answering.busy
      ? null
      : answering.answer({ type: 'user_input', values: answer, request_id: request.request_id });
  return (
    <Card request={request} title={request.message} overdue={overdue} answering={answering}>
      <GeneratedForm
        schema={request.schema}
        uiSchema={request.ui_schema}
        values={values}
        disabled={viewOnly}
        onChange={change}
        onSubmit={submit}
      >
        {viewOnly ? <></> : <SubmitRow answering={answering} armed={armed} />}
      </GeneratedForm>
    </Card>
  );
}

/** The values of a form: the drafts' while nobody types here, then what is typed. */
function useValues(request: RequestUserInput) {
  const { store, viewOnly = false } = useSession();
  const { drafts } = store;
  const [values, setValues] = useState(() => withoutNulls(drafts.values(request)));
  const take = useCallback(
    () => setValues(withoutNulls(drafts.values(request))),
    [drafts, request]
  );
  useEffect(() => drafts.onReceived(request.request_id, take), [drafts, request, take]);
  const change = (changed: Values, typed: boolean) => {
    setValues(changed);
    if (typed && !viewOnly) {
      drafts.type(request.request_id, changed, withoutSecrets(changed, request.schema), take);
    }
  };
  return [values, change] as const;
}

interface SubmitRowProps {
  readonly answering: Answering;
  readonly armed: boolean;
}

function SubmitRow({ answering, armed }: SubmitRowProps) {
  const words = useSession().strings.question;
  return (
    <div className="jp-hitl-Actions">
      <button
        type="submit"
        className="jp-hitl-Button jp-mod-accept"
        title={words.submitKeys}
        aria-keyshortcuts="Control+Enter"
        aria-disabled={!armed || answering.busy}
      >
        {words.submit}
      </button>
      <span className="jp-hitl-Note">{answering.busy ? words.sending : words.submitHint}</span>
    </div>
  );
}

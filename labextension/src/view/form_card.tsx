// A form: drawn from its JSON Schema, kept while it is half-typed, checked by the host, errors at their fields.

import type { IChangeEvent } from '@rjsf/core';
import { Component, useEffect, useId, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';

import type { Values } from '../drafts';
import type { FieldError } from '../port';
import type { RequestUserInput } from '../protocol';
import { Card, useAnswer, useArmed } from './card';
import type { Answering } from './card';
import { useSession } from './context';
import { errorSchemaOf, plainErrors, stillValid } from './form/errors';
import {
  ONLY_WRITTEN_DEFAULTS,
  asRjsf,
  drawable,
  drawableUi,
  withNulls,
  withoutNulls,
  withoutSecrets
} from './form/schema';
import type { FormValues } from './form/schema';
import { ThemedForm } from './form/theme';
import { validator } from './form/validator';

interface FormCardProps {
  readonly request: RequestUserInput;
  readonly overdue: boolean;
}

function focusFirst(root: HTMLElement | null, selector: string): void {
  root?.querySelector<HTMLElement>(selector)?.focus();
}

export function FormCard({ request, overdue }: FormCardProps) {
  const answering = useAnswer();
  const armed = useArmed();
  const form = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== 'Enter' || !(event.target instanceof HTMLElement)) {
      return;
    }
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      form.current?.querySelector('form')?.requestSubmit();
    } else if (event.target.matches('input')) {
      // A lone Enter in one of several fields would send a half-typed answer.
      event.preventDefault();
    }
  };
  return (
    <Card
      request={request}
      title={request.message}
      overdue={overdue}
      answering={answering}
      onKeyDown={onKeyDown}
    >
      <div ref={form}>
        <FormBoundary otherwise={<RawForm request={request} answering={answering} armed={armed} />}>
          <DrawnForm request={request} answering={answering} armed={armed} />
        </FormBoundary>
      </div>
    </Card>
  );
}

interface FormProps {
  readonly request: RequestUserInput;
  readonly answering: Answering;
  readonly armed: boolean;
}

/** The values of a form: the drafts' while nobody types here, then what is typed. */
function useValues(request: RequestUserInput) {
  const { drafts } = useSession().store;
  const [values, setValues] = useState(() => withoutNulls(drafts.values(request)));
  useEffect(() => {
    const take = () => setValues(withoutNulls(drafts.values(request)));
    return drafts.onReceived(request.request_id, take);
  }, [drafts, request]);
  const change = ({ formData }: IChangeEvent<FormValues>, id?: string) => {
    const typed = (formData ?? {}) as Values;
    setValues(typed);
    if (id !== undefined) {
      const secretless = withoutSecrets(typed, request.schema);
      drafts.type(request.request_id, typed, secretless);
    }
  };
  return [values, change] as const;
}

function DrawnForm({ request, answering, armed }: FormProps) {
  const words = useSession().strings.question;
  const prefix = useId().replace(/\W/g, '');
  const root = useRef<HTMLDivElement>(null);
  const [values, change] = useValues(request);
  const [refused, setRefused] = useState<{ values: Values; errors: readonly FieldError[] } | null>(
    null
  );
  const schema = useMemo(() => asRjsf(drawable(request.schema) as Values), [request.schema]);
  const uiSchema = useMemo(
    () => drawableUi(request.ui_schema, request.schema),
    [request.ui_schema, request.schema]
  );
  const transformErrors = useMemo(() => plainErrors(words.required), [words.required]);
  const extraErrors = useMemo(
    () =>
      refused === null
        ? undefined
        : errorSchemaOf(stillValid(refused.errors, refused.values, values)),
    [refused, values]
  );
  const focusInvalid = () =>
    requestAnimationFrame(() => focusFirst(root.current, '[aria-invalid="true"]'));
  const submit = async ({ formData }: IChangeEvent<FormValues>) => {
    const typed = (formData ?? {}) as Values;
    if (!armed || answering.busy) {
      return;
    }
    setRefused(null);
    const refusal = await answering.answer({
      type: 'user_input',
      values: withNulls(typed, request.schema),
      request_id: request.request_id
    });
    if (refusal !== null) {
      setRefused({ values: typed, errors: refusal.errors ?? [] });
      focusInvalid();
    }
  };
  return (
    <div ref={root}>
      <ThemedForm
        className="jp-hitl-Form"
        schema={schema}
        uiSchema={uiSchema}
        formData={values}
        validator={validator}
        experimental_defaultFormStateBehavior={ONLY_WRITTEN_DEFAULTS}
        idPrefix={prefix}
        noHtml5Validate
        showErrorList={false}
        extraErrors={extraErrors}
        extraErrorsBlockSubmit={false}
        transformErrors={transformErrors}
        onChange={change}
        onSubmit={event => void submit(event)}
        onError={focusInvalid}
      >
        <SubmitRow answering={answering} armed={armed} />
      </ThemedForm>
    </div>
  );
}

function SubmitRow({ answering, armed }: Omit<FormProps, 'request'>) {
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

/** A schema that cannot be drawn must not keep the task waiting for ever. */
function RawForm({ request, answering, armed }: FormProps) {
  const words = useSession().strings.question;
  const { store } = useSession();
  const id = useId();
  const [text, setText] = useState(() => JSON.stringify(store.drafts.values(request), null, 2));
  const values = parsedObject(text);
  return (
    <form
      className="jp-hitl-Form"
      onSubmit={event => {
        event.preventDefault();
        if (values !== null && armed && !answering.busy) {
          void answering.answer({ type: 'user_input', values, request_id: request.request_id });
        }
      }}
    >
      <label className="jp-hitl-Label" htmlFor={id}>
        {words.rawForm}
      </label>
      <textarea
        id={id}
        className="jp-hitl-Input jp-hitl-Text"
        rows={8}
        value={text}
        aria-invalid={values === null}
        onChange={event => setText(event.target.value)}
      />
      {values === null && <div className="jp-hitl-FieldError">{words.rawInvalid}</div>}
      <SubmitRow answering={answering} armed={armed && values !== null} />
    </form>
  );
}

function parsedObject(text: string): Values | null {
  try {
    const value: unknown = JSON.parse(text);
    return value !== null && typeof value === 'object' && !Array.isArray(value)
      ? (value as Values)
      : null;
  } catch {
    return null;
  }
}

class FormBoundary extends Component<
  { readonly otherwise: ReactNode; readonly children: ReactNode },
  { readonly failed: boolean }
> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? this.props.otherwise : this.props.children;
  }
}

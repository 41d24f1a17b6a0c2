// A form drawn from a JSON Schema: for a task's question, and for what a task is started with.

import type { IChangeEvent } from '@rjsf/core';
import { useId, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';

import type { Values } from '../../drafts';
import type { FieldError, Refusal } from '../../port';
import { useHost } from '../context';
import { errorSchemaOf, plainErrors, stillValid } from './errors';
import { RawForm, RawOnFailure } from './raw_form';
import { ONLY_WRITTEN_DEFAULTS, asRjsf, drawable, drawableUi, withNulls } from './schema';
import type { FormValues } from './schema';
import { ThemedForm } from './theme';
import { validator } from './validator';

export interface GeneratedFormProps {
  /** As its author's types made it; of an object. */
  readonly schema: Values;
  readonly uiSchema: Values;
  /** What is filled in now, an empty field being an absent one. */
  readonly values: Values;
  /** `typed` is false where the form itself filled in what its schema says. */
  readonly onChange: (values: Values, typed: boolean) => void;
  /** Resolves with what was refused, whose errors then stand at their fields, or with null. */
  readonly onSubmit: (values: Values) => Promise<Refusal | null>;
  readonly disabled?: boolean;
  /** The row with the button that submits. */
  readonly children: ReactNode;
}

/** A schema that cannot be drawn is filled in as JSON: nobody is to wait for ever. */
export function GeneratedForm(props: GeneratedFormProps) {
  const box = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== 'Enter' || !(event.target instanceof HTMLElement)) {
      return;
    }
    if (event.altKey || event.shiftKey) {
      return; // some other shortcut
    }
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      box.current?.querySelector('form')?.requestSubmit();
    } else if (event.target.matches('input')) {
      // A lone Enter in one of several fields would send a half-typed answer.
      event.preventDefault();
    }
  };
  return (
    <div ref={box} onKeyDown={onKeyDown}>
      <RawOnFailure otherwise={<RawForm {...props} />}>
        <DrawnForm {...props} />
      </RawOnFailure>
    </div>
  );
}

interface Refused {
  readonly values: Values;
  readonly errors: readonly FieldError[];
}

function DrawnForm(props: GeneratedFormProps) {
  const { values, onChange, onSubmit, disabled = false, children } = props;
  const words = useHost().strings.question;
  const prefix = useId().replace(/\W/g, '');
  const root = useRef<HTMLDivElement>(null);
  const [refused, setRefused] = useState<Refused | null>(null);
  const schema = useMemo(() => asRjsf(drawable(props.schema) as Values), [props.schema]);
  const uiSchema = useMemo(
    () => drawableUi(props.uiSchema, props.schema),
    [props.uiSchema, props.schema]
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
    requestAnimationFrame(() =>
      root.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
    );
  const submit = async ({ formData }: IChangeEvent<FormValues>) => {
    const typed = (formData ?? {}) as Values;
    setRefused(null);
    const refusal = await onSubmit(withNulls(typed, props.schema));
    setRefused(refusal === null ? null : { values: typed, errors: refusal.errors ?? [] });
    if (refusal !== null) {
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
        disabled={disabled}
        noHtml5Validate
        showErrorList={false}
        extraErrors={extraErrors}
        extraErrorsBlockSubmit={false}
        transformErrors={transformErrors}
        onChange={({ formData }: IChangeEvent<FormValues>, id?: string) =>
          onChange((formData ?? {}) as Values, id !== undefined)
        }
        onSubmit={event => void submit(event)}
        onError={focusInvalid}
      >
        {children}
      </ThemedForm>
    </div>
  );
}

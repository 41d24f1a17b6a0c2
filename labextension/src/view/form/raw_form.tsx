// Where a form cannot be drawn: its values as JSON.

import { Component, useId, useState } from 'react';
import type { ReactNode } from 'react';

import type { Values } from '../../drafts';
import { useHost } from '../context';
import type { GeneratedFormProps } from './generated_form';

export function RawForm({ values, onSubmit, disabled, children }: GeneratedFormProps) {
  const words = useHost().strings.question;
  const id = useId();
  const [text, setText] = useState(() => JSON.stringify(values, null, 2));
  const parsed = parsedObject(text);
  return (
    <form
      className="jp-hitl-Form"
      onSubmit={event => {
        event.preventDefault();
        if (parsed !== null) {
          void onSubmit(parsed);
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
        disabled={disabled}
        aria-invalid={parsed === null}
        onChange={event => setText(event.target.value)}
      />
      {parsed === null && <div className="jp-hitl-FieldError">{words.rawInvalid}</div>}
      {children}
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

interface RawOnFailureProps {
  readonly otherwise: ReactNode;
  readonly children: ReactNode;
}

export class RawOnFailure extends Component<RawOnFailureProps, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  override render() {
    return this.state.failed ? this.props.otherwise : this.props.children;
  }
}

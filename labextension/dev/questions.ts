// The questions of the development page.

import { FIGURE_PNG, TABLE_HTML } from './evidence';
import type { NewEvent } from './fake_port';
import { EMAIL_SCHEMA, SEVERAL_SCHEMA, VERDICT_SCHEMA } from './schemas';
import type { Json, MimeBundle } from './types';

export const question = {
  key: null,
  default: null,
  deadline: null,
  on_deadline: 'keep',
  evidence: [],
  assignees: []
} as const;

export const compose: NewEvent = {
  ...question,
  type: 'request_user_input',
  request_id: 'compose',
  message: 'Compose the e-mail',
  fields: [],
  schema: EMAIL_SCHEMA,
  ui_schema: { 'ui:order': ['subject', 'body', 'to_address'], body: { 'ui:widget': 'textarea' } },
  initial: { subject: 'Quarterly numbers' }
};

const EVIDENCE: readonly MimeBundle[] = [
  { 'text/html': TABLE_HTML, 'text/plain': 'table' },
  { 'image/png': FIGURE_PNG, 'text/plain': 'Histogram of rooms per household' }
];

function choice(requestId: string, message: string, schema: Json, widget: string): NewEvent {
  return {
    ...question,
    type: 'request_user_input',
    request_id: requestId,
    message,
    fields: [],
    schema: schema as never,
    ui_schema: { 'ui:order': ['value'], value: { 'ui:widget': widget } },
    initial: null,
    evidence: EVIDENCE
  };
}

export const several = choice('out', 'Which are measuring errors?', SEVERAL_SCHEMA, 'checkboxes');
export const verdict = choice('verdict', 'Is this model good enough?', VERDICT_SCHEMA, 'radio');

export const sendQuestion = {
  ...question,
  type: 'request_confirmation',
  request_id: 'send',
  message: 'Send to grace@example.org?',
  default: null
} as const satisfies NewEvent;

// The forms of the development page.

import type { Json } from './types';

export const EMAIL_SCHEMA = {
  title: 'Email',
  type: 'object',
  required: ['subject', 'body', 'to_address'],
  properties: {
    subject: { type: 'string', title: 'Subject', minLength: 1 },
    body: { type: 'string', title: 'Body' },
    to_address: {
      type: 'string',
      title: 'To address',
      format: 'email',
      description: 'One recipient'
    }
  }
};

export const EVERYTHING_SCHEMA: Readonly<Record<string, Json>> = {
  type: 'object',
  required: ['name', 'rate'],
  properties: {
    name: { type: 'string', title: 'Run name', description: 'Shown in the experiment list' },
    rate: {
      type: 'number',
      title: 'Learning rate',
      exclusiveMinimum: 0,
      maximum: 1,
      default: 0.05
    },
    depth: {
      anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }],
      default: null,
      title: 'Depth'
    },
    optimiser: {
      enum: ['adam', 'sgd', 'lion'],
      type: 'string',
      title: 'Optimiser',
      default: 'adam'
    },
    metrics: {
      type: 'array',
      uniqueItems: true,
      items: { enum: ['accuracy', 'f1', 'roc_auc'], type: 'string' },
      title: 'Metrics',
      default: ['f1']
    },
    until: { type: 'string', format: 'date', title: 'Keep until' },
    shuffle: { type: 'boolean', title: 'Shuffle', description: 'Before each epoch', default: true },
    token: { type: 'string', format: 'password', writeOnly: true, title: 'Registry token' },
    split: {
      type: 'object',
      title: 'Split',
      properties: {
        test: { type: 'number', title: 'Test share', default: 0.2 },
        seed: { type: 'integer', title: 'Seed', default: 7 }
      }
    },
    tags: { type: 'array', items: { type: 'string' }, title: 'Tags', default: ['baseline'] },
    notes: { type: 'string', title: 'Notes' }
  }
};

const options = (titles: readonly string[]) => titles.map(title => ({ const: title, title }));

function oneField(value: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> {
  return { type: 'object', required: ['value'], properties: { value } };
}

export const SEVERAL_SCHEMA = oneField({
  type: 'array',
  title: 'Your choice',
  uniqueItems: true,
  items: {
    type: 'string',
    oneOf: options(
      Array.from({ length: 16 }, (_, i) => `${461 - 7 * i}: area error ${542 - i * 17}`)
    )
  }
});

export const VERDICT_SCHEMA = oneField({
  type: 'string',
  title: 'Your choice',
  oneOf: options(['approve', 'train again', 'reject'])
});

/** What `GET tasks` lists. */
export const TASKS = [
  {
    name: 'hitl_jupyter.demo:send_email',
    title: 'Send an e-mail',
    doc: 'Compose an e-mail, look at it, send it.\n\nNothing is really sent: each step only takes its time.',
    schema: {
      type: 'object',
      title: 'send_email',
      properties: {
        steps: { type: 'integer', title: 'Steps', default: 5, minimum: 1 },
        fail: { type: 'boolean', title: 'Fail', default: false }
      }
    },
    ui_schema: {}
  },
  {
    name: 'train:train',
    title: 'Train the classifier with everything that a form can hold',
    doc: 'Fit, look at the curves, decide.',
    schema: EVERYTHING_SCHEMA,
    ui_schema: { notes: { 'ui:widget': 'textarea' } }
  },
  {
    name: 'report:nightly',
    title: 'Nightly report',
    doc: '',
    schema: { type: 'object' },
    ui_schema: {}
  },
  {
    name: 'frames:merge',
    title: 'Merge two frames',
    doc: 'Takes two data frames.',
    schema: null,
    ui_schema: {}
  }
];

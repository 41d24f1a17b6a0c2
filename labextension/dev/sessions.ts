// The sessions of the development page's inbox.

import { FIGURE_PNG, TABLE_HTML } from './evidence';
import type { NewEvent } from './fake_port';
import { compose, sendQuestion } from './questions';
import { VALUES, failure, line, status } from './scenarios';
import { World, ago as agoFrom, born as bornFrom } from './world';
import type { Facts } from './world';

const MINUTE = 60;
const HOUR = 60 * MINUTE;

/** One moment for all, so that what lies between is exact. */
const NOW = Date.now() / 1000;

function ago<E extends NewEvent>(seconds: number, event: E): E {
  return agoFrom(seconds, event, NOW);
}

function born(since: number, facts: Facts): readonly NewEvent[] {
  return bornFrom(since, facts, NOW);
}

function progress(id: string, label: string, done: number, total: number | null): NewEvent {
  return { type: 'progress', progress_id: id, label, done, total };
}

function answered(since: number, requestId: string, value: unknown): NewEvent {
  return ago(since, {
    type: 'request_resolved',
    request_id: requestId,
    outcome: 'answered',
    value: value as never,
    by: 'Grace Hopper',
    via: 'browser',
    at: NOW - since,
    comment: null
  });
}

function completed(start: number, end: number, facts: Facts): readonly NewEvent[] {
  const middle = (start + end) / 2;
  return [
    ...born(start, facts),
    ago(middle + (start - middle) * 0.3, { ...sendQuestion, message: 'Keep this model?' }),
    answered(middle - (middle - end) * 0.2, 'send', true),
    ago(middle - (middle - end) * 0.2, status('running')),
    ago(end, { type: 'task_completed', values: VALUES }),
    ago(end, status('completed'))
  ];
}

const cleaning: readonly NewEvent[] = [
  ...born(11 * MINUTE, {
    title: 'Clean the housing data',
    task: 'clean:clean',
    notebook: 'work/housing/cleaning.ipynb'
  }),
  ago(8 * MINUTE, { ...sendQuestion, request_id: 'first', message: 'Use the cached download?' }),
  answered(7 * MINUTE, 'first', true),
  ago(7 * MINUTE, status('running')),
  ago(3 * MINUTE + 12, {
    ...sendQuestion,
    message: 'Drop these 12 rows?',
    default: true,
    evidence: [
      { 'text/html': TABLE_HTML, 'text/plain': 'table' },
      { 'image/png': FIGURE_PNG, 'text/plain': 'Histogram of rooms per household' }
    ]
  }),
  ago(3 * MINUTE + 12, status('waiting'))
];

const mail: readonly NewEvent[] = [
  ...born(9 * MINUTE, {
    title: 'Send the quarterly e-mail to all customers of the northern region',
    task: 'mail:send_email',
    notebook: 'work/mail/quarterly numbers, second draft.ipynb'
  }),
  ago(100, {
    ...compose,
    message: 'Compose the e-mail that all customers will get tomorrow morning at eight',
    deadline: Date.now() / 1000 + 272,
    on_deadline: 'default'
  } as NewEvent),
  ago(100, status('waiting'))
];

const crawling: readonly NewEvent[] = [
  ...born(2 * HOUR, { title: 'Crawl the archive', task: 'crawl:crawl', maxRetries: 2 }),
  ago(40, failure),
  ago(38, { ...sendQuestion, request_id: 'b', message: 'Skip pages that time out?' }),
  ago(38, status('waiting'))
];

const training: readonly NewEvent[] = [
  ...born(26 * MINUTE, {
    title: 'Train the classifier',
    task: 'train:train',
    notebook: 'work/model/train.ipynb',
    maxRetries: 2
  }),
  ago(20 * MINUTE, { ...failure, request_id: 'again' }),
  answered(17 * MINUTE, 'again', true),
  ago(17 * MINUTE, status('queued')),
  ago(16 * MINUTE, status('running')),
  ago(15 * MINUTE, progress('a', 'epochs', 0, 50)),
  ago(3, progress('a', 'epochs', 18, 50))
];

const reading: readonly NewEvent[] = [
  ...born(40, { title: 'Read the sensors', task: 'sensors:read', notebook: 'lab/sensors.ipynb' }),
  ago(38, line('connected')),
  ago(30, progress('r', 'rows', 48_231, null))
];

const ENDED: readonly (readonly NewEvent[])[] = [
  completed(HOUR + 9 * MINUTE, HOUR, {
    title: 'Clean the housing data',
    task: 'clean:clean',
    notebook: 'work/housing/cleaning.ipynb'
  }),
  [
    ...born(3 * HOUR, {
      title: 'Nightly report',
      task: 'report:nightly',
      notebook: 'report.ipynb'
    }),
    ago(2 * HOUR, { ...failure, request_id: null, can_retry: false, retries: 2 }),
    ago(2 * HOUR, status('failed'))
  ],
  [
    ...born(5 * HOUR, { title: 'Send the quarterly e-mail', task: 'mail:send_email' }),
    ago(4 * HOUR, { type: 'task_cancelled', reason: 'user', by: 'Ada Lovelace' }),
    ago(4 * HOUR, status('cancelled'))
  ],
  ...Array.from({ length: 60 }, (_, i) =>
    completed((26 + 5 * i) * HOUR, (25.5 + 5 * i) * HOUR, {
      title: `Label batch ${60 - i}`,
      task: 'label:batch',
      notebook: 'work/labels/label.ipynb'
    })
  )
];

export function busyWorld(): World {
  const world = new World();
  for (const events of [cleaning, mail, crawling, training, reading, ...ENDED]) {
    world.add(events);
  }
  return world;
}

/** A run with all that a timeline can show. */
export const eventful: readonly NewEvent[] = [
  ...born(31 * MINUTE, {
    title: 'Train and publish',
    task: 'train:publish',
    notebook: 'work/model/train.ipynb',
    maxRetries: 2
  }),
  ago(30 * MINUTE, line('20,640 rows, 9 columns')),
  ago(27 * MINUTE, { ...sendQuestion, request_id: 'q1', message: 'Drop these 12 rows?' }),
  ago(27 * MINUTE, status('waiting')),
  answered(25 * MINUTE, 'q1', true),
  ago(25 * MINUTE, status('running')),
  ago(20 * MINUTE, { ...failure, request_id: 'again' }),
  ago(20 * MINUTE, status('waiting')),
  answered(13 * MINUTE, 'again', true),
  ago(13 * MINUTE, status('queued')),
  ago(12 * MINUTE, status('running')),
  ago(11 * MINUTE, line('epoch 1: loss 0.312')),
  ago(6 * MINUTE, { ...sendQuestion, request_id: 'q2', message: 'Is this model good enough?' }),
  ago(6 * MINUTE, status('waiting')),
  answered(2 * MINUTE, 'q2', true),
  ago(2 * MINUTE, status('running')),
  ago(70, { type: 'task_completed', values: VALUES }),
  ago(70, status('completed'))
];

// What the development page can show.

import { FakePort } from './fake_port';
import type { NewEvent } from './fake_port';
import type { Command, Reply } from './types';
import { FIGURE_PNG, TABLE_HTML } from './evidence';
import { compose, question, sendQuestion, several, verdict } from './questions';
import { EVERYTHING_SCHEMA } from './schemas';

export const line = (content: string, rest: object = {}): NewEvent => ({
  type: 'stream',
  content,
  source: 'task',
  ...rest
});

export const status = (value: string, rest: object = {}): NewEvent =>
  ({ type: 'status', status: value, ...rest }) as NewEvent;

function born(title: string, task: string, maxRetries = 0): readonly NewEvent[] {
  return [
    status('queued', {
      session: {
        task,
        title,
        owner: 'ada',
        key: null,
        origin: null,
        max_retries: maxRetries,
        launcher: 'local'
      }
    }),
    status('running')
  ];
}

const TRACEBACK = `Traceback (most recent call last):
  File "/home/ada/mail.py", line 42, in send_email
    \u001b[31mserver.sendmail(sender, [email.to_address], message)\u001b[0m
  File "/usr/lib/python3.11/smtplib.py", line 908, in sendmail
    raise SMTPServerDisconnected("Connection unexpectedly closed")
smtplib.SMTPServerDisconnected: Connection unexpectedly closed`;

export const failure = {
  type: 'task_failed',
  error: 'Connection unexpectedly closed',
  error_type: 'SMTPServerDisconnected',
  traceback: TRACEBACK,
  can_retry: true,
  max_retries: 2,
  retries: 0,
  ends_attempt: true,
  request_id: 'again'
} as const satisfies NewEvent;

function resolved(requestId: string, value: unknown): NewEvent {
  return {
    type: 'request_resolved',
    request_id: requestId,
    outcome: 'answered',
    value: value as never,
    by: 'Ada Lovelace',
    via: 'browser',
    at: Date.now() / 1000,
    comment: null
  };
}

const steps = (count: number): readonly NewEvent[] =>
  Array.from({ length: count }, (_, i) => line(`Processing email step ${i + 1}/${count}...`));

export const VALUES = {
  subject: 'Quarterly numbers',
  body: 'They are in. Revenue is up by a fifth; the details are attached.',
  to_address: 'grace@example.org',
  sent: true,
  attempts: 2,
  recipients: ['grace@example.org', 'ada@example.org'],
  server: { host: 'smtp.example.org', port: 465, tls: { version: 'TLSv1.3', verified: true } }
};

export const later = (ms: number, then: () => void) => setTimeout(then, ms);

/** The whole e-mail demo, with answers that count. */
function answerEmail(command: Command, port: FakePort): Reply {
  port.now();
  if (command.type === 'user_input') {
    const address = String(command.values['to_address'] ?? '');
    if (!address.endsWith('.org')) {
      return {
        ok: false,
        refusal: {
          code: 'invalid_values',
          message: 'The answer does not validate.',
          errors: [
            { field: 'to_address', message: 'Only addresses in .org can be reached from here' }
          ]
        }
      };
    }
    port.emit(resolved('compose', command.values), status('running'), ...steps(5));
    later(600, () => port.emit(failure, status('waiting')));
  } else if (command.type === 'retry') {
    port.emit(resolved('again', command.value));
    if (command.value) {
      port.emit(status('queued'), status('running'), ...steps(5));
      later(600, () => port.emit(sendQuestion, status('waiting')));
    } else {
      port.emit(status('failed'));
    }
  } else if (command.type === 'confirm') {
    port.emit(resolved('send', command.value), status('running'));
    later(400, () =>
      command.value
        ? port.emit({ type: 'task_completed', values: VALUES }, status('completed'))
        : port.emit(
            line('Task cancelled by user.'),
            { type: 'task_cancelled', reason: 'not_confirmed', by: 'Ada Lovelace' },
            status('cancelled')
          )
    );
  } else if (command.type === 'cancel') {
    port.emit(status('cancelling'));
    later(command.force ? 100 : 3000, () =>
      port.emit({ type: 'task_cancelled', reason: 'user', by: 'Ada Lovelace' }, status('cancelled'))
    );
  }
  return { ok: true };
}

function scripted(events: readonly NewEvent[], connection?: 'reconnecting' | 'offline'): FakePort {
  const port = new FakePort(answerEmail);
  port.emit(...events);
  if (connection !== undefined) {
    later(50, () => port.connection(connection));
  }
  return port;
}

const email = born('Send the quarterly e-mail', 'mail:send_email', 2);

function hundredThousand(): FakePort {
  const port = new FakePort(answerEmail);
  port.emit(...born('Crawl the archive', 'crawl:crawl'));
  port.emitAll(
    Array.from({ length: 100_000 }, (_, i) =>
      i % 97 === 0
        ? line(`\u001b[33mpage ${i} was slow\u001b[0m: ${'retry '.repeat(12)}`, {
            source: 'stderr'
          })
        : line(`fetched page ${i} of the archive, ${(i * 7919) % 4096} kB`)
    )
  );
  return port;
}

/** 100,000 lines that come in while one watches. */
function flood(): FakePort {
  const port = new FakePort(answerEmail);
  port.emit(...born('Crawl the archive', 'crawl:crawl'));
  let count = 0;
  const more = () => {
    port.emit(...Array.from({ length: 500 }, (_, i) => line(`fetched page ${count + i + 1}`)));
    count += 500;
    if (count < 100_000) {
      later(4, more);
    }
  };
  later(200, more);
  return port;
}

export const scenarios: Readonly<Record<string, () => FakePort>> = {
  form: () => scripted([...email, line('Composing…'), compose, status('waiting')]),
  fields: () =>
    scripted([
      ...born('Train the classifier', 'train:train'),
      line('loaded 20,640 rows'),
      {
        ...question,
        type: 'request_user_input',
        request_id: 'params',
        message: 'How shall it be trained?',
        fields: [],
        schema: EVERYTHING_SCHEMA,
        ui_schema: {
          'ui:order': Object.keys(EVERYTHING_SCHEMA['properties'] as object),
          notes: { 'ui:widget': 'textarea' }
        },
        initial: null,
        deadline: Date.now() / 1000 + 272,
        on_deadline: 'default',
        assignees: ['Ada', 'Grace']
      },
      status('waiting')
    ]),
  confirm: () =>
    scripted([
      ...born('Clean the housing data', 'clean:clean'),
      line('20,640 rows, 9 columns'),
      line('found 12 outliers by the interquartile range', { source: 'log', level: 'WARNING' }),
      {
        ...sendQuestion,
        message: 'Drop these 12 rows?',
        default: true,
        evidence: [
          { 'text/markdown': 'Rows whose **rooms per household** lie beyond *6 IQR*:' },
          { 'text/html': TABLE_HTML, 'text/plain': 'table' },
          { 'image/png': FIGURE_PNG, 'text/plain': 'Histogram of rooms per household' }
        ]
      },
      status('waiting')
    ]),
  several_of_many: () => scripted([...born('Clean and train', 'c:t'), several, status('waiting')]),
  verdict: () => scripted([...born('Clean and train', 'c:t'), verdict, status('waiting')]),
  elsewhere: () => {
    const port = scripted([...born('Clean and train', 'c:t'), sendQuestion, verdict]);
    later(1000, () => port.emit(status('waiting'), resolved('verdict', { value: 'train again' })));
    later(2000, () => port.emit({ ...resolved('send', false), by: null, via: 'cli' } as NewEvent));
    return port;
  },
  retry: () => scripted([...email, ...steps(3), failure, status('waiting')]),
  progress: () =>
    scripted([
      ...born('Train the classifier', 'train:train'),
      {
        type: 'progress',
        progress_id: 'load',
        label: 'loading',
        done: 0,
        total: 3,
        timestamp: Date.now() / 1000 - 80
      },
      {
        type: 'progress',
        progress_id: 'load',
        label: 'loading',
        done: 3,
        total: 3,
        timestamp: Date.now() / 1000 - 77
      },
      {
        type: 'progress',
        progress_id: 'a',
        label: 'epochs',
        done: 0,
        total: 50,
        timestamp: Date.now() / 1000 - 60
      },
      line('epoch 17: loss \u001b[32m0.312\u001b[0m  val \u001b[1m0.341\u001b[0m'),
      line('epoch 18: loss \u001b[32m0.309\u001b[0m  val \u001b[1m0.344\u001b[0m'),
      line('UserWarning: lbfgs failed to converge after 100 iterations', { source: 'stderr' }),
      line('learning rate is high', { source: 'log', level: 'WARNING' }),
      line('checkpoint could not be written', { source: 'log', level: 'ERROR' }),
      line(
        'one line with\nanother under it, and a very long tail that has to wrap somewhere because it does not fit: ' +
          'abc '.repeat(30)
      ),
      { type: 'display', data: { 'text/html': TABLE_HTML }, display_id: null },
      {
        type: 'progress',
        progress_id: 'a',
        label: 'epochs',
        done: 18,
        total: 50,
        timestamp: Date.now() / 1000 - 2
      },
      {
        type: 'progress',
        progress_id: 'b',
        label: 'batches of this epoch',
        done: 311,
        total: 1200,
        timestamp: Date.now() / 1000 - 2
      },
      {
        type: 'progress',
        progress_id: 'c',
        label: 'rows read',
        done: 48231,
        total: null,
        timestamp: Date.now() / 1000 - 2
      }
    ]),
  completed: () =>
    scripted([
      ...email,
      compose,
      status('waiting'),
      resolved('compose', {}),
      status('running'),
      ...steps(3),
      failure,
      status('waiting'),
      resolved('again', true),
      status('queued'),
      status('running'),
      ...steps(5),
      sendQuestion,
      status('waiting'),
      { ...resolved('send', true), comment: 'Checked the numbers twice.' } as NewEvent,
      { type: 'task_completed', values: VALUES },
      status('completed')
    ]),
  failed: () =>
    scripted([
      ...email,
      ...steps(2),
      { ...failure, request_id: null, can_retry: false, retries: 2 },
      status('failed')
    ]),
  cancelled: () =>
    scripted([
      ...email,
      ...steps(2),
      { type: 'task_cancelled', reason: 'user', by: 'Ada Lovelace' },
      status('cancelled')
    ]),
  cancelling: () => scripted([...email, ...steps(2), status('cancelling')]),
  queued: () => {
    const port = new FakePort(answerEmail, 1);
    port.emit(...email.slice(0, 1));
    return port;
  },
  several: () =>
    scripted([
      ...email,
      line('two reviewers are asked'),
      { ...sendQuestion, request_id: 'a', message: 'Is the tone right?', assignees: ['Ada'] },
      {
        ...sendQuestion,
        request_id: 'b',
        message: 'Delete the old drafts?\nThis cannot be undone.',
        default: false,
        deadline: Date.now() / 1000 - 30
      } as NewEvent,
      status('waiting')
    ]),
  reconnecting: () => scripted([...email, ...steps(4)], 'reconnecting'),
  offline: () => scripted([...email, ...steps(4)], 'offline'),
  lines: hundredThousand,
  flood,
  hostile: () =>
    scripted([
      ...born('<img src=x onerror=alert(1)>', 'x:x'),
      {
        type: 'display',
        display_id: null,
        data: {
          'text/html':
            '<script>window.pwned=1</script><img src=x onerror="window.pwned=1"><form action=/logout><button>Log in</button></form>' +
            '<a href="javascript:window.pwned=1" data-commandlinker-command="x">a link</a><div style="position:fixed;inset:0;background:red">overlay</div>' +
            '<div style="background:url(/logout)">styled</div><img src="/logout"><iframe src="/"></iframe><style>body{display:none}</style>'
        }
      },
      {
        type: 'display',
        display_id: null,
        data: {
          'text/markdown':
            '[x](javascript:window.pwned=1) <script>window.pwned=1</script> ![i](/logout)'
        }
      },
      {
        type: 'display',
        display_id: null,
        data: {
          'image/svg+xml':
            '<svg xmlns="http://www.w3.org/2000/svg" width="80" height="20" onload="window.pwned=1"><script>window.pwned=1</script><rect width="80" height="20" fill="teal"/></svg>'
        }
      },
      status('running')
    ])
};

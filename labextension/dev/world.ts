// A server of the inbox without a server: sessions that go on when they are answered, a feed of them, and tasks.

import type { Feed, FeedHandler } from '../src/feed_port';
import type { Server, Socket } from '../src/server';
import { fold, kindOf, questionOf } from '../src/snapshot';
import { waitsOf } from '../src/timeline';
import { FakePort } from './fake_port';
import type { NewEvent } from './fake_port';
import { TASKS } from './schemas';
import { later, status } from './scenarios';
import type { Command, Reply, Summary } from './types';

export interface Facts {
  readonly title: string;
  readonly task: string;
  readonly notebook?: string;
  readonly maxRetries?: number;
}

/** So many seconds before a moment, which is now if it is not said. */
export function ago<E extends NewEvent>(
  seconds: number,
  event: E,
  now: number = Date.now() / 1000
): E {
  return { ...event, timestamp: now - seconds };
}

export function born(
  since: number,
  { title, task, notebook, maxRetries = 0 }: Facts,
  now?: number
): readonly NewEvent[] {
  const session = {
    task,
    title,
    owner: 'ada',
    key: null,
    origin: notebook === undefined ? null : { notebook, cell_id: 'c', kernel_id: 'k' },
    max_retries: maxRetries,
    launcher: 'local'
  };
  return [ago(since, status('queued', { session }), now), ago(since - 2, status('running'), now)];
}

export class World implements Feed, Server {
  readonly ended = 50;
  readonly ports = new Map<string, FakePort>();
  private readonly forgotten = new Set<string>();
  private handler: FeedHandler | null = null;
  private rev = 0;

  add(events: readonly NewEvent[]): string {
    const id = `00000000-0000-4000-8000-${String(this.ports.size + 1).padStart(12, '0')}`;
    const port = new FakePort((command, self) => this.goOn(command, self), 0);
    port.emit(...events);
    this.ports.set(id, port);
    port.onEmit = () => this.tell(id);
    this.tell(id);
    return id;
  }

  port(sessionId: string): FakePort {
    return this.ports.get(sessionId) ?? new FakePort();
  }

  subscribe(handler: FeedHandler): () => void {
    this.handler = handler;
    handler.connection('live');
    handler.messages([...this.ports.keys()].map(id => this.line(id)));
    handler.messages([{ type: 'sessions_listed', count: this.ports.size, rev: this.rev }]);
    return () => {
      this.handler = null;
    };
  }

  connection(state: 'live' | 'offline' | 'reconnecting'): void {
    this.handler?.connection(state);
  }

  reconnect(): void {
    this.connection('reconnecting');
    later(800, () => this.connection('live'));
  }

  async request(path: string, init?: RequestInit): Promise<Response> {
    const [route, id = ''] = path.split('/');
    const body = JSON.parse(String(init?.body ?? '{}')) as Readonly<Record<string, never>>;
    if (route === 'tasks') {
      return Response.json({ tasks: TASKS, problems: PROBLEMS });
    }
    if (route === 'start-task') {
      return this.start(body['task'], body['params']);
    }
    if (route === 'cancel-task') {
      await this.port(id).send({ type: 'cancel', force: body['force'] });
      return Response.json({ status: 'cancelling' });
    }
    if (init?.method === 'DELETE') {
      this.forgotten.add(id);
      this.tell(id);
      return new Response(null, { status: 204 });
    }
    return Response.json({ sessions: [], cursor: null });
  }

  open(): Socket {
    throw new Error('The development page has no sockets.');
  }

  private start(task: string, params: Readonly<Record<string, unknown>>): Response {
    if (params['name'] === 'taken') {
      const errors = [{ field: 'name', message: 'A run of this name exists already' }];
      const refusal = { code: 'invalid_values', message: 'Some values are wrong.', errors };
      return Response.json(refusal, { status: 422 });
    }
    const title = TASKS.find(({ name }) => name === task)?.title ?? task;
    const id = this.add(born(0, { title, task }));
    return Response.json({ session_id: id }, { status: 201 });
  }

  private tell(id: string): void {
    this.handler?.messages([this.line(id)]);
  }

  private line(id: string) {
    this.rev += 1;
    const forgotten = this.forgotten.has(id);
    const summary = forgotten ? null : summaryOf(id, this.port(id));
    return { type: 'session', session_id: id, rev: this.rev, summary, forgotten } as const;
  }

  /** An answer lets the task go on for a while; it ends by itself. */
  private goOn(command: Command, port: FakePort): Reply {
    const emit = (...events: readonly NewEvent[]) => port.emit(...events.map(e => ago(0, e)));
    if (command.type === 'cancel') {
      emit(status('cancelling'));
      const ending = { type: 'task_cancelled', reason: 'user', by: 'Ada Lovelace' } as const;
      later(command.force ? 100 : 4000, () => emit(ending, status('cancelled')));
    } else if (command.type !== 'draft') {
      const value = command.type === 'user_input' ? command.values : command.value;
      emit({
        type: 'request_resolved',
        request_id: command.request_id ?? '',
        outcome: 'answered',
        value: value as never,
        by: 'Ada Lovelace',
        via: 'browser',
        at: Date.now() / 1000,
        comment: null
      });
      emit(status(fold(port.events).open_requests.length > 0 ? 'waiting' : 'running'));
      later(3000, () =>
        emit({ type: 'task_completed', values: { sent: true } }, status('completed'))
      );
    }
    return { ok: true };
  }
}

const PROBLEMS = [
  {
    module: 'lab.tasks',
    message:
      'Traceback (most recent call last):\n  File "/home/ada/lab/tasks.py", line 3, in <module>\n    import torch\nModuleNotFoundError: No module named \'torch\''
  }
];

function summaryOf(sessionId: string, port: FakePort): Summary {
  const snapshot = fold(port.events);
  const { session, open_requests: requests } = snapshot;
  return {
    session_id: sessionId,
    task: session?.task ?? '',
    title: session?.title ?? '',
    owner: 'ada',
    key: null,
    origin: session?.origin ?? null,
    status: snapshot.status,
    attempt: snapshot.attempt,
    created_at: snapshot.created_at,
    started_at: snapshot.attempts.at(-1)?.started_at ?? null,
    ended_at: snapshot.ended_at,
    updated_at: snapshot.updated_at,
    last_seq: snapshot.last_seq,
    streams: snapshot.streams,
    open_requests: requests.map(request => ({
      request_id: request.request_id ?? '',
      kind: kindOf(request),
      key: null,
      message: questionOf(request),
      opened_at: request.timestamp,
      deadline: request.type === 'task_failed' ? null : request.deadline,
      overdue: snapshot.overdue.includes(request.request_id ?? ''),
      assignees: [],
      has_evidence: false
    })),
    progress: snapshot.progress,
    attempts: snapshot.attempts,
    waits: waitsOf(snapshot),
    error: snapshot.error?.error ?? null,
    viewers: 1
  };
}

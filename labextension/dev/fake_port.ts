// A session without a server: a script of events, and answers that let the script go on.

import type {
  Command,
  Connection,
  JournalEvent,
  Port,
  PortHandler,
  Reply,
  ServerMessage,
  Snapshot,
  SubscribeOptions
} from './types';
import { EMPTY, fold } from '../src/snapshot';

type Unstamped<E> = E extends JournalEvent
  ? Omit<E, 'session_id' | 'seq' | 'timestamp' | 'attempt'> & { timestamp?: number }
  : never;

export type NewEvent = Unstamped<JournalEvent>;

/** Answers a command with a refusal, or with the events that follow from it. */
export type Answerer = (command: Command, port: FakePort) => Reply | Promise<Reply>;

export class FakePort implements Port {
  readonly events: JournalEvent[] = [];
  readonly commands: Command[] = [];
  route: Port['route'] = 'server';
  /** Told of whatever was emitted. */
  onEmit: (() => void) | null = null;
  private handler: PortHandler | null = null;
  private attempt = 1;
  private clock: number;

  constructor(
    private readonly answerer: Answerer = () => ({ ok: true }),
    startedAgo = 84
  ) {
    this.clock = Date.now() / 1000 - startedAgo;
  }

  /** Journal events; those without a time take a moment each. */
  emit(...news: readonly NewEvent[]): void {
    this.emitAll(news);
  }

  emitAll(news: readonly NewEvent[]): void {
    const first = this.events.length;
    for (const event of news) {
      this.events.push(this.stamped(event));
    }
    this.handler?.messages(this.events.slice(first));
    this.onEmit?.();
  }

  /** The clock goes on to the present. */
  now(): void {
    this.clock = Date.now() / 1000;
  }

  say(...messages: readonly ServerMessage[]): void {
    this.handler?.messages(messages);
  }

  connection(state: Connection): void {
    this.handler?.connection(state);
  }

  subscribe(handler: PortHandler, { tail }: SubscribeOptions): () => void {
    this.handler = handler;
    const snapshot: Snapshot = fold(this.events, EMPTY);
    const shown = this.events.slice(-(tail ?? this.events.length));
    const last_seq = this.events.length;
    handler.messages([
      {
        type: 'state_replay_start',
        session_id: 's',
        message: '',
        count: shown.length,
        first_seq: shown[0]?.seq ?? 1,
        last_seq,
        epoch: 1,
        snapshot: snapshot as never
      },
      ...shown,
      { type: 'state_replay_complete', session_id: 's', message: '', last_seq }
    ]);
    handler.connection('live');
    return () => {
      this.handler = null;
    };
  }

  async send(command: Command): Promise<Reply> {
    this.commands.push(command);
    return command.type === 'draft' ? { ok: true } : this.answerer(command, this);
  }

  history(before: number, limit: number): Promise<readonly JournalEvent[]> {
    return Promise.resolve(this.events.slice(Math.max(0, before - 1 - limit), before - 1));
  }

  reconnect(): void {
    this.connection('reconnecting');
    setTimeout(() => this.connection('live'), 800);
  }

  rest(): void {}

  wake(): void {}

  private stamped(event: NewEvent): JournalEvent {
    this.clock += 0.001;
    if (event.type === 'status' && event.status === 'queued' && this.events.length > 0) {
      this.attempt += 1;
    }
    return {
      session_id: 's',
      timestamp: this.clock,
      ...event,
      seq: this.events.length + 1,
      attempt: this.attempt
    } as JournalEvent;
  }
}

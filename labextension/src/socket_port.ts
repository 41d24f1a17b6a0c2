// A session over the server's WebSocket: resumes after what it has seen, and gives up visibly.

import type { Backoff } from './backoff';
import { Pending, isFinal, newKey, watchingError } from './pending';
import { refused } from './port';
import type { Connection, Port, PortHandler, Refusal, Reply, SubscribeOptions } from './port';
import { BATCH_SUBPROTOCOL, ENDED } from './protocol';
import type { Command, JournalEvent, ServerMessage, Snapshot } from './protocol';
import { Reconnecting } from './reconnecting';
import { Sequencer } from './sequencer';
import type { Server } from './server';
import type { Strings } from './strings';

/** How long a command may go unanswered; a worker that checks a form may have to be woken first. */
const REPLY_TIMEOUT_MS = 60_000;

export interface SocketPortOptions {
  readonly sessionId: string;
  readonly server: Server;
  readonly words: Strings['connection'];
  readonly backoff?: Backoff;
}

export class SocketPort implements Port {
  readonly route = 'server';
  private handler: PortHandler | null = null;
  private sequencer = new Sequencer(0);
  private tail: number | null = null;
  private sessionEnded = false;
  private readonly pending = new Pending(REPLY_TIMEOUT_MS);
  private readonly line: Reconnecting;

  constructor(private readonly options: SocketPortOptions) {
    this.line = new Reconnecting({
      open: () => options.server.open(this.path('ws'), this.query(), [BATCH_SUBPROTOCOL]),
      askWhy: () => this.askWhy(),
      frame: messages => this.receive(messages as readonly ServerMessage[]),
      changed: (state, refusal) => this.changed(state, refusal),
      unreadable: options.words.unreadable,
      backoff: options.backoff
    });
  }

  subscribe(handler: PortHandler, { after, tail }: SubscribeOptions): () => void {
    this.handler = handler;
    this.sequencer = new Sequencer(after);
    this.tail = tail;
    this.line.start();
    return () => {
      this.handler = null;
      this.line.stop();
      this.pending.settleAll(refused('offline', this.options.words.notConnected));
    };
  }

  reconnect(): void {
    if (!this.isOver) {
      this.line.retry();
    }
  }

  rest(): void {
    this.line.rest();
  }

  wake(): void {
    if (!this.isOver) {
      this.line.wake();
    }
  }

  /** Ended, and told to the end: nothing more can come. */
  private get isOver(): boolean {
    return this.sessionEnded && this.line.state === 'live';
  }

  send(command: Command): Promise<Reply> {
    const { words } = this.options;
    const { state } = this.line;
    if (state === 'offline' || state === 'refused' || this.handler === null) {
      return Promise.resolve(refused('offline', words.notConnected));
    }
    if (this.sessionEnded) {
      return Promise.resolve(refused('wrong_state', words.ended));
    }
    if (command.type === 'draft') {
      return Promise.resolve(this.sendDraft(command));
    }
    const key = command.idempotency_key ?? newKey();
    const keyed = { ...command, idempotency_key: key };
    const reply = this.pending.add(key, keyed, words.noReply);
    this.line.send(JSON.stringify(keyed));
    return reply;
  }

  async history(before: number, limit: number): Promise<readonly JournalEvent[]> {
    const query = new URLSearchParams({ before: String(before), limit: String(limit) });
    const path = `${this.path('sessions')}/events?${query}`;
    const response = await this.options.server.request(path);
    const body: unknown = await response.json();
    if (!response.ok || !Array.isArray(body)) {
      throw new Error((body as Partial<Refusal> | null)?.message ?? response.statusText);
    }
    return body as JournalEvent[];
  }

  private path(route: string): string {
    return `${route}/${encodeURIComponent(this.options.sessionId)}`;
  }

  private sendDraft(command: Command): Reply {
    return this.line.send(JSON.stringify(command))
      ? { ok: true }
      : refused('offline', this.options.words.notConnected);
  }

  private query(): URLSearchParams {
    const { lastSeq, epoch } = this.sequencer;
    const query = new URLSearchParams();
    if (lastSeq > 0) {
      query.set('after', String(lastSeq));
      if (epoch !== null) {
        query.set('epoch', String(epoch));
      }
    } else if (this.tail !== null) {
      query.set('tail', String(this.tail));
    }
    return query;
  }

  private receive(frame: readonly ServerMessage[]): void {
    const news = this.sequencer.accept(frame);
    const trouble = watchingError(news);
    if (trouble !== undefined && isFinal(trouble)) {
      this.line.giveUp('refused', trouble);
      return;
    }
    this.handler?.messages(news);
    this.pending.observe(news);
    this.follow(news);
  }

  private follow(news: readonly ServerMessage[]): void {
    this.sessionEnded ||= news.some(isTheEnd);
    if (news.some(message => message.type === 'state_replay_complete')) {
      this.line.isLive();
      for (const command of this.pending.commands()) {
        this.line.send(JSON.stringify(command));
      }
    }
    if (this.sessionEnded && this.line.state === 'live') {
      // Nothing more can come: do not hold one of the server's sockets for every old output of a notebook.
      this.line.drop();
      this.pending.settleAll(refused('wrong_state', this.options.words.ended));
    }
  }

  private changed(state: Connection, refusal?: Refusal): void {
    this.handler?.connection(state, refusal);
    if (state === 'offline' || state === 'refused') {
      this.pending.settleAll(refused('offline', this.options.words.lost));
    }
  }

  private async askWhy(): Promise<Refusal | null> {
    const { server, words } = this.options;
    const { status } = await server.request(this.path('session-info'));
    if (status === 404) {
      return { code: 'not_found', message: words.unknownSession };
    }
    return status === 401 || status === 403
      ? { code: 'forbidden', message: words.forbidden }
      : null;
  }
}

function isTheEnd(message: ServerMessage): boolean {
  if (message.type === 'state_replay_start') {
    const snapshot = message.snapshot as unknown as Partial<Snapshot> | undefined;
    return snapshot?.status !== undefined && ENDED.has(snapshot.status);
  }
  return message.type === 'status' && ENDED.has(message.status);
}

// A session over the server's WebSocket: resumes after what it has seen, and gives up visibly.

import { doubling } from './backoff';
import type { Backoff } from './backoff';
import { Pending, isFinal, newKey, watchingError } from './pending';
import { refused } from './port';
import type { Connection, Port, PortHandler, Refusal, Reply, SubscribeOptions } from './port';
import { BATCH_SUBPROTOCOL, ENDED } from './protocol';
import type { Command, JournalEvent, ServerMessage, Snapshot } from './protocol';
import { Sequencer } from './sequencer';
import type { Strings } from './strings';

/** How long a command may go unanswered; a worker that checks a form may have to be woken first. */
const REPLY_TIMEOUT_MS = 60_000;

/** The part of a WebSocket that is used. */
export interface Socket {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: (() => void) | null;
  send(data: string): void;
  close(code?: number): void;
}

export interface SocketPortOptions {
  readonly sessionId: string;
  /** Opens `hitl/<path>` with that query and those subprotocols. */
  readonly open: (path: string, query: URLSearchParams, protocols: readonly string[]) => Socket;
  /** Requests to `hitl/<path>`. */
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  readonly words: Strings['connection'];
  readonly backoff?: Backoff;
}

export class SocketPort implements Port {
  private handler: PortHandler | null = null;
  private socket: Socket | null = null;
  private sequencer = new Sequencer(0);
  private tail: number | null = null;
  private state: Connection = 'connecting';
  private tries = 0;
  private wasLive = false;
  private askedWhy = false;
  private sessionEnded = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly pending = new Pending(REPLY_TIMEOUT_MS);
  private readonly backoff: Backoff;

  constructor(private readonly options: SocketPortOptions) {
    this.backoff = options.backoff ?? doubling();
  }

  subscribe(handler: PortHandler, { after, tail }: SubscribeOptions): () => void {
    this.handler = handler;
    this.sequencer = new Sequencer(after);
    this.tail = tail;
    this.connect();
    return () => this.stop();
  }

  reconnect(): void {
    if (this.handler !== null && this.socket === null && !this.sessionEnded) {
      this.tries = 0;
      this.become(this.wasLive ? 'reconnecting' : 'connecting');
      this.connect();
    }
  }

  send(command: Command): Promise<Reply> {
    const { words } = this.options;
    if (this.state === 'offline' || this.state === 'refused' || this.handler === null) {
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
    if (this.state === 'live') {
      this.socket?.send(JSON.stringify(keyed));
    }
    return reply;
  }

  async history(before: number, limit: number): Promise<readonly JournalEvent[]> {
    const { sessionId, request } = this.options;
    const query = new URLSearchParams({ before: String(before), limit: String(limit) });
    const response = await request(`sessions/${encodeURIComponent(sessionId)}/events?${query}`);
    const body: unknown = await response.json();
    if (!response.ok || !Array.isArray(body)) {
      throw new Error((body as Partial<Refusal> | null)?.message ?? response.statusText);
    }
    return body as JournalEvent[];
  }

  private sendDraft(command: Command): Reply {
    if (this.state !== 'live') {
      return refused('offline', this.options.words.notConnected);
    }
    this.socket?.send(JSON.stringify(command));
    return { ok: true };
  }

  private stop(): void {
    this.handler = null;
    this.drop();
    this.pending.settleAll(refused('offline', this.options.words.notConnected));
  }

  private connect(): void {
    clearTimeout(this.timer);
    const { sessionId, open } = this.options;
    const socket = open(`ws/${encodeURIComponent(sessionId)}`, this.query(), [BATCH_SUBPROTOCOL]);
    socket.onmessage = event => this.receive(event.data);
    socket.onclose = () => this.lost(socket);
    this.socket = socket;
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

  private receive(data: unknown): void {
    const frame = parsedFrame(data);
    if (frame === null) {
      this.giveUp('offline', { code: 'malformed', message: this.options.words.unreadable });
      return;
    }
    const news = this.sequencer.accept(frame);
    const trouble = watchingError(news);
    if (trouble !== undefined && isFinal(trouble)) {
      this.giveUp('refused', trouble);
      return;
    }
    this.handler?.messages(news);
    this.pending.observe(news);
    this.follow(news);
  }

  private follow(news: readonly ServerMessage[]): void {
    this.sessionEnded ||= news.some(isTheEnd);
    if (news.some(message => message.type === 'state_replay_complete')) {
      this.tries = 0;
      this.wasLive = true;
      this.askedWhy = false;
      this.become('live');
      for (const command of this.pending.commands()) {
        this.socket?.send(JSON.stringify(command));
      }
    }
    if (this.sessionEnded && this.state === 'live') {
      // Nothing more can come: do not hold one of the server's sockets for every old output of a notebook.
      this.drop();
      this.pending.settleAll(refused('wrong_state', this.options.words.ended));
    }
  }

  private lost(socket: Socket): void {
    if (this.socket !== socket) {
      return;
    }
    this.socket = null;
    const wasRefused = this.state !== 'live';
    this.become(this.wasLive ? 'reconnecting' : 'connecting');
    this.tries += 1;
    const wait = this.backoff(this.tries);
    if (wait === null) {
      this.giveUp('offline');
      return;
    }
    this.timer = setTimeout(() => this.connect(), wait);
    if (wasRefused && !this.askedWhy) {
      this.askedWhy = true;
      void this.askWhy();
    }
  }

  /** A browser does not tell why a socket was refused; a plain request does. */
  private async askWhy(): Promise<void> {
    const { sessionId, request, words } = this.options;
    const info = `session-info/${encodeURIComponent(sessionId)}`;
    const status = await request(info).then(
      response => response.status,
      () => 0
    );
    if (this.state === 'live' || this.handler === null) {
      return;
    }
    if (status === 404) {
      this.giveUp('refused', { code: 'not_found', message: words.unknownSession });
    } else if (status === 401 || status === 403) {
      this.giveUp('refused', { code: 'forbidden', message: words.forbidden });
    }
  }

  private giveUp(state: 'offline' | 'refused', refusal?: Refusal): void {
    this.drop();
    this.become(state, refusal);
    this.pending.settleAll(refused('offline', this.options.words.lost));
  }

  private drop(): void {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
  }

  private become(state: Connection, refusal?: Refusal): void {
    if (this.state !== state || refusal !== undefined) {
      this.state = state;
      this.handler?.connection(state, refusal);
    }
  }
}

function parsedFrame(data: unknown): readonly ServerMessage[] | null {
  try {
    const value: unknown = JSON.parse(String(data));
    return (Array.isArray(value) ? value : [value]) as readonly ServerMessage[];
  } catch {
    return null;
  }
}

function isTheEnd(message: ServerMessage): boolean {
  if (message.type === 'state_replay_start') {
    const snapshot = message.snapshot as unknown as Partial<Snapshot> | undefined;
    return snapshot?.status !== undefined && ENDED.has(snapshot.status);
  }
  return message.type === 'status' && ENDED.has(message.status);
}

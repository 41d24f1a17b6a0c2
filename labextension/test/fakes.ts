// Ports, sockets and events without a server.

import type { Connection, Port, PortHandler, Refusal, Reply, SubscribeOptions } from '../src/port';
import type { Command, FeedMessage, JournalEvent, ServerMessage, Snapshot } from '../src/protocol';
import type { Server } from '../src/server';
import { makeStrings } from '../src/strings';

export const words = makeStrings().connection;

export const base = { session_id: 's', timestamp: 1, attempt: 1 } as const;

export function line(seq: number, content = `line ${seq}`): JournalEvent {
  return { ...base, type: 'stream', seq, content, source: 'task' };
}

export function status(seq: number, value: Snapshot['status']): JournalEvent {
  return { ...base, type: 'status', seq, status: value };
}

export function confirmation(seq: number, request_id: string): JournalEvent {
  return {
    ...base,
    type: 'request_confirmation',
    seq,
    request_id,
    key: null,
    message: `${request_id}?`,
    deadline: null,
    on_deadline: 'keep',
    evidence: [],
    assignees: [],
    default: null
  };
}

export function resolved(seq: number, request_id: string, by = 'Ada'): JournalEvent {
  return {
    ...base,
    type: 'request_resolved',
    seq,
    request_id,
    outcome: 'answered',
    value: true,
    by,
    via: 'browser',
    at: 2,
    comment: null
  };
}

export function replayStart(first: number, last: number, snapshot?: Snapshot): ServerMessage {
  return {
    type: 'state_replay_start',
    session_id: 's',
    message: '',
    count: last - first + 1,
    first_seq: first,
    last_seq: last,
    epoch: 7,
    ...(snapshot && { snapshot: snapshot as never })
  };
}

export function replayComplete(last: number): ServerMessage {
  return { type: 'state_replay_complete', session_id: 's', message: '', last_seq: last };
}

export class FakeSocket {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];
  closed = false;

  constructor(
    readonly path: string,
    readonly query: URLSearchParams,
    readonly protocols: readonly string[]
  ) {}

  send(data: string): void {
    this.sent.push(JSON.parse(data) as Record<string, unknown>);
  }

  close(): void {
    this.closed = true;
  }

  say(...messages: readonly (ServerMessage | FeedMessage)[]): void {
    this.onmessage?.({ data: JSON.stringify(messages) });
  }

  drop(): void {
    this.onclose?.();
  }
}

/** A server that a test plays: it notes what it is asked, and replies what the test put in. */
export class FakeServer implements Server {
  readonly sockets: FakeSocket[] = [];
  readonly requests: { readonly path: string; readonly init: RequestInit }[] = [];
  /** What it replies to a request; an Error where it cannot be reached. */
  reply: () => Response | Error = () => Response.json([]);

  open(path: string, query: URLSearchParams, protocols: readonly string[]): FakeSocket {
    const socket = new FakeSocket(path, query, protocols);
    this.sockets.push(socket);
    return socket;
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    this.requests.push({ path, init });
    const reply = this.reply();
    return reply instanceof Error ? Promise.reject(reply) : Promise.resolve(reply);
  }

  get latest(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) {
      throw new Error('No socket was opened.');
    }
    return socket;
  }

  get paths(): readonly string[] {
    return this.requests.map(({ path }) => path);
  }
}

/** Put the page behind another, or before it again. */
export function hidePage(hidden: boolean): void {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
  document.dispatchEvent(new Event('visibilitychange'));
}

/** Numbers between 0 and 1 that look random and are the same each time. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

export class Heard implements PortHandler {
  readonly all: ServerMessage[] = [];
  readonly states: Connection[] = [];
  refusal: Refusal | undefined;

  messages(batch: readonly ServerMessage[]): void {
    this.all.push(...batch);
  }

  connection(state: Connection, refusal?: Refusal): void {
    this.states.push(state);
    this.refusal = refusal;
  }

  get seqs(): number[] {
    return this.all.flatMap(message => ('seq' in message && message.seq ? [message.seq] : []));
  }
}

/** A port that the test speaks through. */
export class ManualPort implements Port {
  readonly route = 'server';
  handler: PortHandler | null = null;
  options: SubscribeOptions | null = null;
  readonly commands: Command[] = [];
  reply: Reply = { ok: true };
  pages: (readonly JournalEvent[] | Error)[] = [];

  subscribe(handler: PortHandler, options: SubscribeOptions): () => void {
    this.handler = handler;
    this.options = options;
    return () => {
      this.handler = null;
    };
  }

  say(...messages: readonly ServerMessage[]): void {
    this.handler?.messages(messages);
  }

  send(command: Command): Promise<Reply> {
    this.commands.push(command);
    return Promise.resolve(this.reply);
  }

  history(): Promise<readonly JournalEvent[]> {
    const page = this.pages.shift() ?? [];
    return page instanceof Error ? Promise.reject(page) : Promise.resolve(page);
  }

  reconnect(): void {}

  resting = false;

  rest(): void {
    this.resting = true;
  }

  wake(): void {
    this.resting = false;
  }
}

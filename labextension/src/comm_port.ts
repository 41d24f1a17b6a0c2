// A session over the widget's comm, where the page cannot reach a server of ours: the kernel answers.
//
// The page says {op: "watch", after, tail}, {op: "unwatch"}, {op: "command", id, command} and
// {op: "events", id, before, limit}; the kernel {op: "messages"} with one buffer (a JSON array of wire messages) and
// {op: "reply", id, ok, body}. A busy kernel answers when it is free, so nothing here times out.

import { Pending, isFinal, newKey, watchingError } from './pending';
import { fieldErrors, refused } from './port';
import type { Connection, Port, PortHandler, Refusal, Reply, SubscribeOptions } from './port';
import { ENDED } from './protocol';
import type { Command, Json, JournalEvent, ServerMessage } from './protocol';
import { Sequencer } from './sequencer';
import type { Strings } from './strings';

/** The part of a widget model that is used. */
export interface Comm {
  send(content: object): void;
  onMessage(listener: (content: unknown, buffers: readonly DataView[]) => void): () => void;
}

interface KernelReply {
  readonly op: 'reply';
  readonly id: string;
  readonly ok: boolean;
  readonly body: unknown;
}

export class CommPort implements Port {
  readonly route = 'kernel';
  private handler: PortHandler | null = null;
  private sequencer = new Sequencer(0);
  private tail: number | null = null;
  private state: Connection = 'connecting';
  private sessionEnded = false;
  private watching = false;
  private readonly replies = new Map<string, (reply: KernelReply) => void>();
  private readonly pending = new Pending(null);
  private readonly decoder = new TextDecoder();

  constructor(
    private readonly comm: Comm,
    private readonly words: Strings['connection']
  ) {}

  subscribe(handler: PortHandler, { after, tail }: SubscribeOptions): () => void {
    this.handler = handler;
    this.sequencer = new Sequencer(after);
    const off = this.comm.onMessage((content, buffers) => this.receive(content, buffers));
    this.tail = tail;
    this.watch();
    return () => {
      off();
      this.handler = null;
      this.unwatch();
      this.pending.settleAll(refused('offline', this.words.notConnected));
    };
  }

  reconnect(): void {
    this.become('reconnecting');
    this.unwatch();
    this.watch();
  }

  /** The kernel holds no connection for a page that does not watch. */
  rest(): void {
    this.unwatch();
    this.sequencer.pause();
  }

  wake(): void {
    const isOver = this.sessionEnded || this.state === 'refused';
    if (this.handler !== null && !this.watching && !isOver) {
      this.watch();
    }
  }

  send(command: Command): Promise<Reply> {
    if (this.sessionEnded) {
      return Promise.resolve(refused('wrong_state', this.words.ended));
    }
    const key = newKey();
    const id = this.ask({ op: 'command', command: { ...command, idempotency_key: key } }, reply =>
      this.pending.settle(key, replyFrom(reply, this.words.noReply))
    );
    return this.pending
      .add(key, command, this.words.noReply)
      .finally(() => this.replies.delete(id));
  }

  history(before: number, limit: number): Promise<readonly JournalEvent[]> {
    return new Promise((resolve, reject) => {
      this.ask({ op: 'events', before, limit }, reply => {
        if (reply.ok && Array.isArray(reply.body)) {
          resolve(reply.body as JournalEvent[]);
        } else {
          reject(new Error((reply.body as Partial<Refusal> | null)?.message ?? this.words.noReply));
        }
      });
    });
  }

  /** From the place that is reached. */
  private watch(): void {
    const after = this.sequencer.lastSeq;
    this.watching = true;
    this.sequencer.pause();
    this.comm.send({ op: 'watch', after, tail: after > 0 ? null : this.tail });
  }

  private unwatch(): void {
    if (this.watching) {
      this.watching = false;
      this.comm.send({ op: 'unwatch' });
    }
  }

  /** Every page that shows the widget hears the reply, so the id must be no other page's. */
  private ask(message: object, listener: (reply: KernelReply) => void): string {
    const id = newKey();
    this.replies.set(id, listener);
    this.comm.send({ ...message, id });
    return id;
  }

  private receive(content: unknown, buffers: readonly DataView[]): void {
    const message = content as { readonly op?: unknown };
    if (message.op === 'reply') {
      const reply = content as KernelReply;
      this.replies.get(reply.id)?.(reply);
      this.replies.delete(reply.id);
    } else if (message.op === 'messages' && buffers.length > 0) {
      this.receiveFrame(buffers[0]);
    }
  }

  private receiveFrame(buffer: DataView): void {
    const frame = JSON.parse(this.decoder.decode(buffer)) as readonly ServerMessage[];
    const news = this.sequencer.accept(frame);
    const trouble = watchingError(news);
    if (trouble !== undefined) {
      this.become(isFinal(trouble) ? 'refused' : 'offline', trouble);
    }
    this.handler?.messages(news);
    this.pending.observe(news);
    this.sessionEnded ||= news.some(
      message => message.type === 'status' && ENDED.has(message.status)
    );
    if (this.state !== 'live' && news.some(m => m.type === 'state_replay_complete')) {
      this.become('live');
    }
    if (this.sessionEnded && this.state === 'live') {
      // Nothing more can come: the kernel need not hold a thread and a socket for it.
      this.unwatch();
    }
  }

  private become(state: Connection, refusal?: Refusal): void {
    this.state = state;
    this.handler?.connection(state, refusal);
  }
}

function replyFrom(reply: KernelReply, noReply: string): Reply {
  if (reply.ok) {
    return { ok: true };
  }
  const body = (reply.body ?? {}) as Partial<Refusal>;
  return refused(body.code ?? 'error', body.message ?? noReply, {
    errors: fieldErrors(body.errors),
    details: reply.body as Readonly<Record<string, Json>>
  });
}

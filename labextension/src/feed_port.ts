// The feed of all sessions of this person: listed anew at each connection, then each as it changes.

import type { Backoff } from './backoff';
import type { Connection, Refusal } from './port';
import { BATCH_SUBPROTOCOL } from './protocol';
import type { FeedMessage } from './protocol';
import { Reconnecting } from './reconnecting';
import type { Server, Socket } from './server';
import type { Strings } from './strings';

export interface FeedHandler {
  /** A connection is tried: its list begins anew, whatever was named by one that was lost. */
  begins(): void;
  /** Lines as they come. Each connection lists all sessions first, and ends its list by `sessions_listed`. */
  messages(batch: readonly FeedMessage[]): void;
  connection(state: Connection, refusal?: Refusal): void;
}

export interface Feed {
  /** How many ended sessions a list names at the most; all without it. */
  readonly ended?: number;
  /** Begin; returns how to stop. A feed serves one subscriber. */
  subscribe(handler: FeedHandler): () => void;
  /** Try again now, after `offline`. */
  reconnect(): void;
}

export interface FeedPortOptions {
  readonly server: Server;
  readonly words: Strings['connection'];
  /** How many ended sessions the list begins with; all without it. */
  readonly ended?: number;
  readonly backoff?: Backoff;
}

export class FeedPort implements Feed {
  readonly ended?: number;
  private handler: FeedHandler | null = null;
  private readonly line: Reconnecting;

  constructor(private readonly options: FeedPortOptions) {
    this.ended = options.ended;
    this.line = new Reconnecting({
      open: () => this.open(),
      askWhy: () => this.askWhy(),
      frame: messages => this.receive(messages as readonly FeedMessage[]),
      changed: (state, refusal) => this.handler?.connection(state, refusal),
      unreadable: options.words.unreadable,
      backoff: options.backoff
    });
  }

  subscribe(handler: FeedHandler): () => void {
    this.handler = handler;
    this.line.start();
    return () => {
      this.handler = null;
      this.line.stop();
    };
  }

  reconnect(): void {
    this.line.retry();
  }

  private open(): Socket {
    this.handler?.begins();
    const query = new URLSearchParams(
      this.ended === undefined ? {} : { ended: String(this.ended) }
    );
    return this.options.server.open('ws', query, [BATCH_SUBPROTOCOL]);
  }

  private receive(messages: readonly FeedMessage[]): void {
    this.handler?.messages(messages);
    if (messages.some(message => message.type === 'sessions_listed')) {
      this.line.isLive();
    }
  }

  private async askWhy(): Promise<Refusal | null> {
    const { server, words } = this.options;
    const { status } = await server.request('sessions?limit=1');
    switch (status) {
      case 401:
      case 403:
        return { code: 'forbidden', message: words.feedForbidden };
      case 404:
        return { code: 'not_found', message: words.noServer };
      default:
        return null;
    }
  }
}

// How the view reaches a session, whatever carries it: a WebSocket to the server, or the widget comm to the kernel.

import type { Command, Json, JournalEvent, ServerMessage } from './protocol';

/**
 * `connecting`: not yet once live. `reconnecting`: it was live, and is being tried again. `offline`: given up until
 * `reconnect()` is called. `refused`: the other side said no (unknown session, not allowed); trying again is no use.
 */
export type Connection = 'connecting' | 'live' | 'reconnecting' | 'offline' | 'refused';

/** What was refused, in the words of the REST API: a stable code, and a sentence for people. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly errors?: readonly FieldError[];
  readonly details?: Readonly<Record<string, Json>>;
}

/** One error of a form: `field` is a path in dots, and empty where the whole form is meant. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

export type Reply = { readonly ok: true } | { readonly ok: false; readonly refusal: Refusal };

/** The server of this page, or the kernel, which passes on what the page cannot reach. */
export type Route = 'server' | 'kernel';

export interface PortHandler {
  /** Messages in order, each once. After `reset` everything known is void. */
  messages(batch: readonly ServerMessage[]): void;
  connection(state: Connection, refusal?: Refusal): void;
}

export interface SubscribeOptions {
  /** The last event already known; 0 for none. */
  readonly after: number;
  /** With nothing known: begin with a snapshot and this many events. Null asks for the whole history. */
  readonly tail: number | null;
}

export interface Port {
  /** Begin; returns how to stop. A port serves one subscriber. */
  subscribe(handler: PortHandler, options: SubscribeOptions): () => void;
  /** Resolves when the command has taken effect or was refused; never rejects. */
  send(command: Command): Promise<Reply>;
  /** Up to `limit` events before that `seq`, oldest first. Rejects with an Error whose message is for people. */
  history(before: number, limit: number): Promise<readonly JournalEvent[]>;
  /** Try again now, after `offline`. */
  reconnect(): void;
  /** Nobody looks: let go of the connection, and keep the place. */
  rest(): void;
  /** Somebody looks again: go on from that place. */
  wake(): void;
  /** Whose connection it is. */
  readonly route: Route;
}

export function refused(code: string, message: string, rest: Partial<Refusal> = {}): Reply {
  return { ok: false, refusal: { code, message, ...rest } };
}

/** Read the `errors` of a refusal, whatever came. */
export function fieldErrors(value: unknown): readonly FieldError[] | undefined {
  if (!Array.isArray(value)) {
    return undefined;
  }
  return value.flatMap((item: unknown) => {
    const error = item as Partial<FieldError> | null;
    return typeof error?.message === 'string'
      ? [{ field: typeof error.field === 'string' ? error.field : '', message: error.message }]
      : [];
  });
}

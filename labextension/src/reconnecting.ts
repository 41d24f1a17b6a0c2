// A socket that comes back: with back-off and jitter, until it gives up visibly; and that rests while nobody looks.

import { doubling } from './backoff';
import type { Backoff } from './backoff';
import type { Connection, Refusal } from './port';
import type { Socket } from './server';

export interface ReconnectingOptions {
  /** Opens a socket at the place that is reached now. */
  readonly open: () => Socket;
  /**
   * A browser does not tell why a socket was refused; a plain request does. Null: nothing speaks against trying on.
   * Rejects while nobody is there to say.
   */
  readonly askWhy: () => Promise<Refusal | null>;
  /** One frame. Calls `isLive` once what was missed has been told. */
  readonly frame: (messages: readonly unknown[]) => void;
  readonly changed: (state: Connection, refusal?: Refusal) => void;
  /** What to say of a frame that cannot be read. */
  readonly unreadable: string;
  readonly backoff?: Backoff;
}

export class Reconnecting {
  private socket: Socket | null = null;
  private current: Connection = 'connecting';
  private started = false;
  private resting = false;
  private tries = 0;
  private wasLive = false;
  private askedWhy = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly backoff: Backoff;

  constructor(private readonly options: ReconnectingOptions) {
    this.backoff = options.backoff ?? doubling();
  }

  get state(): Connection {
    return this.current;
  }

  start(): void {
    this.started = true;
    globalThis.addEventListener?.('online', this.tryAgain);
    globalThis.document?.addEventListener('visibilitychange', this.tryAgain);
    this.connect();
  }

  stop(): void {
    this.started = false;
    globalThis.removeEventListener?.('online', this.tryAgain);
    globalThis.document?.removeEventListener('visibilitychange', this.tryAgain);
    this.drop();
  }

  /** Try now, with all tries before it. */
  retry(): void {
    if (this.started && this.socket === null && !this.resting) {
      this.tries = 0;
      this.askedWhy = false;
      this.become(this.wasLive ? 'reconnecting' : 'connecting');
      this.connect();
    }
  }

  /** Nobody looks: hold no connection, and tell nothing, until `wake`. */
  rest(): void {
    if (this.started && !this.resting) {
      this.resting = true;
      this.drop();
    }
  }

  wake(): void {
    if (this.resting) {
      this.resting = false;
      if (this.current !== 'refused') {
        this.retry();
      }
    }
  }

  /** Whether it went out: only what is live, and does not rest, carries anything. */
  send(text: string): boolean {
    if (this.socket === null || this.current !== 'live') {
      return false;
    }
    this.socket.send(text);
    return true;
  }

  /** What was missed has been told; from here it is live. */
  isLive(): void {
    this.tries = 0;
    this.wasLive = true;
    this.askedWhy = false;
    this.become('live');
  }

  giveUp(state: 'offline' | 'refused', refusal?: Refusal): void {
    this.drop();
    this.become(state, refusal);
  }

  /** Let go of the connection, for good or until `retry`. */
  drop(): void {
    clearTimeout(this.timer);
    const socket = this.socket;
    this.socket = null;
    socket?.close(1000);
  }

  /** It had given up; but now the network is back, or somebody looks at the page again. */
  private readonly tryAgain = (): void => {
    if (this.current === 'offline' && globalThis.document?.hidden !== true) {
      this.retry();
    }
  };

  private connect(): void {
    clearTimeout(this.timer);
    const socket = this.options.open();
    socket.onmessage = event => this.receive(socket, event.data);
    socket.onclose = () => this.lost(socket);
    this.socket = socket;
  }

  private receive(socket: Socket, data: unknown): void {
    if (this.socket !== socket) {
      return;
    }
    const frame = parsedFrame(data);
    if (frame === null) {
      this.giveUp('offline', { code: 'malformed', message: this.options.unreadable });
    } else {
      this.options.frame(frame);
    }
  }

  private lost(socket: Socket): void {
    if (this.socket !== socket) {
      return;
    }
    this.socket = null;
    const wasRefused = this.current !== 'live';
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
      void this.learnWhy();
    }
  }

  private async learnWhy(): Promise<void> {
    const refusal = await this.options.askWhy().catch(() => undefined);
    if (refusal === undefined) {
      // A server that is down cannot say; the one that comes up may (it has another token, say).
      this.askedWhy = false;
    } else if (refusal !== null && this.current !== 'live' && this.started && !this.resting) {
      this.giveUp('refused', refusal);
    }
  }

  private become(state: Connection, refusal?: Refusal): void {
    if (this.current !== state || refusal !== undefined) {
      this.current = state;
      this.options.changed(state, refusal);
    }
  }
}

function parsedFrame(data: unknown): readonly unknown[] | null {
  try {
    const value: unknown = JSON.parse(String(data));
    return Array.isArray(value) ? value : [value];
  } catch {
    return null;
  }
}

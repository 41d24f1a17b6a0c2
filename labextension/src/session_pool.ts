// One connection for each session that the page shows, shared by all that show it, at rest while nobody looks.

import type { Port } from './port';
import { SessionStore } from './store';
import type { Schedule } from './store';

/** How long nobody must have looked before a connection rests. */
export const REST_AFTER_MS = 5 * 60_000;

/** An output that is drawn anew lets go of its session for a moment; that must not cost it the connection. */
const GRACE_MS = 1_000;

export interface Lease {
  readonly store: SessionStore;
  /** Whether this one can be seen; it can, until it is said otherwise. */
  setVisible(visible: boolean): void;
  release(): void;
}

export interface SessionPoolOptions {
  readonly restAfterMs?: number;
  readonly schedule?: Schedule;
}

interface Shared {
  readonly port: Port;
  readonly store: SessionStore;
  /** Each lease, and whether it can be seen. */
  readonly leases: Map<object, boolean>;
  /** Running since it was seen last. */
  resting: ReturnType<typeof setTimeout> | undefined;
  /** Running since it was let go. */
  ending: ReturnType<typeof setTimeout> | undefined;
}

export class SessionPool {
  private readonly shared = new Map<string, Shared>();

  constructor(
    private readonly open: (sessionId: string) => Port,
    private readonly options: SessionPoolOptions = {}
  ) {
    globalThis.document?.addEventListener('visibilitychange', this.pageChanged);
  }

  /** A share in the session. `open` is asked for a port of its own where none serves the session yet. */
  acquire(sessionId: string, open: (sessionId: string) => Port = this.open): Lease {
    const known = this.shared.get(sessionId);
    // Of what was refused before there may be something to see now: a question for this person.
    known?.port.reconnect();
    const shared = known ?? this.make(sessionId, open(sessionId));
    const lease = {};
    shared.leases.set(lease, true);
    this.attend(sessionId, shared);
    return {
      store: shared.store,
      setVisible: visible => {
        if (shared.leases.has(lease)) {
          shared.leases.set(lease, visible);
          this.attend(sessionId, shared);
        }
      },
      release: () => {
        if (shared.leases.delete(lease)) {
          this.attend(sessionId, shared);
        }
      }
    };
  }

  /** Whether somebody has it in sight now. */
  isSeen(sessionId: string): boolean {
    const shared = this.shared.get(sessionId);
    return shared !== undefined && isSeen(shared);
  }

  dispose(): void {
    globalThis.document?.removeEventListener('visibilitychange', this.pageChanged);
    for (const [sessionId, shared] of [...this.shared]) {
      this.end(sessionId, shared);
    }
  }

  private make(sessionId: string, port: Port): Shared {
    const store = new SessionStore(port, this.options.schedule);
    const timers = { resting: undefined, ending: undefined };
    const shared: Shared = { port, store, leases: new Map(), ...timers };
    this.shared.set(sessionId, shared);
    return shared;
  }

  private readonly pageChanged = (): void => {
    for (const [sessionId, shared] of this.shared) {
      this.attend(sessionId, shared);
    }
  };

  /** Wake it, or see to it that it rests or ends in a while. */
  private attend(sessionId: string, shared: Shared): void {
    clearTimeout(shared.ending);
    if (shared.leases.size === 0) {
      shared.ending = setTimeout(() => this.end(sessionId, shared), GRACE_MS);
    }
    if (isSeen(shared)) {
      clearTimeout(shared.resting);
      shared.resting = undefined;
      shared.port.wake();
    } else {
      const wait = this.options.restAfterMs ?? REST_AFTER_MS;
      shared.resting ??= setTimeout(() => shared.port.rest(), wait);
    }
  }

  private end(sessionId: string, shared: Shared): void {
    clearTimeout(shared.ending);
    clearTimeout(shared.resting);
    shared.leases.clear();
    this.shared.delete(sessionId);
    shared.store.dispose();
  }
}

function isSeen({ leases }: Shared): boolean {
  return globalThis.document?.hidden !== true && [...leases.values()].some(visible => visible);
}

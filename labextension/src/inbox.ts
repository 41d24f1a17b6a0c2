// All sessions of this person, for React's useSyncExternalStore: those that wait, that run, that have ended.

import type { Actions } from './actions';
import type { Feed } from './feed_port';
import type { Connection, Refusal } from './port';
import { ENDED } from './protocol';
import type { FeedMessage, OpenRequestSummary, SessionChanged, Summary } from './protocol';
import { SortedList } from './sorted_list';
import { perFrame } from './store';
import type { Schedule } from './store';

const OLDER_AT_ONCE = 100;

export interface InboxState {
  readonly connection: Connection;
  readonly refusal: Refusal | null;
  /** Whether the first list is complete. */
  readonly listed: boolean;
  /** With at least one open request; what has waited longest comes first. */
  readonly waiting: readonly Summary[];
  /** The other live ones, the newest first. */
  readonly running: readonly Summary[];
  /** What ended last comes first. */
  readonly ended: readonly Summary[];
  readonly older: 'more' | 'loading' | 'all' | { readonly error: string };
  /** The row that is open. */
  readonly selected: string | null;
}

export interface NewRequest {
  readonly session: Summary;
  readonly request: OpenRequestSummary;
}

type Section = 'waiting' | 'running' | 'ended';

interface Known {
  readonly rev: number;
  readonly summary: Summary;
}

export class Inbox {
  private state: InboxState;
  private readonly listeners = new Set<() => void>();
  private readonly known = new Map<string, Known>();
  private readonly sections: Record<Section, SortedList<Summary>> = {
    waiting: new SortedList<Summary>(summary => waitingSince(summary), nameOf),
    running: new SortedList<Summary>(summary => -(summary.created_at ?? 0), nameOf),
    ended: new SortedList<Summary>(summary => -(summary.ended_at ?? 0), nameOf)
  };
  /** What the list of this connection has named so far; null once it is complete. */
  private listing: Set<string> | null = new Set();
  /** Ended sessions that the list did not name but a page of older ones. */
  private readonly paged = new Set<string>();
  private scheduled = false;
  private readonly stop: () => void;

  constructor(
    private readonly feed: Feed,
    private readonly actions: Actions,
    private readonly schedule: Schedule = perFrame
  ) {
    this.state = {
      connection: 'connecting',
      refusal: null,
      listed: false,
      waiting: [],
      running: [],
      ended: [],
      older: 'all',
      selected: null
    };
    this.stop = feed.subscribe({
      messages: batch => this.receive(batch),
      connection: (state, refusal) => this.connected(state, refusal)
    });
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly getState = (): InboxState => this.state;

  find(sessionId: string): Summary | undefined {
    return this.known.get(sessionId)?.summary;
  }

  /** Open that row, or none. */
  select(sessionId: string | null): void {
    if (this.state.selected !== sessionId) {
      this.state = { ...this.state, selected: sessionId };
      this.tell();
    }
  }

  /** Load the page of ended sessions after the oldest that is known. */
  async loadOlder(): Promise<void> {
    if (this.state.older === 'all' || this.state.older === 'loading') {
      return;
    }
    this.change({ older: 'loading' });
    try {
      const page = await this.actions.sessions(this.olderQuery());
      for (const summary of page.sessions) {
        if (!this.known.has(summary.session_id)) {
          this.paged.add(summary.session_id);
          this.put({ rev: 0, summary });
        }
      }
      this.change({ older: page.cursor === null ? 'all' : 'more' });
    } catch (error) {
      this.change({ older: { error: error instanceof Error ? error.message : String(error) } });
    }
  }

  reconnect(): void {
    this.feed.reconnect();
  }

  dispose(): void {
    this.stop();
    this.listeners.clear();
  }

  private connected(connection: Connection, refusal?: Refusal): void {
    if (connection !== 'live') {
      this.listing = new Set();
    }
    this.change({ connection, refusal: refusal ?? null });
  }

  private receive(batch: readonly FeedMessage[]): void {
    for (const message of batch) {
      switch (message.type) {
        case 'session':
          this.take(message);
          break;
        case 'sessions_listed':
          this.complete();
          break;
      }
    }
    this.change({});
  }

  private take({ session_id: sessionId, rev, summary, forgotten }: SessionChanged): void {
    if (forgotten || summary === null) {
      this.drop(sessionId);
      return;
    }
    this.listing?.add(sessionId);
    const before = this.known.get(sessionId);
    // A list that is told anew may come from a server that counts anew.
    if (before === undefined || this.listing !== null || rev >= before.rev) {
      this.put({ rev, summary });
    }
  }

  /** The list is whole: what it did not name is gone, but for ended sessions that are older than all it named. */
  private complete(): void {
    const named = this.listing ?? new Set();
    this.listing = null;
    const endedNamed = this.sections.ended.items.filter(({ session_id: id }) => named.has(id));
    const oldest = Math.min(...endedNamed.map(({ created_at: at }) => at ?? 0));
    for (const [sessionId, { summary }] of [...this.known]) {
      const isOlder = this.paged.has(sessionId) && (summary.created_at ?? 0) < oldest;
      if (!named.has(sessionId) && !isOlder) {
        this.drop(sessionId);
      }
    }
    const full = this.feed.ended !== undefined && endedNamed.length >= this.feed.ended;
    const older = full && this.state.older === 'all' && this.paged.size === 0;
    this.change({ listed: true, ...(older && { older: 'more' as const }) });
  }

  private put(entry: Known): void {
    const sessionId = entry.summary.session_id;
    const before = this.known.get(sessionId)?.summary;
    this.known.set(sessionId, entry);
    const section = sectionOf(entry.summary);
    if (before !== undefined && sectionOf(before) !== section) {
      this.sections[sectionOf(before)].remove(before);
    }
    this.sections[section].put(entry.summary, before);
  }

  private drop(sessionId: string): void {
    const before = this.known.get(sessionId)?.summary;
    this.paged.delete(sessionId);
    if (before !== undefined) {
      this.known.delete(sessionId);
      this.sections[sectionOf(before)].remove(before);
    }
  }

  private olderQuery(): URLSearchParams {
    const query = new URLSearchParams({
      status: [...ENDED].join(','),
      limit: String(OLDER_AT_ONCE)
    });
    const oldest = this.sections.ended.items.reduce<Summary | null>(
      (found, each) =>
        found === null || (each.created_at ?? 0) < (found.created_at ?? 0) ? each : found,
      null
    );
    if (oldest !== null) {
      query.set('cursor', `${oldest.created_at ?? 0},${oldest.session_id}`);
    }
    return query;
  }

  private change(part: Partial<InboxState>): void {
    const { waiting, running, ended } = this.sections;
    this.state = { ...this.state, ...part };
    this.scheduleTelling(() => {
      this.state = {
        ...this.state,
        waiting: waiting.items,
        running: running.items,
        ended: ended.items
      };
    });
  }

  private scheduleTelling(prepare: () => void): void {
    if (!this.scheduled) {
      this.scheduled = true;
      this.schedule(() => {
        this.scheduled = false;
        prepare();
        this.tell();
      });
    }
  }

  private tell(): void {
    this.listeners.forEach(listener => listener());
  }
}

/** Requests that are open now and were not before; none before the first list is complete. */
export function newRequests(before: InboxState, after: InboxState): readonly NewRequest[] {
  if (!before.listed || before.waiting === after.waiting) {
    return [];
  }
  const open = new Set(before.waiting.flatMap(({ open_requests: all }) => all.map(idOf)));
  return after.waiting.flatMap(session =>
    session.open_requests
      .filter(request => !open.has(idOf(request)))
      .map(request => ({ session, request }))
  );
}

function sectionOf({ status, open_requests: requests }: Summary): Section {
  if (ENDED.has(status)) {
    return 'ended';
  }
  return requests.length > 0 ? 'waiting' : 'running';
}

function waitingSince({ open_requests: requests }: Summary): number {
  return Math.min(...requests.map(request => request.opened_at));
}

function nameOf({ session_id: sessionId }: Summary): string {
  return sessionId;
}

function idOf({ request_id: requestId }: OpenRequestSummary): string {
  return requestId;
}

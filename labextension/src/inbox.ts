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
  private connection: Connection = 'connecting';
  private refusal: Refusal | null = null;
  private listed = false;
  private readonly known = new Map<string, Known>();
  private readonly sections: Record<Section, SortedList<Summary>> = {
    waiting: new SortedList<Summary>(summary => waitingSince(summary), nameOf),
    running: new SortedList<Summary>(summary => -(summary.created_at ?? 0), nameOf),
    ended: new SortedList<Summary>(summary => -(summary.ended_at ?? 0), nameOf)
  };
  /** What the list of this connection has named so far; null once it is complete. */
  private listing: Set<string> | null = new Set();
  /** No session comes back; but a page of older ones may have been read before. */
  private readonly forgotten = new Set<string>();
  /** From where older sessions are to be loaded; null where all are known. */
  private cursor: string | null = null;
  private loading = false;
  private failure: { readonly error: string } | null = null;
  private scheduled = false;
  private readonly stop: () => void;

  constructor(
    private readonly feed: Feed,
    private readonly actions: Actions,
    private readonly schedule: Schedule = perFrame
  ) {
    this.state = this.current(null);
    this.stop = feed.subscribe({
      begins: () => {
        this.listing = new Set();
      },
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

  /** Load the ended sessions that come after those the list named: the next page with one that is not known. */
  async loadOlder(): Promise<void> {
    if (this.loading || this.cursor === null) {
      return;
    }
    this.loading = true;
    this.failure = null;
    this.changed();
    try {
      while (this.cursor !== null && !(await this.loadPage(this.cursor))) {
        // All of that page are known from before the connection was lost.
      }
    } catch (error) {
      this.failure = { error: error instanceof Error ? error.message : String(error) };
    }
    this.loading = false;
    this.changed();
  }

  reconnect(): void {
    this.feed.reconnect();
  }

  dispose(): void {
    this.stop();
    this.listeners.clear();
  }

  private connected(connection: Connection, refusal?: Refusal): void {
    this.connection = connection;
    this.refusal = refusal ?? null;
    this.changed();
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
    this.changed();
  }

  private take({ session_id: sessionId, rev, summary, forgotten }: SessionChanged): void {
    if (forgotten || summary === null) {
      this.forgotten.add(sessionId);
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
    const named = this.listing;
    this.listing = null;
    this.listed = true;
    if (named === null) {
      return;
    }
    const oldest = this.oldestListed(named);
    for (const [sessionId, { summary }] of [...this.known]) {
      const isOlder =
        oldest !== null && sectionOf(summary) === 'ended' && compareAge(summary, oldest) < 0;
      if (!named.has(sessionId) && !isOlder) {
        this.drop(sessionId);
      }
    }
    // While the connection was lost, sessions may have ended that are older than those the list names.
    this.cursor = oldest === null ? null : cursorAfter(oldest);
    this.failure = null;
  }

  /** The oldest ended session of a list that names no more than so many; null where it named all. */
  private oldestListed(named: ReadonlySet<string>): Summary | null {
    const ended = this.sections.ended.items.filter(({ session_id: id }) => named.has(id));
    const isFull = this.feed.ended !== undefined && ended.length >= this.feed.ended;
    return isFull ? (ended.toSorted(compareAge)[0] ?? null) : null;
  }

  /** Whether it brought a session that was not known. */
  private async loadPage(cursor: string): Promise<boolean> {
    const status = [...ENDED].join(',');
    const query = new URLSearchParams({ status, limit: String(OLDER_AT_ONCE), cursor });
    const page = await this.actions.sessions(query);
    const news = page.sessions.filter(
      ({ session_id: id }) => !this.known.has(id) && !this.forgotten.has(id)
    );
    news.forEach(summary => this.put({ rev: 0, summary }));
    // Unless a list was told anew meanwhile, from whose end it goes on.
    if (this.cursor === cursor) {
      this.cursor = page.cursor;
    }
    return news.length > 0;
  }

  private put(entry: Known): void {
    const sessionId = entry.summary.session_id;
    const before = this.known.get(sessionId)?.summary;
    this.known.set(sessionId, entry);
    this.forgotten.delete(sessionId);
    const section = sectionOf(entry.summary);
    if (before !== undefined && sectionOf(before) !== section) {
      this.sections[sectionOf(before)].remove(before);
    }
    this.sections[section].put(entry.summary, before);
  }

  private drop(sessionId: string): void {
    const before = this.known.get(sessionId)?.summary;
    if (before !== undefined) {
      this.known.delete(sessionId);
      this.sections[sectionOf(before)].remove(before);
    }
  }

  /** All parts of the state change together, once a frame. */
  private changed(): void {
    if (!this.scheduled) {
      this.scheduled = true;
      this.schedule(() => {
        this.scheduled = false;
        this.state = this.current(this.state.selected);
        this.tell();
      });
    }
  }

  private current(selected: string | null): InboxState {
    const { waiting, running, ended } = this.sections;
    return {
      connection: this.connection,
      refusal: this.refusal,
      listed: this.listed,
      waiting: waiting.items,
      running: running.items,
      ended: ended.items,
      older: this.loading ? 'loading' : (this.failure ?? (this.cursor === null ? 'all' : 'more')),
      selected
    };
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

/** As the server lists sessions, the oldest first. */
function compareAge(a: Summary, b: Summary): number {
  const age = (a.created_at ?? 0) - (b.created_at ?? 0);
  return age !== 0 ? age : a.session_id < b.session_id ? -1 : 1;
}

function cursorAfter({ created_at: at, session_id: sessionId }: Summary): string {
  return `${at ?? 0},${sessionId}`;
}

function nameOf({ session_id: sessionId }: Summary): string {
  return sessionId;
}

function idOf({ request_id: requestId }: OpenRequestSummary): string {
  return requestId;
}

// What one page knows of one session, for React's useSyncExternalStore.

import { Drafts } from './drafts';
import type { Connection, Port, Refusal, Reply, Route } from './port';
import type {
  Command,
  ErrorMessage,
  JournalEvent,
  MimeBundle,
  OpenRequest,
  RequestResolved,
  ServerMessage,
  Settled,
  Snapshot,
  StateReplayStart,
  Stream,
  Truncated
} from './protocol';
import { EMPTY, findOpen, findSettled, fold, hasEnded, settledFrom } from './snapshot';
import { Transcript } from './transcript';

/** How many events a page begins with; earlier ones are loaded when they are scrolled to. */
export const TAIL = 10_000;
const HISTORY_PAGE = 2_000;

/** A session as young as this was started here just now: that it is replayed is nothing to tell. */
const JUST_STARTED_SECONDS = 5;

export interface SessionState {
  readonly snapshot: Snapshot;
  readonly connection: Connection;
  readonly route: Route;
  readonly refusal: Refusal | null;
  /** Between the beginning and the first `state_replay_complete`, and again after a reset. */
  readonly replaying: boolean;
  readonly transcript: Transcript;
  /** `transcript.version`, so that a changed transcript is a changed state. */
  readonly version: number;
  /** Unfinished lines, such as a terminal progress bar; one of each source. */
  readonly unfinished: readonly Stream[];
  /** Retention took all events up to this one. */
  readonly truncated: number;
  readonly history: 'all' | 'more' | 'loading' | { readonly error: string };
  /** Questions that stood open here and were settled by somebody else, or by their deadline. */
  readonly elsewhere: readonly SettledElsewhere[];
}

/** So many are told of at once; where a program answers one question after another, older ones say little. */
export const ELSEWHERE_TOLD = 3;

export interface SettledElsewhere {
  readonly settled: Settled;
  readonly request: OpenRequest;
}

export type Schedule = (flush: () => void) => void;

/** Once per frame; a hidden page has no frames, so then by the clock. */
export const perFrame: Schedule = flush => {
  let done = false;
  const once = () => {
    if (!done) {
      done = true;
      clearTimeout(timer);
      flush();
    }
  };
  const timer = setTimeout(once, 250);
  requestAnimationFrame(once);
};

export class SessionStore {
  readonly drafts: Drafts;
  /** What stood beside settled questions, of those that somebody looks at here. */
  readonly looked = new Map<string, readonly MimeBundle[]>();
  private state: SessionState;
  private readonly listeners = new Set<() => void>();
  private readonly transcript = new Transcript();
  private snapshot: Snapshot = EMPTY;
  private unfinished = new Map<string, Stream>();
  private connection: Connection = 'connecting';
  private refusal: Refusal | null = null;
  private replaying = true;
  /** How many events a replay that goes on has brought; over several connections, if it is cut off. */
  private replayed: number | null = null;
  private truncated = 0;
  private history: SessionState['history'] = 'all';
  private elsewhere: readonly SettledElsewhere[] = [];
  /** Requests that this page has answered, with what was asked. */
  private readonly answered = new Map<string, OpenRequest>();
  private scheduled = false;
  private readonly stop: () => void;

  constructor(
    private readonly port: Port,
    private readonly schedule: Schedule = perFrame
  ) {
    this.drafts = new Drafts(command => port.send(command));
    this.state = this.current();
    this.stop = port.subscribe(
      {
        messages: batch => this.receive(batch),
        connection: (state, refusal) => this.connected(state, refusal)
      },
      { after: 0, tail: TAIL }
    );
    globalThis.addEventListener?.('pagehide', this.sendDrafts);
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly getState = (): SessionState => this.state;

  async send(command: Command): Promise<Reply> {
    const request = 'request_id' in command && findOpen(this.snapshot, command.request_id ?? '');
    if (!request || command.type === 'draft') {
      return this.port.send(command);
    }
    const requestId = request.request_id ?? '';
    this.answered.set(requestId, request);
    const reply = await this.port.send(command);
    if (!reply.ok) {
      this.answered.delete(requestId);
    }
    return reply;
  }

  /** Somebody has read that it was settled elsewhere. */
  dismiss(requestId: string): void {
    this.elsewhere = this.elsewhere.filter(({ settled }) => settled.request_id !== requestId);
    this.changed();
  }

  /** What stood beside a settled question, from the journal; null where that is no longer kept. */
  async evidenceOf(settled: Settled): Promise<readonly MimeBundle[] | null> {
    const [event] = await this.port.history(settled.opened_seq + 1, 1);
    const isIt =
      event !== undefined && 'evidence' in event && event.request_id === settled.request_id;
    return isIt ? event.evidence : null;
  }

  reconnect(): void {
    this.port.reconnect();
  }

  /** Load the page of history before what is loaded. */
  async loadEarlier(): Promise<void> {
    if (this.history === 'all' || this.history === 'loading') {
      return;
    }
    this.history = 'loading';
    this.changed();
    const before = this.transcript.firstSeq;
    try {
      const events = await this.port.history(before, HISTORY_PAGE);
      // If rows were cut, or all was forgotten meanwhile, the page does not join what is loaded now.
      if (this.transcript.firstSeq === before) {
        this.transcript.prepend(events, events[0]?.seq ?? this.truncated + 1, this.snapshot);
      }
      this.history = this.transcript.firstSeq > this.truncated + 1 ? 'more' : 'all';
    } catch (error) {
      this.history = { error: error instanceof Error ? error.message : String(error) };
    }
    this.changed();
  }

  /** End the subscription; what was typed is sent first. */
  dispose(): void {
    globalThis.removeEventListener?.('pagehide', this.sendDrafts);
    this.sendDrafts();
    this.stop();
    this.listeners.clear();
  }

  /** A page that is reloaded while somebody types takes the last words along. */
  private readonly sendDrafts = (): void => this.drafts.flush();

  private connected(state: Connection, refusal?: Refusal): void {
    this.connection = state;
    this.refusal = refusal ?? null;
    if (state === 'live') {
      this.drafts.flush();
    } else {
      this.unfinished = new Map();
    }
    this.changed();
  }

  private receive(batch: readonly ServerMessage[]): void {
    let events: JournalEvent[] = [];
    for (const message of batch) {
      if (isNumbered(message)) {
        events.push(message);
      } else {
        this.take(events);
        events = [];
        this.receiveOther(message);
      }
    }
    this.take(events);
    this.changed();
  }

  private receiveOther(message: ServerMessage): void {
    switch (message.type) {
      case 'state_replay_start':
        this.begin(message);
        break;
      case 'state_replay_complete':
        this.endReplay();
        break;
      case 'reset':
        this.forgetAll();
        break;
      case 'truncated':
        this.lose(message);
        break;
      case 'draft':
        if (!this.isSettled(message.request_id)) {
          this.drafts.receive(message);
        }
        break;
      case 'stream':
        this.unfinished.set(message.source, message);
        break;
      case 'error':
        this.tooLate(message);
        break;
    }
  }

  /** Retention took these: the very first ones, or some that stood between others. */
  private lose({ first_seq: first, last_seq: last, events }: Truncated): void {
    if (first <= this.truncated + 1) {
      this.truncated = last;
    } else {
      this.transcript.appendGap(events, first);
    }
  }

  private endReplay(): void {
    const count = this.replayed ?? 0;
    this.replayed = null;
    if (this.replaying) {
      this.replaying = false;
      this.transcript.countedTo(this.snapshot.streams);
    }
    const now = Date.now() / 1000;
    const isOld = now - (this.snapshot.created_at ?? now) > JUST_STARTED_SECONDS;
    if (count > 0 && isOld && this.transcript.rows.length > 0) {
      this.transcript.markReplayed(count, now, this.snapshot.last_seq);
    }
  }

  /** Two answered at the same time, and the other was first: what came as settled was not by this page. */
  private tooLate({ code, request_id: requestId }: ErrorMessage): void {
    const request = this.answered.get(requestId ?? '');
    const settled = findSettled(this.snapshot, requestId ?? '');
    if (code === 'already_settled' && request !== undefined && settled !== undefined) {
      this.answered.delete(settled.request_id);
      this.tell({ settled, request });
    }
  }

  private settledElsewhere(event: RequestResolved, before: Snapshot): void {
    const request = findOpen(before, event.request_id);
    const isNews = event.outcome !== 'cancelled' && event.outcome !== 'superseded';
    if (
      request !== undefined &&
      isNews &&
      !this.replaying &&
      !this.answered.has(event.request_id)
    ) {
      this.tell({ settled: settledFrom(request, event), request });
    }
  }

  private tell(news: SettledElsewhere): void {
    this.elsewhere = [...this.elsewhere, news].slice(-ELSEWHERE_TOLD);
  }

  private isSettled(requestId: string): boolean {
    return this.snapshot.settled.some(settled => settled.request_id === requestId);
  }

  private begin(start: StateReplayStart): void {
    const snapshot = start.snapshot as unknown as Snapshot | undefined | null;
    const known = this.snapshot.last_seq;
    this.replayed ??= 0;
    // The replay of another page on the same comm: what is new in it goes on from what is known here.
    const goesOn = known > 0 && start.count > 0 && start.first_seq <= known + 1;
    if (snapshot != null && snapshot.last_seq > known && !goesOn) {
      this.transcript.clear();
      this.replaying = true;
      this.replayed = 0;
      this.snapshot = snapshot;
      this.transcript.firstSeq = start.count > 0 ? start.first_seq : snapshot.last_seq + 1;
      this.history = this.transcript.firstSeq > this.truncated + 1 ? 'more' : 'all';
    }
  }

  private forgetAll(): void {
    this.snapshot = EMPTY;
    this.transcript.clear();
    this.unfinished = new Map();
    this.truncated = 0;
    this.history = 'all';
    this.elsewhere = [];
    this.looked.clear();
    this.answered.clear();
    this.replaying = true;
    this.replayed = null;
  }

  /** Numbered events: those the snapshot already holds (a replayed tail) make rows only. */
  private take(events: readonly JournalEvent[]): void {
    if (events.length === 0) {
      return;
    }
    if (this.replayed !== null) {
      this.replayed += events.length;
    }
    const before = this.snapshot;
    const news = events.filter(event => (event.seq ?? 0) > before.last_seq);
    this.transcript.append(events, before);
    this.snapshot = fold(news, before);
    if (this.history === 'all' && this.transcript.firstSeq > this.truncated + 1) {
      this.history = 'more';
    }
    for (const event of events) {
      if (event.type === 'stream') {
        this.unfinished.delete(event.source);
      } else if (event.type === 'request_resolved') {
        this.drafts.forget(event.request_id);
        this.settledElsewhere(event, before);
      }
    }
    if (hasEnded(this.snapshot)) {
      this.unfinished.clear();
    }
  }

  private changed(): void {
    if (!this.scheduled) {
      this.scheduled = true;
      this.schedule(() => {
        this.scheduled = false;
        this.state = this.current();
        this.listeners.forEach(listener => listener());
      });
    }
  }

  private current(): SessionState {
    return {
      snapshot: this.snapshot,
      connection: this.connection,
      route: this.port.route,
      refusal: this.refusal,
      replaying: this.replaying,
      transcript: this.transcript,
      version: this.transcript.version,
      unfinished: [...this.unfinished.values()],
      truncated: this.truncated,
      history: this.history,
      elsewhere: this.elsewhere
    };
  }
}

function isNumbered(message: ServerMessage): message is JournalEvent {
  switch (message.type) {
    case 'state_replay_start':
    case 'state_replay_complete':
    case 'truncated':
    case 'reset':
    case 'draft':
    case 'error':
      return false;
    default:
      return message.seq !== undefined;
  }
}

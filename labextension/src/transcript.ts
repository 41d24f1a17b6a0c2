// The rows of the output pane: what the task said, in order, and the quiet marks between.

import { EMPTY, findOpen, findSettled, settledFrom } from './snapshot';
import type {
  Display,
  JournalEvent,
  MimeBundle,
  OpenRequest,
  Settled,
  Snapshot,
  Source,
  Stream
} from './protocol';

/** How many rows are kept in memory; older ones are loaded again when they are scrolled to. */
export const ROWS_KEPT = 200_000;
const CUT = ROWS_KEPT / 5;

export interface LineRow {
  readonly kind: 'line';
  readonly seq: number;
  /** Counted from an arbitrary origin; `Transcript.number` tells the line's number in the session. */
  readonly place: number;
  readonly source: Source;
  readonly level: string | undefined;
  readonly content: string;
}

export interface DisplayRow {
  readonly kind: 'display';
  readonly seq: number;
  readonly data: MimeBundle;
}

export interface SettledRow {
  readonly kind: 'settled';
  readonly seq: number;
  readonly settled: Settled;
  /** Whether something stood beside the question; null where that is not loaded. */
  readonly evidence: boolean | null;
  readonly comment: string | null;
}

export interface AttemptRow {
  readonly kind: 'attempt';
  readonly seq: number;
  readonly attempt: number;
}

/** A durable task whose process was lost went on in another one. */
export interface ResumedRow {
  readonly kind: 'resumed';
  readonly seq: number;
  readonly cause: string;
}

/** What holds a session up, such as a process that cannot be ended. */
export interface HeldUpRow {
  readonly kind: 'held_up';
  readonly seq: number;
  readonly why: string;
}

export interface DroppedRow {
  readonly kind: 'dropped';
  readonly seq: number;
  readonly events: number;
  readonly bytes: number;
}

/** Retention took events that stood here. */
export interface GapRow {
  readonly kind: 'gap';
  readonly seq: number;
  readonly events: number;
}

/** Where a replay ended: what stands above was told again, what stands below is live. */
export interface ReplayedRow {
  readonly kind: 'replayed';
  readonly seq: number;
  readonly count: number;
  /** Epoch seconds, by this page's clock. */
  readonly at: number;
}

export type Row =
  | LineRow
  | DisplayRow
  | SettledRow
  | AttemptRow
  | ResumedRow
  | HeldUpRow
  | DroppedRow
  | GapRow
  | ReplayedRow;

/** A growing list of rows. It is mutated; `version` changes whenever it was. */
export class Transcript {
  rows: Row[] = [];
  version = 0;
  /** How many rows were taken from (+) or put at (-) the front since the beginning: keeps a scroll position. */
  shifted = 0;
  /** The `seq` before which nothing is loaded. */
  firstSeq = 1;
  private firstPlace = 0;
  private lastPlace = 0;
  private numberOfPlaceZero = 0;
  private readonly displays = new Map<string, number>();
  private readonly asked = new Map<string, OpenRequest>();

  /** The line's number in the session, from 1. */
  number(row: LineRow): number {
    return row.place + this.numberOfPlaceZero;
  }

  /** Whether something stood beside a settled question; null where that is not loaded. */
  hadEvidence(requestId: string): boolean | null {
    const row = this.rows.findLast(
      each => each.kind === 'settled' && each.settled.request_id === requestId
    );
    return row?.kind === 'settled' ? row.evidence : null;
  }

  /** The greatest line number shown. */
  get lastNumber(): number {
    return this.lastPlace + this.numberOfPlaceZero;
  }

  get hasLines(): boolean {
    return this.lastPlace > this.firstPlace;
  }

  clear(): void {
    this.rows = [];
    this.firstPlace = this.lastPlace = this.numberOfPlaceZero = 0;
    this.shifted = 0;
    this.firstSeq = 1;
    this.displays.clear();
    this.asked.clear();
    this.version += 1;
  }

  /** With all lines up to some point loaded: that point's count tells the number of each. */
  countedTo(streams: number): void {
    this.numberOfPlaceZero = streams - this.lastPlace;
    this.version += 1;
  }

  /** Rows for events at the end. `before` is the snapshot that these events follow, to tell what a settled one asked. */
  append(events: readonly JournalEvent[], before: Snapshot): void {
    for (const event of events) {
      if (event.type === 'stream') {
        this.lastPlace += 1;
        this.rows.push(line(event, this.lastPlace));
      } else {
        this.appendOther(event, before);
      }
    }
    this.cut();
    this.version += 1;
  }

  /** Mark the end of a replay; one that follows another at once takes its place. */
  markReplayed(count: number, at: number, lastSeq: number): void {
    const last = this.rows.at(-1);
    const before = last?.kind === 'replayed' ? last.count : 0;
    const row: ReplayedRow = { kind: 'replayed', seq: lastSeq + 1, count: before + count, at };
    this.rows.splice(this.rows.length - (before > 0 ? 1 : 0), before > 0 ? 1 : 0, row);
    this.version += 1;
  }

  /** A mark for events that are no longer kept; with one just before it, it becomes one. */
  appendGap(events: number, seq: number): void {
    const last = this.rows.at(-1);
    if (last?.kind === 'gap') {
      this.rows[this.rows.length - 1] = { ...last, events: last.events + events };
    } else {
      this.rows.push({ kind: 'gap', seq, events });
    }
    this.version += 1;
  }

  /** Rows for events that come before all that is loaded; where numbers are missing, they are no longer kept. */
  prepend(events: readonly JournalEvent[], firstSeq: number, snapshot: Snapshot): void {
    const earlier = new Transcript();
    let next = firstSeq;
    for (const run of runs(events)) {
      earlier.appendMissing(next, run[0].seq ?? next);
      earlier.append(run, { ...EMPTY, settled: snapshot.settled });
      next = (run.at(-1)?.seq ?? 0) + 1;
    }
    earlier.appendMissing(next, this.firstSeq);
    const joined = this.rows.at(0);
    if (joined?.kind === 'gap' && earlier.rows.at(-1)?.kind === 'gap') {
      earlier.appendGap(joined.events, joined.seq);
      this.rows = this.rows.slice(1);
      this.shifted += 1;
    }
    const lines = earlier.lastPlace;
    const origin = this.firstPlace - lines;
    const rows = earlier.rows.map(row =>
      row.kind === 'line' ? { ...row, place: row.place + origin } : row
    );
    this.rows = [...rows, ...this.rows];
    this.firstPlace -= lines;
    this.shifted -= rows.length;
    this.firstSeq = firstSeq;
    this.version += 1;
  }

  private appendMissing(first: number, next: number): void {
    if (next > first) {
      this.appendGap(next - first, first);
    }
  }

  private appendOther(event: JournalEvent, before: Snapshot): void {
    switch (event.type) {
      case 'display':
        this.appendDisplay(event);
        break;
      case 'request_confirmation':
      case 'request_user_input':
        this.asked.set(event.request_id, event);
        break;
      case 'task_failed':
        if (event.request_id !== null) {
          this.asked.set(event.request_id, event);
        }
        break;
      case 'request_resolved': {
        const settled = this.settledOf(event, before);
        if (settled !== undefined) {
          this.rows.push({
            kind: 'settled',
            seq: event.seq ?? 0,
            ...settled,
            comment: event.comment
          });
        }
        break;
      }
      case 'status':
        if (event.status === 'queued' && event.attempt > 1) {
          this.rows.push({ kind: 'attempt', seq: event.seq ?? 0, attempt: event.attempt });
        } else if (event.resumed_from !== undefined && event.detail !== undefined) {
          this.rows.push({ kind: 'resumed', seq: event.seq ?? 0, cause: event.detail });
        } else if (event.status === 'cancelling' && event.detail !== undefined) {
          this.rows.push({ kind: 'held_up', seq: event.seq ?? 0, why: event.detail });
        }
        break;
      case 'dropped':
        this.rows.push({
          kind: 'dropped',
          seq: event.seq ?? 0,
          events: event.events,
          bytes: event.bytes
        });
        break;
    }
  }

  private settledOf(
    event: Extract<JournalEvent, { type: 'request_resolved' }>,
    before: Snapshot
  ): Pick<SettledRow, 'settled' | 'evidence'> | undefined {
    const opened = this.asked.get(event.request_id) ?? findOpen(before, event.request_id);
    this.asked.delete(event.request_id);
    if (opened !== undefined) {
      const evidence = opened.type !== 'task_failed' && opened.evidence.length > 0;
      return { settled: settledFrom(opened, event), evidence };
    }
    const settled = findSettled(before, event.request_id);
    return settled && { settled, evidence: settled.kind === 'retry' ? false : null };
  }

  /** An output with the id of an earlier one replaces it, as in a notebook. */
  private appendDisplay(event: Display): void {
    const row: DisplayRow = { kind: 'display', seq: event.seq ?? 0, data: event.data };
    const earlier = event.display_id === null ? undefined : this.displays.get(event.display_id);
    const index = earlier === undefined ? -1 : earlier - this.shifted;
    if (index >= 0 && this.rows[index]?.kind === 'display') {
      this.rows[index] = { ...row, seq: this.rows[index].seq };
      return;
    }
    if (event.display_id !== null) {
      this.displays.set(event.display_id, this.rows.length + this.shifted);
    }
    this.rows.push(row);
  }

  private cut(): void {
    if (this.rows.length > ROWS_KEPT) {
      const gone = this.rows.length - ROWS_KEPT + CUT;
      const lines = this.rows.slice(0, gone).filter(row => row.kind === 'line').length;
      this.rows = this.rows.slice(gone);
      this.firstPlace += lines;
      this.shifted += gone;
      this.firstSeq = this.rows[0].seq;
    }
  }
}

/** Events in order, cut where a number is missing. */
function runs(events: readonly JournalEvent[]): readonly (readonly JournalEvent[])[] {
  const starts = events.flatMap((event, index) =>
    index === 0 || event.seq !== (events[index - 1].seq ?? 0) + 1 ? [index] : []
  );
  return starts.map((start, index) => events.slice(start, starts[index + 1]));
}

function line(event: Stream, place: number): LineRow {
  return {
    kind: 'line',
    seq: event.seq ?? 0,
    place,
    source: event.source,
    level: event.level,
    content: event.content
  };
}

// The fold of a session's events, the same as hitl_jupyter/snapshot.py's: both are held to the files in tests/golden/.
// `apply` is pure: it returns a new snapshot and never looks at a clock. Stream lines are counted, not kept.

import { ENDED, SETTLED_KEPT } from './protocol';
import type {
  AttemptSpan,
  JournalEvent,
  OpenRequest,
  Progress,
  ProgressState,
  RequestKind,
  RequestResolved,
  Settled,
  Snapshot,
  StatusChanged,
  TaskFailed
} from './protocol';

export const EMPTY: Snapshot = {
  session_id: '',
  last_seq: 0,
  status: 'queued',
  attempt: 0,
  session: null,
  created_at: null,
  ended_at: null,
  updated_at: null,
  attempts: [],
  open_requests: [],
  overdue: [],
  settled: [],
  settled_count: 0,
  retries: 0,
  progress: [],
  streams: 0,
  displays: 0,
  dropped_events: 0,
  dropped_bytes: 0,
  error: null,
  values: null,
  cancelled: null
};

/** Which command answers this request. */
export function kindOf(request: OpenRequest): RequestKind {
  switch (request.type) {
    case 'request_confirmation':
      return 'confirm';
    case 'request_user_input':
      return 'user_input';
    case 'task_failed':
      return 'retry';
  }
}

/** The question as one line of text. */
export function questionOf(request: OpenRequest): string {
  return request.type === 'task_failed' ? request.error : request.message;
}

export function hasEnded(snapshot: Snapshot): boolean {
  return ENDED.has(snapshot.status);
}

export function findOpen(snapshot: Snapshot, requestId: string): OpenRequest | undefined {
  return snapshot.open_requests.find(request => request.request_id === requestId);
}

export function findSettled(snapshot: Snapshot, requestId: string): Settled | undefined {
  return snapshot.settled.findLast(settled => settled.request_id === requestId);
}

/** Apply many events; a run of stream lines costs one step. */
export function fold(events: readonly JournalEvent[], snapshot: Snapshot = EMPTY): Snapshot {
  let folded = snapshot;
  for (let i = 0; i < events.length;) {
    let end = i;
    while (end < events.length && events[end].type === 'stream') {
      end += 1;
    }
    if (end > i) {
      folded = { ...seen(folded, events[end - 1]), streams: folded.streams + (end - i) };
      i = end;
    } else {
      folded = apply(folded, events[i]);
      i += 1;
    }
  }
  return folded;
}

/** The snapshot after one more event. An event of a kind this version does not know changes nothing but the place. */
export function apply(snapshot: Snapshot, event: JournalEvent): Snapshot {
  const next = seen(snapshot, event);
  switch (event.type) {
    case 'stream':
      return { ...next, streams: next.streams + 1 };
    case 'display':
      return { ...next, displays: next.displays + 1 };
    case 'progress':
      return { ...next, progress: withProgress(next.progress, event) };
    case 'status':
      return applyStatus(next, event);
    case 'request_confirmation':
    case 'request_user_input':
      return { ...next, open_requests: [...next.open_requests, event] };
    case 'request_resolved':
      return applyResolved(next, event);
    case 'task_completed':
      return {
        ...next,
        values: event.values,
        error: null,
        attempts: withLastSpan(next, { ended_at: event.timestamp })
      };
    case 'task_failed':
      return applyFailed(next, event);
    case 'task_cancelled':
      return {
        ...next,
        cancelled: event,
        attempts: withLastSpan(next, { ended_at: event.timestamp })
      };
    case 'request_overdue':
      return { ...next, overdue: [...next.overdue, event.request_id] };
    case 'dropped':
      return {
        ...next,
        dropped_events: next.dropped_events + event.events,
        dropped_bytes: next.dropped_bytes + event.bytes
      };
    default:
      return next;
  }
}

function seen(snapshot: Snapshot, event: JournalEvent): Snapshot {
  return {
    ...snapshot,
    session_id: event.session_id,
    last_seq: event.seq ?? 0,
    updated_at: event.timestamp
  };
}

function applyStatus(snapshot: Snapshot, event: StatusChanged): Snapshot {
  const changed = { ...snapshot, status: event.status };
  if (event.status === 'queued') {
    changed.attempt = event.attempt;
    changed.attempts = [
      ...snapshot.attempts,
      {
        attempt: event.attempt,
        started_at: null,
        ended_at: null,
        answers: event.answers ?? 'reuse'
      }
    ];
    changed.error = null;
    changed.progress = [];
    if (event.session !== undefined) {
      changed.session = event.session;
      changed.created_at = event.timestamp;
    }
  } else if (event.status === 'running' && snapshot.attempts.at(-1)?.started_at === null) {
    changed.attempts = withLastSpan(snapshot, { started_at: event.timestamp });
  }
  if (ENDED.has(event.status)) {
    changed.ended_at = event.timestamp;
  }
  return changed;
}

function applyResolved(snapshot: Snapshot, event: RequestResolved): Snapshot {
  const opened = findOpen(snapshot, event.request_id);
  if (opened === undefined) {
    return snapshot;
  }
  const settled = settledFrom(opened, event);
  const granted = settled.kind === 'retry' && event.value === true;
  return {
    ...snapshot,
    open_requests: snapshot.open_requests.filter(r => r.request_id !== event.request_id),
    overdue: snapshot.overdue.filter(id => id !== event.request_id),
    settled: [...snapshot.settled, settled].slice(-SETTLED_KEPT),
    settled_count: snapshot.settled_count + 1,
    retries: snapshot.retries + (granted ? 1 : 0),
    error: granted ? null : snapshot.error
  };
}

/** What became of a request: the two events that made it, as one record. */
export function settledFrom(opened: OpenRequest, event: RequestResolved): Settled {
  return {
    request_id: event.request_id,
    kind: kindOf(opened),
    key: opened.type === 'task_failed' ? null : opened.key,
    message: questionOf(opened),
    attempt: opened.attempt,
    opened_at: opened.timestamp,
    opened_seq: opened.seq ?? 0,
    outcome: event.outcome,
    value: event.value,
    by: event.by,
    via: event.via,
    at: event.at
  };
}

function applyFailed(snapshot: Snapshot, event: TaskFailed): Snapshot {
  return {
    ...snapshot,
    error: event,
    open_requests:
      event.request_id === null ? snapshot.open_requests : [...snapshot.open_requests, event],
    attempts: event.ends_attempt
      ? withLastSpan(snapshot, { ended_at: event.timestamp })
      : snapshot.attempts
  };
}

function withProgress(states: readonly ProgressState[], event: Progress): readonly ProgressState[] {
  const before = states.find(state => state.progress_id === event.progress_id);
  const state: ProgressState = {
    progress_id: event.progress_id,
    label: event.label,
    done: event.done,
    total: event.total,
    started_at: before?.started_at ?? event.timestamp,
    updated_at: event.timestamp
  };
  return before === undefined ? [...states, state] : states.map(s => (s === before ? state : s));
}

function withLastSpan(snapshot: Snapshot, times: Partial<AttemptSpan>): readonly AttemptSpan[] {
  const last = snapshot.attempts.at(-1);
  return last === undefined ? [] : [...snapshot.attempts.slice(0, -1), { ...last, ...times }];
}

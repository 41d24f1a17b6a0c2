// Generated from hitl_jupyter/{protocol,states,snapshot,summary}.py by scripts/generate_protocol.py. Do not edit.

export const PROTOCOL_VERSION = 1;
export const BATCH_SUBPROTOCOL = 'hitl.v1.batch';
export const SETTLED_KEPT = 100;

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export type Status =
  'queued' | 'running' | 'waiting' | 'cancelling' | 'completed' | 'failed' | 'cancelled';
export type Outcome = 'answered' | 'defaulted' | 'expired' | 'cancelled' | 'superseded';
export type RequestKind = 'confirm' | 'user_input' | 'retry';
export type OnDeadline = 'keep' | 'fail' | 'default';
export type Source = 'task' | 'stdout' | 'stderr' | 'log';
export type Via = 'browser' | 'kernel' | 'token' | 'cli' | 'task' | 'host';
export type Answers = 'ask' | 'reuse';

/** The statuses that are final. */
export const ENDED: ReadonlySet<Status> = new Set<Status>(['completed', 'failed', 'cancelled']);

export type MimeBundle = Readonly<Record<string, Json>>;

/** The cell a session was started from. */
export interface Origin {
  readonly notebook?: string | null;
  readonly cell_id?: string | null;
  readonly kernel_id?: string | null;
}

/** What a session is born with and never changes. */
export interface SessionFacts {
  readonly task: string;
  readonly title: string;
  readonly owner: string;
  readonly key: string | null;
  readonly origin: Origin | null;
  readonly max_retries: number;
  readonly launcher: string;
}

/** A line, or a piece of output, of the task. A transient one has no `seq` and is for live viewers only. */
export interface Stream {
  readonly type: 'stream';
  readonly content: string;
  readonly source: Source;
  readonly level?: string;
  readonly transient?: boolean;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/** A rich output: what `display(obj)` shows in a cell. */
export interface Display {
  readonly type: 'display';
  readonly data: Readonly<Record<string, Json>>;
  readonly metadata?: Readonly<Record<string, Json>>;
  readonly display_id: string | null;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/** How far a counted piece of work has come: `done` of `total` items; `total` null where it is unknown. */
export interface Progress {
  readonly type: 'progress';
  readonly progress_id: string;
  readonly label: string;
  readonly done: number;
  readonly total: number | null;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/**
 * The session's status. The first, `queued`, carries its facts; a later one says whether all is asked anew, and
 * `cancelling` who cancels and why. `detail` is what holds the session up. After one with `resumed_from` a
 * durable task goes on in another process, and may repeat what stands after that event.
 */
export interface StatusChanged {
  readonly type: 'status';
  readonly status: Status;
  readonly session?: SessionFacts;
  readonly detail?: string;
  readonly by?: string | null;
  readonly reason?: string;
  readonly answers?: Answers;
  readonly resumed_from?: number;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/** A yes-or-no question. */
export interface RequestConfirmation {
  readonly type: 'request_confirmation';
  readonly default: boolean | null;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
  readonly request_id: string;
  readonly key: string | null;
  readonly message: string;
  readonly deadline: number | null;
  readonly on_deadline: OnDeadline;
  readonly evidence: readonly Readonly<Record<string, Json>>[];
  readonly assignees: readonly string[];
}

/** A form. `schema` is JSON Schema of an object; `fields` says the same as the proof of concept's list. */
export interface RequestUserInput {
  readonly type: 'request_user_input';
  readonly default: Readonly<Record<string, Json>> | null;
  readonly fields: readonly Readonly<Record<string, Json>>[];
  readonly schema: Readonly<Record<string, Json>>;
  readonly ui_schema: Readonly<Record<string, Json>>;
  readonly initial: Readonly<Record<string, Json>> | null;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
  readonly request_id: string;
  readonly key: string | null;
  readonly message: string;
  readonly deadline: number | null;
  readonly on_deadline: OnDeadline;
  readonly evidence: readonly Readonly<Record<string, Json>>[];
  readonly assignees: readonly string[];
}

/** What settled a request, once. `value` is a boolean or the form's values, secrets masked. */
export interface RequestResolved {
  readonly type: 'request_resolved';
  readonly request_id: string;
  readonly outcome: Outcome;
  readonly value: Json;
  readonly by: string | null;
  readonly via: Via;
  readonly at: number;
  readonly comment: string | null;
  readonly answers?: Answers;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/** The attempt returned. `values` is the JSON projection of what it returned. */
export interface TaskCompleted {
  readonly type: 'task_completed';
  readonly values: Json;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/**
 * An error. With a `request_id` it is an open "retry?" request of that id.
 *
 * `ends_attempt` is false for `ctx.retry(error)`, where only the failing part would be repeated: the attempt
 * lives on and waits. `retries` counts the retries used so far, out of `max_retries`.
 */
export interface TaskFailed {
  readonly type: 'task_failed';
  readonly error: string;
  readonly error_type: string;
  readonly traceback: string;
  readonly can_retry: boolean;
  readonly max_retries: number;
  readonly retries: number;
  readonly ends_attempt: boolean;
  readonly request_id: string | null;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/** The session ended without a result: `user`, `not_confirmed`, `deadline`, `shutdown`, … */
export interface TaskCancelled {
  readonly type: 'task_cancelled';
  readonly reason: string;
  readonly by: string | null;
  readonly detail?: string;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/** A request with `on_deadline="keep"` passed its deadline and stays open. */
export interface RequestOverdue {
  readonly type: 'request_overdue';
  readonly request_id: string;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/** A flood was cut: so many events and bytes of that source were let go before they were numbered. */
export interface Dropped {
  readonly type: 'dropped';
  readonly events: number;
  readonly bytes: number;
  readonly source: string;
  readonly session_id: string;
  readonly seq?: number;
  readonly timestamp: number;
  readonly attempt: number;
}

/** History follows: `count` events from `first_seq` to `last_seq`. `snapshot` only with `?tail=N`. */
export interface StateReplayStart {
  readonly type: 'state_replay_start';
  readonly session_id: string;
  readonly message: string;
  readonly count: number;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly epoch: number;
  readonly snapshot?: Json;
}

/** History ended at `last_seq`; what comes now is live. */
export interface StateReplayComplete {
  readonly type: 'state_replay_complete';
  readonly session_id: string;
  readonly message: string;
  readonly last_seq: number;
}

/** Retention took these events, of about so many `bytes`; the viewer goes on behind them. */
export interface Truncated {
  readonly type: 'truncated';
  readonly session_id: string;
  readonly first_seq: number;
  readonly last_seq: number;
  readonly events: number;
  readonly bytes: number;
  readonly reason: string;
}

/** What the viewer has is not this journal's history: forget it; everything follows from the start. */
export interface Reset {
  readonly type: 'reset';
  readonly session_id: string;
  readonly epoch: number;
}

/** The half-typed answer of a request, never with a secret in it. */
export interface Draft {
  readonly type: 'draft';
  readonly session_id: string;
  readonly request_id: string;
  readonly values: Readonly<Record<string, Json>>;
  readonly revision: number;
}

/** A refused command: the same code and sentence as the REST reply. */
export interface ErrorMessage {
  readonly type: 'error';
  readonly session_id: string;
  readonly code: string;
  readonly message: string;
  readonly request_id?: string;
  readonly idempotency_key?: string;
  readonly errors?: readonly Readonly<Record<string, Json>>[];
  readonly details?: Readonly<Record<string, Json>>;
}

/** Yes or no to a confirmation. */
export interface Confirm {
  readonly type: 'confirm';
  readonly value: boolean;
  readonly request_id?: string | null;
  readonly comment?: string | null;
  readonly idempotency_key?: string | null;
}

/** The values of a form. */
export interface UserInput {
  readonly type: 'user_input';
  readonly values: Readonly<Record<string, Json>>;
  readonly request_id?: string | null;
  readonly idempotency_key?: string | null;
}

/** Try again (or, with false, let it fail). A new attempt reuses the forms given, or asks all anew. */
export interface Retry {
  readonly type: 'retry';
  readonly value: boolean;
  readonly request_id?: string | null;
  readonly answers?: Answers;
  readonly idempotency_key?: string | null;
}

/** End the session; `force` kills at once. */
export interface Cancel {
  readonly type: 'cancel';
  readonly force?: boolean;
  readonly idempotency_key?: string | null;
}

/** Keep this half-typed answer. */
export interface DraftInput {
  readonly type: 'draft';
  readonly request_id: string;
  readonly values: Readonly<Record<string, Json>>;
  readonly idempotency_key?: string | null;
}

/** A request that was settled: what was asked, and what became of it. */
export interface Settled {
  readonly request_id: string;
  readonly kind: RequestKind;
  readonly key: string | null;
  readonly message: string;
  readonly attempt: number;
  readonly opened_at: number;
  readonly opened_seq: number;
  readonly outcome: Outcome;
  readonly value: Json;
  readonly by: string | null;
  readonly via: Via;
  readonly at: number;
}

/** The last word of one progress bar. */
export interface ProgressState {
  readonly progress_id: string;
  readonly label: string;
  readonly done: number;
  readonly total: number | null;
  readonly started_at: number;
  readonly updated_at: number;
}

/** One attempt in time, by the emitters' clocks (epoch seconds), and whether it reuses earlier answers. */
export interface AttemptSpan {
  readonly attempt: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly answers: Answers;
}

/** The state of a session after `last_seq`. */
export interface Snapshot {
  readonly session_id: string;
  readonly last_seq: number;
  readonly status: Status;
  readonly attempt: number;
  readonly session: SessionFacts | null;
  readonly created_at: number | null;
  readonly ended_at: number | null;
  readonly updated_at: number | null;
  readonly attempts: readonly AttemptSpan[];
  readonly open_requests: readonly OpenRequest[];
  readonly overdue: readonly string[];
  readonly settled: readonly Settled[];
  readonly settled_count: number;
  readonly retries: number;
  readonly progress: readonly ProgressState[];
  readonly streams: number;
  readonly displays: number;
  readonly dropped_events: number;
  readonly dropped_bytes: number;
  readonly error: TaskFailed | null;
  readonly values: Json;
  readonly cancelled: TaskCancelled | null;
}

/** An open question, without its evidence and schema. */
export interface OpenRequestSummary {
  readonly request_id: string;
  readonly kind: RequestKind;
  readonly key: string | null;
  readonly message: string;
  readonly opened_at: number;
  readonly deadline: number | null;
  readonly overdue: boolean;
  readonly assignees: readonly string[];
  readonly has_evidence: boolean;
}

/**
 * A span in which at least one request was open: from its opening until the last of them was settled.
 *
 * `until` is null while one is open still. Epoch seconds.
 */
export interface Wait {
  readonly since: number;
  readonly until: number | null;
}

/** One line of a list of sessions. Times are epoch seconds. */
export interface Summary {
  readonly session_id: string;
  readonly task: string;
  readonly title: string;
  readonly owner: string;
  readonly key: string | null;
  readonly origin: Origin | null;
  readonly status: Status;
  readonly attempt: number;
  readonly created_at: number | null;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly updated_at: number | null;
  readonly last_seq: number;
  readonly streams: number;
  readonly open_requests: readonly OpenRequestSummary[];
  readonly progress: readonly ProgressState[];
  readonly attempts: readonly AttemptSpan[];
  readonly waits: readonly Wait[];
  readonly error: string | null;
  readonly viewers: number;
}

/** A page of a list, newest first; `cursor` asks for the next one. */
export interface SessionPage {
  readonly sessions: readonly Summary[];
  readonly cursor: string | null;
}

/** On the feed: one session as it is now; `forgotten` when it was deleted, or is not yours to see any more. */
export interface SessionChanged {
  readonly type: 'session';
  readonly summary: Summary | null;
  readonly session_id: string;
  readonly rev: number;
  readonly forgotten: boolean;
}

/** On the feed, once: all that there was has been told, `count` sessions; what comes now is live. */
export interface SessionsListed {
  readonly type: 'sessions_listed';
  readonly count: number;
  readonly rev: number;
}

export type JournalEvent =
  | Stream
  | Display
  | Progress
  | StatusChanged
  | RequestConfirmation
  | RequestUserInput
  | RequestResolved
  | TaskCompleted
  | TaskFailed
  | TaskCancelled
  | RequestOverdue
  | Dropped;

export type SocketMessage =
  StateReplayStart | StateReplayComplete | Truncated | Reset | Draft | ErrorMessage;

export type AnswerCommand = Confirm | UserInput | Retry;

export type Command = Confirm | UserInput | Retry | Cancel | DraftInput;

export type OpenRequest = RequestConfirmation | RequestUserInput | TaskFailed;

export type FeedMessage = SessionChanged | SessionsListed;

export type ServerMessage = JournalEvent | SocketMessage;

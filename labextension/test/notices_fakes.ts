// Sessions that wait, an inbox that the test speaks through, and a place where toasts are only noted.

import type { InboxState } from '../src/inbox';
import { newsBetween } from '../src/lab/notices/news';
import type { News } from '../src/lab/notices/news';
import type { ToastPlace, ToastRequest } from '../src/lab/notices/toaster';
import type { OpenRequestSummary, Summary } from '../src/protocol';

export function question(
  request_id: string,
  rest: Partial<OpenRequestSummary> = {}
): OpenRequestSummary {
  return {
    request_id,
    kind: 'confirm',
    key: null,
    message: `${request_id}?`,
    opened_at: 1,
    deadline: null,
    overdue: false,
    assignees: [],
    has_evidence: false,
    ...rest
  };
}

export function session(
  session_id: string,
  open_requests: readonly OpenRequestSummary[] = [],
  rest: Partial<Summary> = {}
): Summary {
  return {
    session_id,
    task: 'module:task',
    title: `Task ${session_id}`,
    owner: 'server',
    key: null,
    origin: null,
    status: open_requests.length > 0 ? 'waiting' : 'running',
    attempt: 1,
    created_at: 1,
    started_at: 1,
    ended_at: null,
    updated_at: 1,
    last_seq: 1,
    streams: 0,
    open_requests,
    progress: [],
    attempts: [],
    waits: [],
    error: null,
    viewers: 0,
    ...rest
  };
}

export function stateOf(sessions: readonly Summary[], listed = true): InboxState {
  const ended = sessions.filter(({ ended_at }) => ended_at !== null);
  const live = sessions.filter(({ ended_at }) => ended_at === null);
  return {
    connection: 'live',
    refusal: null,
    listed,
    waiting: live.filter(({ open_requests }) => open_requests.length > 0),
    running: live.filter(({ open_requests }) => open_requests.length === 0),
    ended,
    older: 'all',
    selected: null
  };
}

/** The news of an inbox that goes through these states. */
export class FakeFeed {
  private before: InboxState | null = null;

  constructor(private readonly tell: (news: News) => void) {}

  /** All sessions as they are now. */
  now(...sessions: readonly Summary[]): void {
    this.become(stateOf(sessions));
  }

  become(state: InboxState): void {
    const news = newsBetween(this.before, state);
    this.before = state;
    if (news !== null) {
      this.tell(news);
    }
  }
}

/** A toast as a person sees it. */
export class FakePlace implements ToastPlace {
  readonly shown = new Map<string, ToastRequest>();
  readonly said: { readonly message: string; readonly isFailure: boolean }[] = [];
  /** Closed by a person: still in the list of notifications, but not up. */
  readonly closed = new Set<string>();
  /** How many were ever shown. */
  count = 0;

  show(toast: ToastRequest): string {
    this.count += 1;
    const id = `toast ${this.count}`;
    this.shown.set(id, toast);
    return id;
  }

  remove(id: string): void {
    this.shown.delete(id);
  }

  isUp(id: string): boolean {
    return this.shown.get(id)?.isQuiet === false && !this.closed.has(id);
  }

  say(message: string, isFailure: boolean): void {
    this.said.push({ message, isFailure });
  }

  get messages(): readonly string[] {
    return [...this.shown.values()].map(({ message }) => message);
  }

  get only(): ToastRequest {
    const [toast, ...others] = this.shown.values();
    if (toast === undefined || others.length > 0) {
      throw new Error(`${this.shown.size} toasts are shown`);
    }
    return toast;
  }

  get labels(): readonly string[] {
    return this.only.actions.map(({ label }) => label);
  }

  /** A click, after which JupyterLab closes the toast unless the action says otherwise. Returns whether it closed. */
  click(label: string): boolean {
    const [id, toast] = [...this.shown][0] ?? [];
    const action = toast?.actions.find(each => each.label === label);
    if (id === undefined || toast === undefined || action === undefined) {
      throw new Error(`There is no ${label} to click`);
    }
    const isDone = action.run();
    if (isDone && this.shown.delete(id)) {
      toast.onGone();
    }
    return isDone;
  }

  /** The cross in the toast's corner. */
  close(): void {
    this.closed.add([...this.shown.keys()][0] ?? '');
  }
}

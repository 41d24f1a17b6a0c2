// What is done without watching a session: one request each, which may be repeated without a second effect.

import { newKey } from './pending';
import { fieldErrors, refused } from './port';
import type { Refusal, Reply } from './port';
import type { AnswerCommand, Json, MimeBundle, SessionPage } from './protocol';
import type { Server } from './server';
import type { Strings } from './strings';
import { isUuid4 } from './uuid';

type JsonObject = Readonly<Record<string, Json>>;

/** A registered task. `schema` is the JSON Schema of its parameters, null where none could be made. */
export interface TaskInfo {
  readonly name: string;
  readonly title: string;
  readonly doc: string;
  readonly schema: JsonObject | null;
  readonly ui_schema: JsonObject;
}

export interface TaskList {
  readonly tasks: readonly TaskInfo[];
  /** Modules that could not be imported, and why. */
  readonly problems: readonly { readonly module: string; readonly message: string }[];
}

export type Started =
  | { readonly ok: true; readonly sessionId: string }
  | { readonly ok: false; readonly refusal: Refusal };

/** A reply that came, or what stood in its way. */
type Outcome =
  { readonly ok: true; readonly body: unknown } | { readonly ok: false; readonly refusal: Refusal };

export class Actions {
  constructor(
    private readonly server: Server,
    private readonly words: Strings['connection']
  ) {}

  cancel(sessionId: string, force = false): Promise<Reply> {
    return this.toSession('POST', 'cancel-task', sessionId, { force });
  }

  forget(sessionId: string): Promise<Reply> {
    return this.toSession('DELETE', 'sessions', sessionId);
  }

  answer(sessionId: string, command: AnswerCommand): Promise<Reply> {
    const keyed = { ...command, idempotency_key: command.idempotency_key ?? newKey() };
    return this.toSession('POST', 'answer', sessionId, keyed);
  }

  /** The same key again starts nothing twice: for a reply that was lost. */
  async start(task: string, params: JsonObject, key = newKey()): Promise<Started> {
    const body = { task, params, idempotency_key: key };
    const outcome = await this.ask('POST', 'start-task', body);
    return outcome.ok
      ? { ok: true, sessionId: (outcome.body as { readonly session_id: string }).session_id }
      : outcome;
  }

  /** Rejects with an Error whose message is for people. */
  async tasks(): Promise<TaskList> {
    const found = (await this.get('tasks')) as Partial<TaskList>;
    const complete = { title: '', doc: '', schema: null, ui_schema: {} };
    const tasks = (found.tasks ?? []).map(task => ({ ...complete, ...task }));
    return { tasks, problems: found.problems ?? [] };
  }

  /** Rejects with an Error whose message is for people. */
  async sessions(query: URLSearchParams): Promise<SessionPage> {
    return (await this.get(`sessions?${query}`)) as SessionPage;
  }

  /** What stays in a notebook of a session that has ended; null while it lives, and where it is gone. */
  async output(sessionId: string): Promise<MimeBundle | null> {
    if (!isUuid4(sessionId)) {
      return null;
    }
    const outcome = await this.ask('GET', `sessions/${sessionId}/output`);
    return outcome.ok ? (outcome.body as MimeBundle) : null;
  }

  private async get(path: string): Promise<unknown> {
    const outcome = await this.ask('GET', path);
    if (!outcome.ok) {
      throw new Error(outcome.refusal.message);
    }
    return outcome.body;
  }

  private async toSession(
    method: string,
    route: string,
    sessionId: string,
    body?: object
  ): Promise<Reply> {
    if (!isUuid4(sessionId)) {
      return refused('not_found', this.words.unknownSession);
    }
    const outcome = await this.ask(method, `${route}/${sessionId}`, body);
    return outcome.ok ? { ok: true } : outcome;
  }

  private async ask(method: string, path: string, body?: object): Promise<Outcome> {
    const init: RequestInit = { method };
    if (body !== undefined) {
      init.body = JSON.stringify(body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    try {
      const response = await this.server.request(path, init);
      const text = await response.text();
      return response.ok
        ? { ok: true, body: text === '' ? null : (JSON.parse(text) as unknown) }
        : { ok: false, refusal: refusalIn(text, response, this.words) };
    } catch {
      return { ok: false, refusal: { code: 'offline', message: this.words.notConnected } };
    }
  }
}

function refusalIn(text: string, response: Response, words: Strings['connection']): Refusal {
  // HTTP/2 has no words for a status.
  const said = response.statusText || words.noReply;
  try {
    const body = JSON.parse(text) as Readonly<Record<string, Json>>;
    return {
      code: typeof body['code'] === 'string' ? body['code'] : 'error',
      message: typeof body['message'] === 'string' ? body['message'] : said,
      errors: fieldErrors(body['errors']),
      details: body
    };
  } catch {
    return { code: 'error', message: said };
  }
}

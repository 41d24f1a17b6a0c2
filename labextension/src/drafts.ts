// Half-typed answers: kept here over reconnects, sent to the server a moment after the last key, and shown in every tab.

import type { Reply } from './port';
import type { Draft, DraftInput, Json, RequestUserInput } from './protocol';

export type Values = Readonly<Record<string, Json>>;

const DELAY_MS = 500;

/** So many of what was sent may be on their way at once; an older one that comes back is not known as ours. */
const ON_THEIR_WAY = 20;

/** For so long after a key the hand counts as on the keyboard, and nothing is changed under it. */
export const TYPING_MS = 2_000;

interface Entry {
  values: Values;
  /** What may be stored of them. */
  secretless: Values;
  /** The newest revision heard of, from here or elsewhere. */
  revision: number;
  unsent: boolean;
  sending?: ReturnType<typeof setTimeout>;
  /** What was sent and has not come back yet, as text, the oldest first: an echo changes nothing. */
  sent: readonly string[];
  typing?: ReturnType<typeof setTimeout>;
  /** What somebody typed elsewhere while somebody typed here. */
  waiting?: Draft;
}

export class Drafts {
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Map<string, Set<() => void>>();

  constructor(private readonly send: (command: DraftInput) => Promise<Reply>) {}

  /** What the form of this request holds now. */
  values(request: RequestUserInput): Values {
    return this.entries.get(request.request_id)?.values ?? request.initial ?? {};
  }

  /** A person typed. `secretless` is what may be stored; every form of the request is told but the one it came from. */
  type(requestId: string, values: Values, secretless: Values, from?: () => void): void {
    const entry = this.entries.get(requestId) ?? {
      values,
      secretless,
      revision: 0,
      unsent: true,
      sent: []
    };
    clearTimeout(entry.sending);
    clearTimeout(entry.typing);
    Object.assign(entry, { values, secretless, unsent: true });
    entry.sending = setTimeout(() => void this.sendNow(requestId), DELAY_MS);
    entry.typing = setTimeout(() => this.rested(requestId), TYPING_MS);
    this.entries.set(requestId, entry);
    this.tell(requestId, from);
  }

  /**
   * A draft from the server: what was typed on another page, or on this one before it was reloaded. The last revision
   * wins; but never under the hand of somebody who types here.
   */
  receive(draft: Draft): void {
    const entry = this.entries.get(draft.request_id);
    if (entry === undefined) {
      this.take(draft, undefined);
    } else if (draft.revision > entry.revision) {
      entry.revision = draft.revision;
      const echoed = entry.sent.lastIndexOf(JSON.stringify(draft.values));
      const isEcho = echoed >= 0;
      entry.sent = entry.sent.slice(echoed + 1);
      const isTyping = entry.typing !== undefined;
      entry.waiting = !isEcho && (isTyping || entry.unsent) ? draft : undefined;
      if (!isEcho && entry.waiting === undefined) {
        this.take(draft, entry);
      }
    }
  }

  /** Send what could not be sent, or not yet. */
  flush(): void {
    for (const requestId of this.entries.keys()) {
      void this.sendNow(requestId);
    }
  }

  /** The request was settled: nothing of it is kept or sent. */
  forget(requestId: string): void {
    const entry = this.entries.get(requestId);
    clearTimeout(entry?.sending);
    clearTimeout(entry?.typing);
    this.entries.delete(requestId);
  }

  onReceived(requestId: string, listener: () => void): () => void {
    const listeners = this.listeners.get(requestId) ?? new Set();
    listeners.add(listener);
    this.listeners.set(requestId, listeners);
    return () => listeners.delete(listener);
  }

  /** The hand rests: what came from elsewhere meanwhile, and is newer than what was sent from here, shows now. */
  private rested(requestId: string): void {
    const entry = this.entries.get(requestId);
    if (entry !== undefined) {
      entry.typing = undefined;
      const { waiting } = entry;
      if (waiting !== undefined && !entry.unsent) {
        entry.waiting = undefined;
        this.take(waiting, entry);
      }
    }
  }

  private take(draft: Draft, before: Entry | undefined): void {
    const values =
      before === undefined
        ? draft.values
        : withSecrets(draft.values, before.values, before.secretless);
    const { revision, request_id: requestId } = draft;
    const secretless = draft.values;
    this.entries.set(requestId, { values, secretless, revision, unsent: false, sent: [] });
    this.tell(requestId);
  }

  private tell(requestId: string, except?: () => void): void {
    this.listeners.get(requestId)?.forEach(listener => listener !== except && listener());
  }

  private async sendNow(requestId: string): Promise<void> {
    const entry = this.entries.get(requestId);
    if (entry?.unsent !== true) {
      return;
    }
    clearTimeout(entry.sending);
    entry.unsent = false;
    entry.sent = [...entry.sent, JSON.stringify(entry.secretless)].slice(-ON_THEIR_WAY);
    const command: DraftInput = { type: 'draft', request_id: requestId, values: entry.secretless };
    const reply = await this.send(command);
    // A refused draft (too large, settled meanwhile) is not sent again until something is typed.
    entry.unsent ||= !reply.ok && reply.refusal.code === 'offline';
  }
}

function isObject(value: Json | undefined): value is Values {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Those fields of `typed` that may not be stored, put into what was stored. */
function withSecrets(stored: Values, typed: Values, secretless: Values): Values {
  const values: Record<string, Json> = { ...stored };
  for (const [name, value] of Object.entries(typed)) {
    const kept = secretless[name];
    if (!(name in secretless)) {
      values[name] ??= value;
    } else if (isObject(value) && isObject(kept) && isObject(values[name])) {
      values[name] = withSecrets(values[name], value, kept);
    }
  }
  return values;
}

// Half-typed answers: kept here over reconnects, and sent to the server a moment after the last key.

import type { Reply } from './port';
import type { Draft, DraftInput, Json, RequestUserInput } from './protocol';

export type Values = Readonly<Record<string, Json>>;

const DELAY_MS = 500;

interface Entry {
  values: Values;
  /** A person typed here: what others type no longer replaces it. */
  typed: boolean;
  unsent: boolean;
  timer?: ReturnType<typeof setTimeout>;
  secretless?: Values;
}

export class Drafts {
  private readonly entries = new Map<string, Entry>();
  private readonly listeners = new Map<string, Set<() => void>>();

  constructor(private readonly send: (command: DraftInput) => Promise<Reply>) {}

  /** What the form of this request holds now. */
  values(request: RequestUserInput): Values {
    return this.entries.get(request.request_id)?.values ?? request.initial ?? {};
  }

  /** A person typed. `secretless` is what may be stored. */
  type(requestId: string, values: Values, secretless: Values): void {
    const entry = this.entries.get(requestId) ?? { values, typed: true, unsent: true };
    clearTimeout(entry.timer);
    Object.assign(entry, { values, secretless, typed: true, unsent: true });
    entry.timer = setTimeout(() => void this.sendNow(requestId), DELAY_MS);
    this.entries.set(requestId, entry);
  }

  /** A draft from the server: what was typed on another page, or on this one before it was reloaded. */
  receive(draft: Draft): void {
    const entry = this.entries.get(draft.request_id);
    if (entry?.typed === true) {
      return;
    }
    this.entries.set(draft.request_id, { values: draft.values, typed: false, unsent: false });
    this.listeners.get(draft.request_id)?.forEach(listener => listener());
  }

  /** Send what could not be sent, or not yet. */
  flush(): void {
    for (const requestId of this.entries.keys()) {
      void this.sendNow(requestId);
    }
  }

  /** The request was settled: nothing of it is kept or sent. */
  forget(requestId: string): void {
    clearTimeout(this.entries.get(requestId)?.timer);
    this.entries.delete(requestId);
  }

  onReceived(requestId: string, listener: () => void): () => void {
    const listeners = this.listeners.get(requestId) ?? new Set();
    listeners.add(listener);
    this.listeners.set(requestId, listeners);
    return () => listeners.delete(listener);
  }

  private async sendNow(requestId: string): Promise<void> {
    const entry = this.entries.get(requestId);
    if (entry?.unsent !== true || entry.secretless === undefined) {
      return;
    }
    clearTimeout(entry.timer);
    entry.unsent = false;
    const command: DraftInput = { type: 'draft', request_id: requestId, values: entry.secretless };
    const reply = await this.send(command);
    // A refused draft (too large, settled meanwhile) is not sent again until something is typed.
    entry.unsent ||= !reply.ok && reply.refusal.code === 'offline';
  }
}

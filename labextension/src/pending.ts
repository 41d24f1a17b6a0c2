// The commands that were sent and not yet answered, and which message answers which.

import { refused, fieldErrors } from './port';
import type { Refusal, Reply } from './port';
import { ENDED } from './protocol';
import type { Command, ErrorMessage, ServerMessage } from './protocol';

interface Waiting {
  readonly command: Command;
  readonly resolve: (reply: Reply) => void;
  readonly timer: ReturnType<typeof setTimeout> | null;
}

/** A 128-bit random name. (`crypto.randomUUID` is missing on plain http.) */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

export function refusalOf(message: ErrorMessage): Refusal {
  return {
    code: message.code,
    message: message.message,
    errors: fieldErrors(message.errors),
    details: message.details
  };
}

/** Codes of a refusal that trying again does not change. */
const FINAL_CODES: ReadonlySet<string> = new Set(['not_found', 'forbidden']);

/** An error that is about the watching itself, not about a command of somebody's. */
export function watchingError(messages: readonly ServerMessage[]): Refusal | undefined {
  for (const message of messages) {
    if (message.type === 'error' && !message.request_id && !message.idempotency_key) {
      return refusalOf(message);
    }
  }
  return undefined;
}

export function isFinal(refusal: Refusal): boolean {
  return FINAL_CODES.has(refusal.code);
}

/**
 * Commands waiting for their effect.
 *
 * A reply is an `error` with the command's key, or else the fact it asked for: `request_resolved` of that request for
 * an answer (also when somebody else was first: the view shows who), a status for a cancel. Each command keeps its
 * idempotency key, so sending it again after a reconnect has no second effect.
 */
export class Pending {
  private readonly waiting = new Map<string, Waiting>();

  constructor(private readonly timeoutMs: number | null) {}

  add(key: string, command: Command, noReply: string): Promise<Reply> {
    return new Promise(resolve => {
      const expire = () => this.settle(key, refused('no_reply', noReply));
      const timer = this.timeoutMs === null ? null : setTimeout(expire, this.timeoutMs);
      this.waiting.set(key, { command, resolve, timer });
    });
  }

  commands(): readonly Command[] {
    return Array.from(this.waiting.values(), waiting => waiting.command);
  }

  settle(key: string, reply: Reply): void {
    const waiting = this.waiting.get(key);
    if (waiting !== undefined) {
      this.waiting.delete(key);
      clearTimeout(waiting.timer ?? undefined);
      waiting.resolve(reply);
    }
  }

  settleAll(reply: Reply): void {
    for (const key of [...this.waiting.keys()]) {
      this.settle(key, reply);
    }
  }

  /** Settle what these messages answer. */
  observe(messages: readonly ServerMessage[]): void {
    if (this.waiting.size === 0) {
      return;
    }
    for (const message of messages) {
      for (const [key, { command }] of [...this.waiting]) {
        const reply = replyIn(message, key, command);
        if (reply !== null) {
          this.settle(key, reply);
        }
      }
    }
  }
}

function replyIn(message: ServerMessage, key: string, command: Command): Reply | null {
  switch (message.type) {
    case 'error':
      return answers(message, key, command) ? { ok: false, refusal: refusalOf(message) } : null;
    case 'request_resolved':
      return 'request_id' in command && command.request_id === message.request_id
        ? { ok: true }
        : null;
    case 'status':
      return command.type === 'cancel' && isEffectOf(command.force === true, message.status)
        ? { ok: true }
        : null;
    default:
      return null;
  }
}

function answers(message: ErrorMessage, key: string, command: Command): boolean {
  if (message.idempotency_key !== undefined) {
    return message.idempotency_key === key;
  }
  return 'request_id' in command && command.request_id === message.request_id;
}

function isEffectOf(
  force: boolean,
  status: typeof ENDED extends ReadonlySet<infer S> ? S : never
): boolean {
  return ENDED.has(status) || (!force && status === 'cancelling');
}

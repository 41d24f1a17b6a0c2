// What a toast says, and when another one takes its place. Pure: `toaster.ts` shows it.

import type { Strings } from '../../strings';
import { titleOf } from './news';
import type { Asked } from './news';

/** JupyterLab cuts a toast's text after so many characters. */
export const LONGEST = 140;

export interface Toast {
  readonly asked: readonly Asked[];
  readonly message: string;
  /** Whether the whole of what is approved stands in the toast, so that it can be approved from there. */
  readonly canApprove: boolean;
}

/** What a reader cannot see, and what reorders or hides what can be seen. */
const HIDDEN = /\p{Bidi_Control}|(?!\s)\p{Cc}/gu;

/** Text in one line, with nothing hidden in it. */
export function plainLine(text: string): string {
  return text.replace(HIDDEN, '').replace(/\s+/g, ' ').trim();
}

function shortened(line: string): string {
  return line.length > LONGEST ? `${line.slice(0, LONGEST - 1).trimEnd()}…` : line;
}

/** Null where nothing waits. */
export function toastOf(
  asked: readonly Asked[],
  words: Strings['notices']['toast'],
  now: number
): Toast | null {
  const [first, ...others] = asked;
  if (first === undefined) {
    return null;
  }
  if (others.length > 0) {
    return { asked, message: words.many(asked.length), canApprove: false };
  }
  const whole = words.about(plainLine(titleOf(first.session)), plainLine(first.request.message));
  return {
    asked,
    message: shortened(whole),
    canApprove: whole.length <= LONGEST && isPlainConfirmation(first, now)
  };
}

/** A yes or no to this page's reader, in time, with nothing to look at first. */
function isPlainConfirmation({ request }: Asked, now: number): boolean {
  return (
    request.kind === 'confirm' &&
    !request.has_evidence &&
    request.message.search(HIDDEN) < 0 &&
    request.assignees.length === 0 &&
    isInTime({ request }, now)
  );
}

/** `now` in epoch seconds. */
export function isInTime({ request }: Pick<Asked, 'request'>, now: number): boolean {
  return !request.overdue && (request.deadline === null || now < request.deadline);
}

/**
 * What to do with the toast that stands there for `shown`, now that `asked` is what it should tell.
 *
 * `loud`: something new is asked: a new toast, in the old one's place. `quiet`: one of several was settled: it says the
 * rest, but only to who has not closed it.
 */
export type Step = 'keep' | 'remove' | 'loud' | 'quiet';

export function nextStep(shown: readonly Asked[], asked: readonly Asked[]): Step {
  const before = idsOf(shown);
  if (asked.length === 0) {
    return before.size === 0 ? 'keep' : 'remove';
  }
  if (asked.some(({ request }) => !before.has(request.request_id))) {
    return 'loud';
  }
  return asked.length === before.size ? 'keep' : 'quiet';
}

export function idsOf(asked: readonly Asked[]): ReadonlySet<string> {
  return new Set(asked.map(({ request }) => request.request_id));
}

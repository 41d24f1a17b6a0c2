// One toast at a time for all questions that are new and that nobody looks at.

import type { Actions } from '../../actions';
import type { InboxState } from '../../inbox';
import type { Refusal } from '../../port';
import type { Json, Outcome, Via } from '../../protocol';
import { settledPhrase } from '../../strings';
import type { Strings } from '../../strings';
import { clockTime } from '../../view/time';
import { titleOf } from './news';
import type { Asked, News } from './news';
import { idsOf, isInTime, nextStep, plainLine, toastOf } from './toast';
import type { Toast } from './toast';

/** How often it is asked whether somebody has come to look at what the toast tells. */
const LOOK_EVERY_MS = 1000;

/** A toast takes no approval before it has been there so long: the click was meant for what was there before. */
export const ARMED_AFTER_MS = 300;

export interface ToastAction {
  readonly label: string;
  readonly caption: string;
  readonly look: 'main' | 'plain' | 'link';
  /** Whether it was done, and the toast is to go. */
  readonly run: () => boolean;
}

export interface ToastRequest {
  readonly message: string;
  readonly actions: readonly ToastAction[];
  /** Only for the list of notifications, not to pop up. */
  readonly isQuiet: boolean;
  /** It can be seen from now on. */
  readonly onUp: () => void;
  /** A person has done with it, by an action or by clearing the list. */
  readonly onGone: () => void;
}

/** Where toasts are shown. */
export interface ToastPlace {
  show(toast: ToastRequest): string;
  remove(id: string): void;
  /** Whether it is up: shown, and not closed by a person. */
  isUp(id: string): boolean;
  /** Say something in passing; a failure stays until it is closed. */
  say(message: string, isFailure: boolean): void;
}

export interface ToasterOptions {
  readonly place: ToastPlace;
  readonly actions: Pick<Actions, 'answer'>;
  readonly strings: Strings;
  /** Whether somebody looks at this session now. */
  readonly isSeen: (sessionId: string) => boolean;
  /** Show that session, or the inbox. */
  readonly open: (sessionId?: string) => void;
  /** No toasts any more. */
  readonly turnOff: () => void;
  /** Milliseconds. */
  readonly clock?: () => number;
}

interface Shown {
  readonly id: string;
  readonly toast: Toast;
  /** Since when it can be seen, in milliseconds. */
  since: number;
}

export class Toaster {
  private shown: Shown | null = null;
  private latest: InboxState | null = null;
  private watch: ReturnType<typeof setInterval> | undefined;
  private readonly clock: () => number;

  constructor(private readonly options: ToasterOptions) {
    this.clock = options.clock ?? Date.now;
  }

  tell({ asked, state }: News): void {
    this.latest = state;
    this.turnTo([...this.stillWaiting(state), ...asked]);
  }

  clear(): void {
    this.turnTo([]);
  }

  private stillWaiting({ waiting }: InboxState): readonly Asked[] {
    const told = idsOf(this.shown?.toast.asked ?? []);
    return waiting.flatMap(session =>
      session.open_requests
        .filter(request => told.has(request.request_id))
        .map(request => ({ session, request }))
    );
  }

  private turnTo(candidates: readonly Asked[]): void {
    const asked = candidates.filter(({ session }) => !this.options.isSeen(session.session_id));
    const { shown } = this;
    const step = nextStep(shown?.toast.asked ?? [], asked);
    if (step === 'keep') {
      return;
    }
    const wasClosed = shown !== null && !this.options.place.isUp(shown.id);
    if (shown !== null) {
      this.forget();
      this.options.place.remove(shown.id);
    }
    const toast = toastOf(asked, this.options.strings.notices.toast, this.clock() / 1000);
    if (toast !== null) {
      this.show(toast, step === 'quiet' && wasClosed);
    }
  }

  private show(toast: Toast, isQuiet: boolean): void {
    const isThis = () => this.shown?.toast === toast;
    const id = this.options.place.show({
      message: toast.message,
      actions: this.actionsOf(toast),
      isQuiet,
      onUp: () => {
        if (this.shown !== null && isThis()) {
          this.shown.since = this.clock();
        }
      },
      onGone: () => {
        if (isThis()) {
          this.forget();
        }
      }
    });
    this.shown = { id, toast, since: this.clock() };
    this.watch = setInterval(() => this.lookAgain(), LOOK_EVERY_MS);
  }

  private forget(): void {
    this.shown = null;
    clearInterval(this.watch);
  }

  /** Nothing is new; but what somebody looks at by now needs no toast. */
  private lookAgain(): void {
    if (this.latest !== null) {
      this.turnTo(this.stillWaiting(this.latest));
    }
  }

  private actionsOf(toast: Toast): readonly ToastAction[] {
    const words = this.options.strings.notices.toast;
    const [only] = toast.asked.length === 1 ? toast.asked : [];
    const open: ToastAction = {
      label: only === undefined ? words.openInbox : words.open,
      caption: only === undefined ? words.openInboxHint : words.openHint,
      look: toast.canApprove ? 'plain' : 'main',
      run: () => this.open(only)
    };
    const never: ToastAction = {
      label: words.never,
      caption: words.neverHint,
      look: 'link',
      run: () => {
        this.options.turnOff();
        return true;
      }
    };
    if (only === undefined || !toast.canApprove) {
      return [never, open];
    }
    const approve: ToastAction = {
      label: words.approve,
      caption: words.approveHint,
      look: 'main',
      run: () => this.approve(toast, only)
    };
    return [never, open, approve];
  }

  private open(only: Asked | undefined): boolean {
    this.options.open(only?.session.session_id);
    return true;
  }

  private approve(toast: Toast, asked: Asked): boolean {
    const now = this.clock();
    // A toast on its way out can still be clicked, for as long as that is animated.
    if (this.shown?.toast !== toast || now - this.shown.since < ARMED_AFTER_MS) {
      return false;
    }
    if (!isInTime(asked, now / 1000)) {
      return this.open(asked);
    }
    void this.send(asked);
    return true;
  }

  private async send({ session, request }: Asked): Promise<void> {
    const { actions, place, strings } = this.options;
    const reply = await actions.answer(session.session_id, {
      type: 'confirm',
      value: true,
      request_id: request.request_id
    });
    if (reply.ok) {
      return;
    }
    const title = plainLine(titleOf(session));
    const settled = settledText(reply.refusal, strings.settled);
    if (settled === null) {
      place.say(strings.notices.toast.approveFailed(title, reply.refusal.message), true);
    } else {
      place.say(strings.notices.toast.about(title, settled), false);
    }
  }
}

/** "Confirmed by Ada at 12:03", where a confirmation was refused because it had been settled; else null. */
function settledText({ code, details }: Refusal, words: Strings['settled']): string | null {
  if (code !== 'already_settled' || details === undefined) {
    return null;
  }
  const { outcome, value, by, via, at } = details as Readonly<Record<string, Json | undefined>>;
  const phrase = settledPhrase(words, {
    kind: 'confirm',
    outcome: (outcome ?? 'answered') as Outcome,
    value: value ?? null,
    by: typeof by === 'string' ? by : null,
    via: (via ?? 'browser') as Via
  });
  return typeof at === 'number' ? words.at(phrase, clockTime(at)) : phrase;
}

// JupyterLab's own notifications as the place for our toasts.

import { Notification } from '@jupyterlab/apputils';

import type { ToastAction, ToastPlace, ToastRequest } from './toaster';

const DISPLAY = { main: 'accent', plain: 'default', link: 'link' } as const;

/** What is said in passing closes itself after so long. */
const IN_PASSING_MS = 6000;

/** How long a toast is waited for: JupyterLab loads them when the first is shown, and shows none while not to disturb. */
const UP_WITHIN_MS = 10_000;

export class LabToasts implements ToastPlace {
  private readonly onGone = new Map<string, () => void>();
  private readonly waits = new Map<string, () => void>();

  constructor() {
    Notification.manager.changed.connect((_manager, { type, notification }) => {
      if (type === 'removed') {
        this.gone(notification.id);
      }
    });
  }

  show({ message, actions, isQuiet, onUp, onGone }: ToastRequest): string {
    const id = Notification.emit(message, 'info', {
      autoClose: isQuiet ? 0 : false,
      actions: actions.map(shownAction)
    });
    this.onGone.set(id, onGone);
    if (!isQuiet) {
      this.waits.set(
        id,
        whenThere(() => this.isUp(id), onUp)
      );
    }
    return id;
  }

  remove(id: string): void {
    this.onGone.delete(id);
    Notification.dismiss(id);
  }

  /** A toast is the element with its notification's id. */
  isUp(id: string): boolean {
    return document.getElementById(id) !== null;
  }

  say(message: string, isFailure: boolean): void {
    Notification.emit(message, isFailure ? 'error' : 'info', {
      autoClose: isFailure ? false : IN_PASSING_MS
    });
  }

  private gone(id: string): void {
    this.waits.get(id)?.();
    this.waits.delete(id);
    this.onGone.get(id)?.();
    this.onGone.delete(id);
  }
}

/** JupyterLab closes a toast after any action, unless the click's default is prevented. */
function shownAction({ label, caption, look, run }: ToastAction): Notification.IAction {
  return {
    label,
    caption,
    displayType: DISPLAY[look],
    callback: event => {
      if (!run()) {
        event.preventDefault();
      }
    }
  };
}

/** Calls once that is so, if it comes to be so soon; returns how to stop waiting. */
function whenThere(isThere: () => boolean, then: () => void): () => void {
  const observer = new MutationObserver(() => {
    if (isThere()) {
      stop();
      then();
    }
  });
  const timer = setTimeout(() => stop(), UP_WITHIN_MS);
  const stop = () => {
    clearTimeout(timer);
    observer.disconnect();
  };
  observer.observe(document.body, { childList: true, subtree: true });
  return stop;
}

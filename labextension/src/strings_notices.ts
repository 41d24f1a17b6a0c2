// The sentences of toasts, of the browser's notifications, of what is read out, and of the page's own bars and lists.

import type { Translator } from './strings';

function toastWords({ __, _n }: Translator) {
  return {
    about: (title: string, what: string) => __('%1: %2', title, what),
    many: (count: number) => _n('%1 question waits for you', '%1 questions wait for you', count),
    approve: __('Approve'),
    approveHint: __('Answer with yes'),
    open: __('Open'),
    openHint: __('Show the question in the inbox'),
    openInbox: __('Open inbox'),
    openInboxHint: __('Show all that waits for you'),
    never: __('Don’t show again'),
    neverHint: __('Turn these notices off. The settings, and a command, turn them on again.'),
    approveFailed: (title: string, why: string) =>
      __('%1: your approval did not arrive. %2', title, why)
  };
}

function desktopWords({ __ }: Translator) {
  return {
    question: (title: string) => __('Question from %1', title),
    blocked: __(
      'This browser was told to show no notifications of this site. Allow them in its settings for the site, then try again.'
    ),
    unsupported: __(
      'This browser shows no notifications of this page. It may need HTTPS, or an address on localhost.'
    )
  };
}

function toggleWords({ __ }: Translator) {
  return {
    toasts: __('Show Toasts for New Questions'),
    toastsHint: __('A new question brings a toast, unless it can be seen anyway'),
    desktop: __('Show Browser Notifications for New Questions'),
    desktopHint: __('While the page is hidden, the browser notifies you of new questions')
  };
}

function readOutWords({ __ }: Translator) {
  return {
    question: (title: string, question: string) => __('Question from %1: %2', title, question),
    completed: (title: string) => __('%1 completed', title),
    failed: (title: string) => __('%1 failed', title),
    cancelled: (title: string) => __('%1 was cancelled', title)
  };
}

function statusItemWords({ __, _n }: Translator) {
  return {
    waiting: (count: number) => _n('%1 waiting', '%1 waiting', count),
    running: (count: number) => _n('%1 running', '%1 running', count),
    both: (waiting: string, running: string) => __('%1 · %2', waiting, running),
    hint: (counts: string) => __('Human in the loop: %1. Show the inbox.', counts)
  };
}

function runningWords({ __ }: Translator) {
  return {
    cancel: __('Cancel'),
    cancelAll: __('Cancel All'),
    cancelAllSure: __(
      'Are you sure you want to cancel all sessions that run or wait for you? What they have done so far is kept.'
    ),
    startedFrom: (title: string, notebook: string) => __('%1, from %2', title, notebook)
  };
}

export function noticeWords(translator: Translator) {
  return {
    product: translator.__('Human in the loop'),
    toast: toastWords(translator),
    desktop: desktopWords(translator),
    toggle: toggleWords(translator),
    readOut: readOutWords(translator),
    statusItem: statusItemWords(translator),
    running: runningWords(translator)
  };
}

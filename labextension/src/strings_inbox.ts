// The sentences of the inbox, of the form that starts a task, and of the timeline.

import type { Translator } from './strings';

/** A length of time in the one unit that says most: `12 s`, `3 min`, `5 h`, `2 d`. */
function agedBy({ __ }: Translator): (seconds: number) => string {
  return seconds => {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) {
      return __('%1 s', String(whole));
    }
    if (whole < 3600) {
      return __('%1 min', String(Math.floor(whole / 60)));
    }
    return whole < 86_400
      ? __('%1 h', String(Math.floor(whole / 3600)))
      : __('%1 d', String(Math.floor(whole / 86_400)));
  };
}

export function inboxWords(translator: Translator) {
  const { __, _n } = translator;
  return {
    inbox: __('Sessions'),
    sections: {
      waiting: __('Waiting for you'),
      running: __('Running'),
      ended: __('Ended')
    },
    shownOf: (shown: number, of: number) => __('%1 of %2', String(shown), String(of)),
    nothingWaits: __('Nothing waits for you.'),
    filter: __('Filter'),
    filterHint: __('Filter by title, task, notebook or question ( / )'),
    clearFilter: __('Clear the filter'),
    noMatch: (words: string) => __('No session matches “%1”.', words),
    age: agedBy(translator),
    waitingFor: (time: string) => __('waiting for %1', time),
    runningFor: (time: string) => __('running for %1', time),
    since: (what: string, when: string) => __('%1, since %2', what, when),
    endedAt: (when: string) => __('ended %1', when),
    closesIn: (time: string) => __('%1 left to answer', time),
    overdue: __('overdue'),
    attempt: (attempt: number) => __('attempt %1', String(attempt)),
    moreQuestions: (count: number) => _n('%1 more question', '%1 more questions', count),
    loading: __('Loading…'),
    reconnecting: __('Reconnecting… What is shown may be out of date.'),
    offline: __('Offline. What is shown may be out of date.'),
    retry: __('Retry'),
    empty: __('No sessions yet'),
    emptyHint: __(
      'A session is one run of a task. Start one in a notebook with hitl.start(task), or one of the registered tasks from here.'
    ),
    open: __('Open'),
    openHint: __('Open the session with all its output in a tab'),
    reveal: __('Show cell'),
    revealHint: __('Go to the cell that started it'),
    forget: __('Forget'),
    forgetHint: __('Delete the session with all that is stored of it'),
    forgetForGood: __('Forget for good?'),
    showOlder: __('Show older'),
    loadingOlder: __('Loading older sessions…'),
    olderFailed: (why: string) => __('Older sessions could not be loaded. %1', why)
  };
}

export function startWords({ __, _n }: Translator) {
  return {
    title: __('Start a task'),
    close: __('Back to the sessions'),
    back: __('All tasks'),
    loading: __('Asking for the registered tasks…'),
    loadFailed: (why: string) => __('The tasks could not be listed. %1', why),
    retry: __('Try again'),
    filter: __('Filter tasks'),
    noMatch: (words: string) => __('No task matches “%1”.', words),
    empty: __('No tasks are registered'),
    emptyHint: __(
      'Tasks are found by the entry points “hitl_jupyter.tasks” of installed packages, and in the modules that the server’s setting “task_modules” names.'
    ),
    noParameters: __('This task takes no parameters.'),
    notDrawable: __('What this task takes cannot be typed into a form. Start it from a notebook.'),
    start: __('Start'),
    starting: __('Starting…'),
    problems: (count: number) =>
      _n('%1 module could not be read', '%1 modules could not be read', count)
  };
}

export function timelineWords({ __, _n }: Translator) {
  return {
    timeline: __('Timeline'),
    kinds: {
      queued: __('Queued'),
      computing: __('Computing'),
      waiting: __('Waiting for a person')
    },
    total: {
      queued: (time: string) => __('%1 queued', time),
      computing: (time: string) => __('%1 computing', time),
      waiting: (time: string) => __('%1 waiting', time)
    },
    fromTo: (from: string, to: string) => __('%1 to %2', from, to),
    now: __('now'),
    attempt: (attempt: number) => __('Attempt %1', String(attempt)),
    asked: (question: string) => __('Asked: %1', question),
    attempts: (count: number) => _n('%1 attempt', '%1 attempts', count),
    list: (parts: readonly string[]) => parts.join(', ')
  };
}

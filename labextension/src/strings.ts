// Every sentence the view shows, in one place. `makeStrings` takes a translator of JupyterLab's shape.

import type { Outcome, RequestKind, Status, Via } from './protocol';
import { inboxWords, startWords, timelineWords } from './strings_inbox';
import { noticeWords } from './strings_notices';

/** The part of JupyterLab's `TranslationBundle` that is needed. */
export interface Translator {
  __(text: string, ...args: string[]): string;
  _n(one: string, many: string, count: number, ...args: string[]): string;
}

function filled(text: string, args: readonly string[]): string {
  return text.replace(/%(\d+)/g, (whole, place: string) => args[Number(place) - 1] ?? whole);
}

/** Gives back the English text, with `%1`, `%2`, … filled in. */
export const untranslated: Translator = {
  __: (text, ...args) => filled(text, args),
  _n: (one, many, count, ...args) => filled(count === 1 ? one : many, [String(count), ...args])
};

function statusWords({ __ }: Translator): Record<Status, string> {
  return {
    queued: __('Queued'),
    running: __('Running'),
    waiting: __('Waiting for you'),
    cancelling: __('Cancelling'),
    completed: __('Completed'),
    failed: __('Failed'),
    cancelled: __('Cancelled')
  };
}

function settledWords({ __ }: Translator) {
  return {
    byDefault: __('Deadline passed, default taken'),
    expired: __('Deadline passed without an answer'),
    cancelled: __('Withdrawn'),
    superseded: __('Asked again'),
    confirmed: (by: string) => __('Confirmed by %1', by),
    declined: (by: string) => __('Declined by %1', by),
    answered: (by: string) => __('Answered by %1', by),
    retried: (by: string) => __('Retry granted by %1', by),
    gaveUp: (by: string) => __('Given up by %1', by),
    confirmedPlain: __('Confirmed'),
    declinedPlain: __('Declined'),
    answeredPlain: __('Answered'),
    retriedPlain: __('Retry granted'),
    gaveUpPlain: __('Given up'),
    at: (what: string, time: string) => __('%1 at %2', what, time),
    withAnswer: (what: string, answer: string) => __('%1: %2', what, answer),
    dismiss: __('Dismiss'),
    via: {
      kernel: __('the notebook'),
      token: __('a program'),
      cli: __('the command line'),
      browser: null,
      task: null,
      host: null
    } satisfies Record<Via, string | null>
  };
}

function headerWords({ __ }: Translator) {
  return {
    untitled: __('Task'),
    attempt: (attempt: number, of: number) => __('Attempt %1 of %2', String(attempt), String(of)),
    elapsed: __('Elapsed time'),
    connecting: __('Connecting…'),
    live: __('Live'),
    reconnecting: __('Reconnecting…'),
    offline: __('Offline'),
    reconnect: __('Reconnect'),
    cancel: __('Cancel'),
    cancelHint: __('Ask the task to stop; it is ended within ten seconds'),
    force: __('Force'),
    forceHint: __('End its processes now, without waiting'),
    throughKernel: __('Through the kernel'),
    throughKernelHint: __(
      'No Jupyter server with hitl_jupyter can be reached from this page: the session comes and is answered through the notebook’s kernel, which must not be busy'
    ),
    viewOnly: __(
      'This notebook is not trusted, so the session can only be viewed here. To act, trust the notebook, or answer in the inbox.'
    )
  };
}

function outputWords({ __, _n }: Translator) {
  return {
    output: __('Output'),
    lines: (count: number) =>
      _n('%1 line', '%1 lines', count).replace(String(count), count.toLocaleString()),
    clear: __('Clear'),
    clearHint: __('Hide what is shown so far, in this view only'),
    undoClear: __('Show all again'),
    toEnd: __('Jump to end'),
    find: __('Find'),
    findHint: __('Find in the loaded output'),
    matches: (at: number, of: number) => __('%1 of %2', String(at), String(of)),
    noMatch: __('No match'),
    next: __('Next match'),
    previous: __('Previous match'),
    closeFind: __('Close search'),
    loading: __('Loading earlier output…'),
    loadFailed: (why: string) => __('Earlier output could not be loaded. %1', why),
    loadEarlier: __('Load earlier output'),
    attemptMark: (attempt: number) => __('Attempt %1', String(attempt)),
    resumed: (cause: string) => __('%1 The task went on from its last finished step.', cause),
    replayed: (count: number, time: string) =>
      _n('%1 event replayed at %2', '%1 events replayed at %2', count, time).replace(
        String(count),
        count.toLocaleString()
      ),
    dropped: (events: number, bytes: string) =>
      __('%1 lines (%2) were dropped: the task wrote too fast', events.toLocaleString(), bytes),
    truncated: (events: number) =>
      __('%1 earlier events are no longer kept', events.toLocaleString()),
    gap: (events: number) =>
      _n(
        '%1 event that stood here is no longer kept',
        '%1 events that stood here are no longer kept',
        events
      ).replace(String(events), events.toLocaleString()),
    sourceLabel: (source: string) => __('from %1', source),
    image: __('Image from the task'),
    notDrawn: {
      plotly: __(
        'This page has nothing that draws Plotly figures. JupyterLab does, with plotly installed beside it; with kaleido installed beside the task, a picture comes along.'
      ),
      vega: __(
        'This page has nothing that draws this chart. JupyterLab does; with vl-convert-python installed beside the task, a picture comes along.'
      ),
      fetches: __(
        'This chart is not drawn, since it names an address that would be fetched. Put the data into the chart, or show a picture of it.'
      ),
      failed: __('This chart could not be drawn; the browser’s console says why.'),
      scripts: __('This needs scripts, which do not run here. Show a picture of it instead.')
    },
    enlarge: __('Show it as large as it is'),
    shrink: __('Show the whole picture')
  };
}

function progressWords({ __, _n }: Translator) {
  return {
    progress: __('Progress'),
    left: (time: string) => __('%1 left', time),
    rate: (rate: string) => __('%1/s', rate),
    perItem: (time: string) => __('%1 each', time),
    finished: (count: number) => _n('%1 finished', '%1 finished', count)
  };
}

function questionWords({ __, _n }: Translator) {
  return {
    confirm: __('Confirm'),
    decline: __('Decline'),
    addComment: __('Add a comment'),
    comment: __('Comment'),
    commentHint: __('Kept with your answer'),
    submit: __('Submit'),
    submitHint: __('Ctrl+Enter'),
    submitKeys: __('Submit (Ctrl+Enter)'),
    sending: __('Sending…'),
    retry: __('Retry'),
    giveUp: __('Give up'),
    askAgain: __('Ask all questions again'),
    reuseHint: __('Otherwise forms already answered are reused'),
    traceback: __('Traceback'),
    retriesLeft: (left: number) => _n('%1 retry left', '%1 retries left', left),
    attemptFailed: (attempt: number) => __('Attempt %1 failed', String(attempt)),
    stepFailed: __('A step failed'),
    forWhom: (names: string) => __('For %1', names),
    evidence: __('Shown with the question'),
    showAll: (count: number) => __('Show all %1', String(count)),
    showFewer: __('Show fewer'),
    showSeen: __('Show what was seen'),
    hideSeen: __('Hide what was seen'),
    seenLoading: __('Loading…'),
    seenNothing: __('Nothing stood beside this question.'),
    seenGone: __('What stood beside this question is no longer kept.'),
    seenFailed: (why: string) => __('It could not be loaded. %1', why),
    closesIn: (time: string) => __('%1 left', time),
    overdue: __('Overdue'),
    onDeadline: {
      keep: __('It stays open after the deadline'),
      fail: __('The task fails at the deadline'),
      default: __('The default is taken at the deadline')
    },
    required: __('Required'),
    requiredMark: __('required'),
    choose: __('Choose…'),
    chosen: (count: number, of: number) => __('%1 of %2 chosen', String(count), String(of)),
    all: __('All'),
    chooseAll: __('Choose all'),
    none: __('None'),
    chooseNone: __('Choose none'),
    checkFields: __('Please check the marked fields.'),
    optional: __('optional'),
    addItem: __('Add'),
    removeItem: __('Remove'),
    rawForm: __('This form cannot be drawn here. Answer it as JSON:'),
    rawInvalid: __('This is not a JSON object.'),
    kind: {
      confirm: __('Confirmation needed'),
      user_input: __('Input needed'),
      retry: __('Decision needed')
    } satisfies Record<RequestKind, string>
  };
}

function endingWords({ __ }: Translator) {
  return {
    result: __('Result'),
    noResult: __('Finished without a value'),
    copy: __('Copy'),
    copyHint: __('Copy the result as JSON'),
    copied: __('Copied'),
    cancelledBy: (by: string) => __('Cancelled by %1', by),
    reasons: {
      user: __('Cancelled'),
      not_confirmed: __('Not confirmed'),
      deadline: __('A deadline passed without an answer'),
      shutdown: __('The server was shut down'),
      disconnect: __('Nobody was watching any more')
    } as Readonly<Record<string, string>>,
    cancelledOther: (reason: string) => __('Cancelled: %1', reason),
    emptyList: __('empty list'),
    emptyObject: __('empty'),
    more: (count: number) => __('%1 more', count.toLocaleString())
  };
}

function announcements({ __ }: Translator) {
  return {
    news: __('News of the task'),
    question: (text: string) => __('Question: %1', text),
    completed: __('The task completed.'),
    failed: (error: string) => __('The task failed: %1', error),
    cancelled: __('The task was cancelled.')
  };
}

function connectionWords({ __ }: Translator) {
  return {
    lost: __('The connection was lost before a reply came. Check the state below and try again.'),
    notConnected: __('Not connected. Try again when the connection is back.'),
    noReply: __('No reply came in time. Try again.'),
    ended: __('The session has ended.'),
    unreadable: __('The server sent something unreadable. Reload the page.'),
    unknownSession: __(
      'This session is not known here: it was deleted, or belongs to somebody else.'
    ),
    forbidden: __('You may not see this session. Log in again, or ask its owner.'),
    feedForbidden: __('You may not see sessions on this server. Log in again, or ask who runs it.'),
    noServer: __(
      'hitl_jupyter is not active on this server. Install it in the server’s environment and restart: pip install hitl-jupyter'
    )
  };
}

function hostWords({ __ }: Translator) {
  return {
    noSession: __('This output names no session. Run the cell again.'),
    gone: __(
      'The server does not know this session: it was forgotten, or ran on another server. This is what was saved.'
    )
  };
}

export function makeStrings(translator: Translator = untranslated) {
  return {
    status: statusWords(translator),
    settled: settledWords(translator),
    header: headerWords(translator),
    output: outputWords(translator),
    progress: progressWords(translator),
    question: questionWords(translator),
    ending: endingWords(translator),
    announce: announcements(translator),
    connection: connectionWords(translator),
    inbox: inboxWords(translator),
    start: startWords(translator),
    timeline: timelineWords(translator),
    notices: noticeWords(translator),
    host: hostWords(translator)
  };
}

export type Strings = ReturnType<typeof makeStrings>;

/** What became of a request, as one phrase. */
export function settledPhrase(
  words: Strings['settled'],
  settled: {
    readonly kind: RequestKind;
    readonly outcome: Outcome;
    readonly value: unknown;
    readonly by: string | null;
    readonly via: Via;
  }
): string {
  const by = settled.by ?? words.via[settled.via];
  switch (settled.outcome) {
    case 'defaulted':
      return words.byDefault;
    case 'expired':
      return words.expired;
    case 'cancelled':
      return words.cancelled;
    case 'superseded':
      return words.superseded;
    case 'answered':
      return answeredPhrase(words, settled.kind, settled.value === true, by);
  }
}

function answeredPhrase(
  words: Strings['settled'],
  kind: RequestKind,
  yes: boolean,
  by: string | null
): string {
  switch (kind) {
    case 'user_input':
      return by === null ? words.answeredPlain : words.answered(by);
    case 'retry':
      if (yes) {
        return by === null ? words.retriedPlain : words.retried(by);
      }
      return by === null ? words.gaveUpPlain : words.gaveUp(by);
    case 'confirm':
      if (yes) {
        return by === null ? words.confirmedPlain : words.confirmed(by);
      }
      return by === null ? words.declinedPlain : words.declined(by);
  }
}

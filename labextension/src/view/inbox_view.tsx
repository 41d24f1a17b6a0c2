// All sessions of a person: those that wait for an answer, which can be given right here, that run, that have ended.

import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import type { KeyboardEvent } from 'react';

import type { Actions } from '../actions';
import type { Inbox, InboxState } from '../inbox';
import type { Summary } from '../protocol';
import type { SessionPool } from '../session_pool';
import { HostProvider } from './context';
import type { Host } from './context';
import { FilterBox } from './filter_box';
import { ActionIcon, ConnectionIcon } from './icons';
import { InboxList } from './inbox_list';
import { matches, sectionsOf } from './inbox_rows';
import { keepShortcutsAway } from './shortcuts';

/** So many ended sessions are drawn at first, and with each "Show older". */
export const ENDED_SHOWN = 100;

export interface InboxHost extends Host {
  readonly inbox: Inbox;
  readonly pool: SessionPool;
  readonly actions: Actions;
  /** Shows a session in a tab; absent where there is no main area, as in Notebook 7. */
  readonly openSession?: (sessionId: string) => void;
  /** Goes to the cell that started the session; offered only where its notebook is known. */
  readonly revealCell?: (summary: Summary) => void;
}

export function InboxView(host: InboxHost) {
  const { inbox, strings } = host;
  const words = strings.inbox;
  const state = useSyncExternalStore(inbox.subscribe, inbox.getState);
  const root = useRef<HTMLElement>(null);
  const [query, setQuery] = useState('');
  const [endedShown, setEndedShown] = useState(ENDED_SHOWN);
  useSelectedInSight(state, query, setQuery);
  const sections = useMemo(() => sectionsOf(state, query, endedShown), [state, query, endedShown]);
  const known = state.waiting.length + state.running.length + state.ended.length;
  const found = sections.some(section => section.rows.length > 0);
  const showOlder = () => {
    setEndedShown(endedShown + ENDED_SHOWN);
    if (sections.every(({ name, more }) => name !== 'ended' || more < ENDED_SHOWN)) {
      void inbox.loadOlder();
    }
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key === '/' && !isTyping(event.target) && !hasModifier(event)) {
      event.preventDefault();
      root.current?.querySelector<HTMLElement>('input[type=search]')?.focus();
    }
  };
  return (
    <HostProvider value={host}>
      <section
        ref={root}
        className="jp-hitl-Root jp-hitl-Inbox"
        aria-label={words.inbox}
        onFocus={keepShortcutsAway}
        onKeyDown={onKeyDown}
      >
        <Banner state={state} host={host} />
        {known > 0 && (
          <FilterBox
            value={query}
            label={words.filter}
            hint={words.filterHint}
            onChange={setQuery}
            onLeave={() =>
              root.current?.querySelector<HTMLElement>('[data-roving][tabindex="0"]')?.focus()
            }
          />
        )}
        {known === 0 ? (
          <Nothing state={state} host={host} />
        ) : found ? (
          <InboxList
            host={host}
            state={state}
            sections={sections}
            filtered={query !== ''}
            onOlder={showOlder}
          />
        ) : (
          <div className="jp-hitl-Empty" role="status">
            <p>{words.noMatch(query.trim())}</p>
            <button type="button" className="jp-hitl-Button" onClick={() => setQuery('')}>
              {words.clearFilter}
            </button>
          </div>
        )}
      </section>
    </HostProvider>
  );
}

/** What somebody else opens here, a notice say, is not to be hidden by a filter. */
function useSelectedInSight(
  { selected, waiting, running, ended }: InboxState,
  query: string,
  setQuery: (query: string) => void
): void {
  const shown = useRef<string | null>(null);
  useEffect(() => {
    const all = [...waiting, ...running, ...ended];
    const summary = all.find(({ session_id }) => session_id === selected);
    if (selected === shown.current || (selected !== null && summary === undefined)) {
      return;
    }
    shown.current = selected;
    if (summary !== undefined && !matches(summary, query)) {
      setQuery('');
    }
  }, [selected, waiting, running, ended, query, setQuery]);
}

function isTyping(target: EventTarget): boolean {
  return target instanceof Element && target.matches('input, textarea, select, [contenteditable]');
}

function hasModifier({ ctrlKey, metaKey, altKey }: KeyboardEvent): boolean {
  return ctrlKey || metaKey || altKey;
}

interface PartProps {
  readonly state: InboxState;
  readonly host: InboxHost;
}

/** Says that the list may be out of date, and offers what can be done. */
function Banner({ state, host }: PartProps) {
  const words = host.strings.inbox;
  const { connection, refusal, listed } = state;
  if (connection === 'live' || (connection === 'connecting' && !listed)) {
    return null;
  }
  const isOver = connection === 'offline' || connection === 'refused';
  const text = isOver ? (refusal?.message ?? words.offline) : words.reconnecting;
  return (
    <div className="jp-hitl-Banner" data-connection={connection} role="status">
      <ConnectionIcon connection={connection} />
      <span>{text}</span>
      {isOver && (
        <button type="button" className="jp-hitl-Button" onClick={() => host.inbox.reconnect()}>
          {words.retry}
        </button>
      )}
    </div>
  );
}

function Nothing({ state, host }: PartProps) {
  const words = host.strings.inbox;
  if (!state.listed) {
    const connects = state.connection === 'connecting' || state.connection === 'live';
    return connects ? (
      <p className="jp-hitl-Empty jp-hitl-Later" role="status">
        {words.loading}
      </p>
    ) : null;
  }
  return (
    <div className="jp-hitl-Empty">
      <ActionIcon name="inbox" />
      <p className="jp-hitl-Empty-title">{words.empty}</p>
      <p>{words.emptyHint}</p>
    </div>
  );
}

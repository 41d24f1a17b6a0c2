// The list of sessions: one row after another whatever its section, so that a row that moves stays the same row.

import { useCallback, useRef, useState } from 'react';

import type { InboxState } from '../inbox';
import { useHost } from './context';
import { ActionIcon } from './icons';
import { Details } from './inbox_details';
import { useKeptFocus, useListKeys } from './inbox_keys';
import { InboxRow } from './inbox_row';
import type { Section, SectionName } from './inbox_rows';
import type { InboxHost } from './inbox_view';
import { useRevealed } from './revealed';
import { useSteady } from './steady';
import { useNow } from './time';

interface InboxListProps {
  readonly host: InboxHost;
  readonly state: InboxState;
  readonly sections: readonly Section[];
  readonly filtered: boolean;
  readonly onOlder: () => void;
}

function idsOf({ rows }: Section): readonly string[] {
  return rows.map(row => row.session_id);
}

export function InboxList({ host, state, sections, filtered, onOlder }: InboxListProps) {
  const { inbox } = host;
  const { selected } = state;
  const scroller = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLDivElement>(null);
  const [folded, fold] = useFolded(sections, selected);
  const [current, setCurrent] = useState<string | null>(null);
  const shown = sections.map(each => (folded(each) ? { ...each, rows: [] } : each));
  const ids = shown.flatMap(idsOf);
  const order = shown.map(each => `${each.name} ${idsOf(each).join(' ')}`).join('\n');
  const { onClickCapture, scrolled } = useSteady(list, `${order}\n${selected}`);
  const selectedIn = shown.find(each => idsOf(each).some(id => id === selected))?.name;
  const { hold } = useRevealed(scroller, list, selected, selectedIn, scrolled);
  useKeptFocus(list, ids);
  const toggle = useCallback(
    (sessionId: string) => {
      hold(sessionId);
      setCurrent(sessionId);
      inbox.select(inbox.getState().selected === sessionId ? null : sessionId);
    },
    [inbox, hold]
  );
  const onKeyDown = useListKeys({ list, ids, selected, toggle });
  const now = useNow(state.waiting.length + state.running.length > 0);
  const reachable = [current, selected, ids[0]].find(id => id != null && ids.includes(id));
  return (
    <div className="jp-hitl-Inbox-scroll" ref={scroller}>
      <div
        ref={list}
        className="jp-hitl-Inbox-list"
        onKeyDown={onKeyDown}
        onClickCapture={onClickCapture}
        onFocus={({ target }) => {
          const row = target.closest<HTMLElement>('[data-session]');
          setCurrent(row?.dataset['session'] ?? current);
        }}
      >
        {shown.flatMap(({ name, rows }, at) => [
          <SectionHead
            key={name}
            section={sections[at]}
            folded={folded(sections[at])}
            filtered={filtered}
            onFold={() => fold(name)}
          />,
          ...rows.map(summary => (
            <InboxRow
              key={summary.session_id}
              summary={summary}
              section={name}
              now={name === 'ended' ? 0 : now}
              open={summary.session_id === selected}
              reachable={summary.session_id === reachable}
              onToggle={toggle}
            >
              {summary.session_id === selected && <Details summary={summary} host={host} />}
            </InboxRow>
          ))
        ])}
        <Older key="older" state={state} more={sections.at(-1)?.more ?? 0} onOlder={onOlder} />
      </div>
    </div>
  );
}

/** Sections that were folded; not the one in which somebody opens a row from elsewhere. */
function useFolded(sections: readonly Section[], selected: string | null) {
  const [names, setNames] = useState<ReadonlySet<SectionName>>(new Set());
  const folded = (section: Section) =>
    names.has(section.name) && !idsOf(section).some(id => id === selected);
  const fold = (name: SectionName) => {
    const next = new Set(names);
    const section = sections.find(each => each.name === name);
    if (section !== undefined && folded(section)) {
      next.delete(name);
    } else {
      next.add(name);
    }
    setNames(next);
  };
  return [folded, fold] as const;
}

interface SectionHeadProps {
  readonly section: Section;
  readonly folded: boolean;
  readonly filtered: boolean;
  readonly onFold: () => void;
}

function SectionHead({ section, folded, filtered, onFold }: SectionHeadProps) {
  const words = useHost().strings.inbox;
  const { name, rows, of, more } = section;
  const found = rows.length + more;
  if (of === 0 && name !== 'waiting') {
    return null;
  }
  return (
    <>
      <h3 className="jp-hitl-Section" data-section={name}>
        <button
          type="button"
          className="jp-hitl-Section-button"
          aria-expanded={!folded}
          onClick={onFold}
        >
          <ActionIcon name="fold" />
          <span className="jp-hitl-Section-name">{words.sections[name]}</span>
          <span className="jp-hitl-Badge" data-loud={name === 'waiting' && of > 0}>
            {filtered ? words.shownOf(found, of) : of}
          </span>
        </button>
      </h3>
      {of === 0 && !folded && <p className="jp-hitl-Section-empty">{words.nothingWaits}</p>}
    </>
  );
}

interface OlderProps {
  readonly state: InboxState;
  /** Known already, and not drawn yet. */
  readonly more: number;
  readonly onOlder: () => void;
}

function Older({ state: { older, ended }, more, onOlder }: OlderProps) {
  const words = useHost().strings.inbox;
  if (older === 'loading') {
    return (
      <p className="jp-hitl-Older" role="status">
        {words.loadingOlder}
      </p>
    );
  }
  if (more === 0 && (older === 'all' || ended.length === 0)) {
    return null;
  }
  return (
    <div className="jp-hitl-Older">
      {typeof older === 'object' && <p role="alert">{words.olderFailed(older.error)}</p>}
      <button type="button" className="jp-hitl-Link" onClick={onOlder}>
        {words.showOlder}
      </button>
    </div>
  );
}

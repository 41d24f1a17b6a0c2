// The output pane: numbered lines and rich outputs, drawn only where they are seen.

import { useCallback, useMemo, useRef, useState } from 'react';
import type { CSSProperties } from 'react';
import { Virtuoso } from 'react-virtuoso';
import type { VirtuosoHandle } from 'react-virtuoso';

import type { SessionState } from '../store';
import type { Row } from '../transcript';
import { useSession } from './context';
import { FindBar } from './find';
import { ActionIcon } from './icons';
import { Sought } from './marked';
import { LineView, RowView } from './rows';

const TALLEST = 340;
const LINE_HEIGHT = 18;
const PADDING = 12;
/** Row numbers of the virtual list must stay positive while history is put before them. */
const ORIGIN = 1_000_000_000;

interface PaneContext {
  readonly state: SessionState;
  readonly cleared: boolean;
  readonly loadEarlier: () => void;
}

function PaneHead({ context }: { readonly context?: PaneContext }) {
  const words = useSession().strings.output;
  if (context === undefined || context.cleared) {
    return null;
  }
  const { history, truncated } = context.state;
  return (
    <div>
      {history === 'all' && truncated > 0 && (
        <div className="jp-hitl-Mark">{words.truncated(truncated)}</div>
      )}
      {history === 'loading' && <div className="jp-hitl-Mark">{words.loading}</div>}
      {history === 'more' && (
        <button type="button" className="jp-hitl-Link" onClick={context.loadEarlier}>
          {words.loadEarlier}
        </button>
      )}
      {typeof history === 'object' && (
        <div className="jp-hitl-Mark" role="alert">
          {words.loadFailed(history.error)}{' '}
          <button type="button" className="jp-hitl-Link" onClick={context.loadEarlier}>
            {words.loadEarlier}
          </button>
        </div>
      )}
    </div>
  );
}

function PaneFoot({ context }: { readonly context?: PaneContext }) {
  return (
    <div className="jp-hitl-Pane-foot">
      {context?.state.unfinished.map(line => (
        <LineView
          key={line.source}
          number={null}
          row={{ source: line.source, level: line.level, content: line.content }}
        />
      ))}
    </div>
  );
}

const COMPONENTS = { Header: PaneHead, Footer: PaneFoot };

/** What is shown of the transcript: all, or what came after it was cleared in this view. */
function useVisible(state: SessionState) {
  const { transcript, version } = state;
  const [clearedTo, setClearedTo] = useState<number | null>(null);
  const skipped = clearedTo === null ? 0 : Math.max(0, clearedTo - transcript.shifted);
  const rows = useMemo(
    () => (skipped === 0 ? transcript.rows.slice() : transcript.rows.slice(skipped)),
    // `version` stands for the mutable transcript.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [transcript, version, skipped]
  );
  return {
    rows,
    first: ORIGIN + transcript.shifted + skipped,
    cleared: clearedTo !== null,
    clear: () => setClearedTo(transcript.shifted + transcript.rows.length),
    restore: () => setClearedTo(null)
  };
}

export function OutputPane({ state }: { readonly state: SessionState }) {
  const { strings, store } = useSession();
  const words = strings.output;
  const list = useRef<VirtuosoHandle>(null);
  const [measured, setMeasured] = useState<number | null>(null);
  const [atEnd, setAtEnd] = useState(true);
  const [finding, setFinding] = useState(false);
  const [found, setFound] = useState<Row | null>(null);
  const [sought, setSought] = useState('');
  const { rows, first, cleared, clear, restore } = useVisible(state);
  const loadEarlier = useCallback(() => void store.loadEarlier(), [store]);
  const context = useMemo<PaneContext>(
    () => ({ state, cleared, loadEarlier }),
    [state, cleared, loadEarlier]
  );
  const toEnd = () => list.current?.scrollToIndex({ index: 'LAST', align: 'end' });
  const show = (index: number | null, query: string) => {
    setSought(query);
    setFound(index === null ? null : rows[index]);
    if (index !== null) {
      list.current?.scrollToIndex({ index, align: 'center' });
    }
  };
  const drawn = (index: number) => {
    const row = rows[index - first];
    const number = row?.kind === 'line' && !state.replaying ? state.transcript.number(row) : null;
    return row === undefined ? null : (
      <div className={row === found ? 'jp-hitl-Row jp-mod-found' : 'jp-hitl-Row'}>
        <RowView row={row} number={number} />
      </div>
    );
  };
  const isEmpty = rows.length === 0 && state.unfinished.length === 0;
  if (isEmpty && !cleared && state.history === 'all' && state.truncated === 0) {
    return null;
  }
  const digits = String(state.transcript.lastNumber).length;
  const height = Math.min(
    TALLEST,
    Math.max(measured ?? 0, Math.min(rows.length, 3) * LINE_HEIGHT + PADDING)
  );
  return (
    <section className="jp-hitl-Output" aria-label={words.output} aria-busy={state.replaying}>
      <div className="jp-hitl-Output-bar">
        <span className="jp-hitl-Count">
          {state.snapshot.streams > 0 ? words.lines(state.snapshot.streams) : words.output}
        </span>
        <span className="jp-hitl-Spring" />
        {finding ? (
          <FindBar
            rows={rows}
            onShow={show}
            onClose={() => {
              setFinding(false);
              show(null, '');
            }}
          />
        ) : (
          <button
            type="button"
            className="jp-hitl-Tool"
            title={words.findHint}
            onClick={() => setFinding(true)}
          >
            <ActionIcon name="find" />
            <span>{words.find}</span>
          </button>
        )}
        <button
          type="button"
          className="jp-hitl-Tool"
          title={cleared ? undefined : words.clearHint}
          onClick={cleared ? restore : clear}
        >
          <ActionIcon name={cleared ? 'undo' : 'clear'} />
          <span>{cleared ? words.undoClear : words.clear}</span>
        </button>
      </div>
      {!isEmpty && (
        <div
          className="jp-hitl-Pane"
          style={{ height, '--jp-private-hitl-digits': digits } as CSSProperties}
        >
          <Sought.Provider value={sought}>
            <Virtuoso<Row, PaneContext>
              ref={list}
              role="log"
              aria-live="off"
              aria-label={words.output}
              context={context}
              components={COMPONENTS}
              totalCount={rows.length}
              firstItemIndex={first}
              itemContent={drawn}
              computeItemKey={index => index}
              defaultItemHeight={LINE_HEIGHT}
              increaseViewportBy={240}
              initialTopMostItemIndex={{ index: 'LAST', align: 'end' }}
              followOutput={end => (end ? 'auto' : false)}
              atBottomThreshold={LINE_HEIGHT}
              atBottomStateChange={setAtEnd}
              startReached={cleared ? undefined : loadEarlier}
              totalListHeightChanged={setMeasured}
            />
          </Sought.Provider>
          {!atEnd && (
            <button type="button" className="jp-hitl-Button jp-hitl-ToEnd" onClick={toEnd}>
              <ActionIcon name="down" />
              {words.toEnd}
            </button>
          )}
        </div>
      )}
    </section>
  );
}

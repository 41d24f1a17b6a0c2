// Find in the loaded output. It searches when the words change or a match is asked for, not with every new line.

import { useEffect, useRef, useState } from 'react';

import type { Row } from '../transcript';
import { visibleText } from './ansi';
import { useHost } from './context';
import { ActionIcon } from './icons';
import { patternOf } from './marked';

function textOf(row: Row): string {
  switch (row.kind) {
    case 'line':
      return visibleText(row.content);
    case 'settled':
      return row.settled.message;
    default:
      return '';
  }
}

/** The places of the rows that contain these words, whatever their case. */
export function matching(rows: readonly Row[], query: string): readonly number[] {
  const wanted = patternOf(query);
  const places: number[] = [];
  if (wanted !== null) {
    rows.forEach((row, index) => {
      if (textOf(row).search(wanted) !== -1) {
        places.push(index);
      }
    });
  }
  return places;
}

interface FindBarProps {
  readonly rows: readonly Row[];
  /** The place to show, and the words that are looked for. */
  readonly onShow: (index: number | null, query: string) => void;
  readonly onClose: () => void;
}

export function FindBar({ rows, onShow, onClose }: FindBarProps) {
  const words = useHost().strings.output;
  const input = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const [count, setCount] = useState(0);
  useEffect(() => input.current?.focus(), []);
  const go = (text: string, wanted: (count: number) => number) => {
    const places = matching(rows, text);
    const next = places.length === 0 ? 0 : (wanted(places.length) + places.length) % places.length;
    setCount(places.length);
    setAt(next);
    onShow(places.length === 0 ? null : places[next], text);
  };
  return (
    <search className="jp-hitl-Find">
      <input
        ref={input}
        type="search"
        className="jp-hitl-Input"
        aria-label={words.find}
        placeholder={words.find}
        value={query}
        onChange={event => {
          setQuery(event.target.value);
          go(event.target.value, matches => matches - 1);
        }}
        onKeyDown={event => {
          if (event.key === 'Enter') {
            go(query, () => (event.shiftKey ? at - 1 : at + 1));
          } else if (event.key === 'Escape') {
            onClose();
          }
        }}
      />
      <span className="jp-hitl-Count" role="status">
        {query === '' ? '' : count === 0 ? words.noMatch : words.matches(at + 1, count)}
      </span>
      <button
        type="button"
        className="jp-hitl-Tool"
        aria-label={words.previous}
        onClick={() => go(query, () => at - 1)}
      >
        <ActionIcon name="up" />
      </button>
      <button
        type="button"
        className="jp-hitl-Tool"
        aria-label={words.next}
        onClick={() => go(query, () => at + 1)}
      >
        <ActionIcon name="next" />
      </button>
      <button type="button" className="jp-hitl-Tool" aria-label={words.closeFind} onClick={onClose}>
        <ActionIcon name="close" />
      </button>
    </search>
  );
}

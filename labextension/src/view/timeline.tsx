// A run seen at a glance: what it computed, how long it waited for a person, and what became of it.

import { useEffect, useMemo, useState } from 'react';
import type { FocusEvent, KeyboardEvent, PointerEvent } from 'react';

import type { Strings } from '../strings';
import type { Timeline } from '../timeline';
import { Tip } from './tip';
import { gistOf, partsOf, totalsOf } from './timeline_parts';
import type { Part } from './timeline_parts';

/** Marks are narrow: so near, in pixels, the pointer means them. */
const REACH = 5;

export interface TimelineStripProps {
  readonly timeline: Timeline;
  readonly strings: Strings;
  /** What it is the timeline of; by itself it says "Timeline". */
  readonly label?: string;
  /** A small one for a list: one picture, which the keyboard does not enter, without totals. */
  readonly compact?: boolean;
}

export function TimelineStrip({ timeline, strings, label, compact = false }: TimelineStripProps) {
  const parts = useMemo(() => partsOf(timeline, strings), [timeline, strings]);
  const [told, tell] = useTold();
  const part = parts.find(each => each.key === told?.key);
  const name = `${label ?? strings.timeline.timeline}: ${gistOf(timeline, strings)}`;
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key === 'Escape' && told !== null) {
      event.stopPropagation();
      tell(null);
    } else {
      moveFocus(event);
    }
  };
  const kind = compact ? { role: 'img' } : { role: 'group', onKeyDown };
  return (
    <div className="jp-hitl-Timeline" data-compact={compact}>
      <div
        className="jp-hitl-Timeline-strip"
        aria-label={name}
        {...kind}
        onPointerMove={event => tell(partIn(event.currentTarget, keyAt(event, timeline, parts)))}
        onPointerLeave={() => tell(null)}
        onBlur={() => tell(null)}
      >
        {parts.map(each => (
          <Drawn
            key={each.key}
            part={each}
            timeline={timeline}
            told={each === part}
            tabIndex={compact ? undefined : each === (part ?? parts[0]) ? 0 : -1}
            onFocus={compact ? undefined : ({ target }) => tell({ key: each.key, element: target })}
          />
        ))}
      </div>
      {!compact && <Totals timeline={timeline} words={strings.timeline} />}
      {told !== null && part !== undefined && (
        <Tip at={told.element}>
          <b>{part.title}</b>
          <span>{part.detail}</span>
        </Tip>
      )}
    </div>
  );
}

/** By its key, since parts grow and are added while it is told. */
interface Told {
  readonly key: string;
  readonly element: Element;
}

/** What is told of, if anything. Scrolling away ends it. */
function useTold() {
  const [told, setTold] = useState<Told | null>(null);
  const isTold = told !== null;
  useEffect(() => {
    if (!isTold) {
      return;
    }
    const end = () => setTold(null);
    document.addEventListener('scroll', end, true);
    return () => document.removeEventListener('scroll', end, true);
  }, [isTold]);
  const tell = (next: Told | null) => setTold(now => (now?.key === next?.key ? now : next));
  return [told, tell] as const;
}

function partIn(strip: HTMLElement, key: string | null): Told | null {
  const drawn = Array.from(strip.querySelectorAll<HTMLElement>('[data-part]'));
  const element = drawn.find(each => each.dataset['part'] === key);
  return key === null || element === undefined ? null : { key, element };
}

function shareOf({ from, to }: Timeline, at: number): number {
  return to > from ? Math.min(1, Math.max(0, (at - from) / (to - from))) : 0;
}

function keyAt(
  { clientX, currentTarget }: PointerEvent<HTMLElement>,
  timeline: Timeline,
  parts: readonly Part[]
): string | null {
  const { left, width } = currentTarget.getBoundingClientRect();
  const distance = (at: number) => Math.abs(left + shareOf(timeline, at) * width - clientX);
  const marks = parts.filter(part => part.from === part.to && distance(part.from) <= REACH);
  const nearest = marks.sort((a, b) => distance(a.from) - distance(b.from))[0];
  const time = timeline.from + ((clientX - left) / width) * (timeline.to - timeline.from);
  const span = parts.findLast(part => part.from <= time && time <= part.to);
  return (nearest ?? span)?.key ?? null;
}

/** Arrows, Home and End go from part to part. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
  const all = Array.from(event.currentTarget.querySelectorAll<HTMLElement>('[data-part]'));
  const at = all.indexOf(event.target as HTMLElement);
  const next = {
    ArrowLeft: all[at - 1],
    ArrowRight: all[at + 1],
    Home: all[0],
    End: all.at(-1)
  }[event.key];
  if (next !== undefined) {
    event.preventDefault();
    event.stopPropagation();
    next.focus();
  }
}

interface DrawnProps {
  readonly part: Part;
  readonly timeline: Timeline;
  readonly told: boolean;
  readonly tabIndex: number | undefined;
  readonly onFocus: ((event: FocusEvent<HTMLElement>) => void) | undefined;
}

function Drawn({ part, timeline, told, tabIndex, onFocus }: DrawnProps) {
  const start = shareOf(timeline, part.from);
  const width = shareOf(timeline, part.to) - start;
  const isMark = part.from === part.to;
  const spoken =
    tabIndex === undefined ? {} : { role: 'img', 'aria-label': `${part.title}. ${part.detail}` };
  return (
    <span
      className={isMark ? 'jp-hitl-Timeline-mark' : 'jp-hitl-Timeline-span'}
      data-part={part.key}
      data-kind={part.kind}
      data-status={part.status}
      data-told={told}
      style={{ left: `${start * 100}%`, width: isMark ? undefined : `${width * 100}%` }}
      tabIndex={tabIndex}
      onFocus={onFocus}
      {...spoken}
    />
  );
}

interface TotalsProps {
  readonly timeline: Timeline;
  readonly words: Strings['timeline'];
}

/** The legend and the sums in one; the strip's name says the same. */
function Totals({ timeline, words }: TotalsProps) {
  return (
    <div className="jp-hitl-Timeline-totals" aria-hidden="true">
      {totalsOf(timeline, words).map(({ kind, text }) => (
        <span key={kind} className="jp-hitl-Timeline-total">
          <i className="jp-hitl-Timeline-swatch" data-kind={kind} />
          {text}
        </span>
      ))}
    </div>
  );
}

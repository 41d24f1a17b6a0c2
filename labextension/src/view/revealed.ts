// The open row stays where it was clicked, and as much of it as can be is in sight.

import { useEffect, useLayoutEffect, useState } from 'react';
import type { RefObject } from 'react';

import { rowOf } from './inbox_keys';

/** What it shows comes piece by piece; so long, in milliseconds, the list makes room for it. */
const ARRIVING = 1000;

/** The heads of sections stay at the top of the list, over what scrolls there. */
const HEAD = 28;

type Scrolled = (by: number) => void;

/** Keeps one row in its place while the list around it changes. */
class Revealer {
  private still: { readonly id: string; readonly top: number } | null = null;

  constructor(
    private readonly scroller: RefObject<HTMLElement>,
    private readonly list: RefObject<HTMLElement>,
    private readonly scrolled: Scrolled
  ) {}

  /** This row is about to be opened or closed by somebody who points at it. */
  readonly hold = (sessionId: string): void => {
    const row = rowOf(this.list.current, sessionId);
    this.still = row === undefined ? null : { id: sessionId, top: row.getBoundingClientRect().top };
  };

  readonly restore = (): void => {
    const { still } = this;
    this.still = null;
    const row = still === null ? undefined : rowOf(this.list.current, still.id);
    if (still !== null && row !== undefined) {
      this.scroll(row.getBoundingClientRect().top - still.top);
    }
  };

  /** Follow the row for a while; returns how to stop. */
  follow(sessionId: string): () => void {
    const scroller = this.scroller.current;
    const row = rowOf(this.list.current, sessionId);
    if (scroller === null || row === undefined) {
      return () => {};
    }
    const observer = new ResizeObserver(() => this.reveal(scroller, row));
    observer.observe(row);
    const end = () => observer.disconnect();
    const timer = setTimeout(end, ARRIVING);
    scroller.addEventListener('wheel', end, { passive: true });
    return () => {
      end();
      clearTimeout(timer);
      scroller.removeEventListener('wheel', end);
    };
  }

  private reveal(scroller: HTMLElement, row: HTMLElement): void {
    const view = scroller.getBoundingClientRect();
    const box = row.getBoundingClientRect();
    const above = box.top - (view.top + HEAD);
    const below = box.bottom - view.bottom;
    if (above < 0) {
      this.scroll(above);
    } else if (below > 0) {
      this.scroll(Math.min(below, above));
    }
  }

  private scroll(by: number): void {
    const scroller = this.scroller.current;
    const before = scroller?.scrollTop ?? 0;
    if (scroller !== null) {
      scroller.scrollTop += by;
      this.scrolled(scroller.scrollTop - before);
    }
  }
}

/** `place` changes when the open row moves, for instance because it was answered: then it is followed. */
export function useRevealed(
  scroller: RefObject<HTMLElement>,
  list: RefObject<HTMLElement>,
  selected: string | null,
  place: string | undefined,
  scrolled: Scrolled
): Pick<Revealer, 'hold'> {
  const [revealer] = useState(() => new Revealer(scroller, list, scrolled));
  useLayoutEffect(() => revealer.restore(), [revealer, selected]);
  useEffect(
    () => (selected === null || place === undefined ? undefined : revealer.follow(selected)),
    [revealer, selected, place]
  );
  return revealer;
}

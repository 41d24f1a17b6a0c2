// A click counts only where what it hits stood under the pointer a moment ago: cards and rows move by themselves.

import { useEffect, useLayoutEffect, useState } from 'react';
import type { MouseEvent, RefObject } from 'react';

import { GUARD_MS } from './card';

/** Relative to the root, so that scrolling moves nothing. */
interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Place {
  box: Box;
  /** Where it stood before, and until when. */
  past: readonly { readonly box: Box; readonly until: number }[];
}

/** What is guarded as one: a card, a row, a row's buttons. New ones guard themselves, by `useArmed`. */
const PLACES = '[data-place]';

function boxOf(element: Element, root: Element): Box {
  const { left, top, width, height } = element.getBoundingClientRect();
  const origin = root.getBoundingClientRect();
  return { left: left - origin.left, top: top - origin.top, width, height };
}

function isSame(a: Box, b: Box): boolean {
  return Math.abs(a.left - b.left) < 1 && Math.abs(a.top - b.top) < 1;
}

function holds({ left, top, width, height }: Box, x: number, y: number): boolean {
  return x >= left && x <= left + width && y >= top && y <= top + height;
}

class Places {
  private readonly known = new Map<Element, Place>();

  /** Look where everything stands now. */
  measure(root: Element, now: number): void {
    const present = new Set(root.querySelectorAll(PLACES));
    for (const element of this.known.keys()) {
      if (!present.has(element)) {
        this.known.delete(element);
      }
    }
    for (const element of present) {
      const box = boxOf(element, root);
      const place = this.known.get(element);
      if (place === undefined) {
        this.known.set(element, { box, past: [] });
        continue;
      }
      if (!isSame(box, place.box)) {
        const recent = place.past.filter(({ until }) => until > now - GUARD_MS);
        place.past = [...recent, { box: place.box, until: now }];
      }
      place.box = box;
    }
  }

  /** The page was scrolled by us: what is under the pointer now was elsewhere before. */
  scrolled(by: number, now: number): void {
    for (const place of this.known.values()) {
      const before = { ...place.box, top: place.box.top + by };
      place.past = [...place.past, { box: before, until: now }];
    }
  }

  get elements(): Iterable<Element> {
    return this.known.keys();
  }

  /** Whether this place was at the point a moment ago, too. */
  isSteady(element: Element, x: number, y: number, now: number): boolean {
    const past = this.known.get(element)?.past ?? [];
    return past.every(({ box, until }) => until <= now - GUARD_MS || holds(box, x, y));
  }
}

/** Watches over the places in a root. */
class SteadyClicks {
  private readonly places = new Places();
  private observer: ResizeObserver | null = null;

  constructor(private readonly root: RefObject<HTMLElement>) {}

  readonly measure = (): void => {
    const root = this.root.current;
    if (root !== null) {
      this.places.measure(root, performance.now());
      for (const element of [root, ...this.places.elements]) {
        this.observer?.observe(element);
      }
    }
  };

  /** See what moves because something grew; returns how to stop. */
  readonly watch = (): (() => void) => {
    const observer = new ResizeObserver(this.measure);
    this.observer = observer;
    this.measure();
    return () => observer.disconnect();
  };

  /** Has to be told where the page itself scrolls what stands in the root, by so many pixels. */
  readonly scrolled = (by: number): void => this.places.scrolled(by, performance.now());

  /** Stops a click that hits what has only just moved there. Keys act where the focus is, and that moves along. */
  readonly onClickCapture = (event: MouseEvent<HTMLElement>): void => {
    const { target, detail, clientX, clientY } = event;
    const place = target instanceof Element ? target.closest(PLACES) : null;
    const root = this.root.current;
    const byPointer = detail > 0;
    if (byPointer && place !== null && root !== null) {
      const { left, top } = root.getBoundingClientRect();
      if (!this.places.isSteady(place, clientX - left, clientY - top, performance.now())) {
        event.preventDefault();
        event.stopPropagation();
      }
    }
  };
}

/**
 * For the root of cards or rows. `layout` is whatever changes when they move; what moves because something grew is
 * seen by itself, and what the person scrolls does not count.
 */
export function useSteady(
  root: RefObject<HTMLElement>,
  layout: unknown
): Pick<SteadyClicks, 'onClickCapture' | 'scrolled'> {
  const [steady] = useState(() => new SteadyClicks(root));
  useEffect(() => steady.watch(), [steady]);
  useLayoutEffect(() => steady.measure(), [steady, layout]);
  return steady;
}

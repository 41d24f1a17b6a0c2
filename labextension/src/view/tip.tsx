// A tip in the browser's top layer, so that no panel and no output cuts it off.

import { useLayoutEffect, useRef } from 'react';
import type { ReactNode } from 'react';

/** Between what is pointed at and its tip, and between the tip and the window's edge. */
const GAP = 6;

/** React of this version does not know the attribute, and passes it on. */
const IN_TOP_LAYER: object = { popover: 'manual' };

interface TipProps {
  /** What it stands at: below it, or above where there is no room. */
  readonly at: Element;
  readonly children: ReactNode;
}

function place(tip: HTMLElement, at: Element): void {
  const target = at.getBoundingClientRect();
  const { innerWidth, innerHeight } = window;
  const middle = target.left + target.width / 2 - tip.offsetWidth / 2;
  const below = target.bottom + GAP;
  const fits = below + tip.offsetHeight + GAP <= innerHeight;
  tip.style.left = `${Math.max(GAP, Math.min(middle, innerWidth - tip.offsetWidth - GAP))}px`;
  tip.style.top = `${fits ? below : target.top - GAP - tip.offsetHeight}px`;
}

/** For the eye only: what it says must stand in the accessible name of what it belongs to. */
export function Tip({ at, children }: TipProps) {
  const tip = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const { current } = tip;
    if (current !== null) {
      // Where the browser knows no top layer, it may be cut off.
      current.showPopover?.();
      place(current, at);
    }
  });
  return (
    <div ref={tip} className="jp-hitl-Tip" aria-hidden="true" {...IN_TOP_LAYER}>
      {children}
    </div>
  );
}

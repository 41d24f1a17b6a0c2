// Whether an element holds more than it shows.

import { useEffect, useState } from 'react';
import type { RefObject } from 'react';

/** Half a pixel may be lost to rounding at any zoom. */
const SLACK = 1;

function measured(element: Element, check: () => void): () => void {
  const observer = new ResizeObserver(check);
  observer.observe(element);
  for (const child of element.children) {
    observer.observe(child);
  }
  return () => observer.disconnect();
}

/** True while the element scrolls, in either direction: then the keyboard must reach it. */
export function useScrolls(element: RefObject<HTMLElement>): boolean {
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const box = element.current;
    return box === null
      ? undefined
      : measured(box, () =>
          setScrolls(
            box.scrollHeight > box.clientHeight + SLACK || box.scrollWidth > box.clientWidth + SLACK
          )
        );
  }, [element]);
  return scrolls;
}

/** True while the image is drawn smaller than it is. */
export function useShrunk(image: RefObject<HTMLImageElement>): boolean {
  const [shrunk, setShrunk] = useState(false);
  useEffect(() => {
    const { current } = image;
    return current === null
      ? undefined
      : measured(current, () => setShrunk(current.naturalWidth > current.width + SLACK));
  }, [image]);
  return shrunk;
}

// An image, which is never cut.

import { useRef, useState } from 'react';
import type { KeyboardEvent } from 'react';

import { useHost } from './context';
import { useShrunk } from './overflow';

/** A whole picture, never a cut one; where it had to be made smaller, a click shows it as large as it is. */
export function Picture({ source, label }: { readonly source: string; readonly label: string }) {
  const words = useHost().strings.output;
  const image = useRef<HTMLImageElement>(null);
  const shrunk = useShrunk(image);
  const [whole, setWhole] = useState(true);
  const turn = () => setWhole(!whole);
  const asButton = {
    role: 'button',
    tabIndex: 0,
    title: whole ? words.enlarge : words.shrink,
    'aria-pressed': !whole,
    onClick: turn,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        turn();
      }
    }
  };
  return (
    <span className="jp-hitl-Picture" data-whole={whole} {...((shrunk || !whole) && asButton)}>
      <img ref={image} className="jp-hitl-Image" src={source} alt={label} />
    </span>
  );
}

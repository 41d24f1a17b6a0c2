// What stands beside a question: of many objects the first few, so that the answer stays within reach.

import { useId, useRef, useState } from 'react';

import type { MimeBundle } from '../protocol';
import { useHost } from './context';
import { MimeView } from './mime';
import { useScrolls } from './overflow';

/** So many are shown at first, where there are more than one more than that. */
const SHOWN_AT_FIRST = 3;

export function Evidence({ shown }: { readonly shown: readonly MimeBundle[] }) {
  const words = useHost().strings.question;
  const id = useId();
  const box = useRef<HTMLDivElement>(null);
  const [all, setAll] = useState(false);
  const scrolls = useScrolls(box);
  const isMany = shown.length > SHOWN_AT_FIRST + 1;
  const some = isMany && !all ? shown.slice(0, SHOWN_AT_FIRST) : shown;
  return (
    <div className="jp-hitl-Evidence-frame">
      <div
        id={id}
        className="jp-hitl-Evidence"
        ref={box}
        role="group"
        aria-label={words.evidence}
        tabIndex={scrolls ? 0 : undefined}
      >
        {some.map((data, index) => (
          <MimeView key={index} data={data} />
        ))}
      </div>
      {isMany && (
        <button
          type="button"
          className="jp-hitl-Link"
          aria-expanded={all}
          aria-controls={id}
          onClick={() => setAll(!all)}
        >
          {all ? words.showFewer : words.showAll(shown.length)}
        </button>
      )}
    </div>
  );
}

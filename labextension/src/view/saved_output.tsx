// What was saved of a session that cannot be shown any more, with a sentence why.

import { useMemo } from 'react';

import type { MimeBundle } from '../protocol';
import { HostProvider } from './context';
import type { Host } from './context';
import { ActionIcon } from './icons';
import { MimeView } from './mime';
import { keepShortcutsAway } from './shortcuts';

export interface SavedOutputProps extends Host {
  readonly html: string | null;
  readonly text: string;
  /** Why the session itself is not shown: a sentence that ends with the next step. */
  readonly why: string;
}

export function SavedOutput({ html, text, why, strings, sanitize }: SavedOutputProps) {
  const host = useMemo(() => ({ strings, sanitize, viewOnly: true }), [strings, sanitize]);
  const data = useMemo<MimeBundle>(
    () => ({ ...(html !== null && { 'text/html': html }), 'text/plain': text }),
    [html, text]
  );
  const isEmpty = html === null && text === '';
  return (
    <HostProvider value={host}>
      <div className="jp-hitl-Host">
        <article
          className="jp-hitl-Root jp-hitl-Widget jp-hitl-Saved"
          aria-label={strings.header.untitled}
          onFocus={keepShortcutsAway}
        >
          <p className="jp-hitl-Saved-why">
            <ActionIcon name="info" />
            <span>{why}</span>
          </p>
          {!isEmpty && (
            <div className="jp-hitl-Rich">
              <MimeView data={data} />
            </div>
          )}
        </article>
      </div>
    </HostProvider>
  );
}

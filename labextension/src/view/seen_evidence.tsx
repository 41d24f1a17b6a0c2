// What stood beside a question that is settled: read again when somebody wants to see it, since pictures are large.

import { useRef, useState } from 'react';

import type { MimeBundle, Settled } from '../protocol';
import { useSession } from './context';
import { Evidence } from './evidence';

type Look = 'closed' | 'loading' | 'gone' | { readonly error: string } | readonly MimeBundle[];

export function Seen({ settled }: { readonly settled: Settled }) {
  const { store, strings } = useSession();
  const words = strings.question;
  const id = settled.request_id;
  // A row that is scrolled out of sight is forgotten; what was open there is open again when it comes back.
  const [look, setLook] = useState<Look>(() => store.looked.get(id) ?? 'closed');
  const isOpen = look !== 'closed';
  const wanted = useRef(isOpen);
  const open = async () => {
    setLook('loading');
    const found = await store.evidenceOf(settled).catch((error: unknown) => ({
      error: error instanceof Error ? error.message : String(error)
    }));
    if (wanted.current) {
      setLook(found ?? 'gone');
      if (found !== null && isLoaded(found)) {
        store.looked.set(id, found);
      }
    }
  };
  const toggle = () => {
    wanted.current = !isOpen;
    if (isOpen) {
      store.looked.delete(id);
      setLook('closed');
    } else {
      void open();
    }
  };
  return (
    <>
      <button type="button" className="jp-hitl-Link" aria-expanded={isOpen} onClick={toggle}>
        {isOpen ? words.hideSeen : words.showSeen}
      </button>
      {isOpen && <div className="jp-hitl-Seen">{shownOf(look, words)}</div>}
    </>
  );
}

function shownOf(
  look: Exclude<Look, 'closed'>,
  words: ReturnType<typeof useSession>['strings']['question']
) {
  if (isLoaded(look)) {
    return look.length === 0 ? <Note text={words.seenNothing} /> : <Evidence shown={look} />;
  }
  const text =
    typeof look === 'object'
      ? words.seenFailed(look.error)
      : look === 'gone'
        ? words.seenGone
        : words.seenLoading;
  return <Note text={text} />;
}

function isLoaded(look: Look): look is readonly MimeBundle[] {
  return Array.isArray(look);
}

function Note({ text }: { readonly text: string }) {
  return (
    <p className="jp-hitl-Note" role="status">
      {text}
    </p>
  );
}

// The anywidget host: one view per output, one store per session and page.

import type { AnyModel, RenderProps } from '@anywidget/types';
import { createRoot } from 'react-dom/client';

import type { Comm } from '../comm_port';
import { SessionStore } from '../store';
import { makeStrings } from '../strings';
import { SessionView } from '../view/session_view';
import { findPort } from './carrier';
import { makeSanitizer } from '../sanitize';
import { ensureStyle } from './style';

interface Traits {
  session_id: string;
}

type Model = AnyModel<Traits>;

const strings = makeStrings();
let sanitizer: ((html: string) => string) | undefined;

function theSanitizer(): (html: string) => string {
  sanitizer ??= makeSanitizer(window);
  return sanitizer;
}

function commOf(model: Model): Comm {
  return {
    send: content => model.send(content),
    onMessage: listener => {
      const heard = (content: unknown, buffers: DataView[]) => listener(content, buffers);
      model.on('msg:custom', heard);
      return () => model.off('msg:custom', heard);
    }
  };
}

interface Shared {
  readonly store: Promise<SessionStore>;
  users: number;
}

const shared = new Map<string, Shared>();

/** Several outputs that show one session share its connection. */
function acquire(sessionId: string, model: Model): Shared {
  const known = shared.get(sessionId) ?? {
    store: findPort(sessionId, commOf(model), strings).then(port => new SessionStore(port)),
    users: 0
  };
  known.users += 1;
  shared.set(sessionId, known);
  return known;
}

function release(sessionId: string, held: Shared): void {
  held.users -= 1;
  if (held.users === 0) {
    shared.delete(sessionId);
    void held.store.then(store => store.dispose());
  }
}

/** Show one session in the element; returns how to end it. */
function show(sessionId: string, model: Model, element: HTMLElement): () => void {
  const held = acquire(sessionId, model);
  const root = createRoot(element);
  let gone = false;
  void held.store.then(store => {
    if (!gone) {
      root.render(<SessionView store={store} strings={strings} sanitize={theSanitizer()} />);
    }
  });
  return () => {
    gone = true;
    root.unmount();
    release(sessionId, held);
  };
}

function render({ model, el }: RenderProps<Traits>): () => void {
  ensureStyle(el);
  const element = document.createElement('div');
  el.append(element);
  let end = show(model.get('session_id'), model, element);
  const changed = () => {
    end();
    end = show(model.get('session_id'), model, element);
  };
  model.on('change:session_id', changed);
  return () => {
    model.off('change:session_id', changed);
    end();
    element.remove();
  };
}

export default { render };

// The anywidget host: one view per output, one store per session and page.

import type { AnyModel, RenderProps } from '@anywidget/types';
import { createRoot } from 'react-dom/client';

import type { Comm } from '../comm_port';
import { watchSeen } from '../seen';
import { SessionPool } from '../session_pool';
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

/** Each session's port is found first, since where it comes from depends on the page and on the model. */
const pool = new SessionPool(sessionId => {
  throw new Error(`No port was given for ${sessionId}.`);
});

/** Show one session in the element; returns how to end it. */
function show(sessionId: string, model: Model, element: HTMLElement): () => void {
  const root = createRoot(element);
  let end = () => root.unmount();
  let gone = false;
  void findPort(sessionId, commOf(model), strings).then(port => {
    if (gone) {
      return;
    }
    const lease = pool.acquire(sessionId, () => port);
    const stopWatching = watchSeen(element, seen => lease.setVisible(seen));
    root.render(<SessionView store={lease.store} strings={strings} sanitize={theSanitizer()} />);
    end = () => {
      stopWatching();
      root.unmount();
      lease.release();
    };
  });
  return () => {
    gone = true;
    end();
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

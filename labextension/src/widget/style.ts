// The style sheet travels inside the bundle, and stands once in each document or shadow root.

import timeline from '../../style/timeline.css';
import view from '../../style/view.css';

const MARK = 'data-jp-hitl-style';

export function ensureStyle(element: HTMLElement): void {
  const root = element.getRootNode();
  const place = root instanceof ShadowRoot ? root : document.head;
  if (place.querySelector(`style[${MARK}]`) === null) {
    const style = document.createElement('style');
    style.setAttribute(MARK, '');
    style.textContent = `${view}\n${timeline}`;
    place.append(style);
  }
}

// One polite live region for the page: a screen reader tells of questions and endings that are nowhere looked at.

import type { Strings } from '../../strings';
import { titleOf } from './news';
import type { News } from './news';

/** How many lines stay: a reader may lag behind, and nothing else needs them. */
const LINES_KEPT = 5;

/** What is read out, a line each. A session that is looked at has a view that tells of it. */
export function linesOf(
  { asked, ended, isFirst }: News,
  words: Strings['notices']['readOut'],
  isSeen: (sessionId: string) => boolean
): readonly string[] {
  if (isFirst) {
    return [];
  }
  const questions = asked
    .filter(({ session }) => !isSeen(session.session_id))
    .map(({ session, request }) => words.question(titleOf(session), request.message));
  const endings = ended
    .filter(session => !isSeen(session.session_id))
    .map(session => endingOf(session.status, titleOf(session), words));
  return [...questions, ...endings];
}

function endingOf(status: string, title: string, words: Strings['notices']['readOut']): string {
  switch (status) {
    case 'failed':
      return words.failed(title);
    case 'cancelled':
      return words.cancelled(title);
    default:
      return words.completed(title);
  }
}

export class LiveRegion {
  private readonly element: HTMLElement;

  constructor(page: Document, label: string) {
    this.element = page.createElement('div');
    this.element.className = 'jp-hitl-Hidden jp-hitl-ReadOut';
    this.element.setAttribute('role', 'log');
    this.element.setAttribute('aria-live', 'polite');
    this.element.setAttribute('aria-label', label);
    page.body.append(this.element);
  }

  say(lines: readonly string[]): void {
    for (const line of lines) {
      const said = this.element.ownerDocument.createElement('p');
      said.textContent = line;
      this.element.append(said);
    }
    while (this.element.childElementCount > LINES_KEPT) {
      this.element.firstElementChild?.remove();
    }
  }
}

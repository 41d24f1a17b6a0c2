// What the inbox lists of what it knows: sections, filtered, the ended ones no more at a time than are read.

import type { InboxState } from '../inbox';
import type { ProgressState, Summary } from '../protocol';

export type SectionName = 'waiting' | 'running' | 'ended';

export interface Section {
  readonly name: SectionName;
  readonly rows: readonly Summary[];
  /** How many there are without the filter. */
  readonly of: number;
  /** How many more the page knows already, beyond `rows`. */
  readonly more: number;
}

/** Waiting sessions say where and what in the words that people look for. */
function wordsOf(summary: Summary): string {
  const { title, task, origin, open_requests: requests } = summary;
  const questions = requests.map(request => request.message);
  return [title, task, origin?.notebook ?? '', ...questions].join('\n').toLocaleLowerCase();
}

/** Every word has to be found somewhere in its title, task, notebook or questions. */
export function matches(summary: Summary, query: string): boolean {
  const text = wordsOf(summary);
  return query
    .toLocaleLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}

/** The open row is always among them. */
export function sectionsOf(
  state: InboxState,
  query: string,
  endedShown: number
): readonly Section[] {
  return (['waiting', 'running', 'ended'] as const).map(name => {
    const found = state[name].filter(summary => matches(summary, query));
    const limit = name === 'ended' ? endedShown : found.length;
    const open = found.findIndex(({ session_id }) => session_id === state.selected);
    const rows = found.slice(0, Math.max(limit, open + 1));
    return { name, rows, of: state[name].length, more: found.length - rows.length };
  });
}

export function titleOf({ title, task }: Summary): string {
  return title || task;
}

/** The file's name, for where there is little room. */
export function notebookName({ origin }: Summary): string | null {
  return origin?.notebook?.split(/[/\\]/).at(-1) ?? null;
}

/** The bar that moved last of those that are not full, else of all. */
export function leadingBar(bars: readonly ProgressState[]): ProgressState | null {
  const open = bars.filter(bar => bar.total === null || bar.done < bar.total);
  const last = (all: readonly ProgressState[]) =>
    all.reduce<ProgressState | null>(
      (best, bar) => (best === null || bar.updated_at >= best.updated_at ? bar : best),
      null
    );
  return last(open) ?? last(bars);
}

/** How far a bar is, from 0 to 1; null where its length is not known. */
export function shareOf({ done, total }: ProgressState): number | null {
  return total === null || total <= 0 ? null : Math.min(1, Math.max(0, done / total));
}

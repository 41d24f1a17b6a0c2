// Start a registered task: choose it, fill in what it takes, and go.

import { useEffect, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent } from 'react';

import type { Actions, TaskInfo, TaskList } from '../actions';
import { HostProvider, useHost } from './context';
import type { Host } from './context';
import { FilterBox } from './filter_box';
import { ActionIcon } from './icons';
import { keepShortcutsAway } from './shortcuts';
import { StartForm } from './start_form';

/** Fewer tasks are seen at a glance. */
const FILTER_FROM = 6;

export interface StartViewProps extends Host {
  readonly actions: Actions;
  readonly onStarted: (sessionId: string) => void;
  readonly onClose: () => void;
}

export function StartView(props: StartViewProps) {
  const { actions, strings, onStarted, onClose } = props;
  const words = strings.start;
  const [chosen, choose] = useState<TaskInfo | null>(null);
  const [found, reload] = useTasks(actions);
  const back = chosen === null ? onClose : () => choose(null);
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.key !== 'Escape' || event.defaultPrevented || event.nativeEvent.isComposing) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const field = event.target instanceof HTMLElement ? event.target : null;
    const form = field?.matches('input, select, textarea') ? field.closest('form') : null;
    if (form) {
      // Whoever fills in a form does not lose it by one key.
      form.querySelector<HTMLElement>('button[type=submit]')?.focus();
    } else {
      back();
    }
  };
  return (
    <HostProvider value={props}>
      <section
        className="jp-hitl-Root jp-hitl-Start"
        aria-label={words.title}
        onFocus={keepShortcutsAway}
        onKeyDown={onKeyDown}
      >
        <div className="jp-hitl-Start-bar">
          <button type="button" className="jp-hitl-Tool" onClick={back}>
            <ActionIcon name="back" />
            {chosen === null ? words.close : words.back}
          </button>
        </div>
        {chosen !== null ? (
          <StartForm key={chosen.name} task={chosen} actions={actions} onStarted={onStarted} />
        ) : found === null ? (
          <p className="jp-hitl-Empty jp-hitl-Later" role="status">
            {words.loading}
          </p>
        ) : found instanceof Error ? (
          <div className="jp-hitl-Empty" role="alert">
            <p>{words.loadFailed(found.message)}</p>
            <button type="button" className="jp-hitl-Button" onClick={reload}>
              {words.retry}
            </button>
          </div>
        ) : (
          <Choice found={found} onChoose={choose} />
        )}
      </section>
    </HostProvider>
  );
}

/** Null while they are asked for. */
function useTasks(actions: Actions) {
  const [round, setRound] = useState(0);
  const [answer, setAnswer] = useState<{ readonly to: number; found: TaskList | Error } | null>(
    null
  );
  useEffect(() => {
    let gone = false;
    const take = (found: TaskList | Error) => gone || setAnswer({ to: round, found });
    void actions.tasks().then(take, (error: unknown) => take(asError(error)));
    return () => {
      gone = true;
    };
  }, [actions, round]);
  const found = answer?.to === round ? answer.found : null;
  return [found, () => setRound(round + 1)] as const;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

interface ChoiceProps {
  readonly found: TaskList;
  readonly onChoose: (task: TaskInfo) => void;
}

function Choice({ found: { tasks, problems }, onChoose }: ChoiceProps) {
  const words = useHost().strings.start;
  const box = useRef<HTMLDivElement>(null);
  const [query, setQuery] = useState('');
  const shown = useMemo(() => tasks.filter(task => isMeant(task, query)), [tasks, query]);
  useEffect(() => box.current?.querySelector<HTMLElement>('input, button')?.focus(), []);
  const move = (event: KeyboardEvent<HTMLElement>) => {
    const all = Array.from(box.current?.querySelectorAll<HTMLElement>('[data-task]') ?? []);
    const at = all.indexOf(event.target as HTMLElement);
    const next = { ArrowDown: all[at + 1], ArrowUp: all[at - 1] }[event.key];
    if (at !== -1 && next !== undefined) {
      event.preventDefault();
      next.focus();
    }
  };
  if (tasks.length === 0) {
    return (
      <>
        <div className="jp-hitl-Empty">
          <p className="jp-hitl-Empty-title">{words.empty}</p>
          <p>{words.emptyHint}</p>
        </div>
        <Problems problems={problems} />
      </>
    );
  }
  return (
    <div ref={box} className="jp-hitl-Start-choice">
      {tasks.length > FILTER_FROM && (
        <FilterBox
          value={query}
          label={words.filter}
          onChange={setQuery}
          onLeave={() => box.current?.querySelector<HTMLElement>('[data-task]')?.focus()}
        />
      )}
      <ul className="jp-hitl-Start-tasks" aria-label={words.title} onKeyDown={move}>
        {shown.map(task => (
          <li key={task.name}>
            <button
              type="button"
              className="jp-hitl-Start-task"
              data-task={task.name}
              onClick={() => onChoose(task)}
            >
              <span className="jp-hitl-Start-name" title={task.title}>
                {task.title}
              </span>
              <span className="jp-hitl-Start-id" title={task.name}>
                {task.name}
              </span>
              {task.doc !== '' && (
                <span className="jp-hitl-Start-doc">{task.doc.trim().split('\n', 1)[0]}</span>
              )}
            </button>
          </li>
        ))}
      </ul>
      {shown.length === 0 && (
        <p className="jp-hitl-Empty" role="status">
          {words.noMatch(query.trim())}
        </p>
      )}
      <Problems problems={problems} />
    </div>
  );
}

function isMeant({ name, title, doc }: TaskInfo, query: string): boolean {
  const text = `${name}\n${title}\n${doc}`.toLocaleLowerCase();
  return query
    .toLocaleLowerCase()
    .split(/\s+/)
    .every(word => text.includes(word));
}

/** Tasks that are missing have a reason, which their author wants to read. */
function Problems({ problems }: Pick<TaskList, 'problems'>) {
  const words = useHost().strings.start;
  return problems.length === 0 ? null : (
    <details className="jp-hitl-Start-problems">
      <summary>{words.problems(problems.length)}</summary>
      {problems.map(({ module, message }) => (
        <div key={module}>
          <b>{module}</b>
          <pre className="jp-hitl-Text" tabIndex={0}>
            {message}
          </pre>
        </div>
      ))}
    </details>
  );
}

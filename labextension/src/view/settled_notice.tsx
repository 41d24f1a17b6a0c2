// Where a question stood that somebody else has answered meanwhile: who did, when, and what.

import { useCallback, useEffect, useRef, useState } from 'react';

import type { Json } from '../protocol';
import { questionOf } from '../snapshot';
import type { SettledElsewhere } from '../store';
import { settledPhrase } from '../strings';
import type { Strings } from '../strings';
import { useSession } from './context';
import { ActionIcon } from './icons';
import { clockTime } from './time';

/** How long it stands there, counted while it can be seen and nobody points at it. */
export const NOTICE_MS = 20_000;

const LONGEST_ANSWER = 120;

/** "Answered by Bob at 12:03: train again". */
export function noticeText(words: Strings['settled'], news: SettledElsewhere): string {
  const { settled } = news;
  const said = words.at(settledPhrase(words, settled), clockTime(settled.at));
  const choice = settled.outcome === 'answered' ? onlyValue(news) : null;
  return choice === null ? said : words.withAnswer(said, shortened(choice));
}

function shortened(text: string): string {
  return text.length > LONGEST_ANSWER ? `${text.slice(0, LONGEST_ANSWER).trimEnd()}…` : text;
}

/** What was answered to a question with one field, as its label; a secret's mask says nothing. */
function onlyValue({ settled, request }: SettledElsewhere): string | null {
  if (request.type !== 'request_user_input' || !isObject(settled.value)) {
    return null;
  }
  const values = Object.entries(settled.value);
  const [name, value] = values[0] ?? [];
  const properties = request.schema['properties'];
  const schema = name !== undefined && isObject(properties) ? properties[name] : undefined;
  if (values.length !== 1 || !isObject(schema) || schema['writeOnly'] === true) {
    return null;
  }
  const labels = (Array.isArray(value) ? value : [value]).map((each: Json | undefined) =>
    labelOf(each, isObject(schema['items']) ? schema['items'] : schema)
  );
  return labels.length > 0 && labels.every(label => label !== null) ? labels.join(', ') : null;
}

function labelOf(value: Json | undefined, schema: Readonly<Record<string, Json>>): string | null {
  const options = Array.isArray(schema['oneOf']) ? schema['oneOf'] : [];
  const option = options.find((each: Json) => isObject(each) && each['const'] === value);
  const label = isObject(option) ? option['title'] : undefined;
  return typeof label === 'string'
    ? label
    : typeof value === 'string' || typeof value === 'number'
      ? String(value)
      : null;
}

function isObject(value: Json | undefined): value is Readonly<Record<string, Json>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Calls once that much time has passed, not counting what passes while `held` or while the page is hidden. */
function useTimeSeen(held: boolean, then: () => void): void {
  const left = useRef(NOTICE_MS);
  useEffect(() => {
    if (held) {
      return;
    }
    const tick = setInterval(() => {
      left.current -= document.hidden ? 0 : 1000;
      if (left.current <= 0) {
        then();
      }
    }, 1000);
    return () => clearInterval(tick);
  }, [held, then]);
}

export function SettledNotice({ news }: { readonly news: SettledElsewhere }) {
  const { store, strings } = useSession();
  const { settled, request } = news;
  const [held, setHeld] = useState(false);
  const dismiss = useCallback(() => store.dismiss(settled.request_id), [store, settled]);
  useTimeSeen(held, dismiss);
  const untouched = settled.outcome !== 'answered';
  return (
    <div
      className="jp-hitl-Notice"
      data-settled={settled.request_id}
      data-place=""
      tabIndex={-1}
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <ActionIcon name={untouched ? 'clock' : settled.value === false ? 'cross' : 'check'} />
      <div>
        <p>{noticeText(strings.settled, news)}</p>
        <p className="jp-hitl-Note">{questionOf(request).split('\n', 1)[0]}</p>
      </div>
      <button
        type="button"
        className="jp-hitl-Tool"
        title={strings.settled.dismiss}
        aria-label={strings.settled.dismiss}
        onClick={dismiss}
      >
        <ActionIcon name="close" />
      </button>
    </div>
  );
}

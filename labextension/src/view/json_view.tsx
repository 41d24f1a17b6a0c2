// A JSON value to read: scalars as text, flat objects as a table, nested parts folded.

import { useState } from 'react';

import type { Json } from '../protocol';
import { useHost } from './context';

const SHOWN = 100;

type Entries = readonly (readonly [string, Json])[];

function isNested(value: Json): value is readonly Json[] | { readonly [key: string]: Json } {
  return value !== null && typeof value === 'object';
}

function entriesOf(value: readonly Json[] | { readonly [key: string]: Json }): Entries {
  return Array.isArray(value)
    ? value.map((item: Json, index) => [String(index), item] as const)
    : Object.entries(value);
}

function Scalar({ value }: { readonly value: null | boolean | number | string }) {
  if (typeof value === 'string') {
    return <span className="jp-hitl-Json-string">{value}</span>;
  }
  return <span className="jp-hitl-Json-atom">{String(value)}</span>;
}

/** One line that tells what a folded part holds. */
function summary(value: readonly Json[] | { readonly [key: string]: Json }): string {
  const text = JSON.stringify(value);
  return text.length > 72 ? `${text.slice(0, 71)}…` : text;
}

function isShortList(value: Json): value is readonly (null | boolean | number | string)[] {
  return Array.isArray(value) && value.length <= 12 && !value.some(item => isNested(item as Json));
}

function Value({ value, open }: { readonly value: Json; readonly open: boolean }) {
  const words = useHost().strings.ending;
  if (!isNested(value)) {
    return <Scalar value={value} />;
  }
  if (entriesOf(value).length === 0) {
    return (
      <span className="jp-hitl-Json-empty">
        {Array.isArray(value) ? words.emptyList : words.emptyObject}
      </span>
    );
  }
  if (isShortList(value)) {
    return <span className="jp-hitl-Json-string">{value.map(String).join(', ')}</span>;
  }
  return (
    <details className="jp-hitl-Json-fold" open={open}>
      <summary>{summary(value)}</summary>
      <Table entries={entriesOf(value)} />
    </details>
  );
}

function Table({ entries }: { readonly entries: Entries }) {
  const words = useHost().strings.ending;
  const [shown, setShown] = useState(SHOWN);
  return (
    <dl className="jp-hitl-Json">
      {entries.slice(0, shown).map(([name, value]) => (
        <div key={name} className="jp-hitl-Json-entry">
          <dt>{name}</dt>
          <dd>
            <Value value={value} open={false} />
          </dd>
        </div>
      ))}
      {entries.length > shown && (
        <button type="button" className="jp-hitl-Link" onClick={() => setShown(shown + 10 * SHOWN)}>
          {words.more(entries.length - shown)}
        </button>
      )}
    </dl>
  );
}

export function JsonView({ value }: { readonly value: Json }) {
  if (isNested(value) && !isShortList(value) && entriesOf(value).length > 0) {
    return <Table entries={entriesOf(value)} />;
  }
  return <Value value={value} open />;
}

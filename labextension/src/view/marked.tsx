// Text with the words in it that are looked for.

import { createContext, useContext, useMemo } from 'react';

/** What is looked for in the rows below; empty when nothing is. */
export const Sought = createContext('');

/** Words as a pattern that finds them whatever their case; null for no words. */
export function patternOf(query: string): RegExp | null {
  return query === '' ? null : new RegExp(query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi');
}

export function Marked({ text }: { readonly text: string }) {
  const query = useContext(Sought);
  const pattern = useMemo(() => patternOf(query), [query]);
  if (pattern === null || text.search(pattern) === -1) {
    return <>{text}</>;
  }
  const between = text.split(pattern);
  const found = text.match(pattern) ?? [];
  return (
    <>
      {between.map((part, index) => (
        <span key={index}>
          {part}
          {index < found.length && <mark className="jp-hitl-Found">{found[index]}</mark>}
        </span>
      ))}
    </>
  );
}

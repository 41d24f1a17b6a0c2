// The rows of the output pane, one component per kind.

import { memo } from 'react';

import { settledPhrase } from '../strings';
import type { LineRow, Row, SettledRow } from '../transcript';
import { AnsiText } from './ansi';
import { useHost } from './context';
import { ActionIcon } from './icons';
import { Marked } from './marked';
import { MimeView } from './mime';
import { Seen } from './seen_evidence';
import { byteCount, clockTime } from './time';

/** Log levels that deserve a mark of their own. */
const LOUD = /^(warn|error|critical|fatal)/i;

export const LineView = memo(function LineView({
  row,
  number
}: {
  readonly row: Omit<LineRow, 'kind' | 'place' | 'seq'>;
  readonly number: number | null;
}) {
  const words = useHost().strings.output;
  const level = row.level?.toLowerCase();
  return (
    <div className="jp-hitl-Line" data-source={row.source} data-level={level}>
      <span className="jp-hitl-Line-number">{number === null ? '' : `[${number}]`}</span>
      <span className="jp-hitl-Line-text">
        {row.source === 'stderr' && (
          <span className="jp-hitl-Hidden">{words.sourceLabel('stderr')}: </span>
        )}
        {level !== undefined && LOUD.test(level) && (
          <span className="jp-hitl-Level" data-level={level}>
            {level}
          </span>
        )}
        <AnsiText text={row.content.replace(/\r?\n$/, '')} />
      </span>
    </div>
  );
});

/** What became of a question, in a line. */
export function SettledView({
  settled,
  comment,
  evidence
}: Pick<SettledRow, 'settled' | 'comment' | 'evidence'>) {
  const { strings } = useHost();
  const no = settled.outcome === 'answered' && settled.value === false;
  const untouched = settled.outcome !== 'answered';
  return (
    <div className="jp-hitl-Settled">
      <ActionIcon name={untouched ? 'clock' : no ? 'cross' : 'check'} />
      <div className="jp-hitl-Settled-body">
        <span className="jp-hitl-Settled-what">
          {settledPhrase(strings.settled, settled)} · {clockTime(settled.at)}
        </span>
        <span className="jp-hitl-Settled-question">
          <Marked text={settled.message.split('\n', 1)[0]} />
        </span>
        {comment !== null && comment !== '' && <q className="jp-hitl-Settled-comment">{comment}</q>}
        {evidence !== false && <Seen settled={settled} />}
      </div>
    </div>
  );
}

export const RowView = memo(function RowView({
  row,
  number
}: {
  readonly row: Row;
  readonly number: number | null;
}) {
  const words = useHost().strings.output;
  switch (row.kind) {
    case 'line':
      return <LineView row={row} number={number} />;
    case 'display':
      return (
        <div className="jp-hitl-Rich">
          <MimeView data={row.data} />
        </div>
      );
    case 'settled':
      return <SettledView settled={row.settled} comment={row.comment} evidence={row.evidence} />;
    case 'attempt':
      return <div className="jp-hitl-Mark">{words.attemptMark(row.attempt)}</div>;
    case 'resumed':
      return <div className="jp-hitl-Mark">{words.resumed(row.cause)}</div>;
    case 'held_up':
      return (
        <div className="jp-hitl-Mark" role="status">
          {row.why}
        </div>
      );
    case 'replayed':
      return <div className="jp-hitl-Mark">{words.replayed(row.count, clockTime(row.at))}</div>;
    case 'gap':
      return <div className="jp-hitl-Mark">{words.gap(row.events)}</div>;
    case 'dropped':
      return <div className="jp-hitl-Mark">{words.dropped(row.events, byteCount(row.bytes))}</div>;
  }
});

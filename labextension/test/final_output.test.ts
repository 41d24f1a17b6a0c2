// What is written into a notebook once a session has ended.

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import { expect, test } from 'vitest';

import { writeFinalOutput } from '../src/lab/final_output';

class FakeModel implements IRenderMime.IMimeModel {
  readonly trusted = true;
  readonly written: IRenderMime.IMimeModel.ISetDataOptions[] = [];
  data: ReadonlyPartialJSONObject;

  constructor(
    data: ReadonlyPartialJSONObject,
    readonly metadata: ReadonlyPartialJSONObject
  ) {
    this.data = data;
  }

  setData(options: IRenderMime.IMimeModel.ISetDataOptions): void {
    this.written.push(options);
    this.data = options.data ?? this.data;
  }
}

const OURS = 'application/vnd.hitl-jupyter.session+json';
const WIDGET = 'application/vnd.jupyter.widget-view+json';
const metadata = { [OURS]: { session_id: 'x' } };
const final = { [OURS]: { status: 'completed', rows: [1, { a: 2 }] }, 'text/plain': 'Completed' };

test('the final output takes the place of all that stood there, the widget too; its metadata stay', () => {
  const live = { [OURS]: {}, [WIDGET]: { model_id: 'm' }, 'text/plain': 'Running' };
  const model = new FakeModel(live, metadata);
  expect(writeFinalOutput(model, final)).toBe(true);
  expect(model.written).toEqual([{ data: final, metadata }]);
});

test('what stands there already is not written again, so that a notebook is not changed by being read', () => {
  const model = new FakeModel(structuredClone(final), metadata);
  expect(writeFinalOutput(model, final)).toBe(false);
  expect(model.written).toEqual([]);
});

test('the least difference is written', () => {
  const other = { ...final, [OURS]: { status: 'completed', rows: [1, { a: 3 }] } };
  expect(writeFinalOutput(new FakeModel(other, metadata), final)).toBe(true);
  expect(writeFinalOutput(new FakeModel({ ...final, 'text/html': '' }, metadata), final)).toBe(
    true
  );
});

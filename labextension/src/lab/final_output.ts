// What stays in a notebook once a session has ended: its final output, as the server words it.

import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { JSONExt } from '@lumino/coreutils';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { MimeBundle } from '../protocol';

/**
 * Put the final output in the place of what stood there while the session lived.
 *
 * The bytes are those that an unattended run emits, so that a notebook a person ran compares equal to it. The widget
 * goes: what it would show is over, and its kernel will not be there when somebody reads this.
 */
export function writeFinalOutput(model: IRenderMime.IMimeModel, output: MimeBundle): boolean {
  const data = output as ReadonlyPartialJSONObject;
  if (JSONExt.deepEqual(model.data, data)) {
    return false;
  }
  model.setData({ data, metadata: model.metadata });
  return true;
}

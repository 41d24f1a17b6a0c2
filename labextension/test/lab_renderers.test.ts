// @vitest-environment jsdom
// The page's own renderers, as JupyterLab has them.

import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { LabRenderers } from '../src/lab/renderers';

// Lumino builds on what jsdom has not.
vi.hoisted(() => {
  globalThis.DragEvent ??= class extends MouseEvent {} as unknown as typeof DragEvent;
});

const LITE = 'application/vnd.vegalite.v5+json';
const NEWER = 'application/vnd.vegalite.v6+json';
const PLOTLY = 'application/vnd.plotly.v1+json';
const SPEC = { mark: 'bar', usermeta: { embedOptions: {} } };

class FakeRenderer extends Widget implements IRenderMime.IRenderer {
  readonly models: IRenderMime.IMimeModel[] = [];
  resized = 0;

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.models.push(model);
    return Promise.resolve();
  }

  protected override onResize(): void {
    this.resized += 1;
  }
}

let sized: () => void;
let width: number;
let place: HTMLElement;
let renderer: FakeRenderer;

/** A registry with these types, safe or not. */
function renderers(types: Readonly<Record<string, boolean>>): LabRenderers {
  const registry = {
    mimeTypes: Object.keys(types),
    getFactory: (type: string) => ({ safe: types[type] }),
    createModel: (options: object) => ({ ...options, setData: () => {} }),
    createRenderer: () => renderer
  };
  return new LabRenderers(registry as unknown as IRenderMimeRegistry);
}

beforeEach(() => {
  width = 0;
  place = document.createElement('div');
  Object.defineProperty(place, 'clientWidth', { get: () => width });
  renderer = new FakeRenderer();
  vi.stubGlobal(
    'ResizeObserver',
    class {
      constructor(heard: () => void) {
        sized = heard;
      }
      observe() {}
      disconnect() {
        sized = () => {};
      }
    }
  );
});

afterEach(() => {
  place.remove();
  vi.unstubAllGlobals();
});

test('only what is on the list, safe by the page’s own word, and names no address', () => {
  const page = renderers({ [LITE]: true, [PLOTLY]: false, 'text/html': true });
  expect(page.canDraw(LITE, SPEC)).toBe(true);
  expect(page.canDraw(NEWER, SPEC)).toBe(true);
  expect(page.canDraw(LITE, { data: { url: '/api' } })).toBe(false);
  expect(page.canDraw(PLOTLY, { data: [] })).toBe(false);
  expect(page.canDraw('text/html', '<b>b</b>')).toBe(false);
});

test('what is not drawn is refused, whoever asks', async () => {
  const drawing = renderers({ 'text/html': true }).draw(place, 'text/html', '<b>b</b>');
  await expect(drawing.done).rejects.toThrow('text/html is not drawn.');
  drawing.dispose();
});

test('a chart is drawn once its place has a width, untrusted, and follows the width', async () => {
  const drawing = renderers({ [LITE]: true }).draw(place, NEWER, SPEC);
  sized();
  document.body.append(place);
  sized();
  expect(renderer.models).toEqual([]);
  width = 400;
  sized();
  await drawing.done;
  const [model] = renderer.models;
  expect(model.trusted).toBe(false);
  expect(model.data).toEqual({ [LITE]: { mark: 'bar' } });
  expect(place.contains(renderer.node)).toBe(true);
  sized();
  expect(renderer.resized).toBe(0);
  width = 300;
  sized();
  expect(renderer.resized).toBe(1);
  drawing.dispose();
  expect(renderer.isDisposed).toBe(true);
  expect(place.childElementCount).toBe(0);
});

test('a chart whose cell was taken out of the page goes without a word', () => {
  const drawing = renderers({ [LITE]: true }).draw(place, LITE, SPEC);
  document.body.append(place);
  width = 400;
  sized();
  place.remove();
  drawing.dispose();
  expect(renderer.isDisposed).toBe(true);
});

test('a chart that never had a place is let go of', () => {
  renderers({ [LITE]: true })
    .draw(place, LITE, SPEC)
    .dispose();
  expect(renderer.isDisposed).toBe(true);
});

// What a page's renderers are given, and what they are not.

import { expect, test } from 'vitest';

import { drawable, drawnKind, rendererFor } from '../src/drawing';
import type { Json } from '../src/protocol';

const PLOTLY = 'application/vnd.plotly.v1+json';
const VEGA = 'application/vnd.vega.v5+json';
const LITE = 'application/vnd.vegalite.v5+json';

test.each([
  'text/html',
  'application/javascript',
  'application/geo+json',
  'application/vnd.jupyter.widget-view+json',
  'application/vnd.vega.v5+json; x=1',
  'image/svg+xml'
])('%s is never given to a renderer', type => {
  expect(drawnKind(type)).toBe(null);
  expect(drawable(type, { data: [] })).toBe(null);
});

test('a figure of plotly is drawn without the settings it brings', () => {
  const figure = {
    data: [{ type: 'sankey', link: { source: [0, 1], target: [1, 2] } }],
    layout: { title: { text: 'Flow' }, map: { style: 'open-street-map' } },
    config: { topojsonURL: 'https://example.org/', showSendToCloud: true }
  };
  const given = drawable(PLOTLY, { ...figure, config: { responsive: false } });
  expect(given?.value).toEqual({
    data: figure.data,
    layout: { ...figure.layout, margin: { l: 48, r: 20, t: 56, b: 40 } },
    config: { displaylogo: false, responsive: true }
  });
  expect((given?.value as typeof figure).layout).not.toBe(figure.layout);
  expect(drawable(PLOTLY, {})).toBe(null);
});

test.each<[string, Json]>([
  ['an image', { layout: { images: [{ source: '/logout' }] } }],
  ['an image of a template', { layout: { template: { layout: { images: [{ source: 'x' }] } } } }],
  ['a button’s image', { layout: { updatemenus: [{ args: { 'images[0].source': '/logout' } }] } }],
  ['shapes of a map', { data: [{ type: 'choropleth', geojson: 'https://example.org/a.json' }] }],
  ['tiles', { layout: { map: { layers: [{ source: ['https://example.org/{z}'] }] } } }],
  ['a style of a map', { layout: { map: { style: 'https://example.org/style.json' } } }],
  ['a whole style', { layout: { map: { style: { version: 8, sources: {} } } } }],
  ['a frame', { frames: [{ layout: { images: [{ source: '/logout' }] } }] }]
])('a figure that names the address of %s is not drawn', (_, part) => {
  expect(drawable(PLOTLY, { data: [], ...(part as object) })).toBe(null);
});

test('an image in the data itself is drawn', () => {
  const images = [{ source: 'data:image/png;base64,AA==' }];
  expect(drawable(PLOTLY, { data: [], layout: { images } })).not.toBe(null);
});

test('a spec of Vega-Lite says nothing to its host, and its expressions are interpreted', () => {
  const spec = { data: { values: [{ a: 1 }] }, mark: 'bar' };
  const given = drawable(LITE, { ...spec, usermeta: { embedOptions: { defaultStyle: 'body{}' } } });
  expect(given?.value).toEqual(spec);
  expect(given?.metadata).toEqual({
    embed_options: { actions: false, tooltip: false, ast: true }
  });
});

test.each<[string, Json]>([
  ['data', { data: { url: 'api/contents' } }],
  ['data by a signal', { data: [{ url: { signal: "'/api/' + x" } }] }],
  ['an image of the data', { mark: 'image', encoding: { url: { field: 'picture' } } }],
  ['data of a layer', { layer: [{ data: { url: 'https://example.org/a.csv' } }] }]
])('a spec that names the address of %s is not drawn', (_, spec) => {
  expect(drawable(LITE, spec)).toBe(null);
  expect(drawable(VEGA, spec)).toBe(null);
});

test('a formula is drawn, also where a notebook kept it as lines', () => {
  expect(drawable('text/latex', ['$x$', '$y$'])?.value).toBe('$x$$y$');
  expect(drawable('text/latex', { x: 1 })).toBe(null);
});

test('a newer version of a language goes to the newest renderer that there is of it', () => {
  const known = [VEGA, 'application/vnd.vegalite.v4+json', LITE, 'text/html'];
  expect(rendererFor('application/vnd.vegalite.v4+json', known)).toBe(known[1]);
  expect(rendererFor('application/vnd.vegalite.v6+json', known)).toBe(LITE);
  expect(rendererFor('application/vnd.vega.v6+json', known)).toBe(VEGA);
  expect(rendererFor(PLOTLY, known)).toBe(null);
});

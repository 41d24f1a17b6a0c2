// @vitest-environment jsdom
// Which representation is shown, with renderers of the page and without.

import { beforeAll, expect, test } from 'vitest';

import type { PageRenderers } from '../src/drawing';
import { drawable } from '../src/drawing';
import { makeSanitizer } from '../src/sanitize';
import { choose } from '../src/view/mime_choice';

const PLOTLY = 'application/vnd.plotly.v1+json';
const LITE = 'application/vnd.vegalite.v5+json';
const SCRIPT = '<div><script>draw()</script><div id="plot"></div></div>';
const FIGURE = { data: [] };

const page: PageRenderers = {
  canDraw: (type, value) => drawable(type, value) !== null,
  draw: () => ({ done: Promise.resolve(), dispose: () => {} })
};
let sanitize: (html: string) => string;

beforeAll(() => {
  sanitize = makeSanitizer(window);
});

test('a chart is drawn where the page can, whatever stands beside it', () => {
  const data = { [PLOTLY]: FIGURE, 'text/html': SCRIPT, 'image/png': 'AA==', 'text/plain': 'p' };
  expect(choose(data, sanitize, page)).toEqual({ as: 'drawn', mimeType: PLOTLY, value: FIGURE });
  const picture = { as: 'image', source: 'data:image/png;base64,AA==' };
  expect(choose(data, sanitize, undefined)).toEqual(picture);
});

test.each([
  [{ [PLOTLY]: FIGURE, 'text/html': SCRIPT }, 'plotly'],
  [{ [LITE]: { mark: 'bar' } }, 'vega'],
  [{ [LITE]: { data: { url: '/api' } } }, 'fetches'],
  [{ 'text/html': SCRIPT }, 'scripts'],
  [{ 'text/html': '<span>Trust it to load the map</span><iframe srcdoc="x">' }, 'scripts'],
  [{ 'text/html': '<p style="display: none">a</p><script>b</script>' }, 'scripts'],
  [{}, null]
] as const)('else text stands there, and says why: %j', (data, why) => {
  const choice = choose({ ...data, 'text/plain': 'words' }, sanitize, undefined);
  expect(choice).toEqual({ as: 'text', text: 'words', why });
});

test('HTML that says something without its script is shown', () => {
  const table = '<table><tbody><tr><td>1</td></tr></tbody></table>';
  expect(choose({ 'text/html': `${table}<script>x</script>` }, sanitize, page)).toEqual({
    as: 'html',
    inert: table
  });
  const words = `<b>Done</b><script>x</script>`;
  expect(choose({ 'text/html': words }, sanitize, page).as).toBe('html');
});

test('a formula is drawn before its picture is shown, and read where neither can be', () => {
  const data = { 'text/latex': '$x$', 'text/plain': 'x' };
  expect(choose({ ...data, 'image/png': 'AA==' }, sanitize, page).as).toBe('drawn');
  expect(choose({ ...data, 'image/png': 'AA==' }, sanitize, undefined).as).toBe('image');
  expect(choose(data, sanitize, undefined)).toEqual({ as: 'text', text: 'x', why: null });
});

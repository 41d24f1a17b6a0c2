// @vitest-environment jsdom
import { beforeAll, expect, test } from 'vitest';

import { makeSanitizer } from '../src/sanitize';

let sanitize: (html: string) => string;

beforeAll(() => {
  sanitize = makeSanitizer(window);
});

test('a table of pandas keeps its shape', () => {
  const table =
    '<table border="1"><thead><tr><th>a</th></tr></thead><tbody><tr><td colspan="2">1</td></tr></tbody></table>';
  expect(sanitize(table)).toBe(table);
});

test.each([
  ['a script', '<script>x()</script>'],
  ['a handler', '<b onclick="x()">b</b>'],
  ['a form', '<form action="/logout"><input name="a"><button>b</button></form>'],
  ['a frame', '<iframe src="/"></iframe>'],
  ['a style sheet', '<style>body{display:none}</style>'],
  ['a script link', '<a href="javascript:x()">a</a>'],
  ['a data link', '<a href="data:text/html,x">a</a>'],
  ['a link into the server', '<a href="/logout">a</a>'],
  ['an image of the server', '<img src="/logout">'],
  ['an image of elsewhere', '<img src="https://example.org/x.png">'],
  ['a fetching style', '<p style="background:url(/logout)">a</p>'],
  ['an escaped fetching style', '<p style="background:u\\72l(/logout)">a</p>'],
  ['an SVG that fetches', '<svg><image href="/logout"></image><use href="/x#y"></use></svg>'],
  ['a command link', '<a data-commandlinker-command="x">a</a>'],
  ['a borrowed name', '<p id="jupyter-config-data" class="jp-Dialog" name="x">a</p>']
])('%s does not pass', (_, html) => {
  expect(sanitize(html)).not.toMatch(
    /script|onclick|<form|<input|<button|iframe|<style|url\(|\\72|logout|example\.org|commandlinker|jp-Dialog|config-data|data:text|#y/
  );
});

test('an image that is data, and a link to elsewhere, pass', () => {
  expect(sanitize('<img src="data:image/png;base64,AA==" alt="x">')).toContain('data:image/png');
  const link = sanitize('<a href="https://example.org">a</a>');
  expect(link).toContain('href="https://example.org"');
  expect(link).toContain('rel="noopener noreferrer"');
  expect(link).toContain('target="_blank"');
});

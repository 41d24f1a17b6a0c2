// Which of the representations in a MIME bundle is shown here.

import { drawable, drawnKind } from '../drawing';
import type { PageRenderers } from '../drawing';
import type { Json, MimeBundle } from '../protocol';

/** Why text stands where more was meant. */
export type NotDrawn = 'plotly' | 'vega' | 'fetches' | 'scripts' | 'failed';

export type Choice =
  | { readonly as: 'drawn'; readonly mimeType: string; readonly value: Json }
  | { readonly as: 'html'; readonly inert: string }
  | { readonly as: 'markdown'; readonly text: string }
  | { readonly as: 'image'; readonly source: string }
  | { readonly as: 'json'; readonly value: Json }
  | { readonly as: 'text'; readonly text: string; readonly why: NotDrawn | null };

const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const;
const NEEDS_SCRIPTS = /<(?:script|iframe|canvas|object|embed)\b/i;
const FRAMES = /<(?:iframe|object|embed)\b/i;
const SAYS_SOMETHING = 'table, img, svg, math, pre, ul, ol, dl, h1, h2, h3, h4, h5, h6';

/** Beside a frame stands a word on how to see it; longer text says something of its own. */
const FEW_CHARS = 200;

/** A MIME value as text: notebooks also keep it as a list of lines. */
export function asText(value: Json): string {
  return Array.isArray(value) ? value.join('') : String(value);
}

export function choose(
  data: MimeBundle,
  sanitize: (html: string) => string,
  page: PageRenderers | undefined
): Choice {
  const chart = Object.keys(data).find(type => {
    const kind = drawnKind(type);
    return kind !== null && kind !== 'latex';
  });
  if (chart !== undefined && page?.canDraw(chart, data[chart]) === true) {
    return { as: 'drawn', mimeType: chart, value: data[chart] };
  }
  // A picture of a chart tells more than the HTML around its script.
  const picture = chart === undefined ? null : pictureIn(data);
  const html =
    data['text/html'] === undefined ? null : inertIn(asText(data['text/html']), sanitize);
  return (
    picture ??
    html ??
    readable(data, page) ?? { as: 'text', text: plainIn(data), why: whyNot(data, chart) }
  );
}

function readable(data: MimeBundle, page: PageRenderers | undefined): Choice | null {
  const latex = data['text/latex'];
  if (data['text/markdown'] !== undefined) {
    return { as: 'markdown', text: asText(data['text/markdown']) };
  }
  if (latex !== undefined && page?.canDraw('text/latex', latex) === true) {
    return { as: 'drawn', mimeType: 'text/latex', value: latex };
  }
  const picture = pictureIn(data);
  return picture === null && data['application/json'] !== undefined
    ? { as: 'json', value: data['application/json'] }
    : picture;
}

function pictureIn(data: MimeBundle): Choice | null {
  if (data['image/svg+xml'] !== undefined) {
    return { as: 'image', source: svgSource(asText(data['image/svg+xml'])) };
  }
  const type = IMAGES.find(each => data[each] !== undefined);
  return type === undefined
    ? null
    : { as: 'image', source: `data:${type};base64,${asText(data[type]).replace(/\s/g, '')}` };
}

function svgSource(svg: string): string {
  const bytes = new TextEncoder().encode(svg);
  return `data:image/svg+xml;base64,${btoa(Array.from(bytes, b => String.fromCharCode(b)).join(''))}`;
}

/** The HTML made inert; null where that leaves nothing worth seeing. */
function inertIn(html: string, sanitize: (html: string) => string): Choice | null {
  const inert = sanitize(html);
  if (!NEEDS_SCRIPTS.test(html)) {
    return { as: 'html', inert };
  }
  const left = new DOMParser().parseFromString(inert, 'text/html').body;
  for (const element of left.querySelectorAll<HTMLElement>('[style]')) {
    if (element.style.display === 'none') {
      element.remove();
    }
  }
  const chars = (left.textContent ?? '').trim().length;
  const isEnough =
    left.querySelector(SAYS_SOMETHING) !== null || chars >= (FRAMES.test(html) ? FEW_CHARS : 1);
  return isEnough ? { as: 'html', inert } : null;
}

function plainIn(data: MimeBundle): string {
  return asText(data['text/plain'] ?? data['text/latex'] ?? Object.values(data)[0] ?? '');
}

function whyNot(data: MimeBundle, chart: string | undefined): NotDrawn | null {
  if (chart !== undefined) {
    const kind = drawnKind(chart) === 'plotly' ? 'plotly' : 'vega';
    return drawable(chart, data[chart]) === null ? 'fetches' : kind;
  }
  return data['text/html'] === undefined ? null : 'scripts';
}

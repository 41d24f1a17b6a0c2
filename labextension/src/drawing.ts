// What a page's own renderers may be given to draw: kinds of charts and formulas that cannot run a script of the task's,
// and of those only what names no address, since a page would fetch it, with its reader's cookies, when nobody asked.

import type { Json } from './protocol';

/** A drawing under way. */
export interface Drawing {
  /** Resolves when it stands there; rejects where it cannot be drawn. */
  readonly done: Promise<void>;
  dispose(): void;
}

/** The renderers that the page around us has, where it has some. */
export interface PageRenderers {
  /** Whether one of them can be given this value. */
  canDraw(mimeType: string, value: Json): boolean;
  /** Draw it into the element, which may come into the page later. */
  draw(place: HTMLElement, mimeType: string, value: Json): Drawing;
}

export type DrawnKind = 'plotly' | 'vega' | 'vega-lite' | 'latex';

/** What a renderer is given. */
export interface Drawable {
  readonly kind: DrawnKind;
  readonly value: Json;
  readonly metadata: { readonly [key: string]: Json };
}

const VEGA = /^application\/vnd\.(vega|vegalite)\.v(\d+)\+json$/;

/**
 * Vega without what its host does for a spec: no menu, no markup in its tooltips, and expressions are interpreted rather
 * than made into functions.
 */
const EMBED_OPTIONS = { actions: false, tooltip: false, ast: true } as const;

const PLOTLY_CONFIG = { displaylogo: false, responsive: true } as const;

/** Plotly's own leave a narrow place nothing to draw in; labels of axes take more by themselves. */
const PLOTLY_MARGIN = { l: 48, r: 20, t: 56, b: 40 } as const;

/** The kind of a MIME type; null for all that is not on the list. */
export function drawnKind(mimeType: string): DrawnKind | null {
  if (mimeType === 'application/vnd.plotly.v1+json') {
    return 'plotly';
  }
  if (mimeType === 'text/latex') {
    return 'latex';
  }
  const family = VEGA.exec(mimeType)?.[1];
  return family === undefined ? null : family === 'vega' ? 'vega' : 'vega-lite';
}

/** Of the types a page can draw, the one for this: the very one, else the newest version of the same language. */
export function rendererFor(mimeType: string, known: readonly string[]): string | null {
  if (known.includes(mimeType)) {
    return mimeType;
  }
  const family = VEGA.exec(mimeType)?.[1];
  const versions = known
    .map(type => ({ type, match: VEGA.exec(type) }))
    .filter(({ match }) => family !== undefined && match?.[1] === family)
    .sort((a, b) => Number(b.match?.[2]) - Number(a.match?.[2]));
  return versions[0]?.type ?? null;
}

/** The value as it may be drawn; null where it may not. */
export function drawable(mimeType: string, value: Json): Drawable | null {
  const kind = drawnKind(mimeType);
  if (kind === 'latex') {
    const source = Array.isArray(value) ? value.join('') : value;
    return typeof source === 'string' ? { kind, value: source, metadata: {} } : null;
  }
  if (kind === null || !isObject(value) || fetches(kind, value)) {
    return null;
  }
  if (kind === 'plotly') {
    const { data, layout, frames } = value;
    if (!Array.isArray(data)) {
      return null;
    }
    const inert = {
      data,
      layout: { margin: PLOTLY_MARGIN, ...(isObject(layout) ? layout : {}) },
      config: PLOTLY_CONFIG,
      ...(Array.isArray(frames) && { frames })
    };
    // Plotly writes into what it is given.
    return { kind, value: structuredClone(inert) as Json, metadata: {} };
  }
  // Whatever a spec says to its host is not for this one.
  const spec = Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'usermeta'));
  return { kind, value: structuredClone(spec) as Json, metadata: { embed_options: EMBED_OPTIONS } };
}

type JsonObject = { readonly [key: string]: Json };

function isObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** Names under which Plotly and Vega look for an address, also at the end of a path such as `images[0].source`. */
const ADDRESSES = {
  plotly: /(?:^|[.\]])(?:source|url|geojson|tiles|sprite|glyphs|topojsonURL)$/i,
  vega: /^url$/i,
  'vega-lite': /^url$/i
} as const;

const MAP_STYLE = /(?:^|[.\]])style$/;

/** Whether drawing it would fetch something. */
function fetches(kind: Exclude<DrawnKind, 'latex'>, value: Json): boolean {
  if (Array.isArray(value)) {
    return value.some(each => fetches(kind, each as Json));
  }
  return (
    isObject(value) &&
    Object.entries(value).some(
      ([name, each]) =>
        (ADDRESSES[kind].test(name) && isAddress(kind, each)) ||
        (kind === 'plotly' && MAP_STYLE.test(name) && isAddressOfStyle(each)) ||
        fetches(kind, each)
    )
  );
}

function isAddress(kind: DrawnKind, value: Json): boolean {
  if (typeof value === 'string') {
    return !/^data:image\//i.test(value);
  }
  if (Array.isArray(value)) {
    return value.some(each => typeof each === 'string');
  }
  // In Vega an object stands for what is computed from the data; in Plotly for numbers, and a map's own parts.
  return kind !== 'plotly' && isObject(value);
}

/** A map's style by a name is one of Plotly's own. */
function isAddressOfStyle(value: Json): boolean {
  return typeof value === 'string' ? /[:/]/.test(value) : isObject(value) && 'sources' in value;
}

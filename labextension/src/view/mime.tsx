// Rich outputs of a task. Nothing in them acts: images are data, HTML passes the host's sanitizer, SVG is an image.

import { Markdown } from 'markdown-to-jsx/react';
import { memo, useMemo, useRef, useState } from 'react';
import type { KeyboardEvent, ReactNode } from 'react';

import type { Json, MimeBundle } from '../protocol';
import { AnsiText } from './ansi';
import { useHost } from './context';
import { JsonView } from './json_view';
import { useScrolls, useShrunk } from './overflow';

const IMAGES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'] as const;

/** A MIME value as text: notebooks also keep it as a list of lines. */
function asText(value: Json): string {
  return Array.isArray(value) ? value.join('') : String(value);
}

function svgSource(svg: string): string {
  const bytes = new TextEncoder().encode(svg);
  return `data:image/svg+xml;base64,${btoa(Array.from(bytes, b => String.fromCharCode(b)).join(''))}`;
}

function Html({ html }: { readonly html: string }) {
  const { sanitize } = useHost();
  const inert = useMemo(() => ({ __html: sanitize(html) }), [sanitize, html]);
  return <div className="jp-hitl-Html" dangerouslySetInnerHTML={inert} />;
}

function MarkdownLink({
  href,
  children
}: {
  readonly href?: string;
  readonly children?: ReactNode;
}) {
  const safe = href !== undefined && /^(https?:|mailto:)/i.test(href);
  return safe ? (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  ) : (
    <span>{children}</span>
  );
}

function MarkdownImage({ src, alt }: { readonly src?: string; readonly alt?: string }) {
  return src !== undefined && /^data:image\//i.test(src) ? (
    <img src={src} alt={alt ?? ''} />
  ) : (
    <span>{alt}</span>
  );
}

const MARKDOWN_OPTIONS = {
  disableParsingRawHTML: true,
  forceBlock: true,
  overrides: { a: MarkdownLink, img: MarkdownImage }
} as const;

/** A whole picture, never a cut one; where it had to be made smaller, a click shows it as large as it is. */
function Image({ source, label }: { readonly source: string; readonly label: string }) {
  const words = useHost().strings.output;
  const image = useRef<HTMLImageElement>(null);
  const shrunk = useShrunk(image);
  const [whole, setWhole] = useState(true);
  const turn = () => setWhole(!whole);
  const asButton = {
    role: 'button',
    tabIndex: 0,
    title: whole ? words.enlarge : words.shrink,
    'aria-pressed': !whole,
    onClick: turn,
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault();
        turn();
      }
    }
  };
  return (
    <span className="jp-hitl-Picture" data-whole={whole} {...((shrunk || !whole) && asButton)}>
      <img ref={image} className="jp-hitl-Image" src={source} alt={label} />
    </span>
  );
}

function rendered(data: MimeBundle, imageLabel: string): ReactNode {
  if (data['text/html'] !== undefined) {
    return <Html html={asText(data['text/html'])} />;
  }
  if (data['text/markdown'] !== undefined) {
    return (
      <div className="jp-hitl-Html">
        <Markdown options={MARKDOWN_OPTIONS}>{asText(data['text/markdown'])}</Markdown>
      </div>
    );
  }
  const label = data['text/plain'] === undefined ? imageLabel : asText(data['text/plain']);
  if (data['image/svg+xml'] !== undefined) {
    return <Image source={svgSource(asText(data['image/svg+xml']))} label={label} />;
  }
  const image = IMAGES.find(type => data[type] !== undefined);
  if (image !== undefined) {
    const source = `data:${image};base64,${asText(data[image]).replace(/\s/g, '')}`;
    return <Image source={source} label={label} />;
  }
  if (data['application/json'] !== undefined) {
    return <JsonView value={data['application/json']} />;
  }
  const text = data['text/plain'] ?? data['text/latex'] ?? Object.values(data)[0] ?? '';
  return (
    <pre className="jp-hitl-Text">
      <AnsiText text={asText(text)} />
    </pre>
  );
}

export const MimeView = memo(function MimeView({ data }: { readonly data: MimeBundle }) {
  const { strings } = useHost();
  const box = useRef<HTMLDivElement>(null);
  const scrolls = useScrolls(box);
  return (
    <div
      className="jp-hitl-Mime"
      ref={box}
      data-scrolls={scrolls}
      tabIndex={scrolls ? 0 : undefined}
    >
      {rendered(data, strings.output.image)}
    </div>
  );
});

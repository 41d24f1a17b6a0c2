// Rich outputs of a task. Nothing in them acts: images are data, HTML passes the host's sanitizer, SVG is an image.

import { Markdown } from 'markdown-to-jsx/react';
import { memo, useMemo } from 'react';
import type { ReactNode } from 'react';

import type { Json, MimeBundle } from '../protocol';
import { AnsiText } from './ansi';
import { useSession } from './context';
import { JsonView } from './json_view';

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
  const { sanitize } = useSession();
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
    return (
      <img className="jp-hitl-Image" src={svgSource(asText(data['image/svg+xml']))} alt={label} />
    );
  }
  const image = IMAGES.find(type => data[type] !== undefined);
  if (image !== undefined) {
    const source = `data:${image};base64,${asText(data[image]).replace(/\s/g, '')}`;
    return <img className="jp-hitl-Image" src={source} alt={label} />;
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
  const { strings } = useSession();
  return <div className="jp-hitl-Mime">{rendered(data, strings.output.image)}</div>;
});

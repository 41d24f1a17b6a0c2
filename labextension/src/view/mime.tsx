// Rich outputs of a task. Nothing in them acts: images are data, HTML passes the host's sanitizer, SVG is an image, and
// charts are drawn by the page around us, as far as drawing.ts lets it.

import { Markdown } from 'markdown-to-jsx/react';
import { memo, useCallback, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { ReactNode } from 'react';

import { drawnKind } from '../drawing';
import type { PageRenderers } from '../drawing';
import type { Json, MimeBundle } from '../protocol';
import { AnsiText } from './ansi';
import { useHost } from './context';
import { JsonView } from './json_view';
import { asText, choose } from './mime_choice';
import { useScrolls } from './overflow';
import { Picture } from './picture';

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

/** A chart or formula, drawn by the page around us. */
function Drawn({ mimeType, value, label, page, onFailure }: DrawnProps) {
  const place = useRef<HTMLDivElement>(null);
  const [ready, setReady] = useState(false);
  useLayoutEffect(() => {
    if (place.current === null) {
      return;
    }
    let gone = false;
    const drawing = page.draw(place.current, mimeType, value);
    drawing.done.then(
      () => !gone && setReady(true),
      (reason: unknown) => {
        console.warn(`hitl-jupyter: ${mimeType} could not be drawn.`, reason);
        if (!gone) {
          onFailure();
        }
      }
    );
    return () => {
      gone = true;
      drawing.dispose();
    };
  }, [page, mimeType, value, onFailure]);
  const kind = drawnKind(mimeType) ?? undefined;
  return (
    <div
      ref={place}
      className="jp-hitl-Drawn"
      data-kind={kind}
      data-ready={ready}
      aria-busy={!ready}
      role="group"
      aria-label={label}
    />
  );
}

interface DrawnProps {
  readonly mimeType: string;
  readonly value: Json;
  readonly label: string;
  readonly page: PageRenderers;
  readonly onFailure: () => void;
}

function Rendered({ data }: { readonly data: MimeBundle }) {
  const { page, sanitize, strings } = useHost();
  const [failed, setFailed] = useState<MimeBundle | null>(null);
  const canDraw = failed === data ? undefined : page;
  const choice = useMemo(() => choose(data, sanitize, canDraw), [data, sanitize, canDraw]);
  const label =
    data['text/plain'] === undefined ? strings.output.image : asText(data['text/plain']);
  const onFailure = useCallback(() => setFailed(data), [data]);
  switch (choice.as) {
    case 'drawn':
      return page === undefined ? null : (
        <Drawn {...choice} label={label} page={page} onFailure={onFailure} />
      );
    case 'html':
      return <div className="jp-hitl-Html" dangerouslySetInnerHTML={{ __html: choice.inert }} />;
    case 'markdown':
      return (
        <div className="jp-hitl-Html">
          <Markdown options={MARKDOWN_OPTIONS}>{choice.text}</Markdown>
        </div>
      );
    case 'image':
      return <Picture source={choice.source} label={label} />;
    case 'json':
      return <JsonView value={choice.value} />;
    case 'text':
      return (
        <>
          <pre className="jp-hitl-Text">
            <AnsiText text={choice.text} />
          </pre>
          {choice.why !== null && (
            <p className="jp-hitl-Note">
              {strings.output.notDrawn[failed === data ? 'failed' : choice.why]}
            </p>
          )}
        </>
      );
  }
}

export const MimeView = memo(function MimeView({ data }: { readonly data: MimeBundle }) {
  const box = useRef<HTMLDivElement>(null);
  const scrolls = useScrolls(box);
  return (
    <div
      className="jp-hitl-Mime"
      ref={box}
      data-scrolls={scrolls}
      tabIndex={scrolls ? 0 : undefined}
    >
      <Rendered data={data} />
    </div>
  );
});

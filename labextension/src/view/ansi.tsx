// Terminal text: colours as spans, carriage returns as a terminal would leave them. Never HTML.

import Anser from 'anser';
import { memo } from 'react';
import type { CSSProperties } from 'react';

import { Marked } from './marked';

const ESCAPE = '\u001b';

/** What is left of a line after its carriage returns have overwritten it. */
export function afterReturns(text: string): string {
  if (!text.includes('\r')) {
    return text;
  }
  return text
    .split('\n')
    .map(line => {
      const trimmed = line.replace(/\r+$/, '');
      return trimmed.slice(trimmed.lastIndexOf('\r') + 1);
    })
    .join('\n');
}

type Chunk = ReturnType<typeof Anser.ansiToJson>[number];

/** The colour of a place in the 256-colour palette past the 16 named ones. */
export function paletteColour(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))}, ${level(Math.floor(cube / 6) % 6)}, ${level(cube % 6)})`;
}

/** A colour that the theme does not name: of the palette, or given as such. */
function ownColour(name: string, trueColour: string): string | undefined {
  const palette = /^ansi-palette-(\d+)$/.exec(name);
  if (palette !== null) {
    return paletteColour(Number(palette[1]));
  }
  return trueColour ? `rgb(${trueColour})` : undefined;
}

function classesOf({ fg, bg, decorations }: Chunk): string | undefined {
  const classes = [
    fg ? `jp-hitl-${fg}-fg` : '',
    bg ? `jp-hitl-${bg}-bg` : '',
    ...decorations.map(decoration => `jp-hitl-ansi-${decoration}`)
  ].filter(Boolean);
  return classes.length > 0 ? classes.join(' ') : undefined;
}

function styleOf({ fg, bg, fg_truecolor, bg_truecolor }: Chunk): CSSProperties | undefined {
  const color = fg ? ownColour(fg, fg_truecolor) : undefined;
  const backgroundColor = bg ? ownColour(bg, bg_truecolor) : undefined;
  return color || backgroundColor ? { color, backgroundColor } : undefined;
}

/** Other control sequences (cursor moves, titles, links) mean nothing here. */
function withoutOtherSequences(text: string): string {
  return text.replace(
    /\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)|\u001b\[[0-9;?]*[A-HJKSTf-ln-su]/g,
    ''
  );
}

/** What of the text can be read: without colours and what was overwritten. */
export function visibleText(text: string): string {
  const left = afterReturns(text);
  return left.includes(ESCAPE)
    ? withoutOtherSequences(left).replace(/\u001b\[[0-9;:]*m/g, '')
    : left;
}

export const AnsiText = memo(function AnsiText({ text }: { readonly text: string }) {
  const left = afterReturns(text);
  if (!left.includes(ESCAPE)) {
    return <Marked text={left} />;
  }
  const chunks = Anser.ansiToJson(withoutOtherSequences(left), {
    use_classes: true,
    remove_empty: true
  });
  return (
    <>
      {chunks.map((chunk, index) => (
        <span key={index} className={classesOf(chunk)} style={styleOf(chunk)}>
          <Marked text={chunk.content} />
        </span>
      ))}
    </>
  );
});

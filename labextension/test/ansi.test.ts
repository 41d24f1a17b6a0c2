import { expect, test } from 'vitest';

import { afterReturns, paletteColour } from '../src/view/ansi';
import { duration } from '../src/view/time';

test('a carriage return overwrites the line, as in a terminal', () => {
  expect(afterReturns('10%\r20%\r30%')).toBe('30%');
  expect(afterReturns('10%\r20%\r')).toBe('20%');
  expect(afterReturns('a\nb\rc')).toBe('a\nc');
  expect(afterReturns('plain')).toBe('plain');
});

test('the 256-colour palette is a cube and a ramp of greys', () => {
  expect(paletteColour(16)).toBe('rgb(0, 0, 0)');
  expect(paletteColour(231)).toBe('rgb(255, 255, 255)');
  expect(paletteColour(232)).toBe('rgb(8, 8, 8)');
});

test('durations are short', () => {
  expect([7, 84, 7387, 273_600].map(duration)).toEqual(['7 s', '1:24', '2:03:07', '3 d 4 h']);
  expect(duration(-5)).toBe('0 s');
});

// Durations and times of day, short and with steady widths.

import { useEffect, useState } from 'react';

/** `7 s`, `1:24`, `2:03:07`, `3 d 4 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const pad = (n: number) => String(n).padStart(2, '0');
  if (whole < 60) {
    return `${whole} s`;
  }
  const [days, hours, minutes] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60
  ];
  if (days > 0) {
    return `${days} d ${hours} h`;
  }
  return hours > 0
    ? `${hours}:${pad(minutes)}:${pad(whole % 60)}`
    : `${minutes}:${pad(whole % 60)}`;
}

/** A moment as the reader's clock shows it; with the date where it is not today. */
export function clockTime(epochSeconds: number, now: number = Date.now()): string {
  const moment = new Date(epochSeconds * 1000);
  const time = moment.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return onDay(moment, time, now);
}

/** The time of today, else the day. */
export function shortMoment(epochSeconds: number, now: number = Date.now()): string {
  const moment = new Date(epochSeconds * 1000);
  return moment.toDateString() === new Date(now).toDateString()
    ? clockTime(epochSeconds, now)
    : moment.toLocaleDateString([], { day: 'numeric', month: 'short' });
}

/** The same to the second. */
export function exactTime(epochSeconds: number, now: number = Date.now()): string {
  const moment = new Date(epochSeconds * 1000);
  const time = moment.toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit'
  });
  return onDay(moment, time, now);
}

function onDay(moment: Date, time: string, now: number): string {
  return moment.toDateString() === new Date(now).toDateString()
    ? time
    : `${moment.toLocaleDateString([], { day: 'numeric', month: 'short' })}, ${time}`;
}

/** The present in epoch seconds, renewed each second while `ticking`. */
export function useNow(ticking: boolean): number {
  const [now, setNow] = useState(() => Date.now() / 1000);
  useEffect(() => {
    if (!ticking) {
      return;
    }
    const timer = setInterval(() => setNow(Date.now() / 1000), 1000);
    return () => clearInterval(timer);
  }, [ticking]);
  return now;
}

/** Three figures: `1.24`, `12.4`, `124`, `1.2k`. */
export function shortNumber(value: number): string {
  return new Intl.NumberFormat(undefined, {
    maximumSignificantDigits: 3,
    notation: Math.abs(value) >= 10_000 ? 'compact' : 'standard'
  }).format(value);
}

export function byteCount(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  return `${shortNumber(bytes / 1000 ** power)} ${units[power]}`;
}

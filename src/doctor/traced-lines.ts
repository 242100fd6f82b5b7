import { setTimeout as wait } from 'node:timers/promises';
import { attempt } from '../support/attempt.js';
import type { ExaminedApp } from './examined-app.js';
import { missingPath } from './exchanges.js';
import type { TracedLine } from './observations.js';

/** Milliseconds in which a logger writes the lines that it holds. */
const flushMs = 2000;
const stepMs = 100;
const longestText = 200;

/** The structured log lines of the last request, which its path identifies. */
export async function observeTracedLines(app: ExaminedApp): Promise<TracedLine[]> {
  let lines = linesOf(app);
  for (let ms = 0; lines.length === 0 && ms < flushMs; ms += stepMs) {
    await wait(stepMs);
    lines = linesOf(app);
  }
  return lines.map((text) => ({
    text: text.slice(0, longestText),
    hasTraceId: /"(?:trace_?id|traceparent|trace\.id|dd\.trace_id|logging\.googleapis\.com\/trace)":/i.test(
      text,
    ),
  }));
}

function linesOf(app: ExaminedApp): string[] {
  return app
    .output()
    .split('\n')
    .filter(
      (line) => line.includes(missingPath) && typeof attempt(() => JSON.parse(line), undefined) === 'object',
    );
}

import { visible } from '../../doctor/report/visible-text.js';
import { alignColumns, paint } from '../output.js';
import type { CodeOf, FramePlace } from './frame-place.js';
import { summarize } from './hot-functions.js';
import type { Frame, ProfileTree } from './profile-tree.js';

/** A function of the report. Shares are of the time without idle time, or of the sampled bytes; 0 to 1. */
export interface ReportedFunction {
  readonly name: string;
  readonly of: CodeOf;
  readonly file: string;
  readonly line: number;
  /** In the function. */
  readonly self: number;
  /** In the function and all that it called. */
  readonly total: number;
  /** In the function and the code of others that it called; 0 for the code of others. */
  readonly own: number;
}

/** What a profile shows. */
export interface ProfileReport {
  readonly kind: 'cpu' | 'heap';
  /** Shares of the whole time, 0 to 1; `null` for a heap profile. */
  readonly shares: { readonly idle: number; readonly gc: number; readonly program: number } | null;
  /** Bytes that were allocated and are in use; `null` for a CPU profile. */
  readonly bytes: number | null;
  /** The functions of any code with the largest share of their own. */
  readonly functions: readonly ReportedFunction[];
  /** The functions of the app with the largest share, with the code of others that they called. */
  readonly own: readonly ReportedFunction[];
}

export function reportOf(
  tree: ProfileTree,
  placeOf: (frame: Frame) => FramePlace,
  count: number,
): ProfileReport {
  const summary = summarize(tree, (frame) => placeOf(frame).of === 'app');
  const { busy, idle, gc, program } = summary;
  const most = (key: 'self' | 'own'): ReportedFunction[] =>
    [...summary.functions]
      .sort((a, b) => b[key] - a[key])
      .slice(0, count)
      .filter((each) => each[key] > 0)
      .map(({ frame, self, total, own }) => ({
        name: frame.name,
        ...placeOf(frame),
        line: frame.line,
        self: share(self, busy),
        total: share(total, busy),
        own: share(own, busy),
      }));
  const all = busy + idle;
  const shares = { idle: share(idle, all), gc: share(gc, all), program: share(program, all) };
  const isCpu = tree.kind === 'cpu';
  return {
    kind: tree.kind,
    shares: isCpu ? shares : null,
    bytes: isCpu ? null : busy,
    functions: most('self'),
    own: most('own'),
  };
}

const share = (part: number, all: number): number => (all > 0 ? Number((part / all).toFixed(4)) : 0);

/** The lines of a report for a terminal. */
export function format({ shares, bytes, functions, own }: ProfileReport): string[] {
  const first = shares
    ? `  idle ${percent(shares.idle)}, garbage collection ${percent(shares.gc)}, native without JavaScript ${percent(shares.program)}`
    : `  ${((bytes ?? 0) / 2 ** 20).toFixed(1)} MB were allocated and are in use`;
  if (functions.length === 0) return [first, '  no function was seen: the worker had nothing to do'];
  return [
    first,
    ...table(['self', 'total', 'code'], functions, ({ self, total, of }) => [
      percent(self),
      percent(total),
      of,
    ]),
    ...(own.length > 0 ? ['  code of the app, with the code of others that it called:'] : []),
    ...table(['share'], own, (each) => [percent(each.own)]),
  ];
}

function table(
  heads: readonly string[],
  functions: readonly ReportedFunction[],
  cells: (each: ReportedFunction) => string[],
): string[] {
  if (functions.length === 0) return [];
  const rows = functions.map((each) => [
    ...cells(each),
    visible(each.name),
    each.file === '' ? '' : `${visible(each.file)}:${each.line}`,
  ]);
  const isNumber = (column: number): boolean => column < Math.min(2, heads.length);
  const [head = '', ...lines] = alignColumns([[...heads, 'function', 'file'], ...rows], isNumber);
  return [
    `  ${paint('dim', head)}`,
    ...lines.map((line, i) => `  ${functions[i]?.of === 'app' ? paint('bold', line) : line}`),
  ];
}

const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

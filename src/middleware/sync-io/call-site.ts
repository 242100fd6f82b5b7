import { fileURLToPath } from 'node:url';
import { attempt } from '../../support/attempt.js';

/** The place of a call in the code. */
export interface CallSite {
  /** `file:line:column` of the first frame outside Node, Express and this package. */
  readonly site: string;
  /** The first frames of the stack. */
  readonly stack: string;
  /** Whether the calling code is a package below node_modules. */
  readonly inPackage: boolean;
  /** Whether the calling code is Express, its router or this package. */
  readonly inExpress: boolean;
  /** Whether Express's `res.render` is on the stack. */
  readonly rendering: boolean;
}

type Below = (...args: never[]) => unknown;

interface Frame {
  readonly file: string;
  readonly position: string;
}

const maxFrames = 50;
const reportedFrames = 12;
const locationPattern = /^\s*at (?:.*? \()?((?:file:|node:|\/|[A-Za-z]:[\\/]).+?):(\d+:\d+)(?:[),]|$)/;
/** Scripts without a path: `out.cjs` in a single executable, `webpack-internal:///./src/app.js` in a bundle that evaluates. */
const namePattern = /^\s*at (?:async )?(?:.* \((?=.*\)$))?([^<].*?):(\d+:\d+)(?:\)|$)/;
/** These files of Node only run functions that other code has queued. */
const queues = /^node:internal\/(?:.+\/)?(?:timers|task_queues)$/;
const skipped = /^node:|[\\/]node_modules[\\/](?:express\d*|router|express-productionize)[\\/]/;

const inNodeModules = /[\\/]node_modules[\\/]/;
const viewFile = /[\\/]express\d*[\\/]lib[\\/]view\.js$/;

/** The module loader of Yarn Plug'n'Play, which takes the place of Node's. */
const yarnLoader = /[\\/]\.pnp\.(?:cjs|loader\.mjs)$/;

/** Whether a file belongs to Node itself or loads modules in its place, and is not one that runs queued functions. */
export function isNodesOwn(file: string): boolean {
  return (file.startsWith('node:internal/') && !queues.test(file)) || yarnLoader.test(file);
}

/** Whether a file is skipped in the search for the call site. */
export function isSkipped(file: string): boolean {
  return skipped.test(file);
}

const first = (_error: Error, frames: NodeJS.CallSite[]) => frames[0];

/**
 * Returns the file and the offset of the code that called `below`, for use as a key. It is cheap, because the offset is
 * not converted to a line and no source map is read.
 */
export function callerOf(below: Below): { file: string; offset: number } | undefined {
  const { prepareStackTrace } = Error;
  Error.prepareStackTrace = first;
  try {
    const frame = capture(below, 1) as (NodeJS.CallSite & { getPosition(): number }) | undefined;
    const file = frame?.getScriptNameOrSourceURL() ?? frame?.getEvalOrigin();
    return frame && file ? { file, offset: frame.getPosition() } : undefined;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
}

/** Returns the call site of `below` with its stack. Source maps are applied if they are enabled. */
export function callSiteOf(below: Below): CallSite {
  const lines = String(capture(below, maxFrames)).split('\n').slice(1);
  const frames = lines
    .map(parseFrame)
    .filter((frame) => frame !== undefined && !yarnLoader.test(frame.file)) as Frame[];
  const caller = frames.find((frame) => !frame.file.startsWith('node:'));
  const site =
    frames.find((frame) => !skipped.test(frame.file)) ??
    caller ??
    frames.find((frame) => !queues.test(frame.file));
  return {
    site: site ? `${site.file}:${site.position}` : '(no call site)',
    stack: lines.slice(0, reportedFrames).join('\n'),
    inPackage: caller !== undefined && inNodeModules.test(caller.file),
    inExpress: caller !== undefined && skipped.test(caller.file),
    rendering: frames.some((frame) => viewFile.test(frame.file)),
  };
}

function capture(below: Below, frames: number): unknown {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = frames;
  try {
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder, below);
    // the stack is formatted when it is first read, by the current Error.prepareStackTrace
    return holder.stack;
  } catch {
    // the Error.prepareStackTrace of the app threw
    return undefined;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function parseFrame(line: string): Frame | undefined {
  const [, file, position] = locationPattern.exec(line) ?? namePattern.exec(line) ?? [];
  if (file === undefined || position === undefined) return undefined;
  return { file: toPath(file), position };
}

function toPath(file: string): string {
  return attempt(() => (file.startsWith('file:') ? fileURLToPath(file) : file), file);
}

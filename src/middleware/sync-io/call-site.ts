import { fileURLToPath } from 'node:url';

/** Where a call was made. */
export interface CallSite {
  /** `file:line:column` of the first frame that is neither Node's, nor Express's, nor ours. */
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

const framesOfOne = 1;
const framesOfAll = 50;
const framesKept = 12;
const locationPattern = /^\s*at (?:.*? \()?((?:file:|node:|\/|[A-Za-z]:[\\/]).+?):(\d+:\d+)(?:[),]|$)/;
/** Node's queues only run what other code has put there. */
const queues = /^node:internal\/(?:.+\/)?(?:timers|task_queues)$/;
const passedOver = /^node:|[\\/]node_modules[\\/](?:express\d*|router|express-productionize)[\\/]/;

const inNodeModules = /[\\/]node_modules[\\/]/;
const viewFile = /[\\/]express\d*[\\/]lib[\\/]view\.js$/;

/** Whether Node calls on its own behalf. */
export function isNodesOwn(file: string): boolean {
  return file.startsWith('node:internal/') && !queues.test(file);
}

/** Whether a call site is looked for behind this file. */
export function isPassedOver(file: string): boolean {
  return passedOver.test(file);
}

const first = (_error: Error, frames: NodeJS.CallSite[]) => frames[0];

/**
 * The file and offset of the call below `below`, for use as a key. It is cheap, because the offset is not translated
 * into a line and no source map is read.
 */
export function callerOf(below: Below): { file: string; offset: number } | undefined {
  const { prepareStackTrace } = Error;
  Error.prepareStackTrace = first;
  try {
    const frame = capture(below, framesOfOne) as (NodeJS.CallSite & { getPosition(): number }) | undefined;
    const file = frame?.getFileName() ?? frame?.getEvalOrigin();
    return frame && file ? { file, offset: frame.getPosition() } : undefined;
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
}

/** The call site with its stack, through the source maps that are in use. */
export function callSiteOf(below: Below): CallSite {
  const lines = String(capture(below, framesOfAll)).split('\n').slice(1);
  const frames = lines.map(parseFrame).filter((frame) => frame !== undefined);
  const caller = frames.find((frame) => !frame.file.startsWith('node:'));
  const theirs =
    frames.find((frame) => !passedOver.test(frame.file)) ??
    caller ??
    frames.find((frame) => !queues.test(frame.file));
  return {
    site: theirs ? `${theirs.file}:${theirs.position}` : '(no call site)',
    stack: lines.slice(0, framesKept).join('\n'),
    inPackage: caller !== undefined && inNodeModules.test(caller.file),
    inExpress: caller !== undefined && passedOver.test(caller.file),
    rendering: frames.some((frame) => viewFile.test(frame.file)),
  };
}

function capture(below: Below, frames: number): unknown {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = frames;
  try {
    const holder: { stack?: unknown } = {};
    Error.captureStackTrace(holder, below);
    // formatted here: the getter of `stack` reads Error.prepareStackTrace when it is first used
    return holder.stack;
  } catch {
    // an app can set an Error.prepareStackTrace that throws
    return undefined;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function parseFrame(line: string): Frame | undefined {
  const [, file, position] = locationPattern.exec(line) ?? [];
  if (file === undefined || position === undefined) return undefined;
  return { file: toPath(file), position };
}

function toPath(file: string): string {
  try {
    return file.startsWith('file:') ? fileURLToPath(file) : file;
  } catch {
    return file;
  }
}

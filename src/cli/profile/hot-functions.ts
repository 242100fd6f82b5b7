import type { Frame, ProfileTree, TreeNode } from './profile-tree.js';

/** A function with what was measured in it. */
export interface HotFunction {
  readonly frame: Frame;
  readonly self: number;
  /** In it and all functions that it called. */
  readonly total: number;
  /** In it and the code of others that it called; 0 for a function that is no code of the app. */
  readonly own: number;
}

export interface Summary {
  /** What was measured in functions and in garbage collections, without idle time. */
  readonly busy: number;
  /** Microseconds of a CPU profile without work, in garbage collections, and in native code without JavaScript. */
  readonly idle: number;
  readonly gc: number;
  readonly program: number;
  /** All functions, the hottest first. */
  readonly functions: readonly HotFunction[];
}

const pseudo = { '(idle)': 'idle', '(garbage collector)': 'gc', '(program)': 'program' } as const;

/** The key of a name without a file that V8 uses for time outside of functions. */
export function pseudoFrame({ name, url }: Frame): 'idle' | 'gc' | 'program' | 'root' | undefined {
  if (url !== '') return undefined;
  if (name === '(root)') return 'root';
  return Object.hasOwn(pseudo, name) ? pseudo[name as keyof typeof pseudo] : undefined;
}

/** Adds up what was measured in each function, however it was called. */
export function summarize({ root }: ProfileTree, isOwn: (frame: Frame) => boolean): Summary {
  const found = new Map<string, { -readonly [Key in keyof HotFunction]: HotFunction[Key] }>();
  const outside = { idle: 0, gc: 0, program: 0, root: 0 };
  /** Functions on the path to the current node: a recursive call is not counted twice. */
  const active = new Set<string>();
  const visit = ({ frame, self, children }: TreeNode, caller: { own: number }): number => {
    const kind = pseudoFrame(frame);
    const key = JSON.stringify([frame.url, frame.line, frame.column, frame.name]);
    const entry = found.get(key) ?? { frame, self: 0, total: 0, own: 0 };
    if (kind === undefined) found.set(key, entry);
    else outside[kind] += self;
    const owner = kind === undefined && isOwn(frame) ? entry : caller;
    owner.own += self;
    const isOutermost = !active.has(key);
    active.add(key);
    let total = self;
    for (const child of children) total += visit(child, owner);
    entry.self += self;
    if (isOutermost) {
      active.delete(key);
      entry.total += total;
    }
    return total;
  };
  const total = visit(root, { own: 0 });
  const { idle, gc, program } = outside;
  const functions = [...found.values()].sort((a, b) => b.self - a.self);
  return { busy: total - idle, idle, gc, program, functions };
}

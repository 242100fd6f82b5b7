/** A function of a profile. Names and URLs are data of the app, and may contain anything. */
export interface Frame {
  readonly name: string;
  /** The path or URL of its file; empty for native code. */
  readonly url: string;
  readonly line: number;
  readonly column: number;
}

/** One call of a function from another one, with what was measured in it, in microseconds or bytes. */
export interface TreeNode {
  readonly frame: Frame;
  readonly self: number;
  readonly children: readonly TreeNode[];
}

export interface ProfileTree {
  readonly kind: 'cpu' | 'heap';
  readonly root: TreeNode;
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** What `Profiler.stop` returns. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  readonly startTime: number;
  readonly endTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface HeapNode {
  readonly callFrame: CallFrame;
  readonly selfSize: number;
  readonly children: readonly HeapNode[];
}

/** What `HeapProfiler.stopSampling` returns. */
export interface HeapProfile {
  readonly head: HeapNode;
}

/** Reads a profile of V8 as a tree of calls. */
export function treeOf(profile: CpuProfile | HeapProfile): ProfileTree {
  return 'head' in profile
    ? { kind: 'heap', root: heapNode(profile.head) }
    : { kind: 'cpu', root: cpuRoot(profile) };
}

function heapNode({ callFrame, selfSize, children }: HeapNode): TreeNode {
  return { frame: frameOf(callFrame), self: selfSize, children: children.map(heapNode) };
}

function cpuRoot({ nodes, startTime, endTime, samples, timeDeltas }: CpuProfile): TreeNode {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const selfOf = new Map<number, number>();
  let at = startTime;
  for (const [i, id] of samples.entries()) {
    at += timeDeltas[i] ?? 0;
    // a sample stands for the time until the next one, and V8 may store two in the wrong order
    const lasts = Math.max(0, timeDeltas[i + 1] ?? endTime - at);
    selfOf.set(id, (selfOf.get(id) ?? 0) + lasts);
  }
  const node = (id: number): TreeNode[] => {
    const found = byId.get(id);
    if (found === undefined || isProfiler(found.callFrame)) return [];
    const children = (found.children ?? []).flatMap(node);
    return [{ frame: frameOf(found.callFrame), self: selfOf.get(id) ?? 0, children }];
  };
  const [root] = node(nodes[0]?.id ?? 0);
  return root ?? { frame: { name: '(root)', url: '', line: 0, column: 0 }, self: 0, children: [] };
}

/** The start and the end of the profile itself. */
function isProfiler({ url, functionName }: CallFrame): boolean {
  return url === 'node:inspector' || (url === '' && functionName === 'dispatch');
}

function frameOf({ functionName, url, lineNumber, columnNumber }: CallFrame): Frame {
  return { name: functionName || '(anonymous)', url, line: lineNumber + 1, column: columnNumber + 1 };
}

import { type Layer, matchesEveryPath } from '../../support/express-layers.js';
import { getOrCreate } from '../../support/get-or-create.js';
import { type PathText, pathTexts } from '../../support/path-text.js';

/** A layer, and the number of segments that a path must have to match it. */
interface Entry {
  readonly index: number;
  readonly least: number;
  readonly most: number;
}

/** The layers whose paths begin with the same literal segments. */
class Node {
  readonly children = new Map<string, Node>();
  readonly entries: Entry[] = [];
  /** The result for paths that end here, by their number of segments. */
  readonly results: (readonly number[] | undefined)[] = [];
  readonly parent: Node | undefined;

  constructor(parent?: Node) {
    this.parent = parent;
  }

  child(segment: string): Node {
    return getOrCreate(this.children, segment, () => new Node(this));
  }
}

/** Results are stored for paths of up to this many segments; a client can send any number of them. */
const maxStoredSegments = 32;
/** For fewer layers, a loop over all of them costs no more than the search. */
const worthwhile = 6;

/**
 * Finds the layers of one router that may match a path, by the literal segments at the start of their paths and by the
 * number of segments. It never omits a layer that matches. Whether the others match is decided by the router itself.
 */
export class RouteIndex {
  readonly #layers: readonly Layer[];
  readonly #all: readonly number[];
  readonly #root: Node | undefined;

  constructor(stack: readonly Layer[]) {
    this.#layers = [...stack];
    this.#all = stack.map((_layer, index) => index);
    if (stack.length < worthwhile) return;
    this.#root = new Node();
    for (const [index, layer] of stack.entries()) this.#add(this.#root, layer, index);
  }

  /** Whether the stack still has the same layers in the same order. */
  describes(stack: readonly Layer[]): boolean {
    const layers = this.#layers;
    if (stack.length !== layers.length) return false;
    for (let index = 0; index < layers.length; index++) if (stack[index] !== layers[index]) return false;
    return true;
  }

  get all(): readonly number[] {
    return this.#all;
  }

  /** Returns the positions of the layers that may match a path, in order. */
  find(path: string): readonly number[] {
    if (this.#root === undefined || path.charCodeAt(0) !== 47) return this.#all;
    let node: Node = this.#root;
    let from = 1;
    for (;;) {
      const to = path.indexOf('/', from);
      const segment = to === -1 ? path.slice(from) : path.slice(from, to);
      const child: Node | undefined = node.children.get(segment.toLowerCase());
      if (child === undefined) break;
      node = child;
      if (to === -1) break;
      from = to + 1;
    }
    const segments = countSegments(path);
    if (segments > maxStoredSegments) return collect(node, segments);
    node.results[segments] ??= collect(node, segments);
    return node.results[segments];
  }

  #add(root: Node, layer: Layer, index: number): void {
    const texts = matchesEveryPath(layer) ? undefined : pathTexts(layer);
    if (texts === undefined) {
      root.entries.push({ index, least: 0, most: Number.POSITIVE_INFINITY });
      return;
    }
    for (const text of texts) {
      let node = root;
      for (const segment of literalSegments(text)) node = node.child(segment);
      node.entries.push({ index, ...segmentRange(text, layer.route !== undefined) });
    }
  }
}

function collect(from: Node, segments: number): readonly number[] {
  const found = new Set<number>();
  for (let node: Node | undefined = from; node !== undefined; node = node.parent) {
    for (const { index, least, most } of node.entries) {
      if (least <= segments && segments <= most) found.add(index);
    }
  }
  return [...found].sort((a, b) => a - b);
}

/** Counts the slashes of a path. One at the end does not count, since routers ignore it unless they are strict. */
function countSegments(path: string): number {
  let count = 0;
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1)) count++;
  return path.length > 1 && path.endsWith('/') ? count - 1 : count;
}

const ascii = /^[\x21-\x7e]*$/;

/** Returns the segments at the start that every matching path has, in lower case, since most routers ignore case. */
function literalSegments({ text, open }: PathText): string[] {
  const segments = text
    .replace(/(?<=.)\/+$/, open ? '$&' : '')
    .slice(1)
    .split('/');
  // what follows an open text may belong to its last segment
  if (open || segments.at(-1) === '') segments.pop();
  const end = segments.findIndex((segment) => segment.includes(':') || !ascii.test(segment));
  return (end === -1 ? segments : segments.slice(0, end)).map((segment) => segment.toLowerCase());
}

function segmentRange({ text, open, ends }: PathText, isRoute: boolean): Pick<Entry, 'least' | 'most'> {
  if (open || /.\/\/+$/.test(text)) return { least: 0, most: Number.POSITIVE_INFINITY };
  const exact = countSegments(text);
  return { least: exact, most: isRoute && ends ? exact : Number.POSITIVE_INFINITY };
}

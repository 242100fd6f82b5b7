import { createHash } from 'node:crypto';
import { html, Markup } from '../../doctor/report/markup.js';
import { visible } from '../../doctor/report/visible-text.js';
import { flameScript, flameStyle } from './flame-code.js';
import type { FramePlace } from './frame-place.js';
import { pseudoFrame } from './hot-functions.js';
import type { Frame, ProfileTree, TreeNode } from './profile-tree.js';

/** The index of a frame, what was measured in it, and its children. */
type FlameNode = readonly [number, number, readonly FlameNode[]];
/** Its name, its place, and whose code it is. */
type FlameFrame = readonly [string, string, string];

/** Formats a profile as a flame graph: one page that requests nothing, without idle time. */
export function flamePage(
  title: string,
  { kind, root }: ProfileTree,
  placeOf: (frame: Frame) => FramePlace,
): string {
  const frames: FlameFrame[] = [];
  const known = new Map<string, number>();
  const indexOf = (frame: Frame): number => {
    const isPseudo = pseudoFrame(frame) !== undefined;
    const { of, file } = placeOf(frame);
    const place = file === '' ? '' : visible(`${file}:${frame.line}`);
    const shown: FlameFrame = [visible(frame.name), place, isPseudo ? 'none' : of];
    const key = JSON.stringify(shown);
    const index = known.get(key) ?? frames.push(shown) - 1;
    known.set(key, index);
    return index;
  };
  const nodeOf = ({ frame, self, children }: TreeNode): FlameNode => [
    indexOf(frame),
    self,
    children.filter((child) => pseudoFrame(child.frame) !== 'idle').map(nodeOf),
  ];
  const data = { unit: kind === 'cpu' ? 'us' : 'bytes', root: nodeOf(root), frames };
  // a name must not end the element, nor begin a comment in it
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  const shown = visible(title);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src ${hashOf(flameScript)}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${shown}</title>
<style>${new Markup(flameStyle)}</style>
</head>
<body>
<h1>${shown}</h1>
<p>A click enlarges a function with all that it called; Escape shows all again.</p>
<p class="legend"><b class="app">app</b><b class="package">packages</b><b class="node">Node</b><b class="native">native</b></p>
<form><input id="search" type="search" placeholder="Search functions and files" aria-label="Search functions and files"><button id="reset" type="button">Show all</button><output id="found"></output></form>
<div id="chart"></div>
<p id="detail" aria-live="polite"></p>
<script type="application/json" id="data">${new Markup(json)}</script>
<script>${new Markup(flameScript)}</script>
</body>
</html>
`.text;
}

function hashOf(script: string): Markup {
  return new Markup(`'sha256-${createHash('sha256').update(script).digest('base64')}'`);
}

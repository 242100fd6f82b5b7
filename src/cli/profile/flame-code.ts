/** The style of a flame graph, light and dark. The text of each colour has a contrast above 4.5. */
export const flameStyle = `
:root{--page:#f6f7f9;--text:#1c2430;--soft:#5c6675;--line:#c9d0d9;--app:#ffb3a7;--package:#ffe0a3;--node:#bfe3c6;--native:#c9dcf5;--none:#dfe3e9;--found:#b18cff}
@media (prefers-color-scheme:dark){:root{--page:#12161c;--text:#e6eaf0;--soft:#9aa5b4;--line:#303946;--app:#8c3a2e;--package:#6e5114;--node:#2b5c3a;--native:#2c4a70;--none:#2a323d;--found:#6a3fd0}}
*{box-sizing:border-box}
body{margin:0;padding:16px 16px 72px;background:var(--page);color:var(--text);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.2rem;margin:0 0 4px}
p{margin:4px 0;color:var(--soft)}
form{display:flex;flex-wrap:wrap;gap:8px;align-items:center;margin:12px 0}
input{width:19em}
input,form button{font:inherit;color:inherit;background:var(--page);border:1px solid var(--line);border-radius:6px;padding:4px 10px;max-width:100%}
.legend b{font-weight:400;color:var(--text);border-radius:4px;padding:1px 8px;margin-right:4px;display:inline-block}
#chart{position:relative}
#chart button{position:absolute;height:19px;border:0;border-right:1px solid var(--page);border-radius:2px;margin:0;padding:0;text-indent:3px;font:12px/19px ui-monospace,Menlo,Consolas,monospace;text-align:left;color:var(--text);background:var(--none);overflow:hidden;white-space:nowrap;cursor:pointer}
button:focus-visible,input:focus-visible{outline:2px solid var(--text);outline-offset:1px}
#chart .app,.legend .app{background:var(--app)}#chart .package,.legend .package{background:var(--package)}
#chart .node,.legend .node{background:var(--node)}#chart .native,.legend .native{background:var(--native)}
#chart .found{background:var(--found)}#chart .above{opacity:.75}
#detail{position:fixed;left:0;right:0;bottom:0;margin:0;padding:8px 16px;min-height:40px;background:var(--page);border-top:1px solid var(--line);color:var(--text)}
`;

/**
 * The script of a flame graph. The data are frames `[name, place, code]`, and nodes `[frame, self, children]`. It sets
 * text only, so no name becomes markup.
 */
export const flameScript = `
{
const { unit, frames, root } = JSON.parse(document.getElementById('data').textContent);
const [chart, detail, search, found] = ['chart', 'detail', 'search', 'found'].map((id) => document.getElementById(id));
const row = 20;
const make = ([frame, self, children], parent) => {
  const node = { frame: frames[frame], self, total: self, parent, depth: parent ? parent.depth + 1 : 0 };
  node.children = children.map((child) => make(child, node));
  for (const child of node.children) node.total += child.total;
  node.children.sort((a, b) => b.total - a.total);
  return node;
};
const top = make(root);
let focus = top;
let term = '';
const matches = ({ frame: [name, place] }) => term !== '' && (name + ' ' + place).toLowerCase().includes(term);
const share = (value) => (top.total ? (100 * value / top.total).toFixed(1) : '0.0') + ' %';
const amount = (value) =>
  unit === 'bytes' ? (value / 1048576).toFixed(2) + ' MB' : value < 1e6 ? (value / 1000).toFixed(1) + ' ms' : (value / 1e6).toFixed(2) + ' s';
const describe = (node) => {
  const [name, place] = node.frame;
  return name + (place && ' (' + place + ')') + ': ' + share(node.total) + ', ' + amount(node.total) + '; self ' + share(node.self);
};
let deepest = 0;
const draw = (node, left, width, above) => {
  if (width * chart.clientWidth < 60) return;
  const box = document.createElement('button');
  box.type = 'button';
  box.className = node.frame[2] + (above ? ' above' : '') + (matches(node) ? ' found' : '');
  box.style.cssText = 'left:' + left + '%;width:' + width + '%;top:' + node.depth * row + 'px';
  box.textContent = node.frame[0];
  box.title = describe(node);
  box.onclick = () => zoom(node);
  box.onmouseenter = box.onfocus = () => { detail.textContent = box.title; };
  chart.append(box);
  deepest = Math.max(deepest, node.depth);
  if (above) return;
  for (const child of node.children) {
    const part = node.total ? width * child.total / node.total : 0;
    draw(child, left, part, false);
    left += part;
  }
};
const render = () => {
  chart.textContent = '';
  deepest = 0;
  for (let node = focus.parent; node; node = node.parent) draw(node, 0, 100, true);
  draw(focus, 0, 100, false);
  chart.style.height = (deepest + 1) * row + 'px';
};
const zoom = (node) => {
  focus = node;
  render();
  detail.textContent = describe(node);
};
const sumOf = (node) => (matches(node) ? node.total : node.children.reduce((sum, child) => sum + sumOf(child), 0));
search.oninput = () => {
  term = search.value.trim().toLowerCase();
  found.textContent = term && share(sumOf(top));
  render();
};
document.forms[0].onsubmit = () => false;
document.getElementById('reset').onclick = () => zoom(top);
addEventListener('keydown', ({ key }) => { if (key === 'Escape') zoom(top); });
addEventListener('resize', render);
zoom(top);
}
`;

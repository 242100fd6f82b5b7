import { ratio } from './statistics.js';
import { variants } from './variants.js';

const width = 760;
const rowHeight = 34;
const top = 64;
const labelEnd = 316;
const barStart = 328;
const barRoom = width - barStart - 76;

const style = `.bg{fill:#fff}.bar{fill:#b9c4d4}.ours{fill:#3b6fd4}.n{font-weight:600;font-size:14px;fill:#16202e}
.w{font-size:13px;fill:#48566a}.o{font-weight:600;font-size:13px;fill:#16202e}.a{stroke:#48566a;stroke-width:1.5}
.one{stroke:#7d8899;stroke-dasharray:4 3}.v{stroke:#fff;stroke-width:5;paint-order:stroke}
@media (prefers-color-scheme:dark){.bg{fill:#0d1117}.bar{fill:#3d4757}.ours{fill:#6f9bf0}.n,.o{fill:#e8edf4}.w{fill:#a7b2c1}
.a{stroke:#a7b2c1}.v{stroke:#0d1117}}`;

/** A bar chart of one load: how many requests the CPU time of one on bare Express is enough for. */
export function chart({ node, costs: measured }, load) {
  const bars = variants
    .filter(({ name, part }) => measured[name] !== undefined && part === undefined)
    .map(({ name, title, ours, baseline }) => ({
      title,
      ours,
      value: ratio(measured[name], measured[baseline]),
    }));
  const scale = barRoom / Math.max(1, ...bars.map(({ value }) => value.max));
  const height = top + bars.length * rowHeight + 20;
  const one = barStart + scale;
  const description = bars.map(({ title, value }) => `${title}: ${value.median.toFixed(2)}x`).join('; ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t d" font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">`,
    `<title id="t">${escapeXml(load.title)}: requests per CPU second, bare Express is 1</title>`,
    `<desc id="d">${escapeXml(description)}</desc>`,
    `<style>${style}</style>`,
    `<rect class="bg" width="${width}" height="${height}" rx="8"/>`,
    `<text class="n" x="20" y="28">${escapeXml(load.title)}</text>`,
    `<text class="w" x="20" y="48">requests per CPU second, bare Express is 1; Node ${escapeXml(node)}</text>`,
    `<path class="one" d="M${round(one)} ${top - 4}V${height - 16}"/>`,
    ...bars.map((bar, index) => drawBar(bar, top + index * rowHeight, scale)),
    '</svg>',
    '',
  ].join('\n');
}

function drawBar({ title, ours, value }, y, scale) {
  const end = barStart + value.median * scale;
  const middle = y + 15;
  return [
    ...labelLines(title).map((line, index, { length }) => {
      const baseline = middle + 5 + (index - (length - 1) / 2) * 14;
      return `<text class="${ours ? 'o' : 'w'}" x="${labelEnd}" y="${baseline}" text-anchor="end">${escapeXml(line)}</text>`;
    }),
    `<rect class="${ours ? 'ours' : 'bar'}" x="${barStart}" y="${y + 4}" width="${round(end - barStart)}" height="22" rx="3"/>`,
    `<path class="a" d="M${round(barStart + value.min * scale)} ${middle}H${round(barStart + value.max * scale)}"/>`,
    `<text class="n v" x="${round(barStart + value.max * scale) + 8}" y="${middle + 5}">${value.median.toFixed(2)}x</text>`,
  ].join('\n');
}

/** A label in one line, or broken near its middle; a version number stays with its name. */
function labelLines(text) {
  if (text.length <= 36) return [text];
  const spaces = [...text.matchAll(/ (?!\d)/g)].map(({ index }) => index);
  const fromMiddle = (index) => Math.abs(index - text.length / 2);
  const space = spaces.sort((a, b) => fromMiddle(a) - fromMiddle(b))[0];
  return [text.slice(0, space), text.slice(space + 1)];
}

function round(value) {
  return Math.round(value * 10) / 10;
}

const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export function escapeXml(text) {
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}

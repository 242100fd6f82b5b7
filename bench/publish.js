import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { chart } from './chart.js';
import { loads } from './loads.js';
import { tablesOf } from './report.js';

const resultsFile = new URL('results.json', import.meta.url);
const pageFile = new URL('../docs/benchmarks.md', import.meta.url);
const chartFile = new URL('../docs/bench.svg', import.meta.url);
const [start, end] = ['<!-- tables: npm run bench -- --publish -->', '<!-- end of tables -->'];
const charted = { load: 'real', major: '24' };

/** Adds a result to what is published, in place of older figures of the same load on the same Node. */
export function publish(result) {
  const short = (_key, value) => (typeof value === 'number' ? Number(value.toFixed(3)) : value);
  writeFileSync(resultsFile, `${JSON.stringify(merged(publishedResults(), result), short, 1)}\n`);
  const results = publishedResults();
  writeFileSync(pageFile, withTables(readFileSync(pageFile, 'utf8'), results));
  const figures = results.loads[charted.load]?.[charted.major];
  if (figures)
    writeFileSync(
      chartFile,
      chart(
        figures,
        loads.find(({ name }) => name === charted.load),
      ),
    );
}

export function publishedResults() {
  const nothing = { loads: {}, weight: {} };
  return existsSync(resultsFile) ? JSON.parse(readFileSync(resultsFile, 'utf8')) : nothing;
}

/** A newer result takes the place of an older one where both have a load on a version of Node. */
export function merged(older, newer) {
  const names = [...Object.keys(older.loads), ...Object.keys(newer.loads)];
  return {
    loads: Object.fromEntries(names.map((name) => [name, { ...older.loads[name], ...newer.loads[name] }])),
    weight: { ...older.weight, ...newer.weight },
  };
}

/** The page with the tables of the results in place of those it has; unchanged where there is no result. */
export function withTables(page, results) {
  if (Object.keys(results.loads).length === 0) return page;
  const [before, rest] = page.split(start);
  const after = rest.split(end)[1];
  return [before, start, '\n\n', tablesOf(results).join('\n'), '\n', end, after].join('');
}

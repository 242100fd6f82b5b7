import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { deploymentFiles } from '../../src/deploy/index.js';
import { endChild, folder, freePort, startChild, until } from './daemons.js';
import { plainFacts } from './facts.js';
import { get } from './serve.js';

/** One series of the result of a query. */
export interface Result {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Prometheus {
  /** The result of a query at this moment. */
  query(expression: string): Promise<Result[]>;
  /** The only value of a result; `undefined` where it is empty. */
  value(expression: string): Promise<number | undefined>;
  /** The names of all metrics of a type, as they were scraped. */
  names(type: string): Promise<string[]>;
  end(): Promise<void>;
}

/** Starts a Prometheus with the generated files for the job `web`, which scrapes each second. */
export async function startPrometheus(metricsPort: number): Promise<Prometheus> {
  const dir = folder();
  const { files } = deploymentFiles('prometheus', plainFacts, { scrape: [`127.0.0.1:${metricsPort}`] });
  for (const { name, text } of files) {
    writeFileSync(path.join(dir, name), text.replace(/(interval|timeout): "\d+s"/g, '$1: "1s"'));
  }
  const port = await freePort();
  const child = startChild('prometheus', [
    `--config.file=${path.join(dir, 'prometheus.yml')}`,
    `--storage.tsdb.path=${path.join(dir, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await get(`${url}/-/ready`)).status === 200);

  const ask = async <Data>(question: string): Promise<Data> => {
    const { text } = await get(`${url}/api/v1/${question}`);
    const { status, data, error } = JSON.parse(text);
    if (status !== 'success') throw new Error(`${question}: ${error}`);
    return data;
  };
  const query = async (expression: string): Promise<Result[]> => {
    const { result } = await ask<{ result: { metric: Result['metric']; value: [number, string] }[] }>(
      `query?query=${encodeURIComponent(expression)}`,
    );
    return result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  };
  return {
    query,
    value: async (expression) => (await query(expression))[0]?.value,
    async names(type) {
      const known = await ask<Record<string, { type: string }[]>>('metadata');
      return Object.keys(known).filter((name) => known[name]?.[0]?.type === type);
    },
    end: () => endChild(child),
  };
}

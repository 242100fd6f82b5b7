import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type AuditOptions, type AuditReport, audit } from '../../src/doctor/index.js';

const gallery = path.join(__dirname, '../fixtures/doctor/gallery.cjs');

/** The code of an app that is one of the gallery. */
export const serve = `require(${JSON.stringify(gallery)})`;

export type State = 'sick' | 'healthy';

/** Texts by the names of files. `null` leaves out a file that each project has. */
type Files = Readonly<Record<string, string | null>>;

/** An app of the gallery: it has one fault, or is its twin without it. */
export interface Exhibit {
  readonly id: string;
  /** What the app has, where one fault has several. It is the name in the gallery. */
  readonly fault?: string;
  readonly express?: 'express' | 'express4';
  /** Whether only the signals and the exception of the doctor show it. */
  readonly signals?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** The files of a project around the app, by their names. */
  readonly files?: (state: State) => Files;
}

/** Audits at the same time: an audit mostly waits for the app. */
const most = 2;
const waiting: (() => void)[] = [];
let running = 0;

async function inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
  if (running === most) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await task();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

const directories: string[] = [];

/** For `afterAll`. */
export function removeProjects(): void {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
}

/** The path of an app in a project of its own. Its packages are those of this repository. */
export function project(files: Files): string {
  const directory = mkdtempSync(path.join(os.tmpdir(), 'gallery-'));
  directories.push(directory);
  const all = {
    'package.json': '{ "name": "app" }',
    'server.cjs': serve,
    'eslint.config.js': '',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    if (text === null) continue;
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    writeFileSync(path.join(directory, name), text);
  }
  return path.join(directory, 'server.cjs');
}

export function auditOf(exhibit: Exhibit, state: State): Promise<AuditReport> {
  const { id, fault = id, express = 'express', signals = false, env, files } = exhibit;
  const script = files ? project(files(state)) : gallery;
  return auditInTurn(script, { args: [express, fault, state], signals, ...(env && { env }) });
}

export function auditInTurn(script: string, options: AuditOptions): Promise<AuditReport> {
  const env = { NODE_ENV: 'production', NODE_OPTIONS: '', ...options.env };
  return inTurn(() => audit(script, { ...options, env }));
}

/** The faults that a report names, without that of the Node that runs the test. */
export function faultsIn({ findings }: AuditReport): string[] {
  return findings.map(({ id }) => id).filter((id) => id !== 'node-end-of-life');
}

/** Defines the two tests of each app, whose audits run a few at a time, and prints what was found. */
export function describeExhibits(exhibits: readonly Exhibit[]): void {
  const audits = new Map<Exhibit, Record<State, Promise<string[]>>>();
  const rows: string[] = [];
  beforeAll(() => {
    for (const exhibit of exhibits) {
      const start = async (state: State) => faultsIn(await auditOf(exhibit, state));
      const both = { sick: start('sick'), healthy: start('healthy') };
      for (const each of Object.values(both)) each.catch(() => {});
      audits.set(exhibit, both);
    }
  });
  afterAll(() => {
    removeProjects();
    console.info(['sick app → its findings; those of its twin', ...rows].join('\n'));
  });

  describe.each(exhibits.map((each) => [each.fault ?? each.id, each] as const))(
    'an app with the fault %s',
    (name, exhibit) => {
      const found = (state: State) => audits.get(exhibit)?.[state] ?? Promise.resolve([]);

      it('has this fault only', async () => {
        const [sick, healthy] = [await found('sick'), await found('healthy')];
        rows.push(`${name} → ${sick.join(', ')}; ${healthy.join(', ') || 'nothing'}`);
        expect(sick).toEqual([exhibit.id]);
      });

      it('has none without it', async () => {
        expect(await audits.get(exhibit)?.healthy).toEqual([]);
      });
    },
  );
}

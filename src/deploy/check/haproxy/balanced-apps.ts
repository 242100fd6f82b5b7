import type { DeploymentFacts } from '../../deployment-facts.js';
import type { Line, Section } from './haproxy-reader.js';

/** A backend of an app, with what applies to it. */
export interface BalancedApp {
  readonly backend: Section;
  /** The sections that receive requests for it. */
  readonly frontends: readonly Section[];
  readonly servers: readonly Line[];
}

/** The backends of the app: those with its port, else the only one, or those that are a default. */
export function balancedApps(sections: readonly Section[], { port }: DeploymentFacts): BalancedApp[] {
  const all = sections
    .filter(({ kind }) => kind === 'backend' || kind === 'listen')
    .filter((section) => last(section, 'mode')?.words[1] === 'http')
    .map(
      (backend): BalancedApp => ({
        backend,
        frontends: sections.filter((each) => each.kind === 'frontend' && routesTo(each, backend.name)),
        servers: backend.lines.filter(({ words }) => words[0] === 'server'),
      }),
    )
    .filter(({ servers }) => servers.length > 0);
  const own = all.filter(({ servers }) => servers.some((server) => portOfServer(server) === port));
  if (own.length > 0) return own;
  return all.length === 1 ? all : all.filter((app) => isDefault(app, sections));
}

/** Whether a backend receives what no other one does. */
function isDefault({ backend }: BalancedApp, sections: readonly Section[]): boolean {
  return sections.some(({ lines }) =>
    lines.some(({ words }) => words[0] === 'default_backend' && words[1] === backend.name),
  );
}

function routesTo({ lines }: Section, backend: string): boolean {
  return lines.some(
    ({ words }) =>
      (words[0] === 'default_backend' || words[0] === 'use_backend') &&
      (words[1] === backend || words[1]?.includes('%')),
  );
}

export function portOfServer({ words }: Line): number | undefined {
  const port = /:(\d+)$/.exec(words[2] ?? '')?.[1];
  return port === undefined ? undefined : Number(port);
}

/** The last line of a section or its defaults that begins with these words. */
export function last(section: Section, ...start: readonly string[]): Line | undefined {
  const own = section.lines.findLast(({ words }) => start.every((each, i) => words[i] === each));
  return own ?? (section.defaults && last(section.defaults, ...start));
}

/** The lines that act on a request or a response, in their order: those of the frontends first. */
export function linesFor({ backend, frontends }: BalancedApp): Line[] {
  const sections = [...frontends, backend];
  const defaults = new Set(sections.flatMap((section) => section.defaults ?? []));
  return [...defaults, ...sections].flatMap(({ lines }) => lines);
}

/** Milliseconds of a time such as `5s`. The unit is milliseconds where there is none. */
export function timeOfWord(text: string | undefined): number | undefined {
  const [, digits, unit = 'ms'] = /^(\d+)(us|ms|[smhd])?$/.exec(text ?? '') ?? [];
  const units: Readonly<Record<string, number>> = {
    us: 0.001,
    ms: 1,
    s: 1000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000,
  };
  return digits === undefined ? undefined : Number(digits) * (units[unit] as number);
}

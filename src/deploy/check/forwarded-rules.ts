import type { DeploymentFacts } from '../deployment-facts.js';
import type { AppSide, Disagreement, Rule } from './finding.js';

/** What a proxy does with a header of a client: nothing, which passes it, or what the line does. */
export interface HeaderAction {
  readonly does: 'overwrites' | 'appends' | 'passes';
  readonly line: number;
  readonly text: string;
}

/** What a proxy does with the headers that state who the client is, for one way to the app. */
export interface Forwarding {
  /** The line that passes requests to the app. */
  readonly place: { readonly line: number; readonly text: string };
  readonly for: HeaderAction | undefined;
  readonly proto: HeaderAction | undefined;
  readonly host: HeaderAction | undefined;
  readonly forwarded: HeaderAction | undefined;
  /** Whether the file relies on headers of another proxy in front. */
  readonly isBehindProxy: boolean;
  /** Whether the address of the client is found by other means, so that overwriting loses nothing. */
  readonly knowsClient: boolean;
  /** Whether lines that are not read can set headers. */
  readonly isPartial: boolean;
}

/** The lines that a kind of file has for each header. */
export interface ForwardingLines {
  readonly overwriteFor: string;
  readonly appendFor: string;
  readonly proto: string;
  readonly host: string;
  readonly forwarded: string;
}

type Header = 'proto' | 'host' | 'forwarded';

const names = { proto: 'X-Forwarded-Proto', host: 'X-Forwarded-Host', forwarded: 'Forwarded' } as const;

const reasons = {
  proto: 'a client states the protocol itself, so req.secure and redirects are wrong',
  host: 'a client states the host itself, so links and redirects of the app lead elsewhere',
  forwarded: 'a client states its address in a header that no proxy has checked',
} as const;

const trusts = ({ trustProxy }: DeploymentFacts): boolean => trustProxy !== 0 && trustProxy !== 'custom';

/** The addresses in X-Forwarded-For that the app may trust. */
function hopsOf({ for: action, isBehindProxy }: Forwarding, { hops }: AppSide): number {
  if (action?.does !== 'appends') return 1;
  return hops ?? (isBehindProxy ? 2 : 1);
}

/** The rules about forwarded headers, for one kind of file. */
export function forwardedRules<Tree>(
  kind: string,
  read: (tree: Tree, facts: DeploymentFacts) => readonly Forwarding[],
  lines: ForwardingLines,
): Rule<Tree>[] {
  const each =
    (find: (forwarding: Forwarding, app: AppSide) => Disagreement | undefined): Rule<Tree>['find'] =>
    (tree, app) =>
      read(tree, app.facts).flatMap((forwarding) => find(forwarding, app) ?? []);

  const passed = (header: Header): Rule<Tree> => ({
    id: `${kind}/${header === 'forwarded' ? header : `forwarded-${header}`}`,
    reason: reasons[header],
    applies: trusts,
    find: each((forwarding, { facts, hops = 1 }) => {
      const action = forwarding[header];
      // the proxy in front has set it
      if (forwarding.isBehindProxy || hops > 1) return undefined;
      const isGiven = action !== undefined && action.does !== 'passes';
      if (isGiven || (action === undefined && forwarding.isPartial)) return undefined;
      return {
        line: (action ?? forwarding.place).line,
        found: action?.text ?? `${forwarding.place.text} without ${names[header]}`,
        expected: `the app trusts the headers of ${trusted(facts)}`,
        fix: lines[header],
      };
    }),
  });

  return [
    {
      id: `${kind}/forwarded-for`,
      reason: 'the app takes another address for that of the client: a forged one, or that of a balancer',
      applies: trusts,
      find: each((forwarding, app) => {
        const { facts, hops } = app;
        const action = forwarding.for;
        const { place, isPartial, knowsClient, isBehindProxy } = forwarding;
        const expected = `the app trusts the headers of ${trusted(facts)}`;
        if (action === undefined || action.does === 'passes') {
          if (action === undefined && isPartial) return undefined;
          return {
            line: (action ?? place).line,
            found: action?.text ?? `${place.text} without X-Forwarded-For`,
            expected,
            fix: isBehindProxy ? lines.appendFor : lines.overwriteFor,
          };
        }
        const seen = hopsOf(forwarding, app);
        const tooMany = facts.trustProxy === 'all' || (facts.trustProxy as number) > seen;
        if (action.does === 'appends' && tooMany) {
          const fix = seen === 1 ? lines.overwriteFor : `in the app: app.set('trust proxy', ${seen})`;
          return { line: action.line, found: action.text, expected, fix };
        }
        const isLost = action.does === 'overwrites' && !knowsClient && hops !== 1;
        if (!isLost || facts.trustProxy === 'all' || (facts.trustProxy as number) < 2) return undefined;
        return { line: action.line, found: action.text, expected, fix: lines.appendFor };
      }),
    },
    passed('proto'),
    passed('host'),
    passed('forwarded'),
    {
      id: `${kind}/trust-proxy`,
      reason: 'the app takes the address of a proxy for that of each client',
      applies: ({ trustProxy }) => typeof trustProxy === 'number',
      find: each((forwarding, app) => {
        const needed = hopsOf(forwarding, app);
        if ((app.facts.trustProxy as number) >= needed) return undefined;
        const { line, text } = forwarding.for ?? forwarding.place;
        return {
          line,
          found: text,
          expected: `the app trusts ${trusted(app.facts)}`,
          fix: `in the app: app.set('trust proxy', ${needed})`,
        };
      }),
    },
  ];
}

function trusted({ trustProxy }: DeploymentFacts): string {
  if (trustProxy === 'all') return 'every proxy';
  return trustProxy === 0 ? 'no proxy' : trustProxy === 1 ? '1 proxy' : `${trustProxy} proxies`;
}

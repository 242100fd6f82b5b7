import type { DeploymentFacts } from '../../deployment-facts.js';
import { entriesOf, entryAt, itemsAt, nodeAt, textAt, type YamlNode } from './yaml-node.js';

export interface Service {
  readonly name: string;
  readonly line: number;
  readonly node: YamlNode;
}

/** The services that run the app: those that are known to, else the only one, or the only one that is built. */
export function servicesOf(file: readonly YamlNode[], facts: DeploymentFacts): Service[] {
  const all = entriesOf(nodeAt(file[0], 'services')).map(([name, { line, value }]) => ({
    name,
    line,
    node: value,
  }));
  const own = all.filter((service) => isApp(service, facts));
  if (own.length > 0) return own;
  const built = all.filter(({ node }) => entryAt(node, 'build') !== undefined);
  return all.length === 1 ? all : built.length === 1 ? built : [];
}

function isApp({ node }: Service, { port }: DeploymentFacts): boolean {
  const [program = ''] = wordsAt(node, 'command');
  return (
    environmentIn(node).has('NODE_ENV') ||
    /^(?:\S*\/)?(?:node|npm|npx|yarn|pnpm)$/.test(program) ||
    /^(?:\S+\/)?node(?:[:@]|$)/.test(textAt(node, 'image') ?? '') ||
    (entryAt(node, 'build') !== undefined && portsIn(node).some(({ target }) => target === port))
  );
}

/** The words of a command, which is a list, or a text that no shell reads. */
export function wordsAt(node: YamlNode, key: string): string[] {
  const text = textAt(node, key);
  if (text === undefined) return itemsAt(node, key).map((item) => textAt(item) ?? '');
  const words = text.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.map((word) => word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'/g, '$1$2'));
}

/** The variables of a service, as a map or as a list of `NAME=value`. */
export function environmentIn(node: YamlNode): Map<string, { value: string; line: number }> {
  const environment = nodeAt(node, 'environment');
  const listed = itemsAt(environment).flatMap((item) => {
    const text = textAt(item) ?? '';
    const at = text.indexOf('=');
    return at < 0 ? [] : [[text.slice(0, at), { value: text.slice(at + 1), line: item.line }] as const];
  });
  const mapped = entriesOf(environment).map(
    ([name, { line, value }]) => [name, { value: textAt(value) ?? '$', line }] as const,
  );
  return new Map([...listed, ...mapped]);
}

/** The published ports of a service, each with the port in the container. */
export function portsIn(node: YamlNode): { target: number; text: string; line: number }[] {
  return itemsAt(node, 'ports').flatMap((item) => {
    const long = textAt(item, 'target');
    const text = long === undefined ? textAt(item) : `target: ${long}`;
    const [, target] = /(?:^|[:\s])(\d+)(?:\/tcp)?$/.exec(text ?? '') ?? [];
    return text === undefined || target === undefined
      ? []
      : [{ target: Number(target), text, line: (entryAt(item, 'target') ?? item).line }];
  });
}

export function healthTest(node: YamlNode): { words: string[]; line: number } | undefined {
  const entry = entryAt(node, 'healthcheck', 'test');
  return entry && { words: wordsAt(nodeAt(node, 'healthcheck') as YamlNode, 'test'), line: entry.line };
}

/** Milliseconds of a time such as `1m30s`. */
export function secondsOfText(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:\d+(?:\.\d+)?(?:us|ms|[smh]))+$/.test(text)) return undefined;
  const units: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  return [...text.matchAll(/([\d.]+)(us|ms|[smh])/g)].reduce(
    (sum, [, digits, unit = 's']) => sum + Number(digits) * (units[unit] as number),
    0,
  );
}

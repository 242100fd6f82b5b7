import type { DeploymentFacts } from '../../deployment-facts.js';
import type { Disagreement, Rule } from '../finding.js';
import { type Forwarding, forwardedRules, type HeaderAction } from '../forwarded-rules.js';
import { type BalancedApp, balancedApps, last, linesFor } from './balanced-apps.js';
import type { Line, Section } from './haproxy-reader.js';

type File = readonly Section[];

const bodyLimit: Rule<File> = {
  id: 'haproxy/body-limit',
  reason: 'HAProxy refuses bodies that the app accepts',
  applies: ({ bodyLimitBytes }) => bodyLimitBytes !== null,
  find: (file, { facts }) =>
    balancedApps(file, facts).flatMap((app) =>
      linesFor(app).flatMap((line): Disagreement[] => {
        const [, bytes] =
          /^http-request\s+(?:deny|reject|return)\b.*(?:content-length\)(?:,[\w().-]+)*|req\.body_size)\s+(?:-m\s+int\s+)?g[te]\s+(\d+)/i.exec(
            line.text,
          ) ?? [];
        const limit = facts.bodyLimitBytes as number;
        if (bytes === undefined || Number(bytes) >= limit) return [];
        return [
          {
            line: line.line,
            found: line.text,
            expected: `the app accepts bodies of up to ${limit} bytes`,
            fix: line.text.replace(bytes, String(limit)),
          },
        ];
      }),
    ),
};

const readinessCheck: Rule<File> = {
  id: 'haproxy/readiness-check',
  reason: 'HAProxy sends requests to an instance that is not ready, or that drains before its end',
  applies: ({ health }) => health !== null,
  find: (file, { facts }) =>
    balancedApps(file, facts).flatMap(({ backend, servers }): Disagreement[] => {
      const { readiness } = facts.health as { readiness: string };
      const expected = `the app reports its readiness at ${readiness}`;
      const fix = `option httpchk, http-check send meth GET uri ${readiness}, and default-server check`;
      const base = last(backend, 'default-server');
      const isChecked = (server: Line) => [...(base?.words ?? []), ...server.words].includes('check');
      const unchecked = servers.find((server) => !isChecked(server));
      if (unchecked) return [{ line: unchecked.line, found: unchecked.text, expected, fix }];
      const option = last(backend, 'option', 'httpchk');
      if (option === undefined) {
        const { kind, name, line } = backend;
        return [{ line, found: `${kind} ${name} without option httpchk`, expected, fix }];
      }
      const send = last(backend, 'http-check', 'send');
      const place = send ?? option;
      const uri = send
        ? send.words[send.words.indexOf('uri') + 1]
        : option.words.find((word) => word.startsWith('/'));
      if (uri === readiness) return [];
      return [
        { line: place.line, found: place.text, expected, fix: `http-check send meth GET uri ${readiness}` },
      ];
    }),
};

const errorPage: Rule<File> = {
  id: 'haproxy/error-page',
  reason: 'clients see the page of HAProxy without Retry-After',
  find: (file, { facts }) =>
    balancedApps(file, facts)
      .filter((app) => !linesFor(app).some(isErrorPage))
      .map(({ backend }) => ({
        line: backend.line,
        found: `${backend.kind} ${backend.name} without http-error status 503`,
        expected: 'the app cannot respond while no instance is there',
        fix: "http-error status 503 content-type text/html hdr Retry-After 5 string 'Unavailable'",
      })),
};

const isErrorPage = ({ words: [first, second, third] }: Line): boolean =>
  first === 'errorfiles' ||
  (first === 'errorfile' && second === '503') ||
  (first === 'errorloc' || first === 'errorloc302' || first === 'errorloc303' ? second === '503' : false) ||
  (first === 'http-error' && second === 'status' && third === '503');

const forwarded = forwardedRules<File>('haproxy', forwardings, {
  overwriteFor: 'http-request set-header X-Forwarded-For %[src]',
  appendFor: 'option forwardfor',
  proto: 'http-request set-header X-Forwarded-Proto https if { ssl_fc }',
  host: 'http-request set-header X-Forwarded-Host %[req.hdr(Host)]',
  forwarded: 'http-request del-header Forwarded',
});

function forwardings(file: File, facts: DeploymentFacts): Forwarding[] {
  return balancedApps(file, facts).map((app) => {
    const lines = linesFor(app);
    const proto = actionOf(lines, 'X-Forwarded-Proto');
    return {
      place: { line: app.backend.line, text: `${app.backend.kind} ${app.backend.name}` },
      for: addressAction(app, lines),
      proto,
      host: actionOf(lines, 'X-Forwarded-Host'),
      forwarded: actionOf(lines, 'Forwarded') ?? forwardedOption(lines),
      isBehindProxy: /req\.hdr\(X-Forwarded-Proto\)/i.test(proto?.text ?? ''),
      knowsClient: lines.some(({ words }) => words[0] === 'bind' && words.includes('accept-proxy')),
      isPartial: false,
    };
  });
}

/** `set-header` replaces what a client sent, and `add-header` puts a value behind it. */
function actionOf(lines: readonly Line[], header: string): HeaderAction | undefined {
  const isIts = ({ words }: Line) => words[2]?.toLowerCase() === header.toLowerCase();
  const set = lines.find((each) => isIts(each) && /^(set|del|replace)-header$/.test(each.words[1] ?? ''));
  if (set) return { does: 'overwrites', line: set.line, text: set.text };
  const added = lines.find((each) => isIts(each) && each.words[1] === 'add-header');
  return added && { does: 'passes', line: added.line, text: added.text };
}

function addressAction(app: BalancedApp, lines: readonly Line[]): HeaderAction | undefined {
  const own = actionOf(lines, 'X-Forwarded-For');
  if (own?.does === 'overwrites') return own;
  const option = [...app.frontends, app.backend]
    .map((section) => last(section, 'option', 'forwardfor'))
    .find((line) => line !== undefined);
  if (option === undefined) return own;
  const does = option.words.includes('if-none') ? 'passes' : 'appends';
  return { does, line: option.line, text: option.text };
}

function forwardedOption(lines: readonly Line[]): HeaderAction | undefined {
  const option = lines.find(({ words }) => words[0] === 'option' && words[1] === 'forwarded');
  return option && { does: 'overwrites', line: option.line, text: option.text };
}

export const frontendRules: readonly Rule<File>[] = [bodyLimit, readinessCheck, errorPage, ...forwarded];

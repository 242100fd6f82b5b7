import { randomBytes } from 'node:crypto';
import { checkDeploymentFile, deploymentFiles } from '../../../src/deploy/index.js';
import { checkedFacts, checkedFiles, textOf } from '../../helpers/checked-files.js';

const check = (text: string, name = 'the-file') => checkDeploymentFile({ name, text, facts: checkedFacts });

const unreadable = expect.objectContaining({ code: 'ERR_PRODUCTIONIZE_DEPLOY_FILE' });

function errorOf(text: string): string {
  try {
    check(text);
  } catch (error) {
    expect(error).toEqual(unreadable);
    return (error as Error).message;
  }
  throw new Error('no error');
}

describe.each(checkedFiles)('%s', (name) => {
  it('has the same lines with CRLF and with a byte order mark', () => {
    const lines = textOf(name).replaceAll('\n', '\r\n');
    expect(check(`\ufeff${lines}`, name)).toEqual([]);
    const facts = { ...checkedFacts, trustProxy: 0, shutdownMs: 500_000, port: 9, readsPort: false };
    const found = (text: string) => checkDeploymentFile({ name, text, facts });
    expect(found(`\ufeff${lines}`)).toEqual(found(textOf(name)));
    expect(found(lines).length).toBeGreaterThan(0);
  });

  it('is cut off anywhere without a crash', () => {
    const text = textOf(name);
    for (let length = 0; length < text.length; length += 7) {
      try {
        check(text.slice(0, length), name);
      } catch (error) {
        expect(error).toEqual(unreadable);
      }
    }
  });
});

it.each([
  ['server {\n  listen 80;\n', /the-file:1: the `\{` of `server` has no `\}`/],
  ['server {\n}\n}\n', /the-file:3: a `\}` has no `\{`/],
  ['server {\n  listen 80\n}\n', /the-file:2: `listen` has no `;`/],
  ['server {\n  server_name "a;\n}\n', /the-file:2: a quoted text has no end/],
  ['frontend a\n  bind :80\n  http-request deny if "x\n', /the-file:3: a quoted text has no end/],
  ['mode http\nbackend a\n', /the-file:1: `mode` is in no section/],
  ['[Service]\nRestart\n', /the-file:2: expected `Name=value`/],
  ['FROM node:20\nRUN <<EOF\nnpm ci\n', /the-file:2: `<<EOF` has no end/],
  ['FROM node:20\n%%\n', /the-file:2: expected an instruction/],
  ['services:\n  a: [1, 2\n', /the-file:2: a bracket has no `\]`/],
  ['services:\n  a: "x\n', /the-file:2: a quoted text has no end/],
  ['services:\n  a: *b\n', /the-file:2: `\*b` has no anchor/],
  ['services:\n\ta: 1\n', /the-file:2: a tab is no indentation/],
  ['services:\n  a: 1\n b: 2\n', /the-file:3: the indentation does not match/],
  ['services:\n  a:\n    {{ .Values.a }}\n', /the-file:3: the file is a template/],
  ['', /no known kind/],
  ['hello world\n', /no known kind: Kubernetes, Compose, systemd, Dockerfile, PM2, HAProxy, nginx/],
  ['{"a": 1}', /no known kind/],
])('%j has a clear error', (text, message) => {
  expect(errorOf(text)).toMatch(message);
});

it('files that are binary or large have a clear error', () => {
  expect(errorOf(randomBytes(4096).toString('utf8'))).toMatch(/is no text/);
  expect(errorOf(`FROM node\n\0`)).toMatch(/is no text/);
  expect(errorOf(`server {\n${'a b;\n'.repeat(2_000_000)}}`)).toMatch(/is larger than 1 MiB/);
});

it.each([
  ['nginx', 'server {\n', '{\n', ''],
  ['nginx', 'server {\n', 'a"b"{', ''],
  ['nginx', 'server { ', '"', ''],
  ['nginx', 'server { listen 80; }', '\\', ''],
  ['nginx', 'server { ', 'location / { proxy_pass http://a; }', '}'],
  ['nginx', 'server { ', '${', ';}'],
  ['HAProxy', 'backend a\n server a ', 'a ', ''],
  ['HAProxy', 'backend a\n server a ', '\\', ''],
  ['systemd', '[Service]\nExecStart=', '" ', ''],
  ['systemd', '[Service]\nTimeoutStopSec=', '1 ', ''],
  ['systemd', '[Service]\n', '#\\\n', ''],
  ['Dockerfile', 'FROM a\nRUN ', '<<A ', ''],
  ['Dockerfile', 'FROM a\nENV ', 'a=', ''],
  ['Dockerfile', '', 'FROM a AS a\n', ''],
  ['Dockerfile', '', '# a\n', 'FROM a'],
  ['Compose', 'services: ', '[', ''],
  ['Compose', 'services: ', '[\n', ''],
  ['Compose', 'services: ', '{a: ', ''],
  ['Compose', 'services: ', ' ', 'b'],
  ['Compose', 'services:\n a', ' ', 'b'],
  ['Compose', 'services:\n', '- ', ''],
  ['Compose', 'services:\n  a: "', '\n', ''],
  ['Compose', 'services:\n', '---\n', ''],
  ['Compose', 'a: &a {}\nservices:\n <<: [', '*a,', '*a]'],
  ['Kubernetes', 'apiVersion: 1\nkind: a\nb: >\n', ' a\n', ''],
  ['PM2', 'apps: [{ script: 1 }, ', '{', ''],
  ['PM2', 'apps: [{ script: 1 }, ', 'a: {', ''],
  ['PM2', 'apps: [{ script: 1, a: ', '\\`', '\\'],
  ['PM2', 'apps: [{ script: 1, a: ', '`', '`'],
  ['PM2', 'apps: [{ script: 1, a: ', "\\'", ''],
  ['PM2', 'apps: [{ script: 1, a: ', '/*', ''],
  ['PM2', 'apps: [', '{ script: 1 },', ''],
  ['PM2', 'apps: [{ script: 1, a: { ', ' ', '{'],
  ['PM2', 'apps: [{ script: 1, a: ', '{},', ''],
])('%s: 256 KiB that repeat in %j %j end within seconds', (_, start, part, end) => {
  const count = Math.floor((2 ** 18 - start.length - end.length) / part.length);
  const before = process.cpuUsage();
  try {
    check(start + part.repeat(count) + end);
  } catch (error) {
    expect(error).toEqual(unreadable);
  }
  // of computation: a machine with other work takes longer
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(5000);
});

it('what may stand in an included file is not missing', () => {
  const text = 'server {\n include proxy_params;\n location / { proxy_pass http://127.0.0.1:3000; }\n}\n';
  const ids = check(text).map(({ id }) => id);
  expect(ids).toEqual(['nginx/no-keepalive']);
});

it('names a file of this package that was written for other facts, with the command that writes it', () => {
  const facts = { ...checkedFacts, webSocketPaths: [] };
  const command = 'express-productionize deploy systemd app.js --user=shop';
  const options = { user: 'shop' };
  const text = deploymentFiles('systemd', facts, options, command).files[0]?.text as string;
  const checkOwn = (more: object) =>
    checkDeploymentFile({ name: 'shop.service', text, facts, options, ...more });
  expect(checkOwn({})).toEqual([]);
  expect(checkOwn({ facts: { ...facts, startupMs: 1 }, options: undefined })).toEqual([]);
  expect(checkOwn({ options: {} })).toMatchObject([
    { id: 'origin/out-of-date', line: 2, fix: `npx ${command}` },
  ]);
  expect(checkOwn({ facts: { ...facts, shutdownMs: 200_000 } })).toMatchObject([
    { id: 'origin/out-of-date', file: 'shop.service', found: expect.stringMatching(/^Facts [\da-f]{12}$/) },
    { id: 'systemd/stop-timeout', fix: 'TimeoutStopSec=205' },
  ]);
});

it('refuses arguments of another kind', () => {
  const given = { name: 'Dockerfile', text: 'FROM a', facts: checkedFacts };
  expect(() => checkDeploymentFile({ ...given, hops: -1 })).toThrow(/`hops` to be a whole number/);
  expect(() => checkDeploymentFile({ ...given, text: 1 as unknown as string })).toThrow(
    /`text` to be a string/,
  );
  expect(() => checkDeploymentFile({ ...given, other: 1 } as never)).toThrow(/unknown option 'other'/);
  expect(() => checkDeploymentFile({ ...given, facts: {} as never })).toThrow(/`name` to be/);
});

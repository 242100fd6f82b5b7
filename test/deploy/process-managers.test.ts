import { readFileSync } from 'node:fs';
import path from 'node:path';
import { runInNewContext } from 'node:vm';
import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import type { TargetName } from '../../src/deploy/targets/index.js';
import { logrotate } from '../../src/deploy/targets/logrotate.js';
import { pm2 } from '../../src/deploy/targets/pm2.js';
import { systemd } from '../../src/deploy/targets/systemd.js';
import type { Target } from '../../src/deploy/targets/target.js';
import { upstart } from '../../src/deploy/targets/upstart.js';
import { plainFacts } from '../helpers/facts.js';
import { generated } from '../helpers/generated.js';

const targets = { logrotate, pm2, systemd, upstart } as Readonly<Record<string, Target>>;
const named = Object.entries(targets);

function textOf(target: Target, facts: Partial<DeploymentFacts> = {}, options: object = {}): string {
  const [name] = named.find(([, each]) => each === target) as [TargetName, Target];
  return generated(name, { ...plainFacts, ...facts }, options)
    .map(({ text }) => text)
    .join('\n');
}

/** What would end a value, a word or a line in one of the files. */
const endings = [
  ';',
  '{',
  '}',
  '"',
  "'",
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  '#',
  '$HOME',
  '%n',
  '\\',
  '`id`',
  '\u2028',
];

describe.each(named)('%s', (_name, target) => {
  it('gives the same text for the same facts, and ends it with a newline', () => {
    expect(textOf(target)).toBe(textOf(target));
    expect(textOf(target).endsWith('\n')).toBe(true);
    expect(textOf(target)).not.toMatch(/undefined|\[object|NaN|[^\S\n]\n/);
  });

  it.each<[string, unknown]>([
    ...['', '-web', 'Web', '../web', 'a'.repeat(65), ...endings.map((ending) => `web${ending}x`)].map(
      (value): [string, unknown] => ['name', value],
    ),
    ...['', '/app.js', '../app.js', 'a/../../app.js', 'a\nb.js', 'a\rb.js', 'a\0b.js', 'a\u2028b.js'].map(
      (value): [string, unknown] => ['script', value],
    ),
    ['port', 0],
    ['port', '3000\nUser=root'],
    ['workers', 0],
    ['workers', '2; id'],
    ['memoryBytes', '1G\nUser=root'],
    ['shutdownMs', Number.NaN],
    ['startupMs', '1'],
  ])('refuses the fact %s: %j', (fact, value) => {
    expect(() => textOf(target, { [fact]: value })).toThrow(
      expect.objectContaining({
        code: 'ERR_PRODUCTIONIZE_OPTION',
        message: expect.stringContaining(`deploy: expected \`${fact}\``),
      }),
    );
  });

  it('refuses an unknown option', () => {
    expect(() => textOf(target, {}, { directories: '/srv' })).toThrow(/unknown option/);
  });

  it('refuses texts that would end a value', () => {
    const texts = ['directory', 'node', 'user', 'environmentFile', 'log'];
    for (const option of texts.filter((option) => option in target.options)) {
      const good = option === 'user' ? 'deploy' : '/srv/a';
      expect(textOf(target, {}, { [option]: good })).toContain(good);
      for (const value of endings.flatMap((ending) => [good + ending, `${good}${ending}b`])) {
        expect(() => textOf(target, {}, { [option]: value })).toThrow(`\`${option}\``);
      }
    }
  });

  it('has advice in whole sentences', () => {
    expect(target.advice(plainFacts, {}).length).toBeGreaterThan(0);
    for (const sentence of target.advice(plainFacts, {})) expect(sentence).toMatch(/^[A-Z].*[.`]$/);
  });
});

describe('systemd', () => {
  const unit = (facts: Partial<DeploymentFacts> = {}, options: object = {}) =>
    textOf(systemd as Target, facts, options);

  it.each([
    ['a b.js', '"/srv/web/a b.js"'],
    ['50%n.js', '"/srv/web/50%%n.js"'],
    ['$HOME.js', '"/srv/web/$$HOME.js"'],
    ['a"b.js', String.raw`"/srv/web/a\"b.js"`],
    ['a;b#c.js', '"/srv/web/a;b#c.js"'],
  ])('the script %j is one word', (script, word) => {
    expect(unit({ script })).toMatch(new RegExp(`^ExecStart=.* start ${literally(word)} --name web$`, 'm'));
  });

  it('waits longer than the app takes, for a reload of all workers too', () => {
    const text = unit({ workers: 3, startupMs: 10_000, shutdownMs: 20_000 });
    expect(text).toContain('\nTimeoutStartSec=95\n');
    expect(text).toContain('\nTimeoutStopSec=25\n');
    expect(unit({ workers: 1, startupMs: 10_000, shutdownMs: 20_000 })).toContain('\nTimeoutStartSec=15\n');
  });

  it('one process, and an instance of a template, have no command for a reload', () => {
    expect(unit()).toContain('\nExecReload=');
    for (const text of [unit({ workers: 1 }), unit({}, { template: true })]) {
      expect(text).not.toContain('ExecReload');
      expect(text).toMatch(
        /^ExecStart=\/usr\/bin\/node --import express-productionize\/preload \/srv\/web\/app.js$/m,
      );
    }
  });

  it('has the capability for a low port only where the app opens it', () => {
    expect(unit({ port: 443 })).toContain('AmbientCapabilities=CAP_NET_BIND_SERVICE');
    expect(unit({ port: 1024 })).not.toContain('CAP_NET_BIND_SERVICE');
    expect(unit({ port: 443 }, { socket: true })).not.toContain('CAP_NET_BIND_SERVICE');
  });

  it.each(['root', 'Web', '-u', '0'])('refuses the user %j', (user) => {
    expect(() => unit({}, { user })).toThrow('a user other than root');
  });

  it('has no directory of a home outside its sandbox', () => {
    expect(unit()).toContain('\nProtectHome=yes\n');
    expect(unit({}, { directory: '/home/deploy/web' })).toContain('\nProtectHome=read-only\n');
    expect(unit({}, { node: '/root/.nvm/bin/node' })).toContain('\nProtectHome=read-only\n');
    expect(unit({}, { directory: '/homes/web' })).toContain('\nProtectHome=yes\n');
  });

  it('parses its options from the command line', () => {
    const { socket, writable, user } = systemd.options;
    expect([socket.parse('yes'), socket.parse('no'), socket.check(socket.parse('maybe'))]).toEqual([
      true,
      false,
      'true or false',
    ]);
    expect(writable.parse('/a,/b')).toEqual(['/a', '/b']);
    expect(user.parse('web')).toBe('web');
  });
});

const literally = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);

describe('upstart', () => {
  /** The stanzas of init(5) with the arguments that each takes, as far as the job has them. */
  const stanzas: Readonly<Record<string, RegExp>> = {
    description: /^"[^"\\]*"$/,
    start: /^on runlevel \[\d+\]$/,
    stop: /^on runlevel \[!\d+\]$/,
    setuid: /^[a-z_][\w-]*$/,
    chdir: /^\/\S+$/,
    env: /^[A-Z_]+=\S+$/,
    exec: /^\/\S+( \S.*)?$/,
    console: /^(log|none|output|owner)$/,
    respawn: /^(limit \d+ \d+)?$/,
    kill: /^(timeout \d+|signal [A-Z]+)$/,
    reload: /^signal [A-Z]+$/,
  };

  function faults(text: string): string[] {
    const found = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return found.filter((line) => {
      const [, stanza = '', rest = ''] = /^(\S+)(?: (.*))?$/.exec(line) ?? [];
      return !stanzas[stanza]?.test(rest);
    });
  }

  it.each([{}, { workers: 2 }, { workers: 1, port: 80 }, { script: "a b'c#.js" }])(
    'with %j has stanzas of Upstart only',
    (facts) => {
      const text = textOf(upstart as Target, facts);
      expect(faults(text)).toEqual([]);
      for (const stanza of ['start', 'stop', 'exec']) {
        expect(text.match(new RegExp(`^${stanza} `, 'gm'))).toHaveLength(1);
      }
      expect(text).toMatch(/^# historical/);
    },
  );

  it('the checker finds stanzas that Upstart does not have', () => {
    expect(faults('restart always\nkill timeout x\nsetuid root; id\n')).toHaveLength(3);
  });
});

describe('pm2', () => {
  const appOf = (facts: Partial<DeploymentFacts> = {}) => {
    const sandbox = {
      module: { exports: {} as { apps: Record<string, unknown>[] } },
      require,
      __dirname: '/srv/web',
    };
    runInNewContext(textOf(pm2, facts), sandbox);
    return sandbox.module.exports.apps[0];
  };

  it('gives each process its time and its share of the memory', () => {
    expect(appOf({ workers: 4, memoryBytes: 2 ** 30, startupMs: 1000, shutdownMs: 9000 })).toMatchObject({
      instances: 4,
      max_memory_restart: 2 ** 28,
      listen_timeout: 6000,
      kill_timeout: 14_000,
      env: { NODE_ENV: 'production', PORT: '3000' },
    });
    expect(appOf()).not.toHaveProperty('max_memory_restart');
    expect(appOf({ memoryBytes: 2 ** 30 })?.max_memory_restart).toBeLessThanOrEqual(2 ** 30);
  });

  it.each(["a'b.js", 'a"b.js', 'a`b.js', '*/x//.js'])('the script %j is one argument', (script) => {
    expect(appOf({ script })?.args).toEqual(['start', `./${script}`]);
  });
});

it.each([
  ['systemd', 'ini'],
  ['pm2', 'js'],
  ['logrotate', ''],
])('the guide of process managers shows what the target %s writes', (name, language) => {
  const guide = readFileSync(path.join(__dirname, '../../docs/process-managers.md'), 'utf8');
  const [text] = (targets[name] as Target).generate({ ...plainFacts }, {}).map((file) => file.text);
  expect(guide).toContain(`\`\`\`${language}\n${text}\`\`\`\n`);
});

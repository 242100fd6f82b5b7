import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';
import { deploymentFiles } from '../../src/deploy/index.js';
import { compose } from '../../src/deploy/targets/compose.js';
import { dockerfile } from '../../src/deploy/targets/dockerfile.js';
import { targets } from '../../src/deploy/targets/index.js';
import { kubernetes } from '../../src/deploy/targets/kubernetes.js';
import type { Target } from '../../src/deploy/targets/target.js';
import { containerFacts } from '../helpers/container-facts.js';

function text<Options extends object>(
  target: Target<Options>,
  facts: Partial<DeploymentFacts> = {},
  options = {} as Options,
): string {
  return target.generate(containerFacts(facts), options)[0]?.text ?? '';
}

const containerTargets: [string, Target][] = Object.entries({ dockerfile, compose, kubernetes });

describe('targets of containers', () => {
  it('are in the table of targets', () => {
    expect(targets).toMatchObject({ dockerfile, compose, kubernetes });
  });

  it.each(containerTargets)(
    '%s: the same facts result in the same text, and lines of at most 160 characters',
    (_name, target) => {
      for (const { name, text: first } of target.generate(containerFacts(), {})) {
        expect(target.generate(containerFacts(), {}).find((file) => file.name === name)?.text).toBe(first);
        expect(first).toMatch(/[^\n]\n$/);
        const lines = name === 'nginx.conf' ? [] : first.split('\n');
        expect(lines.filter((line) => line.length > 160)).toEqual([]);
      }
    },
  );

  it.each(['dockerfile', 'compose', 'kubernetes'] as const)(
    '%s: hostile facts and options are refused',
    (name) => {
      const image = { image: 'node\nRUN id' };
      expect(() => deploymentFiles(name, containerFacts(), image)).toThrow(
        /expected `image` to be the name of an image/,
      );
      expect(() => deploymentFiles(name, containerFacts(), { imge: 'node' })).toThrow(
        /Did you mean `image`\?/,
      );
      const health = { liveness: '/a\nkind: Secret', readiness: '/b', startup: '/c' };
      for (const facts of [
        { health },
        { script: 'a.js\nRUN id' },
        { port: 0 },
        { shutdownMs: Number.NaN },
        { workers: 1.5 },
      ]) {
        expect(() => deploymentFiles(name, containerFacts(facts))).toThrow(/^deploy: expected `\w+` to be /);
      }
    },
  );

  it.each([
    'node',
    'node:24',
    'node:24-slim',
    'registry.example/team/shop:1.2.0',
    'localhost:5000/shop',
    `gcr.io/distroless/nodejs24@sha256:${'a'.repeat(64)}`,
  ])('the image %s is accepted', (image) => {
    expect(text(dockerfile, {}, { image })).toContain(`\nFROM ${image}\nENV`);
  });

  it.each([
    '',
    'Node',
    'node:',
    'node 24',
    '--platform=x',
    'node AS x',
    'node#',
    '$IMAGE',
    'a/../b',
    'node@sha256:1',
  ])('the image %j is refused', (image) => {
    expect(() => deploymentFiles('dockerfile', containerFacts(), { image })).toThrow(/the name of an image/);
  });
});

describe('Dockerfile', () => {
  it.each([
    ['npm', true, 'npm ci --omit=dev'],
    ['npm', false, 'npm install --omit=dev'],
    ['pnpm', true, 'pnpm install --prod --frozen-lockfile'],
    ['pnpm', false, 'pnpm install --prod'],
    ['yarn', true, 'yarn install --production --frozen-lockfile'],
    ['yarn', false, 'yarn workspaces focus --production'],
  ] as const)('%s with a lock file %s: %s', (packageManager, hasLockFile, command) => {
    const file = text(dockerfile, { packageManager, hasLockFile });
    expect(file).toContain(command);
    expect(file.includes('without a lock file')).toBe(!hasLockFile);
    expect(dockerfile.advice(containerFacts({ packageManager, hasLockFile }), {})).toEqual(
      hasLockFile ? [] : [expect.stringContaining('commit one')],
    );
  });

  it('has a stage for the build only where there is a build, whose packages are not in the image', () => {
    expect(text(dockerfile)).not.toContain('npm run build');
    const built = text(dockerfile, { hasBuildScript: true });
    expect(built).toMatch(/RUN npm ci\nCOPY \. \.\nRUN npm run build && rm -rf node_modules\n/);
    expect(built).toMatch(
      /COPY --from=dependencies \/app\/node_modules .*\nCOPY --from=build \/app \.\/\nUSER node/,
    );
  });

  it('starts node itself as process 1, alone or with workers', () => {
    expect(text(dockerfile)).toMatch(
      /\nCMD \["node","--import","express-productionize\/preload","app\.js"\]\n$/,
    );
    expect(text(dockerfile, { script: '-a "b".js', workers: 2 })).toMatch(
      /\nCMD \["node","[^"]*cli\.js","start","\.\/-a \\"b\\"\.js","--workers","2"\]\n$/,
    );
  });

  it('checks the health by the command of the package, with the port only where the app does not read PORT', () => {
    expect(text(dockerfile)).toMatch(
      /PORT=3000[\s\S]*HEALTHCHECK .*--start-period=30s[\s\S]*"health","--path","\/livez"/,
    );
    expect(text(dockerfile, { readsPort: false, port: 8080 })).toMatch(
      /^(?![\s\S]*PORT=)[\s\S]*"health","--port","8080"/,
    );
    expect(text(dockerfile, { health: null })).not.toContain('HEALTHCHECK');
  });

  it('advises a longer stop where the shutdown takes longer than Docker waits', () => {
    expect(dockerfile.advice(containerFacts({ shutdownMs: 60_000 }), {})).toEqual([
      expect.stringContaining('--stop-timeout 61'),
    ]);
  });
});

describe('compose', () => {
  it('publishes one port at 127.0.0.1 for each container, where there is no nginx', () => {
    expect(text(compose, {}, { proxy: false })).toContain('- "127.0.0.1:3000-3001:3000"');
    const single = { proxy: false, instances: 1, publish: 8080 };
    expect(text(compose, {}, single)).toContain('- "127.0.0.1:8080:3000"');
    expect(compose.generate(containerFacts(), { proxy: false })).toHaveLength(1);
  });

  it('has nginx in front, which is no root and finds containers that are replaced', () => {
    const [project, site] = compose.generate(containerFacts(), { publish: 80 });
    expect(project?.text).toMatch(/\n {2}nginx:\n {4}image: nginx:1\.28\n.*\n {4}user: nginx\n/);
    expect(project?.text.match(/127\.0\.0\.1:.*/g)).toEqual(['127.0.0.1:80:8080"']);
    expect(project?.text).toContain(`./${site?.name}:/etc/nginx/nginx.conf:ro`);
    expect(site?.text).toMatch(/server app:3000 max_fails=0 resolve;[\s\S]*resolver 127\.0\.0\.11 /);
    const old = { nginxVersion: '1.22' };
    expect(compose.generate(containerFacts(), old)[1]?.text).not.toContain('resolve');
    expect(compose.advice(containerFacts(), old).join()).toContain(
      'restart it after containers are replaced',
    );
    expect(compose.advice(containerFacts({ trustProxy: 0 }), {}).join()).toContain(
      "app.set('trust proxy', 1)",
    );
  });

  it('has Redis only for a cache, in a network without a way out', () => {
    expect(text(compose)).not.toContain('redis');
    const cached = text(compose, { cache: true });
    expect(cached).toMatch(/REDIS_URL: redis:\/\/redis:6379\n/);
    expect(cached).toMatch(/\n {2}cache:\n {4}internal: true\n/);
    expect(compose.advice(containerFacts({ cache: true }), {})).toEqual(
      expect.arrayContaining([expect.stringContaining('REDIS_URL')]),
    );
  });

  it('waits longer for a stop than the drain takes', () => {
    expect(text(compose, { shutdownMs: 59_500 })).toContain('stop_grace_period: "65s"');
  });

  it('replaces no variable in a path', () => {
    const health = { liveness: '/livez', readiness: '/$HOME/x', startup: '/startupz' };
    expect(text(compose, { health }, { proxy: false })).toContain('"/$$HOME/x"');
  });
});

describe('kubernetes', () => {
  it('has no replicas beside the autoscaler, and lets no pod stop before its successor is ready', () => {
    const file = text(kubernetes);
    expect(file).not.toMatch(/^ *replicas:/m);
    expect(file).toContain('maxUnavailable: 0\n');
  });

  it.each([
    [1000, 0, 30],
    [60_000, 0, 66],
    [60_000, 10, 76],
  ])('a shutdown of %d ms with %d s before SIGTERM gets %d s', (shutdownMs, preStopSeconds, seconds) => {
    const file = text(kubernetes, { shutdownMs }, { preStopSeconds });
    expect(file).toContain(`terminationGracePeriodSeconds: ${seconds}\n`);
    expect(file.includes('preStop')).toBe(preStopSeconds > 0);
  });

  it('gives a slow start its time', () => {
    expect(text(kubernetes, { startupMs: 120_000 })).toMatch(/\/startupz\n[\s\S]*?failureThreshold: 125\n/);
  });

  it.each([
    [{ namespace: 'a b' }, /`namespace`/],
    [{ labels: { 'app.kubernetes.io/name': 'x' } }, /`labels`/],
    [{ labels: { '# a': 'x' } }, /`labels`/],
    [{ labels: { team: 'a\nb' } }, /`labels`/],
    [{ labels: 'team' }, /`labels`/],
    [{ minReplicas: 3, maxReplicas: 2 }, /expected `minReplicas` to be at most `maxReplicas` \(2\), got 3/],
  ])('%j is refused', (options, message) => {
    expect(() => deploymentFiles('kubernetes', containerFacts(), options as object)).toThrow(message);
  });

  it('parses labels from the command line', () => {
    const { parse } = kubernetes.options.labels;
    expect(parse('team=web,tier=front')).toEqual({ team: 'web', tier: 'front' });
    expect(kubernetes.options.labels.check(parse('team'))).toMatch(/an object of labels/);
  });

  it('advises on hops, versions, idle connections and sessions', () => {
    const good = { trustProxy: 1 } as const;
    const image = 'registry.example/shop:1.0.0';
    expect(kubernetes.advice(containerFacts(good), { image })).toEqual([]);
    const facts = { trustProxy: 0, keepAliveTimeoutMs: 5000, sessionCookies: ['connect.sid'] };
    expect(kubernetes.advice(containerFacts(facts), { hops: 2 })).toEqual([
      expect.stringContaining('`latest`'),
      expect.stringContaining("app.set('trust proxy', 2)"),
      expect.stringContaining('keepAliveTimeout = 65_000'),
      expect.stringContaining('connect-redis'),
    ]);
    expect(kubernetes.advice(containerFacts({ trustProxy: 'all' }), { image })).toEqual([
      expect.stringContaining('clients choose their address'),
    ]);
  });
});

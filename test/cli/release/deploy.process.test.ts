import { lstatSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { cleanUp } from '../../helpers/cli.js';
import type { ClusterProgram } from '../../helpers/clusters.js';
import { describeNeeds } from '../../helpers/needs.js';
import { lossesDuring } from '../../helpers/release-load.js';
import { apps, emptyTarget, releaseOf, type Target } from '../../helpers/releases.js';
import { get } from '../../helpers/serve.js';

let target: Target;
let cluster: ClusterProgram;
let first: Record<string, unknown>;
let url: string;

const linked = (): string => path.basename(readlinkSync(path.join(target.directory, 'current')));
const served = async (): Promise<string> => (await get(`${url}/`)).text;
const readyWorkers = (): number =>
  cluster.log().filter(({ msg }) => /^worker \d+ is ready/.test(String(msg))).length;

describeNeeds('flock')('a deployment under load to two workers', () => {
  beforeAll(async () => {
    target = emptyTarget();
    first = await target.json('deploy', await releaseOf(apps.good('one'), '1.0.0'));
    cluster = await target.start();
    url = await cluster.url();
  });

  afterAll(cleanUp);

  it('the first one, before a cluster runs, states so', () => {
    expect(first).toMatchObject({ ok: true, cluster: 'none', previous: null, version: '1.0.0' });
  });

  it('a good release serves afterwards, and no request fails', async () => {
    const release = await releaseOf(apps.good('two'), '2.0.0');
    let result: unknown;
    const lost = await lossesDuring('a good release', url, async () => {
      result = await target.json('deploy', release);
    });
    expect(result).toMatchObject({ ok: true, cluster: 'reloaded', version: '2.0.0', previous: first.id });
    expect(lost).toEqual([]);
    expect(await served()).toBe('two');
  });

  it.each([
    ['throws at its start', apps.throws, [], /this release does not start/],
    ['has a syntax error', apps.syntax, [], /SyntaxError/],
    ['never listens', apps.silent, ['--seconds', '3'], /it started no server within 3000 ms/],
    ['listens and is never ready', apps.unready, ['--seconds', '10'], /it was not ready within 10000 ms/],
  ])(
    'a release that %s is replaced by the one before, and no request fails',
    async (what, app, flags, reason) => {
      const [before, workers] = [linked(), readyWorkers()];
      const release = await releaseOf(app, '3.0.0');
      let done: Awaited<ReturnType<Target['release']>> | undefined;
      const lost = await lossesDuring(what, url, async () => {
        done = await target.release('deploy', release, ...flags);
      });
      expect(done).toMatchObject({ code: 1, out: '', err: expect.stringMatching(reason) });
      expect(done?.err).toContain(`The current release is ${before}.`);
      expect(lost).toEqual([]);
      expect(linked()).toBe(before);
      expect(await served()).toBe('two');
      expect((await target.json<unknown[]>('list'))[0]).toMatchObject({
        version: '3.0.0',
        state: 'broken',
        current: false,
        reason: expect.stringMatching(reason),
      });
      // the workers are the same: none was reloaded
      expect(readyWorkers()).toBe(workers);
    },
  );

  it('a rollback skips the broken releases, and no request fails', async () => {
    let result: unknown;
    const lost = await lossesDuring('a rollback', url, async () => {
      result = await target.json('rollback');
    });
    expect(result).toMatchObject({ ok: true, id: first.id, cluster: 'reloaded' });
    expect(lost).toEqual([]);
    expect(await served()).toBe('one');
    expect(await target.release('rollback')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/has no release before/),
    });
  });

  it('old releases are removed, except the one whose program the primary runs', async () => {
    for (const version of ['4', '5']) {
      const result = await target.json('deploy', await releaseOf(apps.good(version), version), '--keep', '1');
      expect(result).toMatchObject({ ok: true, version });
    }
    const list = await target.json<{ id: string; version: string }[]>('list');
    expect(list.map(({ version }) => version)).toEqual(['5', '4', '1.0.0']);
    expect(lstatSync(path.join(target.directory, 'releases', String(first.id))).isDirectory()).toBe(true);
    expect(await served()).toBe('5');
  });
});

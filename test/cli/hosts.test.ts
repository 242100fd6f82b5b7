import { argumentsOn, hostsOf, programOn } from '../../src/cli/hosts/host.js';
import type { RemoteTarget } from '../../src/cli/release/remote-target.js';

const parse = (...on: string[]) => hostsOf({ values: { on }, positionals: [], rest: [] });

describe('--on', () => {
  it('takes hosts, hosts with a directory and this machine, as lists and repeated', () => {
    expect(parse('root@web1,web2:/srv/web', 'local', '[::1]').map(({ text }) => text)).toEqual([
      'root@web1',
      'web2:/srv/web',
      'local',
      '[::1]',
    ]);
    expect(parse('[::1]')[0]?.remote?.destination).toBe('::1');
  });

  it.each(['-oProxyCommand=x', 'root@-x', '-x:/srv', 'web;ls', 'a b', '', '::1', 'web:', 'a,a', 'a$(b)'])(
    'refuses %j',
    (wrong) => {
      expect(() => parse(wrong)).toThrow(/^--on: /);
    },
  );

  it('passes arguments on as single words of a shell, without those of --on itself', () => {
    const values = { on: ['a'], 'remote-node': 'n', json: true, name: `'; ls '`, worker: '2', quiet: true };
    const words = argumentsOn('scale', { values, positionals: ['$(3)'], rest: ['-x'] });
    expect(words).toEqual(['scale', '$(3)', `--name='; ls '`, '--worker=2', '--quiet', '--json', '--', '-x']);
    const [plain, directory] = parse('web1', `web2:/srv/it's`);
    const line = (host: typeof plain) =>
      programOn(
        { inDirectory: host?.inDirectory === true, remote: host?.remote as RemoteTarget },
        'node',
        words,
      );
    const quoted = String.raw`scale '$(3)' '--name='\''; ls '\''' --worker=2 --quiet --json -- -x`;
    expect(line(plain)).toBe(
      `command -v express-productionize >/dev/null 2>&1 && exec express-productionize ${quoted}; exec npx --no-install express-productionize ${quoted}`,
    );
    expect(line(directory)).toBe(
      String.raw`cd '/srv/it'\''s' && { cd current 2>/dev/null || :; } && exec node node_modules/express-productionize/dist/cli.js ${quoted}`,
    );
  });
});

import { addressOf } from '../values.js';

/** The instances of the app, and how they are selected and checked. */
export interface BackendOptions {
  /** The prefix of all names. It avoids conflicts with keywords and modules of VCL. */
  readonly name: string;
  readonly upstreams: readonly string[];
  readonly timeoutSeconds: number;
  readonly probePath: string | false;
  readonly probeMs: number;
  /** What returns a client to the same instance. */
  readonly affinity?: 'ip';
  readonly trustForwarded: boolean;
  readonly purgeFrom: readonly string[];
}

/** The declarations in front of the subroutines. */
export function backendDeclarations(options: BackendOptions): string {
  const { name, upstreams, timeoutSeconds, probePath, purgeFrom, affinity } = options;
  const backends = upstreams.map((upstream, i) => ({ ...addressOf(upstream), id: `${name}_${i + 1}` }));
  return `${probe(options)}${backends
    .map(
      ({ id, host, port }) => `backend ${id} {
    .host = "${host}";
    .port = "${port}";
    .connect_timeout = 2s;
    .first_byte_timeout = ${timeoutSeconds}s;
    .between_bytes_timeout = ${timeoutSeconds}s;
${probePath === false ? '' : `    .probe = ${name}_probe;\n`}}
`,
    )
    .join('\n')}
${purgers(name, purgeFrom)}sub vcl_init {
    new ${name} = directors.${affinity === undefined ? 'round_robin' : 'shard'}();
${backends.map(({ id }) => `    ${name}.add_backend(${id});`).join('\n')}
${affinity === undefined ? '' : `    ${name}.reconfigure();\n`}}`;
}

/** The expression that selects an instance. */
export function selection({ name, affinity, trustForwarded }: BackendOptions): string {
  if (affinity === undefined) return `${name}.backend()`;
  // Varnish itself appends its own client to X-Forwarded-For.
  const client = trustForwarded
    ? String.raw`regsub(req.http.X-Forwarded-For, "[ \t]*,.*$", "")`
    : '"" + client.ip';
  return `${name}.backend(by=KEY, key=${name}.key(${client}))`;
}

function probe({ name, probePath, probeMs, upstreams }: BackendOptions): string {
  if (probePath === false) return '';
  // readiness fails while an instance drains; a single instance has no other one to take over
  const { window, threshold } =
    upstreams.length > 1 ? { window: 1, threshold: 1 } : { window: 3, threshold: 2 };
  return `probe ${name}_probe {
    .url = "${probePath}";
    .interval = ${probeMs}ms;
    .timeout = 2s;
    .window = ${window};
    .threshold = ${threshold};
    .initial = ${threshold};
}

`;
}

function purgers(name: string, networks: readonly string[]): string {
  if (networks.length === 0) return '';
  const entries = networks.map((network) => {
    const [address, length] = network.split('/');
    return `    "${address}"${length === undefined ? '' : `/${length}`};`;
  });
  return `acl ${name}_purgers {\n${entries.join('\n')}\n}\n\n`;
}

import type { DeploymentFacts } from '../../src/deploy/deployment-facts.js';

/** One text of a healthy file and what replaces it. An empty text is put at the end. */
type Edit = readonly [from: string | RegExp, to: string];

export interface FaultCase {
  readonly id: string;
  readonly file: string;
  /** What makes the file disagree with the app. */
  readonly fault: Edit;
  /** A part of the line that is named. */
  readonly at: string;
  /** A change of the same place that must not be named. */
  readonly twin: Edit;
  readonly facts: Partial<DeploymentFacts>;
  readonly hops: number | undefined;
  /** Of the twin, where the facts make the fault. */
  readonly twinFacts: Partial<DeploymentFacts>;
}

type Row = readonly [
  id: string,
  fault: Edit,
  at: string,
  twin: Edit,
  facts?: Partial<DeploymentFacts>,
  hops?: number,
  twinFacts?: Partial<DeploymentFacts>,
];

const inFile = (file: string, kind: string, rows: readonly Row[]): FaultCase[] =>
  rows.map(([id, fault, at, twin, facts = {}, hops, twinFacts = facts]) => ({
    id: `${kind}/${id}`,
    file,
    fault,
    at,
    twin,
    facts,
    hops,
    twinFacts,
  }));

const noPort = { readsPort: false };
const noWebSockets = { webSocketPaths: [] };

const nginx = inFile('nginx.conf', 'nginx', [
  [
    'idle-timeout',
    ['keepalive_timeout 50s', 'keepalive_timeout 75s'],
    'keepalive_timeout 75s',
    ['50s', '1m4s'],
  ],
  [
    'idle-timeout',
    ['    keepalive_timeout 50s;\n', ''],
    'keepalive 16;',
    ['50s', '59999ms'],
    { keepAliveTimeoutMs: 60_000 },
  ],
  ['no-keepalive', [/ {4}keepalive.*\n/g, ''], 'upstream shop', ['keepalive 16', 'keepalive 1']],
  [
    'connection-close',
    ['http_version 1.1', 'http_version 1.0'],
    'proxy_http_version 1.0',
    ['version 1.1', "version '1.1'"],
    noWebSockets,
  ],
  ['connection-close', [`''      ""`, "'' close"], "'' close", [`''      ""`, `"" ''`]],
  [
    'repeated-posts',
    ['error timeout;', 'error timeout non_idempotent;'],
    'non_idempotent',
    ['error timeout;', 'error http_502;'],
  ],
  ['max-fails', [/ max_fails=0/g, ''], 'server 10.0.0.1', [/max_fails=0/g, 'max_fails=3 fail_timeout=1s']],
  [
    'body-limit',
    ['client_max_body_size 2m', 'client_max_body_size 500k'],
    '500k',
    ['size 2m', 'size 1000000'],
  ],
  [
    'body-limit',
    ['    client_max_body_size 2m;\n', ''],
    'proxy_pass',
    ['client_max_body_size 2m;', 'client_max_body_size 2m; # client_max_body_size 10k;'],
    { bodyLimitBytes: 1_048_577 },
  ],
  ['endless-bodies', ['size 2m', 'size 0'], 'size 0', ['size 2m;', 'size 0; proxy_request_buffering off;']],
  [
    'read-timeout',
    ['proxy_read_timeout 40s', 'proxy_read_timeout 30s'],
    'proxy_read_timeout 30s',
    ['40s', '31'],
  ],
  [
    'web-socket',
    ['    proxy_set_header Upgrade $http_upgrade;\n', ''],
    'proxy_pass',
    ['$http_upgrade;', '"$http_upgrade";'],
  ],
  [
    'event-stream-buffering',
    ['proxy_buffering off', 'proxy_buffering on'],
    'proxy_buffering on',
    ['        proxy_buffering off;\n', '        proxy_buffering   off ;\n'],
  ],
  ['event-stream-timeout', ['        proxy_read_timeout 1h;\n', ''], 'proxy_read_timeout 40s', ['1h', '1d']],
  [
    'double-compression',
    ['gzip off', 'gzip on'],
    'gzip on',
    ['gzip off;', 'gzip on; proxy_set_header Accept-Encoding "";'],
  ],
  ['error-page', [/ {4}error_page.*\n/, ''], 'proxy_pass', ['502 504', '502 503 504 =503']],
  [
    'replaced-errors',
    ['gzip off;', 'gzip off; proxy_intercept_errors on;'],
    'proxy_intercept_errors',
    ['gzip off;', 'gzip off; proxy_intercept_errors off;'],
  ],
  [
    'port',
    [/server 10.0.0.1:3000(.*)\n.*10.0.0.2.*\n/, 'server 127.0.0.1:8080$1\n'],
    '127.0.0.1:8080',
    [/:3000 /g, ':8080 '],
    noPort,
  ],
  [
    'forwarded-for',
    [/ {4}proxy_set_header X-Forwarded-For.*\n/, ''],
    'proxy_pass',
    ['X-Forwarded-For $remote_addr', 'x-forwarded-for $proxy_protocol_addr'],
  ],
  [
    'forwarded-for',
    ['For $remote_addr', 'For $http_x_forwarded_for'],
    'X-Forwarded-For',
    ['For $remote_addr', 'For $proxy_add_x_forwarded_for'],
  ],
  [
    'forwarded-for',
    ['$remote_addr', '$proxy_add_x_forwarded_for'],
    'X-Forwarded-For',
    ['$scheme', 'https'],
    { trustProxy: 'all' },
  ],
  [
    'forwarded-for',
    ['gzip off;', 'gzip off;'],
    'X-Forwarded-For',
    ['$remote_addr', '$proxy_add_x_forwarded_for'],
    { trustProxy: 2 },
    2,
  ],
  ['forwarded-proto', [/ {4}proxy_set_header X-Forwarded-Proto.*\n/, ''], 'proxy_pass', ['$scheme', 'https']],
  [
    'forwarded-host',
    [/ {4}proxy_set_header X-Forwarded-Host.*\n/, ''],
    'proxy_pass',
    ['X-Forwarded-Host $host', 'X-Forwarded-Host ""'],
  ],
  [
    'forwarded',
    [/ {4}proxy_set_header Forwarded.*\n/, ''],
    'proxy_pass',
    ['Forwarded ""', 'Forwarded "for=$remote_addr"'],
  ],
  ['trust-proxy', [/$/, '\n# trusts none'], 'X-Forwarded-For', [/$/, '\n'], { trustProxy: 0 }, undefined, {}],
]);

const haproxy = inFile('haproxy.cfg', 'haproxy', [
  ['idle-timeout', ['pool-purge-delay 20s', 'pool-purge-delay 2m'], 'pool-purge-delay 2m', ['20s', '64999']],
  [
    'idle-timeout',
    [' pool-purge-delay 20s', ''],
    'backend shop',
    ['pool-purge-delay 20s', 'pool-purge-delay 4s'],
    { keepAliveTimeoutMs: 5000 },
  ],
  [
    'no-keepalive',
    ['option http-keep-alive', 'option http-server-close'],
    'http-server-close',
    ['    option http-keep-alive\n', ''],
  ],
  [
    'repeated-posts',
    [/ {4}http-request disable-l7.*\n/, ''],
    'retry-on',
    [/ empty-response\n.*disable-l7.*\n/, '\n'],
  ],
  [
    'read-timeout',
    ['timeout server 40s', 'timeout server 10s'],
    'timeout server 10s',
    ['server 40s', 'server 30001'],
  ],
  [
    'event-stream-timeout',
    [/ {4}http-request set-timeout.*\n/, ''],
    'timeout server',
    [/ {4}http-request set-timeout.*\n/, '    timeout server 2h\n'],
  ],
  ['web-socket', [/ {4}timeout tunnel.*\n/, ''], 'backend shop', ['tunnel 1h', 'tunnel 1d']],
  [
    'double-compression',
    ['    balance', '    compression algo gzip\n    balance'],
    'compression algo',
    ['    balance', '    compression algo gzip\n    compression offload\n    balance'],
  ],
  [
    'error-page',
    [/ {4}http-error.*\n/, ''],
    'backend shop',
    [/http-error.*/, 'errorfile 503 /etc/haproxy/503.http'],
  ],
  [
    'port',
    [/server a 10.0.0.1:3000\n.*/, 'server a 127.0.0.1:8080'],
    'server a',
    [/:3000/g, ':8080'],
    noPort,
  ],
  ['body-limit', ['gt 2000000', 'gt 500000'], 'gt 500000', ['gt 2000000', 'gt 1000000']],
  [
    'readiness-check',
    ['GET /readyz', 'GET /livez'],
    '/livez',
    ['option httpchk GET /readyz', 'option httpchk\n    http-check send meth GET uri /readyz'],
  ],
  [
    'readiness-check',
    ['default-server check', 'default-server'],
    'server a',
    [/default-server check(.*)\n(.*a .*)\n(.*)/, 'default-server$1\n$2 check\n$3 check'],
  ],
  [
    'forwarded-for',
    ['set-header X-Forwarded-For %[src]', 'set-header X-Client %[src]'],
    'backend shop',
    ['http-request set-header X-Forwarded-For %[src]', 'option forwardfor'],
  ],
  [
    'forwarded-for',
    ['http-request set-header X-Forwarded-For %[src]', 'option forwardfor if-none'],
    'if-none',
    [
      'http-request set-header X-Forwarded-For %[src]',
      'http-request del-header X-Forwarded-For\n    option forwardfor',
    ],
  ],
  [
    'forwarded-for',
    ['http-request set-header X-Forwarded-For %[src]', 'option forwardfor'],
    'option forwardfor',
    ['For %[src]', 'For %[src] if TRUE'],
    { trustProxy: 'all' },
  ],
  [
    'forwarded-proto',
    ['set-header X-Forwarded-Proto', 'add-header X-Forwarded-Proto'],
    'X-Forwarded-Proto',
    ['Proto https', 'Proto https if { ssl_fc }'],
  ],
  [
    'forwarded-host',
    [/.*X-Forwarded-Host.*\n/, ''],
    'backend shop',
    [/set-header X-Forwarded-Host.*/, 'del-header X-Forwarded-Host'],
  ],
  [
    'forwarded',
    [/.*del-header Forwarded\n/, ''],
    'backend shop',
    ['http-request del-header Forwarded', 'option forwarded'],
  ],
  ['trust-proxy', [/$/, '\n'], 'X-Forwarded-For', [/$/, '\n'], { trustProxy: 0 }, undefined, {}],
]);

const systemd = inFile('shop.service', 'systemd', [
  ['stop-timeout', ['1min 30s', '5'], 'TimeoutStopSec=5', ['1min 30s', '10500ms']],
  [
    'stop-timeout',
    [/TimeoutStopSec.*\n/, ''],
    'ExecStart',
    [/TimeoutStopSec.*/, 'TimeoutSec=infinity'],
    { shutdownMs: 120_000 },
  ],
  ['stop-signal', ['KillSignal=SIGTERM', 'KillSignal=SIGKILL'], 'SIGKILL', ['=SIGTERM', '=SIGINT']],
  [
    'node-env',
    ['NODE_ENV=production', 'NODE_ENV=prod'],
    'NODE_ENV=prod',
    ['Environment="NODE_ENV=production" PORT=3000', 'EnvironmentFile=/etc/shop'],
  ],
  [
    'node-env',
    ['"NODE_ENV=production" ', ''],
    'ExecStart',
    [/Environment=.*\nExecStart=/, 'ExecStart=/usr/bin/env NODE_ENV=production '],
  ],
  ['port', ['PORT=3000', 'PORT=8080'], 'PORT=8080', [' PORT=3000', ''], noPort],
  [
    'npm',
    ['/usr/bin/node --import express-productionize/preload', '/usr/bin/npm start'],
    'npm start',
    ['/usr/bin/node', '/bin/sh -c "exec node app.js"'],
  ],
  [
    'npm',
    [/ExecStart=.*/, 'ExecStart=/bin/bash -lc "cd /srv && yarn start"\nStandardOutput=\\'],
    'yarn start',
    ['ExecStart=', 'ExecStart=-'],
  ],
  ['root', ['User=shop\n', ''], 'ExecStart', ['User=shop', 'DynamicUser=yes']],
  ['memory-deny-write-execute', ['Execute=no', 'Execute=true'], 'MemoryDenyWriteExecute', [/Memory.*\n/, '']],
  ['restart', ['Restart=always', 'Restart=on-failure'], 'Restart=', ['Restart=always', 'Restart = always']],
  ['watchdog', [/Type=notify\n.*\n/, 'Type=simple\n'], 'WatchdogSec', ['Type=notify\n', 'Type=exec\n']],
  [
    'system-call-filter',
    [' @pkey', ''],
    'SystemCallFilter=@system-service',
    [' @pkey', '\nSystemCallErrorNumber=EPERM'],
  ],
]);

const dockerfile = inFile('Dockerfile', 'dockerfile', [
  [
    'node-env',
    ['NODE_ENV=production', 'NODE_ENV=Production'],
    'NODE_ENV',
    ['ENV NODE_ENV=production', 'ARG MODE=production\nENV NODE_ENV $MODE'],
  ],
  [
    'node-env',
    ['ENV NODE_ENV=production\n', ''],
    'FROM base',
    [
      /ENV NODE_ENV=production\n([\s\S]*)"app.js"/,
      '$1"node_modules/.bin/express-productionize", "start", "app.js"',
    ],
  ],
  [
    'npm',
    ['CMD ["node", "app.js"]', 'CMD ["npm", "start"]'],
    'CMD ["npm"',
    ['["node", "app.js"]', '["tini", "--", "node", "app.js"]'],
  ],
  [
    'npm',
    ['CMD ["node", "app.js"]', 'CMD yarn start'],
    'CMD yarn',
    ['CMD ["node", "app.js"]', 'ENTRYPOINT ["/start.sh"]'],
  ],
  [
    'shell',
    ['CMD ["node", "app.js"]', 'CMD node app.js'],
    'CMD node',
    ['CMD ["node", "app.js"]', 'CMD exec node app.js'],
  ],
  [
    'shell',
    ['CMD ["node", "app.js"]', 'ENTRYPOINT ["sh", "-c", "node app.js"]'],
    'ENTRYPOINT',
    ['CMD ["node", "app.js"]', 'ENTRYPOINT ["sh", "-c", "migrate && exec node app.js"]'],
  ],
  [
    'root',
    ['USER node\n', ''],
    'FROM base',
    [/node:\$\{NODE\}-slim([\s\S]*)USER node\n/, 'registry.example/base:1$1'],
  ],
  ['root', ['USER node', 'USER 0:0'], 'USER 0', ['USER node', 'USER 1000']],
  [
    'stop-signal',
    ['STOPSIGNAL SIGTERM', 'STOPSIGNAL SIGQUIT'],
    'SIGQUIT',
    ['STOPSIGNAL SIGTERM', 'STOPSIGNAL 15'],
  ],
  ['port', ['EXPOSE 3000/tcp', 'EXPOSE 8080'], 'EXPOSE', ['EXPOSE 3000/tcp', 'EXPOSE 8080 3000'], noPort],
  [
    'port',
    ['EXPOSE 3000/tcp', 'ENV PORT=80\nEXPOSE 3000'],
    'EXPOSE',
    ['EXPOSE 3000/tcp', 'ENV PORT=80\nEXPOSE 80'],
  ],
  [
    'health-path',
    ['3000/livez', '3000/health'],
    'HEALTHCHECK',
    [/HEALTHCHECK .*/, 'HEALTHCHECK CMD wget -q http://localhost:3000/readyz || exit 1'],
  ],
]);

const compose = inFile('compose.yaml', 'compose', [
  ['stop-grace-period', ['    stop_grace_period: 20s\n', ''], '  shop:', ['20s', '1m']],
  ['stop-grace-period', ['20s', '8s'], 'stop_grace_period', ['20s', '10.5s']],
  [
    'stop-signal',
    ['signal: SIGTERM', 'signal: SIGKILL'],
    'stop_signal',
    ['signal: SIGTERM', 'signal: SIGINT'],
  ],
  [
    'node-env',
    ['NODE_ENV: production', 'NODE_ENV: prodution'],
    'NODE_ENV',
    ['NODE_ENV: production', 'NODE_ENV: $MODE'],
  ],
  ['npm', ['[node, app.js]', 'npm run start'], 'command: npm', ['[node, app.js]', '"node app.js"']],
  [
    'shell',
    ['[node, app.js]', 'sh -c "node app.js"'],
    'command: sh',
    ['[node, app.js]', 'sh -c "exec node app.js"'],
  ],
  ['root', ['user: node', 'user: "0"'], 'user: "0"', ['    user: node\n', '']],
  [
    'restart',
    ['restart: unless-stopped', 'restart: on-failure:5'],
    'on-failure',
    ['unless-stopped', 'always'],
  ],
  ['port', ['8080:3000', '3000:8080'], '3000:8080', ['8080:3000', '3000'], noPort],
  ['port', ['"3000"\n', '"4000"\n'], '8080:3000', [/"3000"\n([\s\S]*8080:)3000/, '"4000"\n$14000/tcp']],
  ['health-path', ['3000/readyz', '3000/'], 'test:', ['3000/readyz', '3000/startupz']],
]);

const kubernetes = inFile('deployment.yaml', 'kubernetes', [
  ['grace-period', ['Seconds: 45', 'Seconds: 10'], 'terminationGrace', ['Seconds: 45', 'Seconds: 16']],
  [
    'grace-period',
    [/ *terminationGrace.*\n/, ''],
    'securityContext:',
    ['Seconds: 45', 'Seconds: 31'],
    { shutdownMs: 25_000 },
  ],
  [
    'probe-path',
    ['path: /livez\n', 'path: /readyz\n'],
    'path: /readyz',
    ['{ path: /livez, port: http }', '{ path: /startupz, port: 3000 }'],
  ],
  [
    'probe-path',
    ['path: /readyz\n', 'path: /health\n'],
    'path: /health',
    ['path: /readyz\n', "path: '/readyz' # ready\n"],
  ],
  [
    'readiness-probe',
    ['readinessProbe', 'otherProbe'],
    '- name: shop',
    [/readinessProbe:\n.*\n.*\n.*/, 'readinessProbe: { tcpSocket: { port: http } }'],
  ],
  [
    'port',
    ['containerPort: 3000', 'containerPort: 8080'],
    'containerPort: 8080',
    [/port: 3000/, 'port: http'],
  ],
  ['port', ['targetPort: http', 'targetPort: web'], 'targetPort', ['targetPort: http', 'targetPort: 3000']],
  ['port', ['port: 3000', 'port: 3001'], 'port: 3001', [/.*PORT, value.*\n/, '']],
  [
    'node-env',
    ['value: production', 'value: prod'],
    'value: prod',
    ['value: production', 'valueFrom: { configMapKeyRef: { name: shop, key: env } }'],
  ],
  [
    'npm',
    ['["node", "app.js"]', '["npm", "start"]'],
    'command: ["npm"',
    ['command: ["node", "app.js"]', 'args: ["node", "app.js"]'],
  ],
  [
    'shell',
    ['["node", "app.js"]', '[sh, -c, node app.js]'],
    'command: [sh',
    ['["node", "app.js"]', '[sh, -c, "exec node app.js"]'],
  ],
  ['root', ['runAsUser: 1000', 'runAsUser: 0'], 'runAsUser', ['        runAsUser: 1000\n', '']],
  [
    'replicas',
    ['    name: other\n', '    name: shop\n'],
    'replicas: 2',
    [/ {2}replicas: 2\n([\s\S]*)name: other\n {2}min/, '$1name: shop\n  min'],
  ],
]);

const pm2 = inFile('ecosystem.config.cjs', 'pm2', [
  ['kill-timeout', ['40_000', '3000'], 'kill_timeout: 3000', ['40_000', 'Number(process.env.KILL_MS)']],
  ['kill-timeout', ['40_000', '"9_999"'], '"9_999"', ['40_000', '10_001']],
  ['kill-timeout', [/ +kill_timeout: 40_000,\n/, ''], './app.js', ['kill_timeout: 40_000', '...common']],
  [
    'kill-timeout',
    ["name: 'other'", "args: ['start', './app.js']"],
    "script: 'other.js'",
    ['other', 'app.jsx'],
  ],
  [
    'node-env',
    [/ +env_production.*\n/, ''],
    "env: { NODE_ENV: 'development'",
    [/'development'(.*)\n.*env_production.*/, 'process.env.NODE_ENV$1'],
  ],
  ['node-env', ["NODE_ENV: 'production'", '"NODE_ENV": `prod`'], '`prod`', ['env_production', 'env_live']],
]);

export const faultCases: readonly FaultCase[] = [
  ...nginx,
  ...haproxy,
  ...systemd,
  ...dockerfile,
  ...compose,
  ...kubernetes,
  ...pm2,
];

import { type ProcessFacts, secondsFor } from './process-facts.js';

/** What the units depend on, checked. */
export interface UnitSettings extends ProcessFacts {
  readonly directory: string;
  readonly node: string;
  readonly user?: string;
  readonly environmentFile?: string;
  readonly writable?: readonly string[];
  readonly socket: boolean;
  readonly template: boolean;
}

/** The number of workers that a reload is expected to replace where the CPUs of the host are not known. */
const expectedWorkers = 16;
/** Of `MemoryMax`: `start` replaces its largest worker from 0.9 on, before this limit slows the app down. */
const highMemory = 0.95;
const homes = /^\/(home|root|run\/user)(\/|$)/;

/** The text of the service. */
export function serviceUnit(settings: UnitSettings): string {
  const { name, directory, environmentFile, port, template, socket, workers, memoryBytes } = settings;
  const { startupMs, shutdownMs } = settings;
  const isCluster = !template && workers !== 1;
  const count = workers === 'max' ? expectedWorkers : workers;
  const own = template ? `${name}-%i` : name;
  const socketName = template ? `${name}@%i.socket` : `${name}.socket`;
  return lines(
    '[Unit]',
    `Description=${name}${template ? ' on port %i' : ''}`,
    'Wants=network-online.target',
    'After=network-online.target',
    socket && [
      `# without its socket the app would open the port itself`,
      `Requires=${socketName}`,
      `After=${socketName}`,
    ],
    '# an app that cannot start is not started forever: 10 failures in a minute, then `systemctl status` names them',
    'StartLimitIntervalSec=60',
    'StartLimitBurst=10',
    '',
    '[Service]',
    '# active when the health checks pass, not when the process exists',
    'Type=notify',
    '# Node cannot send notifications itself: a child process does, which `main` would not accept',
    'NotifyAccess=all',
    ...execution(settings, isCluster),
    `WorkingDirectory=${directory}`,
    'Environment=NODE_ENV=production',
    `Environment=PORT=${template ? '%i' : port}`,
    environmentFile && [
      '# no `-` in front: a missing file is an error, not an app without secrets',
      `EnvironmentFile=${environmentFile}`,
    ],
    isCluster && [
      '# for the control socket, which `reload` uses',
      `Environment=EXPRESS_PRODUCTIONIZE_RUNTIME_DIR=%t/${own}`,
    ],
    `RuntimeDirectory=${own}`,
    'RuntimeDirectoryMode=0700',
    `StateDirectory=${own}`,
    `LogsDirectory=${own}`,
    '',
    'Restart=always',
    'RestartSec=2',
    '# an app whose event loop is blocked is killed and started again',
    'WatchdogSec=30',
    '# SIGABRT, the default, would write the whole heap to a core file',
    'WatchdogSignal=SIGKILL',
    isCluster
      ? [
          `# for a reload too, which replaces ${workers === 'max' ? `up to ${expectedWorkers}` : count} workers one after another`,
          `TimeoutStartSec=${secondsFor(count * (startupMs + shutdownMs))}`,
        ]
      : `TimeoutStartSec=${secondsFor(startupMs)}`,
    `# the app ends within ${shutdownMs / 1000} s after SIGTERM`,
    `TimeoutStopSec=${secondsFor(shutdownMs)}`,
    '# SIGTERM is for the main process, which drains its workers; SIGKILL after the timeout is for all',
    'KillMode=mixed',
    isCluster && [
      '# the primary replaces a worker that ran out of memory; `stop`, the default, would end all',
      'OOMPolicy=continue',
    ],
    memoryBytes !== null && [
      `MemoryMax=${memoryBytes}`,
      '# above it the kernel slows the app down and frees memory before it kills',
      `MemoryHigh=${Math.floor(memoryBytes * highMemory)}`,
    ],
    '# the journal would drop lines of the log beyond 10,000 in 30 s',
    'LogRateLimitIntervalSec=0',
    '',
    ...sandbox(settings),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  );
}

/** The text of the socket. */
export function socketUnit({ name, port, template }: UnitSettings): string {
  return lines(
    '[Unit]',
    `Description=Port ${template ? '%i' : port} of ${name}`,
    '',
    '[Socket]',
    '# connections wait here while the app restarts',
    `ListenStream=${template ? '%i' : port}`,
    'Backlog=4096',
    '',
    '[Install]',
    'WantedBy=sockets.target',
  );
}

function execution({ name, script, directory, node, workers }: UnitSettings, isCluster: boolean): string[] {
  const file = unitWord(`${directory}/${script}`);
  if (!isCluster) return [`ExecStart=${node} --import express-productionize/preload ${file}`];
  const program = `${node} ${directory}/node_modules/express-productionize/dist/cli.js`;
  const count = workers === 'max' ? '' : ` --workers ${workers}`;
  return [
    '# not `npm start`: npm would stand between the signals of systemd and the app',
    `ExecStart=${program} start ${file} --name ${name}${count}`,
    '# returns when all workers are replaced, and fails where a new one does not become ready',
    `ExecReload=${program} reload --name ${name}`,
  ];
}

function sandbox({
  directory,
  node,
  user,
  writable,
  port,
  socket,
}: UnitSettings): (string | false | readonly string[])[] {
  const needsCapability = port < 1024 && !socket;
  return [
    user === undefined
      ? ['# a user that exists only while the service runs', 'DynamicUser=yes']
      : `User=${user}`,
    needsCapability
      ? [
          '# for a port below 1024',
          'AmbientCapabilities=CAP_NET_BIND_SERVICE',
          'CapabilityBoundingSet=CAP_NET_BIND_SERVICE',
        ]
      : ['CapabilityBoundingSet=', 'PrivateUsers=yes'],
    'NoNewPrivileges=yes',
    '# the app writes to StateDirectory, LogsDirectory and its own /tmp only',
    'ProtectSystem=strict',
    writable !== undefined && `ReadWritePaths=${writable.join(' ')}`,
    homes.test(directory) || homes.test(node) ? 'ProtectHome=read-only' : 'ProtectHome=yes',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectProc=invisible',
    'RemoveIPC=yes',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    '# AF_NETLINK: os.networkInterfaces() throws without it',
    'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
    'SystemCallArchitectures=native',
    '# @pkey is for V8, and a refused call fails instead of killing the app; MemoryDenyWriteExecute would end V8',
    'SystemCallFilter=@system-service @pkey',
    'SystemCallFilter=~@privileged',
    'SystemCallErrorNumber=EPERM',
    'UMask=0027',
  ];
}

/** One word of a command, in which `%` and `$` stand for themselves. */
function unitWord(word: string): string {
  if (/^[\w@+=:,./-]+$/.test(word)) return word;
  const escaped = word.replace(/["\\]/g, String.raw`\$&`).replaceAll('%', '%%').replaceAll('$', '$$$$');
  return `"${escaped}"`;
}

function lines(...parts: readonly (string | false | undefined | readonly string[])[]): string {
  return parts
    .flat()
    .filter((line): line is string => typeof line === 'string')
    .concat('')
    .join('\n');
}

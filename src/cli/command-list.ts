import type { Command } from './command.js';
import { completionCommand } from './completion.js';
import { deploy } from './deploy.js';
import { doctor } from './doctor.js';
import { drill } from './drill/index.js';
import { health } from './health.js';
import { helpCommand } from './help.js';
import { onHosts } from './hosts/on-hosts.js';
import { logLevel } from './log-level.js';
import { metrics } from './metrics.js';
import { precompress } from './precompress.js';
import { profile } from './profile/index.js';
import { release } from './release/index.js';
import { reload } from './reload.js';
import { scale } from './scale.js';
import { snapshot } from './snapshot.js';
import { start } from './start.js';
import { status } from './status.js';
import { stop } from './stop.js';
import { top } from './top/index.js';

export { onHosts };

/** All commands, by their names. */
export const commands: Record<string, Command> = {
  start,
  status,
  reload,
  scale,
  stop,
  'log-level': logLevel,
  top,
  metrics,
  profile,
  snapshot,
  health,
  doctor,
  deploy,
  release,
  drill,
  precompress,
};
commands.completion = completionCommand(commands);
commands.help = helpCommand(commands);

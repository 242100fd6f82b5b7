// Runs scripts of package.json side by side: `node scripts/together.js lint typecheck`. What each printed appears when it
// has ended; the exit code is 1 where one of them failed.
import { exec } from 'node:child_process';

for (const name of process.argv.slice(2)) {
  exec(`npm run --silent ${name}`, { maxBuffer: Number.POSITIVE_INFINITY }, (error, out, err) => {
    process.stdout.write(out);
    process.stderr.write(err);
    if (!error) return;
    process.stderr.write(`npm run ${name} failed.\n`);
    process.exitCode = 1;
  });
}

import { readFileSync } from 'node:fs';

/** Whether a process has ended. An orphan remains a zombie until its new parent has read its exit code. */
export function hasEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

import readline from 'node:readline/promises';

/** Whether the user accepts on the terminal; false without one. */
export async function isAccepted(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return false;
  const terminal = readline.createInterface({ input: process.stdin, output: process.stdout });
  // the end of the input is no confirmation
  const ended = new Promise<string>((resolve) => terminal.once('close', () => resolve('\n')));
  const reply = await Promise.race([terminal.question(`${question} [y/N] `), ended]);
  // the cursor is still behind the question
  if (reply === '\n') process.stdout.write(reply);
  terminal.close();
  return /^y(?:es)?$/i.test(reply.trim());
}

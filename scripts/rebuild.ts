import { runJobCommand } from './job-command.js';

await runJobCommand('rebuild').catch((error: Error) => {
  process.stderr.write(`questlog: ${'code' in error ? error.message : error.stack}\n`);
  process.exit(1);
});

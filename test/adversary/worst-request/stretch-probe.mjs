// Loaded into a gateway by `--import`: tells, over a socket, for how long it has held its thread at most, in CPU time.
// Each connection is answered with the longest stretch since the one before, in milliseconds.
import { createServer } from 'node:net';

const threadMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};

let last = threadMs();
let longest = 0;
const look = () => {
  const now = threadMs();
  longest = Math.max(longest, now - last);
  last = now;
};

// Timers run once in a turn of the event loop: between two looks there is about one turn, waiting aside.
setInterval(look, 1).unref();

createServer(socket => {
  look();
  socket.on('error', () => {});
  socket.end(String(longest));
  // What it takes to answer is none of a request's.
  longest = 0;
  last = threadMs();
})
  .listen(Number(process.env.STRETCH_PROBE_PORT), '127.0.0.1')
  .unref();

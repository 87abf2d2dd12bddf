import type { Server } from 'node:http';

/** Sends the URL of a baseline server to the benchmark, and exits when the benchmark does. */
export async function serve(listen: () => Promise<Server>): Promise<void> {
  const server = await listen();
  const { port } = server.address() as { port: number };
  process.once('disconnect', () => process.exit());
  process.send?.({ url: `http://127.0.0.1:${port}` });
}
